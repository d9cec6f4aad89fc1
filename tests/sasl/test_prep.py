"""SASLprep (RFC 4013), and the verifiers made with it."""

from __future__ import annotations

import pytest

from msrp_sasl import Reason, SaslUsageError, ScramVerifier, prepare
from msrp_sasl.prep import LONGEST, prepare_password
from sasl.parties import HASHES, refused


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 section 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # mapped to a space, and to nothing (tables C.1.2 and B.1)
        ("a\u00a0b", "a b"),
        ("a\u3000b", "a b"),
        ("a\u200bb", "a b"),
        ("a\ufe00b", "ab"),
        ("a b", "a b"),
        # composed, of Unicode 3.2
        ("o\u0308", "\u00f6"),
        ("\ufb01", "fi"),
        ("\uff21", "A"),
        # from right to left, through and through
        ("\u05d0\u05d1", "\u05d0\u05d1"),
        ("\u05d01\u05d1", "\u05d01\u05d1"),
        ("", ""),
        ("\u00ad", ""),
    ],
)
def test_prepared(text: str, prepared: str) -> None:
    assert prepare(text) == prepared


@pytest.mark.parametrize(
    "text",
    [
        "\x07",  # RFC 4013 section 3
        "\u0627\u0031",  # the same
        "a\x00b",
        "a\x7fb",
        "a\nb",
        "\u0085",
        "\ue000",
        "\ufffe",
        chr(0xD800),
        "\ufffd",
        "\u2ff0",
        "\u202a",
        "\U000e0041",
        "\u05d0a\u05d1",
        "a\u05d0",
        "a" * (LONGEST + 1),
    ],
    ids=ascii,
)
def test_prohibited(text: str) -> None:
    said = refused(Reason.MALFORMED, lambda: prepare(text))
    assert text not in said
    refused(Reason.MALFORMED, lambda: prepare(text, query=True))
    refused(Reason.CREDENTIALS, lambda: prepare_password(text))


def test_what_unicode_had_not_assigned() -> None:
    """A name that is asked for may have it, a password that is kept may not (RFC 3454 section 7)."""
    assert prepare("\u0221", query=True) == "\u0221"
    refused(Reason.MALFORMED, lambda: prepare("\u0221"))
    refused(Reason.CREDENTIALS, lambda: prepare_password("\u0221"))
    refused(Reason.CREDENTIALS, lambda: prepare_password(""))
    refused(Reason.CREDENTIALS, lambda: prepare_password("\u00ad"))


@pytest.mark.parametrize("hash", HASHES)
def test_a_verifier_knows_its_password(hash: str) -> None:
    made = ScramVerifier.make("p\u00e4ss\u00ad", hash, iterations=4096)  # type: ignore[arg-type]
    assert made.verify("pa\u0308ss")
    assert not made.verify("pass")
    again = ScramVerifier.make("p\u00e4ss", hash, iterations=4096)  # type: ignore[arg-type]
    assert made.salt != again.salt
    assert made.stored_key != again.stored_key


def test_what_is_no_verifier() -> None:
    good = ScramVerifier.make("pencil", iterations=4096)
    keys = good.stored_key, good.server_key
    for wrong in (
        lambda: ScramVerifier("MD5", good.salt, 4096, *keys),  # type: ignore[arg-type]
        lambda: ScramVerifier.make("pencil", "MD5"),  # type: ignore[arg-type]
        lambda: ScramVerifier("SHA-512", good.salt, 4096, *keys),
        lambda: ScramVerifier("SHA-256", b"", 4096, *keys),
        lambda: ScramVerifier("SHA-256", good.salt, 4095, *keys),
        lambda: ScramVerifier("SHA-256", good.salt, 1_000_001, *keys),
        lambda: ScramVerifier.make("pencil", iterations=1_000_001),
    ):
        with pytest.raises(SaslUsageError):
            wrong()
