"""The scheme SAS in Authorization and WWW-Authenticate (docs/profile.md section 12.1).

SAS commit="yVZ4pIZC8hCCb5B0R6XUr3Vf/tTuk0/VQZpBMOaf1U8="
SAS nonce="mEhaEDcXr9NlZ2Hcx0Dg5g=="
SAS result="same"
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final, Literal

from msrp_core import Frame

from .auth_header import AuthHeaderError, octets, parameters

__all__ = ["COMMITMENT", "NONCE", "SasHeader", "speaks_of"]

NONCE: Final = 16
"""Octets of each side's nonce."""
COMMITMENT: Final = 32
"""Octets of SHA-256 over one."""
_SIZES: Final = {"commit": COMMITMENT, "nonce": NONCE, "reveal": NONCE}
_KNOWN: Final = (*_SIZES, "result")


@dataclass(frozen=True, slots=True)
class SasHeader:
    """One header of scheme SAS: one parameter.

    Attributes:
        name: ``"commit"``, ``"nonce"``, ``"reveal"`` or ``"result"``.
        octets: what it carries; of a result none.
        same: of a result, what the user said.
    """

    name: Literal["commit", "nonce", "reveal", "result"]
    octets: bytes = field(default=b"", repr=False)
    same: bool = False

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
        if len(params) != 1:
            raise AuthHeaderError("not one parameter of scheme SAS")
        ((name, text),) = params.items()
        if name == "result":
            if text not in ("same", "differ"):
                raise AuthHeaderError("result is same or differ")
            return cls("result", same=text == "same")
        carried = octets(text) or b""
        if len(carried) != _SIZES[name]:
            raise AuthHeaderError(f"{name} has {_SIZES[name]} octets")
        return cls(name, carried)  # type: ignore[arg-type]  # one of _SIZES

    def text(self) -> str:
        """The value to send."""
        if self.name == "result":
            return f'SAS result="{"same" if self.same else "differ"}"'
        return f'SAS {self.name}="{base64.b64encode(self.octets).decode("ascii")}"'


def speaks_of(frame: Frame) -> bool:
    """Whether a request's Authorization is of this scheme, whatever else is wrong with it."""
    return any(
        name.lower() == "authorization" and (value[:4].lower() == "sas " or value.lower() == "sas")
        for name, value in frame.headers
    )
