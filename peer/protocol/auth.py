"""The order of AUTH: here, the grants of direct rendezvous (docs/profile.md).

AUTH without Authorization and with Accept-Types asks for a session; the 200 grants a fresh
URI in Use-Path, good on this connection alone, for as long as Expires says until first used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msrp_core import Frame, Uri

from ..terms.content import Accepts
from ..terms.principal import claimed_in
from ..terms.security import Security

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Answer", "Grant", "Grants", "Terms", "granted", "same_pair"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What one side takes, as it tells the other.

    Attributes:
        accepts: the kinds of content (RFC 4975 section 8.6).
        maximum: the largest message in octets, None for any.
        files: whether attachments are taken at all; the other side learns it by 403.
        claim: who we say we are, as a principal's text; None says nothing. Not proved by saying it.
    """

    accepts: Accepts
    maximum: int | None = None
    files: bool = True
    claim: str | None = None

    def headers(self) -> list[tuple[str, str]]:
        found = [("Accept-Types", self.accepts.text)]
        if self.maximum is not None:
            found.append(("Max-Size", str(self.maximum)))
        return found


@dataclass(frozen=True, slots=True)
class Grant:
    """A session URI handed out and not used yet. Capabilities: no repr shows them."""

    local: str = field(repr=False)
    remote: str = field(repr=False)
    uris: tuple[Uri, Uri]
    peer_takes: Accepts
    peer_maximum: int | None
    deadline: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to be made: code, comment, headers; whether the connection ends with it, and why."""

    status: int
    comment: str
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False
    reason: str | None = None


class Grants:
    """The acceptor's side, for one connection."""

    def __init__(self, connection: Connection, terms: Terms) -> None:
        self._connection = connection
        self._limits = connection.limits
        self._terms = terms
        self._open: dict[str, Grant] = {}

    def auth_arrived(self, frame: Frame, now: float) -> Answer:
        """Answer an AUTH."""
        if frame.header("Authorization") is not None:
            return Answer(403, "no authentication is offered here")
        accept_types = frame.header("Accept-Types")
        if accept_types is None and frame.header("Expires") == "0":
            return self._given_back(frame)
        if accept_types is None or not self._connection.granting:
            # Asked what mechanisms there are: none, so there is no such extension here.
            return Answer(501, "no authentication is offered here")
        if " " in frame.to_path or " " in frame.from_path:
            return Answer(403, "direct rendezvous runs over one hop")
        if not self._connection.security.confidential:
            return Answer(403, "sessions are granted on protected connections alone")
        to, remote = Uri.parse(frame.to_path), Uri.parse(frame.from_path)
        if to.session_id is not None or remote.session_id is None:
            return Answer(481, "no such session")
        if not same_pair(remote, self._connection.security):
            return Answer(481, "this connection belongs to somebody else")
        if not self._connection.admits(self._connection.security, claimed_in(remote.userinfo)):
            return Answer(403, "no session is for you")
        try:
            peer_takes = Accepts.parse(accept_types)
            peer_maximum = _max_size(frame.header("Max-Size"))
        except ValueError as wrong:
            return Answer(400, str(wrong))
        if not peer_takes.entries:
            return Answer(400, "Accept-Types names no type")
        if len(self._open) >= self._limits.grants:
            return Answer(403, "too many unused sessions on this connection")
        if self._connection.sessions >= self._limits.sessions:
            return Answer(403, "too many sessions on this connection")
        fresh = Uri.fresh(to.host, to.port or 2855, secure=to.secure, user=self._terms.claim)
        self._open[fresh.text] = Grant(
            fresh.text, frame.from_path, (fresh, remote), peer_takes, peer_maximum, now + self._limits.grant
        )
        return Answer(
            200,
            "OK",
            (
                ("Use-Path", fresh.text),
                ("Expires", str(max(1, int(self._limits.grant)))),
                *self._terms.headers(),
            ),
        )

    def _given_back(self, frame: Frame) -> Answer:
        """The other side ends one session, and not its connection."""
        endpoint = self._connection.bindings.known(frame)
        if endpoint is None or not endpoint.granted:
            return Answer(481, "no such session")
        endpoint.close(None)
        return Answer(200, "OK")

    def use(self, frame: Frame, now: float) -> Grant | None:
        """Take the grant a first request names; None where it names none.

        Its From-Path must be the other URI of the grant, and that alone. Who was proved since it was
        granted has to be whom that names, too.
        """
        if " " in frame.to_path or " " in frame.from_path:
            return None
        if not self._open:
            return None
        asked = Uri.parse(frame.to_path), Uri.parse(frame.from_path)
        for uri, grant in self._open.items():
            if grant.deadline > now and grant.uris == asked:
                found = self._open.pop(uri)
                return found if same_pair(found.uris[1], self._connection.security) else None
        return None

    def next_timer(self) -> float | None:
        for grant in self._open.values():
            return grant.deadline
        return None

    def handle_timer(self, now: float) -> None:
        self._open = {uri: grant for uri, grant in self._open.items() if grant.deadline > now}


def same_pair(uri: Uri, security: Security) -> bool:
    """Whether whom a session URI names, if it names anybody, is the one proved at its end, or known there
    by their key, if anybody is."""
    claim = claimed_in(uri.userinfo)
    return claim is None or not security.names or claim.text in security.names


def _max_size(value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise ValueError("Max-Size is not a number of octets")
    return int(value)


def granted(response: Frame) -> tuple[str, Accepts, int | None]:
    """The initiator's side: Use-Path and what the acceptor takes, out of a 200.

    Raises `ValueError`, whose text holds no URI, where they are missing or wrong.
    """
    use_path = response.header("Use-Path")
    if use_path is None:
        raise ValueError("the other side granted a session without Use-Path")
    uri = Uri.parse(use_path)
    if uri.session_id is None:
        raise ValueError("the other side granted a session URI without a session-id")
    accept_types = response.header("Accept-Types")
    if accept_types is None:
        raise ValueError("the other side granted a session without Accept-Types")
    return use_path, Accepts.parse(accept_types), _max_size(response.header("Max-Size"))
