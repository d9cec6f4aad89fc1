"""Two sides that learn of each other by signalling of their own: here, two queues.

    python examples/bring_your_own_signalling.py          over TLS
    python examples/bring_your_own_signalling.py none     over plain TCP

Whatever carries two session URIs to two people will do: SIP, XMPP, a web server, a sheet of
paper. It must be confidential: whoever learns a session URI may speak in the session.
"""

from __future__ import annotations

import asyncio
import sys

import msrp_peer

Signal = asyncio.Queue[str]


def level(tls: str) -> msrp_peer.Level:
    # Plain TCP is said twice, so that nobody has it by a slip: by name, and by its level.
    return msrp_peer.Level.PLAINTEXT if tls == "none" else msrp_peer.Level.PASSIVE_ONLY


async def alice(to_bob: Signal, from_bob: Signal, tls: str) -> None:
    """The active side: nobody connects to her, so the port in her URI is only a number."""
    ours = msrp_peer.new_uri("127.0.0.1", 9, secure=tls != "none")
    await to_bob.put(ours)
    theirs = await from_bob.get()
    paths = msrp_peer.Paths(local_uri=ours, remote_path=theirs, active=True, tls=tls)
    async with msrp_peer.join(paths, require=level(tls)) as session:
        print("Alice's line:", session.security.level.word)
        sent = await session.send("Is it still on for tonight?")
        await sent.delivered()
        async for message in session:
            print("Bob says:", await message.text())
            break


async def bob(to_alice: Signal, from_alice: Signal, tls: str) -> None:
    """The passive side: he listens before his URI is told, so that nobody comes too early."""
    async with msrp_peer.listen("127.0.0.1:0", tls=tls) as listener:
        ours = listener.new_uri()
        theirs = await from_alice.get()
        await to_alice.put(ours)
        paths = msrp_peer.Paths(
            local_uri=ours, remote_path=theirs, active=False, tls=tls, peer_accept_types="text/plain"
        )
        async with msrp_peer.join(paths, listener=listener, require=level(tls)) as session:
            async for message in session:
                print("Alice says:", await message.text())
                await session.send("At eight. Bring the cards.")


async def main(tls: str) -> None:
    there, back = Signal(), Signal()
    await asyncio.gather(alice(there, back, tls), bob(back, there, tls))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "anonymous"))
