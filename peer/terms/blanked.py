"""Frames without what is secret in them, to be written down.

Only what is known to hold no secret is shown; of everything else, an unknown header too, the name alone.
Session-ids are numbered, so that sessions can still be told apart.
"""

from __future__ import annotations

import re
from typing import Final

from msrp_core import Frame

__all__ = ["Blanking"]

_BLANK: Final = "…"
_PLAIN: Final = frozenset(
    {
        *("message-id", "byte-range", "status", "success-report", "failure-report"),
        *("accept-types", "accept-wrapped-types", "max-size"),
        *("expires", "min-expires", "max-expires"),
    }
)
_PATHS: Final = frozenset({"to-path", "from-path", "use-path"})
_TYPED: Final = frozenset({"content-type", "content-disposition"})  # what follows may be a file's name
_AUTH: Final = frozenset({"www-authenticate", "authorization", "authentication-info"})
_URI: Final = re.compile(r"(msrps?://[^\s/;]*)/([^\s;]*)", re.I)
_PARAM: Final = re.compile(r"""([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*+"|[^\s,"]*)""", re.S)
_SCHEME: Final = re.compile(r"(?:SASL|SAS)(?= )", re.I)
_HIDDEN: Final = frozenset(
    {"s2c", "c2s", "commit", "nonce", "reveal", "key", "proof"}
)  # whose names are shown
_SHOWN: Final = frozenset({"mech", "realm", "to", "result"})
_MOST: Final = 1000  # session-ids told apart; a flood of them costs no more


class Blanking:
    """For one connection: it remembers which session-ids it has met."""

    def __init__(self) -> None:
        self._sessions: dict[str, str] = {}
        self._met = 0

    def headers(self, frame: Frame) -> list[list[str]]:
        """Every header line, in order, name and value."""
        return [[self._clean(name), self._value(name.lower(), value)] for name, value in frame.headers]

    def comment(self, frame: Frame) -> str | None:
        """What stands behind the code of a response: a few words, or somebody's idea of them."""
        return None if frame.comment is None else self._clean(frame.comment)

    def _value(self, name: str, value: str) -> str:
        if name in _PATHS:
            return self._clean(value)
        if name in _PLAIN:
            return self._clean(value)
        if name in _TYPED:
            head, semicolon, _ = value.partition(";")
            return self._clean(head) + (f";{_BLANK}" if semicolon else "")
        if name in _AUTH:
            return self._auth(value)
        return _BLANK

    def _auth(self, value: str) -> str:
        """The names of the parameters we know, and the few values that are no secret."""
        scheme = _SCHEME.match(value)
        if scheme is None:
            return _BLANK
        params = [_BLANK]
        for name, said in _PARAM.findall(value, scheme.end()):
            if name.lower() in _SHOWN:
                params.append(f"{name}={self._clean(said)}")
            elif name.lower() in _HIDDEN:
                params.append(f"{name}={_BLANK}")
        return f"{scheme[0]} {','.join(params[1:] or params)}"

    def _clean(self, text: str) -> str:
        """Without the session-ids of its URIs, and of all that were met before."""
        text = _URI.sub(lambda found: f"{found[1]}/{self._number(found[2])}", text)
        for session_id, number in self._sessions.items():
            if session_id in text:
                text = text.replace(session_id, number)
        return text

    def _number(self, session_id: str) -> str:
        known = self._sessions.get(session_id)
        if known is None:
            self._met += 1
            known = f"({self._met})"
            if len(self._sessions) >= _MOST:
                del self._sessions[next(iter(self._sessions))]
            if len(session_id) >= 4:  # less is no secret, and may be part of any word
                self._sessions[session_id] = known
        return known
