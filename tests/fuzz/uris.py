"""URIs: the parser of uri.py and the grammar in C agree, and equality is one."""

from __future__ import annotations

from fuzz.inputs import text
from msrp_core import LocalProtocolError, Uri, request
from msrp_core.uri import UriError

__all__ = ["uri"]


def _parsed(path: str) -> tuple[Uri, ...] | None:
    try:
        return Uri.parse_path(path)
    except UriError as error:
        position = error.position
    assert 0 <= position <= len(path)
    return None


def _writable(path: str) -> bool:
    """Whether the grammar in C finds it right, once as To-Path, once as From-Path."""
    said = []
    for paths in ((path, "msrp://h;tcp"), ("msrp://h;tcp", path)):
        try:
            request("SEND", *paths, transaction_id="abcd")
        except LocalProtocolError:
            said.append(False)
        else:
            said.append(True)
    assert said[0] == said[1]
    return said[0]


def uri(data: bytes) -> None:
    """A path of URIs: both readings agree; text, equality and hash go together."""
    path = text(data)
    uris = _parsed(path)
    if uris is None:
        assert not _writable(path)
        return
    # Written, one space stands between two of them, and none around.
    assert _writable(path) == (
        path == " ".join(path.split(" ")) and "  " not in path and path == path.strip(" ")
    )
    for one in uris:
        again = Uri.parse(one.text)
        assert _fields(again) == _fields(one)
        assert again.text == one.text
        assert again == one
        assert hash(again) == hash(one)
        # As text for people it is the device alone, and a sign where the session-id stands.
        assert str(one).replace("/…", "", 1) == str(one.without_session())
        assert ("/…" in str(one)) == (one.session_id is not None)
        assert one.without_session() != one or one.session_id is None
        _alike(one)
    for one in uris:
        for other in uris:
            assert (one == other) == (other == one)
            assert one != other or hash(one) == hash(other)


def _fields(one: Uri) -> tuple[object, ...]:
    return one.scheme, one.userinfo, one.host, one.port, one.session_id, one.transport, one.parameters


def _alike(one: Uri) -> None:
    """Spellings that are equal by RFC 4975 section 6.1, and ones that are not."""
    written = one.text
    scheme, _, rest = written.partition("://")
    assert Uri.parse(f"{scheme.swapcase()}://{rest}") == one
    assert Uri.parse(f"{written};z") == one or len(written) > 4094
    place = one.without_session()
    shouted = Uri.parse(place.text.upper())
    assert shouted == place
    assert hash(shouted) == hash(place)
    other = "msrp" if one.secure else "msrps"
    if len(written) < 4096:
        assert Uri.parse(f"{other}://{rest}") != one
