"""The RFCs' exchanges, octet for octet, in both roles."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from msrp_sasl import Channel, ChannelLevel, Identities, Password, Policy, ScramVerifier, digest_md5_secret
from sasl.parties import Kept, Passwords, acceptor, initiator, run

VECTORS = Path(__file__).resolve().parents[1] / "vectors/sasl"
_SCRAM = json.loads((VECTORS / "scram.json").read_text())
EXCHANGES = _SCRAM["rfc_vectors"] + _SCRAM["derived_not_from_rfc"]["vectors"]
ANYBODY = Identities(lambda text: text, mapped={"user": ["im:bob@example.com"]})


def attributes(message: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in message.split(",") if "=" in part)


@pytest.mark.parametrize("vector", EXCHANGES, ids=lambda v: v["name"])
def test_both_roles_say_what_the_rfc_prints(vector: dict[str, str]) -> None:
    first, second = attributes(vector["client_first"]), attributes(vector["server_first"])
    bound = "cb_data_hex" in vector
    digest = "SHA-1" if "SHA-1" in vector["name"] else "SHA-256"
    name = f"SCRAM-{digest}" + ("-PLUS" if bound else "")
    flag = vector["client_first"][0]
    # "y" is said by an initiator that could bind.
    data = bytes.fromhex(vector.get("cb_data_hex", "ff"))
    channel = Channel(ChannelLevel.VERIFIED, {} if flag == "n" else {"tls-exporter": data})
    made = ScramVerifier(
        digest,
        base64.b64decode(second["s"]),
        int(second["i"]),
        bytes.fromhex(vector["StoredKey"]),
        bytes.fromhex(vector["ServerKey"]),
    )
    assert made == ScramVerifier.make("pencil", digest, salt=made.salt, iterations=made.iterations)
    client = initiator(
        name,
        me="user",
        acceptor="im:bob@example.com",
        channel=channel,
        policy=Policy(acceptor="service", mechanisms=(f"{name}-PLUS", name) if flag == "y" else (name,)),
        credentials=Passwords({("user", "im:bob@example.com"): Password("pencil")}),
        authorization=first.get("a", ""),
        nonce=lambda: first["r"].encode(),
    )
    server = acceptor(
        name,
        me="im:acceptor@example.com",
        channel=channel,
        verifiers=Kept({("user", "im:acceptor@example.com", digest): made}),
        authority=ANYBODY,
        nonce=lambda: second["r"].removeprefix(first["r"]).encode(),
    )
    said = run(client, server)
    assert said == [
        vector[which].encode() for which in ("client_first", "server_first", "client_final", "server_final")
    ]
    assert server.identity.name == first.get("a", "user")


@pytest.mark.parametrize(
    "vector",
    json.loads((VECTORS / "digest_md5.json").read_text())["rfc_vectors"],
    ids=lambda v: v["name"],
)
def test_the_secret_of_digest_md5(vector: dict[str, dict[str, str]]) -> None:
    made = digest_md5_secret(str(vector["username"]), str(vector["realm"]), str(vector["password"]))
    assert made.hex() == vector["expect"]["urp_hash"]
