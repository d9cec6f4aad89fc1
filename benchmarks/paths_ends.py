"""The processes of benchmarks/paths.py that carry a file: told over stdin what to do, like loopback_ends.py.

    take WAY, give WAY    the engine through its public API: `Message.save`, `session.send(path)`
    take-bare, give-bare  the rival: the same file read, sent, received and written by asyncio's own TLS

Each says what it cost from "start" to the end: processor time of all its threads, and by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from loopback_ends import Meter, orders, say
from paths_ways import WAYS, Way

import msrp_peer

BLOCK = 64 * 1024


async def take(way: Way, folder: Path) -> None:
    meter = Meter()

    async def serve(session: msrp_peer.Session) -> None:
        async for message in session:
            received = await message.save(folder)
            meter.stop()
            received.path.unlink()
            say(**meter.cost, checked=received.checked)

    tasks: set[asyncio.Task[None]] = set()
    options = {"tls": way.tls} if way.signalled else way.listening()
    handler = None if way.signalled else serve
    async with msrp_peer.listen("127.0.0.1:0", handler, **options) as listener:
        say(port=listener.port)
        async for order in orders():
            if order["do"] == "answer":
                answer = msrp_peer.Answer(order["sdp"], listener, tls=way.tls)
                say(sdp=answer.text)
                joined = await msrp_peer.join(answer, listener=listener)
                tasks.add(asyncio.ensure_future(serve(joined)))
            else:
                meter.start(1)
                say(ready=True)


async def give(way: Way, folder: Path) -> None:
    meter = Meter()
    say(here=True)
    async with contextlib.AsyncExitStack() as stack:
        session: msrp_peer.Session
        offer: msrp_peer.Offer
        async for order in orders():
            if order["do"] == "offer":
                offer = msrp_peer.Offer(None, tls=way.tls)
                say(sdp=offer.text)
            elif order["do"] == "join":
                offer.answered(order["sdp"])
                session = await stack.enter_async_context(msrp_peer.join(offer))
                say(ready=True)
            elif order["do"] == "connect":
                place = f"127.0.0.1:{order['port']}"
                session = await stack.enter_async_context(msrp_peer.connect(place, **way.connecting()))
                say(ready=True)
            else:
                meter.start(1)
                sent = await session.send(Path(order["file"]))
                await sent.delivered()
                meter.stop()
                say(**meter.cost)


# -- the rival


async def take_bare(way: Way, folder: Path) -> None:
    """A certificate that nobody verifies, as ours; TLS and suites as Python has them."""
    meter = Meter()
    expected: asyncio.Queue[int] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # asyncio's streams would tell of it
            await receive(reader, writer)

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            left, path = await expected.get(), folder / "bare"
            with path.open("wb") as file:
                while left:
                    data = await reader.read(BLOCK)
                    if not data:
                        return
                    file.write(data)
                    left -= len(data)
            writer.write(b"!")
            meter.stop()
            path.unlink()
            say(**meter.cost)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_shown(folder))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    say(port=server.sockets[0].getsockname()[1])
    async for order in orders():
        meter.start(1)
        expected.put_nowait(order["count"])
        say(ready=True)


async def give_bare(way: Way, folder: Path) -> None:
    meter = Meter()
    say(here=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    async for order in orders():
        if order["do"] == "connect":
            reader, writer = await asyncio.open_connection("127.0.0.1", order["port"], ssl=context)
            say(ready=True)
            continue
        meter.start(1)
        with open(order["file"], "rb") as file:  # noqa: ASYNC230, PTH123
            while data := file.read(BLOCK):
                writer.write(data)
                await writer.drain()
        await reader.readexactly(1)
        meter.stop()
        say(**meter.cost)


def _shown(folder: Path) -> tuple[Path, Path]:
    """A P-256 key and a certificate over it, as ours have them, in files."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = folder / "shown.pem", folder / "key.pem"
    certificate.write_bytes(_self_signed(key))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


def _self_signed(key: Any) -> bytes:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "anonymous.invalid")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


ROLES: dict[str, Callable[[Way, Path], Awaitable[None]]] = {
    "take": take,
    "give": give,
    "take-bare": take_bare,
    "give-bare": give_bare,
}


async def main(role: str, way: str) -> None:
    with tempfile.TemporaryDirectory(prefix="msrp-bench-") as folder:
        await ROLES[role](WAYS[way], Path(folder))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
