"""The scheme SAS in Authorization and WWW-Authenticate (docs/profile.md section 12.1).

SAS commit="yVZ4pIZC8hCCb5B0R6XUr3Vf/tTuk0/VQZpBMOaf1U8="
SAS nonce="mEhaEDcXr9NlZ2Hcx0Dg5g=="
SAS result="same"
SAS result="same",key="MIIBszCC...",proof="MEUCIQD..."
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from msrp_core import Frame

from .auth_header import AuthHeaderError, octets, parameters

__all__ = ["CERTIFICATE", "COMMITMENT", "NONCE", "PROOF", "SasHeader", "Told", "speaks_of"]

NONCE: Final = 16
"""Octets of each side's nonce."""
COMMITMENT: Final = 32
"""Octets of SHA-256 over one."""
CERTIFICATE: Final = 4096
"""Octets of a certificate that is told, at most."""
PROOF: Final = 72
"""Octets of a signature by it, at most: two numbers of 32 octets, in DER."""
_SIZES: Final = {"commit": COMMITMENT, "nonce": NONCE, "reveal": NONCE}
_TOLD: Final = {"key": CERTIFICATE, "proof": PROOF}
_KNOWN: Final = (*_SIZES, "result", *_TOLD)


class Told(NamedTuple):
    """A lasting key, told beside a result: `msrp_peer.security.told_key` makes and judges it."""

    certificate: bytes
    proof: bytes

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # who reads a log is not one of the two who compared


@dataclass(frozen=True, slots=True)
class SasHeader:
    """One header of scheme SAS: one parameter; beside a result two more may stand.

    Attributes:
        name: ``"commit"``, ``"nonce"``, ``"reveal"`` or ``"result"``.
        octets: what it carries; of a result none.
        same: of a result, what the user said.
        told: the lasting key of the side that says so; only where it says the same.
    """

    name: Literal["commit", "nonce", "reveal", "result"]
    octets: bytes = field(default=b"", repr=False)
    same: bool = False
    told: Told | None = field(default=None, repr=False)

    @classmethod
    def of(cls, frame: Frame, header: str) -> SasHeader | None:
        """The header of that name and of scheme SAS; None where no line of it is.

        Raises `AuthHeaderError`, also for a second one.
        """
        found: SasHeader | None = None
        for each, value in frame.headers:
            if each.lower() == header.lower() and (one := cls.parse(value)) is not None:
                if found is not None:
                    raise AuthHeaderError("two headers of scheme SAS")
                found = one
        return found

    @classmethod
    def parse(cls, value: str) -> SasHeader | None:
        """Read a header's value; None where it is of another scheme. Raises `AuthHeaderError`."""
        params = parameters(value, "SAS", _KNOWN)
        if params is None:
            return None
        told = _told({name: params.pop(name) for name in _TOLD if name in params})
        if len(params) != 1:
            raise AuthHeaderError("not one parameter of scheme SAS")
        ((name, text),) = params.items()
        if told is not None and (name, text) != ("result", "same"):
            raise AuthHeaderError("a key is told beside result same alone")
        if name == "result":
            if text not in ("same", "differ"):
                raise AuthHeaderError("result is same or differ")
            return cls("result", same=text == "same", told=told)
        carried = octets(text) or b""
        if len(carried) != _SIZES[name]:
            raise AuthHeaderError(f"{name} has {_SIZES[name]} octets")
        return cls(name, carried)  # type: ignore[arg-type]  # one of _SIZES

    def text(self) -> str:
        """The value to send."""
        if self.name == "result":
            said = f'SAS result="{"same" if self.same else "differ"}"'
            told = () if self.told is None else zip(_TOLD, self.told, strict=True)
            return ",".join((said, *(f'{name}="{_base64(octets)}"' for name, octets in told)))
        return f'SAS {self.name}="{_base64(self.octets)}"'


def _told(params: dict[str, str]) -> Told | None:
    """Both, or neither. Raises `AuthHeaderError`."""
    if not params:
        return None
    if len(params) != len(_TOLD):
        raise AuthHeaderError("a key is told with its proof")
    found = {name: octets(text) or b"" for name, text in params.items()}
    for name, most in _TOLD.items():
        if not 0 < len(found[name]) <= most:
            raise AuthHeaderError(f"{name} has 1 to {most} octets")
    return Told(found["key"], found["proof"])


def _base64(carried: bytes) -> str:
    return base64.b64encode(carried).decode("ascii")


def speaks_of(frame: Frame) -> bool:
    """Whether a request's Authorization is of this scheme, whatever else is wrong with it."""
    return any(
        name.lower() == "authorization" and (value[:4].lower() == "sas " or value.lower() == "sas")
        for name, value in frame.headers
    )
