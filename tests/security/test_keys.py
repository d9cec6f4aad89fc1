"""Throw-away keys, their fingerprints, and the Diffie-Hellman group."""

from __future__ import annotations

import base64
import hashlib
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from msrp_peer.security.keys import Key, ThrowAway
from msrp_peer.security.tls_modes import _FFDHE3072


def test_a_throw_away_key() -> None:
    mine: Key = ThrowAway()
    assert isinstance(mine, ThrowAway)
    certificate = mine.certificate
    # RFC 8122 section 5: upper-case hexadecimal, colons between octets.
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
    assert mine.fingerprint == ":".join(digest[i : i + 2] for i in range(0, 64, 2))
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.rule("4975 14.4-2")
def test_two_have_nothing_in_common_but_what_says_nothing() -> None:
    one, two = ThrowAway().certificate, ThrowAway().certificate
    assert one.public_key() != two.public_key()
    assert one.serial_number != two.serial_number
    assert one.subject == one.issuer == two.subject
    assert one.subject.rfc4514_string() == "CN=anonymous.invalid"
    # Neither our clock nor the moment shows.
    assert one.not_valid_before_utc == two.not_valid_before_utc
    assert one.not_valid_after_utc == two.not_valid_after_utc
    assert not list(one.extensions)


def test_the_private_key_stays_inside() -> None:
    mine = ThrowAway()
    assert repr(mine) == f"<ThrowAway {mine.fingerprint}>"
    assert not [name for name in dir(mine) if "private" in name and not name.startswith("_")]
    with pytest.raises(TypeError):
        pickle.dumps(mine)


def test_the_group_is_that_of_rfc_7919() -> None:
    """Appendix A.2: p = 2^3072 - 2^3008 + {[2^2942 * e] + 2625351} * 2^64 - 1, g = 2."""
    term = total = 1 << (2942 + 64)
    n = 0
    while term:
        n += 1
        term //= n
        total += term
    p = 2**3072 - 2**3008 + ((total >> 64) + 2625351) * 2**64 - 1
    der = base64.b64decode("".join(_FFDHE3072.splitlines()[1:-1]))
    # SEQUENCE { INTEGER p, INTEGER g }
    assert der[:8] == bytes.fromhex("30820188 02820181")
    assert int.from_bytes(der[8:393], "big") == p
    assert der[393:] == bytes.fromhex("020102")
