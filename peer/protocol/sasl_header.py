"""The scheme SASL in WWW-Authenticate, Authorization and Authentication-Info.

    SASL realm="lan",mech="KRB5-U2U SCRAM-SHA-256-PLUS"
    SASL mech="SCRAM-SHA-256-PLUS",c2s="cD10bHMtZXhwb3J0ZXI="
    SASL s2c=""

A line of another scheme is passed over: each scheme has a line of its own. The grammar is that of
docs/profile.md section 11.1.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from msrp_core import Frame
from msrp_core import Limits as FrameLimits

from .auth_header import AuthHeaderError, octets, parameters

__all__ = ["SaslHeader", "SaslHeaderError"]

_KNOWN: Final = ("mech", "realm", "to", "s2c", "c2s")
_MECH: Final = re.compile(r"[A-Z0-9_-]{1,20}(?: [A-Z0-9_-]{1,20})*+")
_ESCAPE: Final = re.compile(r'(["\\])')
SaslHeaderError = AuthHeaderError
_LONGEST: Final = FrameLimits().auth_line - 64
"""Characters of a value of ours: what the other side's parser takes, less the header's name."""


@dataclass(frozen=True, slots=True)
class SaslHeader:
    """One header of scheme SASL, whichever it is; what is not there is None.

    Attributes:
        mech: names of mechanisms.
        realm: what the acceptor calls itself, for people.
        to: the principal that is meant, where the acceptor is several.
        s2c, c2s: a token; ``b""`` is an empty one.
        abort: whether ``c2s="*"`` stood there: the exchange is given up.
    """

    mech: tuple[str, ...] | None = None
    realm: str | None = None
    to: str | None = None
    s2c: bytes | None = field(default=None, repr=False)
    c2s: bytes | None = field(default=None, repr=False)
    abort: bool = False

    @classmethod
    def of(cls, frame: Frame, name: str) -> SaslHeader | None:
        """The header of that name and of scheme SASL; None where no line of it is.

        Raises `SaslHeaderError`, also for a second one.
        """
        found: SaslHeader | None = None
        for each, value in frame.headers:
            if each.lower() == name.lower() and (header := cls.parse(value)) is not None:
                if found is not None:
                    raise SaslHeaderError("two headers of scheme SASL")
                found = header
        return found

    @classmethod
    def parse(cls, value: str) -> SaslHeader | None:
        """Read a header's value; None where it is of another scheme. Raises `SaslHeaderError`.

        Parameters nobody here knows are passed over. Each may stand there once.
        """
        params = parameters(value, "SASL", _KNOWN)
        if params is None:
            return None
        mech = params.get("mech")
        if mech is not None and not _MECH.fullmatch(mech):
            raise SaslHeaderError("mech is no list of mechanisms")
        c2s = params.get("c2s")
        return cls(
            None if mech is None else tuple(mech.split(" ")),
            _plain(params.get("realm")),
            _plain(params.get("to")),
            octets(params.get("s2c")),
            None if c2s == "*" else octets(c2s),
            c2s == "*",
        )

    def text(self) -> str:
        """The value to send. Raises `SaslHeaderError` where a token is too long for a header line."""
        params = []
        for name, said in (("realm", self.realm), ("mech", self.mech), ("to", self.to)):
            if said is not None:
                words = said if isinstance(said, str) else " ".join(said)
                quoted = _ESCAPE.sub(r"\\\1", words)
                params.append(f'{name}="{quoted}"')
        for name, token in (("s2c", self.s2c), ("c2s", self.c2s)):
            if token is not None:
                params.append(f'{name}="{binascii.b2a_base64(token, newline=False).decode("ascii")}"')
        if self.abort:
            params.append('c2s="*"')
        value = "SASL " + ",".join(params) if params else "SASL"
        if len(value.encode()) > _LONGEST:
            raise SaslHeaderError("a token is too long for a header line")
        return value


def _plain(quoted: str | None) -> str | None:
    return None if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.S)
