"""One end of a session by the library, as a process that says which session URIs it had.

    python talker.py listen 127.0.0.1:0      {"secret": ..., "mechanisms": [...], ...}
    python talker.py connect 127.0.0.1:2855  the same

The line of JSON comes over standard input; passwords, tickets and certificates are those it names. A
listener says its port first; each says in the end, as JSON, its two session URIs, the level it reached
and by what. The one that connects sends a text.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import msrp_peer
from msrp_sasl import Kerberos, Policy
from support.people import ALICE, BOB, Knows, known

__all__: list[str] = []


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


def told(session: msrp_peer.Session) -> None:
    endpoint = session._endpoint
    proof = session.security.proof
    say(
        uris=[endpoint.local, endpoint.remote],
        level=session.security.level.word,
        mechanism=None if proof is None else proof.mechanism,
        layers=[layer.kind for layer in session.security.layers],
    )


def options(order: dict[str, Any], *, accepting: bool) -> dict[str, Any]:
    """What `listen` or `connect` is told."""
    alice, bob = order.get("people", (ALICE, BOB))
    found: dict[str, Any] = {"tls": order.get("tls", "anonymous"), "me": bob if accepting else alice}
    if "shown" in order:
        certificates, key = map(Path, order["shown"][accepting])
        trust = msrp_peer.Trust.read(Path(order["authority"]))
        return found | {
            "key": msrp_peer.read_key(certificates, key),
            "trust": trust,
            "expect": alice if accepting else bob,
        }
    if "mechanisms" in order:
        found["policy"] = Policy(mechanisms=tuple(order["mechanisms"]), digest_md5=True)
        if not accepting:
            found["expect"] = bob
        if "tickets" in order:
            found["kerberos"] = Kerberos(ccache=order["tickets"][accepting])
        elif accepting:
            found["verifiers"] = known({alice: order["secret"]}, at=bob)
        else:
            found["credentials"] = Knows(order["secret"])
    return found


async def listening(where: str, order: dict[str, Any]) -> None:
    over = asyncio.Event()

    async def serve(session: msrp_peer.Session) -> None:
        told(session)
        async for message in session:
            await message.read()
        over.set()

    async with msrp_peer.listen(where, serve, **options(order, accepting=True)) as listener:
        say(port=listener.port)
        await over.wait()


async def connecting(where: str, order: dict[str, Any]) -> None:
    try:
        async with msrp_peer.connect(where, **options(order, accepting=False)) as session:
            sent = await session.send(order["text"])
            await sent.delivered()
            told(session)
    except msrp_peer.MsrpError as error:
        say(refused=str(error))


if __name__ == "__main__":
    role, where = sys.argv[1:]
    asyncio.run({"listen": listening, "connect": connecting}[role](where, json.loads(sys.stdin.readline())))
