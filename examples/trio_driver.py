"""The same sessions on another loop: trio (pip install trio). Sends one line, prints the first answer.

    python examples/trio_driver.py 127.0.0.1:2855 "hello"

The other side, for example: python examples/echo.py

A driver is all that another loop needs (`msrp_peer.session.driver`): it carries octets between
a `Connection` and the network, tells it the time, and rings its bells.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable
from typing import TypeVar

try:
    import trio
except ModuleNotFoundError:
    sys.exit("This example needs trio: pip install trio")

from msrp_peer.protocol.auth import Terms
from msrp_peer.protocol.connection import Connection
from msrp_peer.security.keys import ThrowAway
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context
from msrp_peer.session.establish import establish
from msrp_peer.signalling.interface import Agreed
from msrp_peer.signalling.target import parse_target
from msrp_peer.terms.content import Accepts
from msrp_peer.terms.security import Level

T = TypeVar("T")


class TrioBell:
    """Wakes tasks later; ringing runs none of their code."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        event, self._event = self._event, trio.Event()
        event.set()

    async def heard(self) -> None:
        await self._event.wait()


class TrioLine:
    """One connection on a trio stream: start `run` in a nursery, then use it as a driver."""

    def __init__(self, connection: Connection, stream: trio.SocketStream) -> None:
        self.connection = connection
        self.changed = connection.bell = TrioBell()
        self._stream = stream
        self._token = trio.lowlevel.current_trio_token()
        self._apart = trio.CapacityLimiter(1)  # no line waits for another's step
        self._due = TrioBell()  # something may be due: to write, to time, to read on
        host, port = stream.socket.getpeername()[:2]
        self.peer_address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        host, port = stream.socket.getsockname()[:2]
        self.own_address = (host, port)

    # -- what a session asks for

    def bell(self) -> TrioBell:
        return TrioBell()

    def flush(self) -> None:
        self._due.ring()

    def now(self) -> float:
        return trio.current_time()

    def soon(self, call: Callable[[], object]) -> None:
        def called() -> None:
            call()
            self.flush()

        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(called)

    async def in_thread(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call)

    async def apart(self, call: Callable[[], None], late: Callable[[], object]) -> None:
        over: list[str] = []  # the call, and the wait for it, in the order in which they ended

        def called() -> None:
            try:
                call()
            finally:
                over.append("call")
                if over[0] == "wait":
                    late()

        try:
            with trio.fail_after(self.connection.limits.handshake):
                await trio.to_thread.run_sync(called, abandon_on_cancel=True, limiter=self._apart)
        except trio.TooSlowError:
            raise TimeoutError from None
        finally:
            over.append("wait")
            if over[0] == "call" and sys.exc_info()[0] is not None:
                late()

    # -- between the connection and the network

    async def run(self) -> None:
        """Carry octets both ways until the connection is closed."""
        self.connection.begin(self.now())
        try:
            async with self._stream, trio.open_nursery() as nursery:
                nursery.start_soon(self._read)
                nursery.start_soon(self._watch)
                await self._write()
                nursery.cancel_scope.cancel()
        finally:
            self.connection.lost("the connection was given up")

    async def _read(self) -> None:
        connection = self.connection
        try:
            while data := await self._stream.receive_some(65536):
                connection.receive(data, self.now())
                self.flush()
                while connection.paused:
                    await self._due.heard()
        except trio.BrokenResourceError as broken:
            connection.lost(f"the connection broke: {broken.__cause__ or broken}")
        connection.ended(self.now())
        if connection.state == "ending":
            connection.ended(self.now())  # nothing follows that could drain it
        self.flush()

    async def _write(self) -> None:
        connection = self.connection
        ended = False
        try:
            while True:
                while data := connection.data_to_send(self.now()):
                    await self._stream.send_all(b"".join(data))
                if connection.state == "closed":
                    return
                if connection.state == "ending" and not ended:
                    ended = True
                    await self._stream.send_eof()
                    continue  # a bell may have rung meanwhile
                await self._due.heard()
        except trio.BrokenResourceError as broken:
            connection.lost(f"the connection broke: {broken.__cause__ or broken}")

    async def _watch(self) -> None:
        """Tell the time when it is due."""
        connection = self.connection
        while connection.state != "closed":
            due = connection.next_timer()
            with trio.move_on_at(math.inf if due is None else due):
                await self._due.heard()
            connection.handle_timer(self.now())
            if connection.state == "closed":
                self.flush()


async def main(target: str, text: str) -> None:
    where = parse_target(target)
    assert where.host is not None, "this example looks for nobody on the LAN: give host:port"
    assert where.port is not None
    key = ThrowAway()
    layer = TlsLayer(client_context(TlsMode.ANONYMOUS, key), server=False, own_key=key.fingerprint)
    connection = Connection([layer], terms=Terms(Accepts.parse("*")))
    line = TrioLine(connection, await trio.open_tcp_stream(where.host, where.port))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.run)
        session = await establish(line, Agreed(None, where.uri, active=True), Level.PASSIVE_ONLY)
        print(session.security.describe())
        async with session:
            sent = await session.send(text)
            await sent.delivered()
            async for message in session:
                print(await message.text())
                break


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    trio.run(main, sys.argv[1], sys.argv[2])
