"""What signalling may say, and what not: paths, transports, URIs."""

from __future__ import annotations

from typing import Any

import pytest

import msrp_peer
from msrp_peer import Paths, UsageError

SECRET = "s3cr3tsession"
GOOD = f"msrps://a.example:1234/{SECRET};tcp"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"local_uri": "nonsense"}, "neither msrp:// nor msrps://"),
        ({"remote_path": f"msrps://b.example:99999/{SECRET};tcp"}, "port above 65535"),
        ({"local_uri": "msrps://a.example:1234;tcp"}, "our own URI names no session"),
        ({"remote_path": "msrps://b.example:1234;tcp"}, "names no session"),
        ({"remote_path": "msrps://b.example:1;tcp", "active": False}, "names no session"),
        ({"remote_path": f"msrps://b.example/{SECRET};tcp"}, "has no port"),
        ({"remote_path": f"msrps://b.example:1/{SECRET};ws"}, "a transport other than tcp"),
        ({"remote_path": f"msrp://b.example:1/{SECRET};tcp"}, "begins with msrps://"),
        ({"tls": "none"}, "begins with msrp://"),
        ({"tls": "ssl"}, "anonymous, adh, fingerprint, certificate or none, not 'ssl'"),
        ({"remote_path": GOOD}, "one and the same"),
        ({"active": False, "address": ("127.0.0.1", 1)}, "the side that connects"),
        ({"expected": "bob"}, "not a principal"),
    ],
)
def test_paths_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    good: dict[str, Any] = {
        "local_uri": GOOD,
        "remote_path": "msrps://b.example:1234/other;tcp",
        "active": True,
    }
    assert SECRET not in repr(Paths(**good))
    with pytest.raises(UsageError, match=words) as wrong:
        Paths(**{**good, **changes})
    assert SECRET not in str(wrong.value)


@pytest.mark.rule("4975 8.2-4")
def test_a_new_uri_is_never_the_same() -> None:
    """RFC 4975 section 14.1: 80 random bits at least; ours has 128."""
    uris = {msrp_peer.new_uri("a.example", 1) for _ in range(100)}
    assert len(uris) == 100
    assert all(len(uri.rpartition("/")[2].partition(";")[0]) >= 22 for uri in uris)
