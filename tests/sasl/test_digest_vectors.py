"""RFC 2831's exchanges octet for octet, and what follows from its formulas for the layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from msrp_sasl import Channel, ChannelLevel, DigestMD5Verifier, Identities, Password, Policy
from msrp_sasl.mechanisms.digest_hash import CIPHERS, layer_keys, proof, session_key
from msrp_sasl.mechanisms.digest_layer import Receiver, Sender
from msrp_sasl.mechanisms.digest_tokens import Response, read_challenge, read_response, write_proof
from sasl.parties import Kept, Passwords, acceptor, initiator, run

Vector = dict[str, Any]
_ALL = json.loads((Path(__file__).resolve().parents[1] / "vectors/sasl/digest_md5.json").read_text())
PRINTED: list[Vector] = _ALL["rfc_vectors"]
DERIVED: list[Vector] = _ALL["derived_not_from_rfc"]["vectors"]
BUFFERS = [pytest.param(v, id=v["cipher"] or v["qop"]) for v in DERIVED if "protected_messages" in v]


@pytest.mark.parametrize("vector", PRINTED, ids=lambda v: v["name"])
def test_both_roles_say_what_the_rfc_prints(vector: Vector) -> None:
    service, _, host = vector["digest_uri"].partition("/")
    user, realm = vector["username"], vector["realm"]
    policy = Policy(mechanisms=("DIGEST-MD5",), digest_md5_qops=("auth",))
    kept = Kept().add_digest(user, host, vector["password"], realm)
    assert kept.digests[user, realm, host].secret.hex() == vector["expect"]["urp_hash"]
    client = initiator(
        "DIGEST-MD5",
        me=user,
        acceptor=host,
        channel=Channel(ChannelLevel.VERIFIED),
        policy=policy,
        credentials=Passwords({(user, host): Password(vector["password"])}),
        nonce=lambda: vector["cnonce"].encode(),
        service=service,
    )
    server = acceptor(
        "DIGEST-MD5",
        me=host,
        channel=Channel(ChannelLevel.VERIFIED),
        policy=policy,
        verifiers=kept,
        authority=Identities(str),
        nonce=lambda: vector["nonce"].encode(),
        service=service,
        realms=(realm,),
    )
    said = run(client, server)
    assert said == [
        vector["challenge"].encode(),
        vector["response_message"].encode(),
        b"rspauth=" + vector["expect"]["rspauth"].encode(),
    ]
    assert server.identity.user == user


@pytest.mark.parametrize("vector", PRINTED, ids=lambda v: v["name"])
def test_what_the_rfc_prints_is_read(vector: Vector) -> None:
    challenge = read_challenge(vector["challenge"].encode())
    assert challenge.nonce == vector["nonce"].encode()
    assert (challenge.realms, challenge.qops) == ((vector["realm"].encode(),), ("auth",))
    assert (challenge.buffer, challenge.utf8, challenge.ciphers) == (65536, True, ())
    response = read_response(vector["response_message"].encode())
    assert response.value == vector["expect"]["response"].encode()
    assert response.uri == vector["digest_uri"].encode()
    assert response.encode() == vector["response_message"].encode()


def said(vector: Vector) -> tuple[bytes, Response]:
    """The session key, and the response of the first exchange, with this protection."""
    first = PRINTED[0]
    response = Response(
        user=first["username"].encode(),
        realm=first["realm"].encode(),
        nonce=first["nonce"].encode(),
        cnonce=first["cnonce"].encode(),
        uri=first["digest_uri"].encode(),
        qop=vector["qop"].encode(),
    )
    secret = DigestMD5Verifier.make(first["username"], first["realm"], first["password"]).secret
    return session_key(secret, response), response


@pytest.mark.parametrize("vector", DERIVED, ids=lambda v: v["cipher"] or v["qop"])
def test_proofs_and_keys(vector: Vector) -> None:
    key, response = said(vector)
    expected, keys = vector["auth"], vector["keys"]
    assert key.hex() == expected["HA1"]
    assert proof(key, response) == expected["response"].encode()
    assert write_proof(proof(key, response, of_acceptor=True)) == b"rspauth=" + expected["rspauth"].encode()
    there, back = (layer_keys(key, vector["cipher"], to_acceptor=way) for way in (True, False))
    assert (there.signing.hex(), back.signing.hex()) == (keys["Kic"], keys["Kis"])
    if vector["cipher"]:
        assert (there.sealing.hex(), back.sealing.hex()) == (keys["Kcc"], keys["Kcs"])
        assert CIPHERS[vector["cipher"]] == keys["n_bytes_of_HA1"]


@pytest.mark.parametrize("vector", BUFFERS)
def test_buffers(vector: Vector) -> None:
    key, _ = said(vector)
    keys = layer_keys(key, vector["cipher"], to_acceptor=True)
    sender, receiver = Sender(keys, vector["cipher"]), Receiver(keys, vector["cipher"])
    for message in vector["protected_messages"]:
        plain, wire = bytes.fromhex(message["plaintext_hex"]), bytes.fromhex(message["wire_hex"])
        buffer = sender.protect(plain)
        assert len(buffer).to_bytes(4) + buffer == wire
        assert receiver.open(buffer) == plain
