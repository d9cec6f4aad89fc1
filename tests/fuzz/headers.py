"""The headers of schemes SASL and SAS, read by a second reader that is as plain as can be."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable
from typing import Literal, TypeVar

from msrp_peer.protocol.auth_header import AuthHeaderError
from msrp_peer.protocol.sas_header import SasHeader, Told
from msrp_peer.protocol.sasl_header import SaslHeader

__all__ = ["header", "plain"]

_TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+.^_`|~-")
_NAME = frozenset(string.ascii_uppercase + string.digits + "-_")


class Wrong(Exception):
    """The grammar has no room for it."""


def check(condition: object) -> None:
    if not condition:
        raise Wrong


def parameters(value: str, named: str, known: tuple[str, ...]) -> dict[str, tuple[str, bool]] | None:
    """What stands in a header of that scheme, octet by octet: each value, and whether it is quoted, as
    it is of all that are known. Raises `Wrong`."""
    scheme, space, rest = value.partition(" ")
    if scheme.lower() != named:
        return None
    found: dict[str, tuple[str, bool]] = {}
    while space:
        name, equals, rest = rest.partition("=")
        check(equals and name and set(name) <= _TOKEN and name.lower() not in found)
        text, rest, quoted = _value(rest)
        found[name.lower()] = text, quoted
        if not rest:
            break
        check(rest[0] == ",")
        rest = rest[1:].removeprefix(" ")
    for name in known:
        check(name not in found or found[name][1])
    return found


def plain_sas(value: str) -> SasHeader | None:
    """As `SasHeader.parse`. Raises `Wrong`."""
    sizes = {"commit": 32, "nonce": 16, "reveal": 16}
    known = (*sizes, "result", "key", "proof")
    found = parameters(value, "sas", known)
    if found is None:
        return None
    mine = [name for name in known if name in found]
    if mine == ["result", "key", "proof"]:
        check(found["result"][0] == "same")
        certificate, proof = (_octets(found[name][0]) for name in ("key", "proof"))
        check(1 <= len(certificate) <= 4096 and 1 <= len(proof) <= 72)
        return SasHeader("result", same=True, told=Told(certificate, proof))
    check(len(mine) == 1)
    text = found[mine[0]][0]
    if mine == ["result"]:
        check(text in ("same", "differ"))
        return SasHeader("result", same=text == "same")
    check(mine[0] in sizes)
    octets = _octets(text)
    check(len(octets) == sizes[mine[0]])
    return SasHeader(mine[0], octets)  # type: ignore[arg-type]


def plain(value: str) -> SaslHeader | None:
    """As `SaslHeader.parse`. Raises `Wrong`."""
    found = parameters(value, "sasl", ("mech", "realm", "to", "s2c", "c2s"))
    if found is None:
        return None
    mech = tuple(found["mech"][0].split(" ")) if "mech" in found else None
    check(mech is None or all(1 <= len(name) <= 20 and set(name) <= _NAME for name in mech))
    c2s = found.get("c2s", ("", True))[0]
    return SaslHeader(
        mech,
        _unescaped(found["realm"][0]) if "realm" in found else None,
        _unescaped(found["to"][0]) if "to" in found else None,
        _octets(found["s2c"][0]) if "s2c" in found else None,
        _octets(c2s) if "c2s" in found and c2s != "*" else None,
        c2s == "*",
    )


def _value(rest: str) -> tuple[str, str, bool]:
    """The value that stands first, what is behind it, and whether it is quoted."""
    if not rest.startswith('"'):
        at = 0
        while at < len(rest) and rest[at] in _TOKEN:
            at += 1
        check(at)
        return rest[:at], rest[at:], False
    at = 1
    while at < len(rest) and rest[at] != '"':
        at += 2 if rest[at] == "\\" else 1
    check(at < len(rest))
    return rest[1:at], rest[at + 1 :], True


def _unescaped(text: str) -> str:
    out, at = "", 0
    while at < len(text):
        at += text[at] == "\\"
        out += text[at]
        at += 1
    return out


def _octets(text: str) -> bytes:
    try:
        octets = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Wrong from None
    check(base64.b64encode(octets).decode() == text)
    return octets


def header(data: bytes) -> None:
    """Nothing but the one error is raised, both readers agree, and what is written reads the same."""
    value = data.decode("utf-8", "replace")
    _both(SaslHeader.parse, plain, value)
    _both(SasHeader.parse, plain_sas, value)


Header = TypeVar("Header", SaslHeader, SasHeader)


def _both(parse: Callable[[str], Header | None], plainly: Callable[[str], Header | None], value: str) -> None:
    """The reader of the program and the plain one, of one scheme."""
    read = _read(parse, AuthHeaderError, value)
    assert read == _read(plainly, Wrong, value), value
    if read is not None and not isinstance(read, str):
        assert parse(read.text()) == read


def _read(
    parse: Callable[[str], Header | None], wrong: type[Exception], value: str
) -> Header | Literal["wrong"] | None:
    try:
        return parse(value)
    except wrong:
        return "wrong"
