"""The asyncio driver of one connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from msrp_core import ReceiveBuffer

from ..protocol.connection import Connection
from ..protocol.tap import Tap
from ..terms.security import Believed
from .taps import Watcher, tap
from .threads import Threads

__all__ = ["Bell", "Line", "Owner", "address_of"]

T = TypeVar("T")
log = logging.getLogger(__name__)

_UNSENT = 16 * 1024
"""Octets the kernel may hold unsent: more would only make a chat line wait behind a file."""

_TOGETHER = 4
"""Full reads whose answers may go out in one write: each write wakes the other side."""
_PATIENCE = 0.005
"""Seconds these answers wait at most, where no further read follows after all."""


class Bell:
    """Wakes coroutines later, from the event loop; ringing runs none of their code."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def heard(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except BaseException:
            if future in self._waiting:  # nobody rang: or they would gather here
                self._waiting.remove(future)
            raise


class Owner(Protocol):
    """Who looks after lines that others began; called from the event loop."""

    def line_made(self, line: Line) -> None:
        """The network connection stands."""

    def sessions_arrived(self, line: Line) -> None:
        """Sessions stand in the connection's `arrived`."""

    def login_failed(self, line: Line, why: str) -> None:
        """Somebody could not prove who they are."""

    def doubted(self, line: Line) -> None:
        """It has to be decided whose the other side's key is (`Line.believe`)."""

    def line_gone(self, line: Line) -> None:
        """The network connection is closed."""


class Line(asyncio.BufferedProtocol):
    """One connection on a transport: answers gathered, chunks as far as the network takes them,
    reading held back while nobody here reads, one timer."""

    def __init__(
        self, connection: Connection, owner: Owner | None = None, threads: Threads | None = None
    ) -> None:
        """`threads` take the steps of authentication that may take long; without them it has one
        of its own, which waits for no other line's."""
        self._connection = connection
        self._owner = owner
        self._threads = threads or Threads(1)
        self.changed = Bell()
        connection.bell = self.changed
        self.peer_address = "nowhere"
        self.own_address: tuple[str, int] = ("0.0.0.0", 0)  # noqa: S104
        self.listener = ""  # the URI of the listener it was dialled for, without session-id
        self._loop = asyncio.get_running_loop()
        self._buffer = _shared_buffer(self._loop)
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._full = False
        self._reading = True
        self._flushing = False
        self._put_off = 0  # reads whose answers are not written yet
        self._late: asyncio.TimerHandle | None = None
        self._last: asyncio.TimerHandle | None = None  # for what is written already, once it is closed
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._thinking: asyncio.Task[None] | None = None
        self._doubted = False  # told the owner
        self._seen: tuple[Watcher, Tap] | None = None  # by whom, where somebody watches

    # -- what a session asks for (`msrp_peer.session.driver.Driver`)

    @property
    def connection(self) -> Connection:
        return self._connection

    def bell(self) -> Bell:
        return Bell()

    def now(self) -> float:
        return self._loop.time()

    def soon(self, call: Callable[[], object]) -> None:
        def called() -> None:
            call()
            self.flush()

        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(called)

    async def in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.to_thread(call)

    async def apart(self, call: Callable[[], None], late: Callable[[], object]) -> None:
        await self._threads.run(call, self._connection.limits.handshake, late)

    def flush(self) -> None:
        transport = self._transport
        if transport is None or self._flushing:
            return
        self._flushing = True  # a ring in here may lead back to here
        self._put_off = 0
        connection = self._connection
        try:
            while not self._full and (data := connection.data_to_send(self.now())):
                transport.write(data[0] if len(data) == 1 else b"".join(data))
                if not connection.more:
                    break
        finally:
            self._flushing = False
        self._hold()
        self._set_timer()
        state = connection.state
        if state == "closed":
            if not transport.is_closing():
                transport.close()  # hands over what is written already
                self._last = self._loop.call_later(connection.limits.closing, transport.abort)
        elif (
            state == "ending"
            and not self._full  # or our last words are not written yet
            and not transport.is_closing()
            and transport.can_write_eof()
        ):
            with contextlib.suppress(OSError):  # it was reset, and the loop does not know yet
                transport.write_eof()

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.peer_address = address_of(transport.get_extra_info("peername"))
        own = transport.get_extra_info("sockname")
        if isinstance(own, tuple):
            self.own_address = (own[0].partition("%")[0], own[1])
        _tune(transport.get_extra_info("socket"))
        # More is asked for once the network has all of what came before: clocks and pace go by that.
        self._transport.set_write_buffer_limits(high=0)
        if (seen := tap(self.peer_address)) is not None:
            self._seen, self._connection.outlet.tap = seen, seen[1]
        self._connection.begin(self.now())
        if self._owner is not None:
            self._owner.line_made(self)
        self.flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer.get()

    def buffer_updated(self, nbytes: int) -> None:
        connection = self._connection
        connection.receive(self._buffer.filled(nbytes), self.now())
        if nbytes < self._buffer.size or self._put_off == _TOGETHER or not connection.patient:
            self._settle()
            return
        # More is here already, or it would not be full: one write for the answers to all of it.
        self._put_off += 1
        if self._late is None:
            self._late = self._loop.call_later(_PATIENCE, self._catch_up)

    def _catch_up(self) -> None:
        self._late = None
        if self._put_off:
            self._settle()

    def eof_received(self) -> bool:
        self._connection.ended(self.now())
        self.flush()
        if self._connection.state == "ending":
            self._connection.ended(self.now())  # nothing follows that could drain it
            self.flush()
        return False

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        # Not within this call: where a write in here fails, asyncio ends the connection twice, and behind
        # a write_eof() it shuts the socket down a second time, which fails where the other side has closed.
        self._full = False
        self._loop.call_soon(self.flush)

    def connection_lost(self, exc: Exception | None) -> None:
        self._full = True
        for timer in (self._timer, self._late, self._last):
            if timer is not None:
                timer.cancel()
        self._timer = self._late = self._last = None
        self._transport = None  # asyncio's own has no loop any more, and fails where it is aborted
        if self._thinking is not None:
            self._thinking.cancel()  # nobody waits for its thread
        if self._connection.state == "ending":
            self._connection.ended(self.now())
        self._connection.lost(f"the connection broke: {_words(exc)}")
        if self._seen is not None:
            self._seen[0].gone(self._seen[1], self._connection.reason)
        if not self._gone.done():
            self._gone.set_result(None)
        if self._owner is not None:
            self._owner.line_gone(self)

    # -- inside

    def _hold(self) -> None:
        transport = self._transport
        reading = not self._connection.paused
        if transport is None or reading == self._reading or transport.is_closing():
            return
        self._reading = reading
        if reading:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _set_timer(self) -> None:
        due = self._connection.next_timer()
        if due is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None or due < self._due:
            # A later deadline needs no new timer: the one that stands asks again.
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._connection.handle_timer(self.now())
        self._settle()

    def resume(self) -> None:
        """Signalling told more: look again at what came too early."""
        self._connection.resume(self.now())
        self._settle()

    def believe(self, how: Believed | None) -> None:
        """It is decided how a key in doubt is believed; None for not at all."""
        self._connection.hold.decided(how, self.now())
        self._settle()

    def _settle(self) -> None:
        if self._connection.doubt is not None and self._owner is not None and not self._doubted:
            self._doubted = True
            self._owner.doubted(self)
        if self._connection.arrived and self._owner is not None:
            self._owner.sessions_arrived(self)
        acceptor = self._connection.acceptor
        if acceptor.failure is not None:
            if self._owner is not None:
                self._owner.login_failed(self, acceptor.failure)
            acceptor.failure = None
        self.flush()
        if acceptor.thinking and self._thinking is None:
            self._thinking = self._loop.create_task(self._think())

    async def _think(self) -> None:
        """A step of a mechanism, where it stops nobody."""
        connection = self._connection
        acceptor, seconds = connection.acceptor, connection.limits.handshake
        try:
            await self.apart(acceptor.think, acceptor.forget)
        except TimeoutError:
            connection.lost(f"a step of authentication took longer than {seconds:g} s")
        finally:
            self._thinking = None
        if connection.state == "open":
            connection.intake.thought(self.now())
        self._settle()

    @property
    def end(self) -> asyncio.Future[None]:
        """Done once the network connection is closed; not to be cancelled."""
        return self._gone

    async def gone(self) -> None:
        """Wait until the network connection is closed."""
        await asyncio.shield(self._gone)

    def abort(self, reason: str) -> None:
        """Close it now, whatever is still due."""
        self._connection.lost(reason)
        if self._transport is not None:
            self._transport.abort()


_buffers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ReceiveBuffer] = weakref.WeakKeyDictionary()


def _shared_buffer(loop: asyncio.AbstractEventLoop) -> ReceiveBuffer:
    """One buffer for all connections of a loop: only one of them reads at a time."""
    buffer = _buffers.get(loop)
    if buffer is None:
        buffer = _buffers[loop] = ReceiveBuffer()
    return buffer


def _tune(sock: socket.socket | None) -> None:
    if sock is None:
        return
    with contextlib.suppress(OSError):  # a connection that was reset already takes no options
        _set_options(sock)


def _set_options(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A line that falls silent is noticed after two minutes, not after the system's two hours.
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    lowat = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if lowat is not None:
        sock.setsockopt(socket.IPPROTO_TCP, lowat, _UNSENT)


def address_of(name: object) -> str:
    """``host:port`` of a socket's name, as asyncio tells it."""
    if not isinstance(name, tuple) or len(name) < 2:
        return "nowhere"
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(error: Exception | None) -> str:
    if error is None:
        return "the other side closed it"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
