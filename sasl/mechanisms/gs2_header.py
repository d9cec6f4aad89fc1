"""What a first token of SCRAM and GS2 begins with (RFC 5801 section 4, RFC 5802 section 7).

It says whether the exchange is bound to the channel, and as whom the initiator wants to act:
``p=tls-exporter,a=im:alice@lan,``. What follows covers it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..errors import Reason, SaslError
from ..identity import check_authorization
from ..setting import Accepting, Initiating

__all__ = ["Header", "check", "encode_name", "make", "malformed", "read", "read_name"]

_BINDING: Final = re.compile(rb"p=([A-Za-z0-9.-]{1,64})")


def malformed(what: str) -> SaslError:
    return SaslError(Reason.MALFORMED, f"the other side's token is not right: {what}")


@dataclass(frozen=True, slots=True)
class Header:
    """`flag` is "n", "y" or the binding's name after "p="; `octets` is the header as it came."""

    octets: bytes
    flag: str
    bound: bool
    authorization: str


def read(token: bytes) -> tuple[Header, bytes]:
    """The header, and what is behind it. Raises `SaslError`."""
    flag, comma, rest = token.partition(b",")
    authorization, second, behind = rest.partition(b",")
    if not comma or not second:
        raise malformed("no GS2 header")
    if authorization and not authorization.startswith(b"a="):
        raise malformed("the GS2 header")
    named = _BINDING.fullmatch(flag)
    if not named and flag not in (b"n", b"y"):
        raise malformed("the channel binding flag")
    header = Header(
        octets=flag + b"," + authorization + b",",
        flag=(named[1] if named else flag).decode(),
        bound=named is not None,
        authorization=read_name(authorization[2:]) if authorization else "",
    )
    return header, behind


def make(setting: Initiating, family: str, plus: bool) -> tuple[bytes, str | None]:
    """An initiator's header, and the binding it uses. Raises `SaslError` where there is none to use."""
    usable = setting.channel.bound_by(setting.policy.bindings)
    binding = None
    if plus:
        if not usable:
            raise SaslError(Reason.BINDING, "this channel has nothing to bind to")
        binding = usable[0]
        flag = b"p=" + binding.encode()
    else:
        # RFC 5802 section 6: "y" tells an acceptor that did offer it that somebody took it away.
        # Only a bound form that would have been taken here counts as offered: a name nobody has, put
        # on the list on the way, must not make this an "n".
        bound = [name for name in setting.policy.ranking if _bound_form((name,), family)]
        flag = b"y" if usable and bound and not set(bound) & set(setting.offered) else b"n"
    authorization = b"a=" + encode_name(setting.authorization) if setting.authorization else b""
    return flag + b"," + authorization + b",", binding


def check(header: Header, setting: Accepting, family: str, plus: bool) -> str | None:
    """The binding an initiator uses, as it fits to the mechanism and the channel. Raises `SaslError`."""
    if header.bound:
        if not plus:
            raise malformed("a binding, to a mechanism without one")
        if header.flag not in setting.channel.bound_by(setting.policy.bindings):
            raise SaslError(Reason.BINDING, "the other side binds in a way this channel does not have")
        return header.flag
    if plus:
        raise malformed("no binding, to a mechanism with one")
    if header.flag == "y" and _bound_form(setting.offered, family):
        raise SaslError(
            Reason.DOWNGRADE,
            "channel binding was offered, and the offer did not arrive: somebody stands in between",
        )
    return None


def encode_name(name: str) -> bytes:
    return name.replace("=", "=3D").replace(",", "=2C").encode()


def read_name(octets: bytes) -> str:
    if not octets or b"=" in octets.replace(b"=2C", b"").replace(b"=3D", b""):
        raise malformed("a name")
    return check_authorization(octets.replace(b"=2C", b",").replace(b"=3D", b"="))


def _bound_form(names: tuple[str, ...], family: str) -> bool:
    return any(name.startswith(family) and name.endswith("-PLUS") for name in names)
