"""Exchanges of DIGEST-MD5, up to any step, for its tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msrp_sasl import Channel, ChannelLevel, Policy, SASLClient, SASLServer
from sasl.parties import NOW, acceptor, initiator, run

NAME = "DIGEST-MD5"
CLEAR = Channel(ChannelLevel.CLEAR)
ENCRYPTED = Channel(ChannelLevel.ENCRYPTED)
VERIFIED = Channel(ChannelLevel.VERIFIED)
CIPHERS = ("rc4", "3des", "rc4-56", "rc4-40", "des")
LAYERS: list[tuple[Any, Any]] = [("auth-int", "rc4"), *(("auth-conf", cipher) for cipher in CIPHERS)]
"""Each with a name of a cipher, which auth-int has no use for."""


def policy(*qops: Any, ciphers: tuple[Any, ...] = ("rc4", "3des"), **more: Any) -> Policy:
    return Policy(
        mechanisms=(NAME,),
        digest_md5=True,
        digest_md5_qops=qops or ("auth", "auth-int", "auth-conf"),
        digest_md5_ciphers=ciphers,
        **more,
    )


def sides(
    allowed: Policy | None = None, theirs: Policy | None = None, *, channel: Channel = VERIFIED, **more: Any
) -> tuple[SASLClient, SASLServer]:
    """An initiator and an acceptor; of one policy unless two are given."""
    allowed = allowed or policy()
    client = initiator(NAME, policy=allowed, channel=channel, **more)
    return client, acceptor(NAME, policy=theirs or allowed, channel=channel)


def challenged(server: SASLServer) -> bytes:
    challenge = server.start(NAME, None, NOW)
    assert challenge is not None
    return challenge


def answered(client: SASLClient, challenge: bytes) -> bytes:
    """An initiator's first and only word."""
    assert client.start(NOW) is None
    return client.process(challenge, NOW)


def layered(qop: Any, cipher: Any, **more: Any) -> tuple[SASLClient, SASLServer]:
    """Both ends behind an exchange that agreed on this."""
    client, server = sides(policy(qop, ciphers=(cipher,), **more))
    run(client, server)
    return client, server


def directive(token: bytes, name: str) -> bytes:
    """A directive's value, as it stands there."""
    found = re.search(rb'(?:^|,)%b=("[^"]*"|[^,]*)' % name.encode(), token)
    assert found is not None, name
    return found[1].strip(b'"')


def changed(name: str, value: bytes | None) -> Callable[[bytes], bytes]:
    """What puts another value in a directive's place, or takes it away."""

    def change(token: bytes) -> bytes:
        pattern = rb',?%b=(?:"[^"]*"|[^,]*)' % name.encode()
        new = b"" if value is None else b",%b=%b" % (name.encode(), value)
        result, count = re.subn(pattern, lambda _: new, token)
        return result.strip(b",") if count else token + new

    return change
