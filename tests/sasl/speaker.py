"""One side of a Kerberos exchange, as a program of its own: `speaker.py ROLE USER OTHER`.

It speaks in lines: "+" and base64, "-" for no token; last the outcome as JSON. Its credential cache is
KRB5CCNAME's, and it has nothing else.
"""

from __future__ import annotations

import base64
import json
import sys
import time

from msrp_peer.terms.principal import Principal
from msrp_sasl import (
    Accepting,
    Channel,
    ChannelLevel,
    Identities,
    Initiating,
    Kerberos,
    Policy,
    SASLClient,
    SaslError,
    SASLServer,
)

NAME = "KRB5-U2U"
POLICY = Policy(mechanisms=(NAME,))


def say(token: bytes | None) -> None:
    print("-" if token is None else "+" + base64.b64encode(token).decode(), flush=True)


def hear() -> bytes | None:
    line = sys.stdin.readline().strip()
    if not line:
        sys.exit(0)
    return None if line == "-" else base64.b64decode(line[1:])


def main(role: str, me: str, other: str) -> None:
    channel = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": b"x" * 32})
    side: SASLClient | SASLServer
    try:
        if role == "initiator":
            client = side = SASLClient(
                Initiating(me, other, channel, POLICY, offered=(NAME,), kerberos=Kerberos())
            )
            say(client.start(time.time()))
            while (token := hear()) is not None:
                say(client.process(token, time.time()))
            client.succeeded(None, time.time())
        else:
            authority = Identities(lambda text: Principal.parse(text).text)
            server = side = SASLServer(Accepting(me, channel, POLICY, authority, kerberos=Kerberos()))
            say(server.start(NAME, hear(), time.time()))
            while not server.complete:
                say(server.process(hear() or b"", time.time()))
    except SaslError as error:
        print(json.dumps({"reason": error.reason.name, "said": str(error)}), flush=True)
    else:
        print(json.dumps({"name": side.identity.name, "binding": side.identity.binding}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
