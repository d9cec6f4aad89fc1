"""The tokens of Kerberos as octets (RFC 4121 section 4.1, RFC 4120 section 5.5, the draft
draft-swift-win2k-krb-user2user-03), read and written with pyasn1.

Everything is read strictly: DER in its one spelling, and no value but those that may stand there.
libkrb5 itself passes over what no key covers: names, versions, options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import char, namedtype, tag, univ, useful

from ..errors import Reason, SaslError
from .faults import told

__all__ = [
    "LONGEST",
    "ApRequest",
    "check_ap_reply",
    "framed",
    "read_ap_request",
    "read_tgt_reply",
    "read_tgt_request",
    "tgt_reply",
    "tgt_request",
    "unframed",
]

LONGEST: Final = 64 * 1024
"""Octets of a token; tickets grow with the groups somebody is in."""

KERBEROS: Final = bytes.fromhex("06092a864886f712010202")
USER_TO_USER: Final = bytes.fromhex("060a2a864886f71201020203")
"""Object identifiers in DER: 1.2.840.113554.1.2.2, and .3 below it."""

AP_REQUEST, AP_REPLY, ERROR = b"\x01\x00", b"\x02\x00", b"\x03\x00"
TGT_REQUEST, TGT_REPLY = b"\x04\x00", b"\x04\x01"

_VERSION: Final = 5
_PRINCIPAL, _SERVICE = 1, 2  # RFC 4120 section 6.2: name types
_USE_SESSION_KEY, _MUTUAL = 1 << 30, 1 << 29  # RFC 4120 section 5.5.1
_OPTIONS: Final = 32  # bits
_MOST_VALUES: Final = 128
"""Values in a message, one inside of another counted each. A message of RFC 4120 has fifty; pyasn1
takes its time for each, and so nobody may send tens of thousands."""

S = TypeVar("S", bound=univ.Sequence)


def _malformed(what: str) -> NoReturn:
    # What pyasn1 says has octets of the token in it: it is for no log.
    raise SaslError(Reason.MALFORMED, f"the other side's Kerberos token is not right: {what}") from None


# -- what they are made of (RFC 4120 section 5)


def _field(name: str, kind: univ.Asn1Item, number: int, *, optional: bool = False) -> namedtype.NamedType:
    made = namedtype.OptionalNamedType if optional else namedtype.NamedType
    return made(name, kind.subtype(explicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatSimple, number)))


def _application(number: int) -> tag.TagSet:
    return univ.Sequence.tagSet.tagExplicitly(
        tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, number)
    )


class _Text(char.GeneralString):
    encoding = "utf-8"


class _Names(univ.SequenceOf):
    componentType = _Text()


class _Name(univ.Sequence):
    componentType = namedtype.NamedTypes(
        _field("name-type", univ.Integer(), 0), _field("name-string", _Names(), 1)
    )


class _Encrypted(univ.Sequence):
    componentType = namedtype.NamedTypes(
        _field("etype", univ.Integer(), 0),
        _field("kvno", univ.Integer(), 1, optional=True),
        _field("cipher", univ.OctetString(), 2),
    )


class _Ticket(univ.Sequence):
    tagSet = _application(1)
    componentType = namedtype.NamedTypes(
        _field("tkt-vno", univ.Integer(), 0),
        _field("realm", _Text(), 1),
        _field("sname", _Name(), 2),
        _field("enc-part", _Encrypted(), 3),
    )


class _TgtRequest(univ.Sequence):
    componentType = namedtype.NamedTypes(
        _field("pvno", univ.Integer(), 0),
        _field("msg-type", univ.Integer(), 1),
        _field("server-name", _Name(), 2, optional=True),
        _field("realm", _Text(), 3, optional=True),
    )


class _TgtReply(univ.Sequence):
    componentType = namedtype.NamedTypes(
        _field("pvno", univ.Integer(), 0),
        _field("msg-type", univ.Integer(), 1),
        _field("ticket", _Ticket(), 2),
    )


class _ApRequest(univ.Sequence):
    tagSet = _application(14)
    componentType = namedtype.NamedTypes(
        _field("pvno", univ.Integer(), 0),
        _field("msg-type", univ.Integer(), 1),
        _field("ap-options", univ.BitString(), 2),
        _field("ticket", _Ticket(), 3),
        _field("authenticator", _Encrypted(), 4),
    )


class _ApReply(univ.Sequence):
    tagSet = _application(15)
    componentType = namedtype.NamedTypes(
        _field("pvno", univ.Integer(), 0),
        _field("msg-type", univ.Integer(), 1),
        _field("enc-part", _Encrypted(), 2),
    )


class _Error(univ.Sequence):
    tagSet = _application(30)
    componentType = namedtype.NamedTypes(
        _field("pvno", univ.Integer(), 0),
        _field("msg-type", univ.Integer(), 1),
        _field("ctime", useful.GeneralizedTime(), 2, optional=True),
        _field("cusec", univ.Integer(), 3, optional=True),
        _field("stime", useful.GeneralizedTime(), 4),
        _field("susec", univ.Integer(), 5),
        _field("error-code", univ.Integer(), 6),
        _field("crealm", _Text(), 7, optional=True),
        _field("cname", _Name(), 8, optional=True),
        _field("realm", _Text(), 9),
        _field("sname", _Name(), 10),
        _field("e-text", _Text(), 11, optional=True),
        _field("e-data", univ.OctetString(), 12, optional=True),
    )


def _values(octets: bytes) -> int:
    """How many values it is made of; beyond the most allowed they are not counted on."""
    at = count = 0
    while at + 1 < len(octets) and count <= _MOST_VALUES:
        count += 1
        kind, length = octets[at : at + 2]
        at += 2
        if kind & 0x1F == 0x1F:
            _malformed("a tag Kerberos does not have")
        if length & 0x80:
            behind = at + (length & 0x7F)
            at, length = behind, int.from_bytes(octets[at:behind])
        if not kind & 0x20:  # else what is inside comes next
            at += length
    return count


def _read(kind: S, octets: bytes) -> S:
    """Exactly one value, in the one way DER has to write it."""
    if _values(octets) > _MOST_VALUES:
        _malformed("it has too many parts")
    try:
        value, rest = decoder.decode(octets, asn1Spec=kind)
        same = not rest and encoder.encode(value) == octets
    except (PyAsn1Error, ValueError, RecursionError):
        _malformed("it is not in DER")
    if not same:
        _malformed("it is not in DER's one spelling")
    return value


def _is(value: univ.Sequence, number: int) -> None:
    """RFC 4120 section 5.10: the version, and what kind of message it is."""
    if int(value["pvno"]) != _VERSION or int(value["msg-type"]) != number:
        _malformed("another version, or another message")


def _bare(encrypted: univ.Sequence) -> bool:
    """Whether it names no key's version: session keys have none."""
    return not encrypted["kvno"].hasValue()


def _principal(name: univ.Sequence, realm: object) -> str:
    """The principal of this name; "" where a component could be taken for several."""
    names = [str(part) for part in name["name-string"]]
    if any(set(name) & set("/@\\") or not name.isprintable() for name in names):
        return ""
    return "/".join(names) + "@" + str(realm)


# -- the framing (RFC 2743 section 3.1)


def framed(mechanism: bytes, kind: bytes, message: bytes) -> bytes:
    """An initial context token: the mechanism's identifier in DER, the token's kind, the message."""
    inner = mechanism + kind + message
    return b"\x60" + _length(len(inner)) + inner


def unframed(mechanism: bytes, token: bytes) -> tuple[bytes, bytes]:
    """Its kind, and the message. Raises `SaslError`."""
    if len(token) > LONGEST:
        _malformed("it is too long")
    for octets in range(1, 5):  # of the length
        inner = token[1 + octets :]
        if token[:1] == b"\x60" and token[1 : 1 + octets] == _length(len(inner)):
            if not inner.startswith(mechanism) or len(inner) < len(mechanism) + 2:
                _malformed("another mechanism's")
            rest = inner[len(mechanism) :]
            return rest[:2], rest[2:]
    _malformed("it is not framed")


def _length(octets: int) -> bytes:
    if octets < 0x80:
        return bytes([octets])
    written = octets.to_bytes((octets.bit_length() + 7) // 8)
    return bytes([0x80 | len(written)]) + written


# -- asking for a ticket-granting ticket, and giving it


def tgt_request(principal: str) -> bytes:
    """KERB-TGT-REQUEST for this principal."""
    name, _, realm = principal.rpartition("@")
    message = _TgtRequest()
    message["pvno"], message["msg-type"], message["realm"] = _VERSION, 16, realm
    message["server-name"]["name-type"] = _PRINCIPAL
    message["server-name"]["name-string"].extend(name.split("/"))
    return framed(USER_TO_USER, TGT_REQUEST, encoder.encode(message))


def read_tgt_request(token: bytes) -> str:
    """For which principal it asks. Raises `SaslError`."""
    kind, message = unframed(USER_TO_USER, token)
    if kind != TGT_REQUEST:
        _malformed("not one that asks for a ticket")
    value = _read(_TgtRequest(), message)
    _is(value, 16)
    if not (value["server-name"].hasValue() and value["realm"].hasValue()):
        _malformed("it names nobody")
    if int(value["server-name"]["name-type"]) != _PRINCIPAL:
        _malformed("it names no person")
    return _principal(value["server-name"], value["realm"])


def tgt_reply(ticket: bytes) -> bytes:
    """KERB-TGT-REPLY with this ticket."""
    message = _TgtReply()
    message["pvno"], message["msg-type"] = _VERSION, 17
    value, _ = decoder.decode(ticket, asn1Spec=_Ticket())
    for part in ("tkt-vno", "realm", "sname", "enc-part"):
        message["ticket"][part] = value[part]
    return framed(USER_TO_USER, TGT_REPLY, encoder.encode(message))


def read_tgt_reply(token: bytes, realm: str) -> bytes:
    """The ticket in it, which has to be a ticket-granting one of this realm. Raises `SaslError`."""
    kind, message = unframed(USER_TO_USER, token)
    if kind == ERROR:
        raise _told(message)
    if kind != TGT_REPLY:
        _malformed("not one with a ticket")
    value = _read(_TgtReply(), message)
    _is(value, 17)
    ticket = value["ticket"]
    if int(ticket["tkt-vno"]) != _VERSION:
        _malformed("another version")
    name = ticket["sname"]
    if _principal(name, ticket["realm"]) != f"krbtgt/{realm}@{realm}" or int(name["name-type"]) not in (
        _PRINCIPAL,
        _SERVICE,
    ):
        raise SaslError(
            Reason.WRONG, "the ticket that the other side offers is no ticket-granting one of its realm"
        )
    plain = _Ticket()
    for part in ("tkt-vno", "realm", "sname", "enc-part"):
        plain[part] = ticket[part]
    return bytes(encoder.encode(plain))


# -- the two that every context has


@dataclass(frozen=True, slots=True)
class ApRequest:
    """What an AP-REQ says without a key.

    Attributes:
        token: the same as libkrb5 takes it: framed as Kerberos, the user-to-user option taken out.
        server: whom its ticket is for.
    """

    token: bytes
    server: str


def read_ap_request(token: bytes, mechanism: bytes = KERBEROS) -> ApRequest:
    """Check what libkrb5 does not. Raises `SaslError`.

    With `USER_TO_USER` the option "use session key" has to be there, and no key's version.
    """
    kind, message = unframed(mechanism, token)
    if kind != AP_REQUEST:
        _malformed("not one that shows a ticket")
    value = _read(_ApRequest(), message)
    _is(value, 14)
    user_to_user = mechanism == USER_TO_USER
    ticket, options = value["ticket"], value["ap-options"]
    wanted = _MUTUAL | (_USE_SESSION_KEY if user_to_user else 0)
    if len(options) != _OPTIONS or options.asInteger() != wanted:
        _malformed("its options")
    if int(ticket["tkt-vno"]) != _VERSION or not _bare(value["authenticator"]):
        _malformed("another version")
    if user_to_user:
        if int(ticket["sname"]["name-type"]) != _PRINCIPAL or not _bare(ticket["enc-part"]):
            _malformed("its ticket is not for a person")
        token = framed(KERBEROS, AP_REQUEST, _with_options(value, _MUTUAL))
    return ApRequest(token, _principal(ticket["sname"], ticket["realm"]))


def user_to_user(token: bytes) -> bytes:
    """Our own AP-REQ, with the option and the mechanism of user-to-user (RFC 4120 section 3.7)."""
    _, message = unframed(KERBEROS, token)
    value = _read(_ApRequest(), message)
    return framed(USER_TO_USER, AP_REQUEST, _with_options(value, _MUTUAL | _USE_SESSION_KEY))


def _with_options(value: univ.Sequence, options: int) -> bytes:
    bits: Sequence[int] = [options >> (_OPTIONS - 1 - bit) & 1 for bit in range(_OPTIONS)]
    value["ap-options"] = univ.BitString(tuple(bits)).subtype(
        explicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatSimple, 2)
    )
    return bytes(encoder.encode(value))


def check_ap_reply(token: bytes, mechanism: bytes = KERBEROS) -> bytes:
    """The same as libkrb5 takes it. Raises `SaslError`, with what the other side says went wrong."""
    kind, message = unframed(mechanism, token)
    if kind == ERROR:
        raise _told(message)
    if kind != AP_REPLY:
        _malformed("not one that answers")
    value = _read(_ApReply(), message)
    _is(value, 15)
    if not _bare(value["enc-part"]):
        _malformed("it names a key's version")
    return framed(KERBEROS, AP_REPLY, message)


def _told(message: bytes) -> SaslError:
    """What a KRB-ERROR says."""
    return told(int(_read(_Error(), message)["error-code"]))
