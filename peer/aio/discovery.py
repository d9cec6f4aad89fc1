"""Finding each other on the LAN: multicast DNS and DNS-SD (RFC 6762, RFC 6763).

Discovery is a hint only. Anybody on the network can announce any name with any address, so
what is found here says where to try, never who is there: whoever answers must still prove
it, and what was required before the search is required after it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import zeroconf
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from ..signalling.announcement import PLAIN_SERVICE_TYPE, SERVICE_TYPE, Announcement
from ..terms.display import escape
from ..terms.errors import CannotReach, MsrpError
from ..terms.principal import Principal
from .interfaces import interface_addresses, try_port

__all__ = ["Announcer", "DiscoveryUnavailable", "browse", "find", "find_all"]

_log = logging.getLogger(__name__)

_TYPES: Final = (SERVICE_TYPE, PLAIN_SERVICE_TYPE)
_OTHERWISE: Final = {
    True: "{} is announced for plain TCP alone; if that is meant, choose it",
    False: "{} is announced with TLS alone, and plain TCP was chosen (tls none)",
}
_RESOLVE: Final = 3000  # milliseconds for one instance to tell its address and text
_MOST_INSTANCES = 512  # names followed in one search; a network that shows more is not honest
_OTHERS: Final = 1.5  # seconds find_all waits, after a first match, for others: RFC 6762 section 6
# lets a responder that has just spoken keep silent for one


class DiscoveryUnavailable(MsrpError):
    """The network cannot be asked here: no interface, no multicast, or no permission."""


class Announcer:
    """Announces one listener for as long as it is entered.

        async with Announcer(announcement):
            await listener.serve_forever()

    Entering takes about two seconds: the name is first looked for, and changed where another
    has it. Leaving takes back the announcement, also where the task is cancelled meanwhile.
    Entering raises `DiscoveryUnavailable`.

    Attributes:
        namesake: set once another has the name already, or is announced as the same principal, then or later.
    """

    def __init__(self, announcement: Announcement, *, interfaces: Sequence[str] | None = None) -> None:
        """`interfaces` are the numeric addresses of those to announce on; None for all."""
        self._announcement = announcement
        self._interfaces = interfaces
        self._zeroconf: AsyncZeroconf | None = None
        self._info: AsyncServiceInfo | None = None
        self._sending: Awaitable[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self.namesake = asyncio.Event()

    @property
    def announcement(self) -> Announcement:
        """What is announced, under the name it has got."""
        if self._info is None:
            return self._announcement
        return replace(self._announcement, name=_instance(self._info.name))

    async def __aenter__(self) -> Self:
        self._info = info = _service_info(self._announcement)
        self._zeroconf = await _open(self._interfaces)
        try:
            self._sending = await self._zeroconf.async_register_service(info, allow_name_change=True)
        except BaseException as error:
            await _to_the_end(self._close)
            if isinstance(error, (OSError, zeroconf.Error)):
                raise DiscoveryUnavailable(f"the listener cannot be announced: {_reason(error)}") from error
            raise
        if info.name != _service_info(self._announcement).name:  # the library has changed it
            self.namesake.set()
        elif self._announcement.principal is not None:
            self._looking = asyncio.create_task(self._look(self._zeroconf, info, self._announcement))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _to_the_end(self._close)

    async def _look(self, zc: AsyncZeroconf, info: AsyncServiceInfo, told: Announcement) -> None:
        """Registering asked three times within half a second; answers get lost, and others come later."""
        own = _who(Announcement.from_txt(_instance(info.name), ["::1"], info.port, info.properties))
        async with _Search(self._interfaces, zc) as search:
            while (found := await search.next(None)) is not None:
                if (found.principal, found.secure) == (told.principal, told.secure) and _who(found) != own:
                    self.namesake.set()
                    await (await zc.async_update_service(info))  # of its own name it may ask for nothing
                    break

    async def _close(self) -> None:
        if self._looking is not None:
            await _stop([self._looking])
        if self._sending is not None:
            await _stop([asyncio.ensure_future(self._sending)])
        if self._zeroconf is not None:
            await self._zeroconf.async_close()  # says goodbye for what is registered


async def find(
    principal: Principal,
    *,
    timeout: float = 5.0,  # noqa: ASYNC109 - part of what is asked; the search ends by itself
    interfaces: Sequence[str] | None = None,
) -> Announcement:
    """The first listener with TLS that announces itself as `principal`.

    Raises CannotReach where none does within `timeout` seconds, and `DiscoveryUnavailable`.
    A hint only: the listener must still prove that it is the principal.
    """
    async with _Search(interfaces) as search:
        deadline = search.now() + timeout
        while (found := await search.next(deadline)) is not None:
            if found.principal == principal and found.secure:
                return found
    raise _nobody(principal, timeout)


async def find_all(
    principal: Principal,
    *,
    secure: bool = True,
    timeout: float = 5.0,  # noqa: ASYNC109 - part of what is asked; the search ends by itself
    interfaces: Sequence[str] | None = None,
) -> list[Announcement]:
    """Everybody who announces to be `principal`; more than one deserves to be told the user.

    Only those with TLS, or with `secure` false only those without: what is announced never decides it.
    Waits a second and a half for others after the first, and for those who were heard of by then and have
    not told who they are. Raises as `find` does; never returns an empty list.
    """
    claimed: dict[object, Announcement] = {}
    otherwise = settled = False
    async with _Search(interfaces) as search:
        deadline = end = search.now() + timeout
        while True:
            found = await search.next(deadline)
            if found is None:
                if settled:
                    break
                settled = True
                await search.settle(end)
            elif found.secure != secure:
                otherwise = otherwise or found.principal == principal
            elif found.principal == principal:
                if not claimed:
                    deadline = min(deadline, search.now() + _OTHERS)
                claimed[_who(found)] = found
            else:
                claimed = {key: other for key, other in claimed.items() if other.name != found.name}
    if not claimed and otherwise:
        raise CannotReach(_OTHERWISE[secure].format(principal))
    if not claimed:
        raise _nobody(principal, timeout)
    return list(claimed.values())


async def browse(
    *, seconds: float, interfaces: Sequence[str] | None = None
) -> AsyncGenerator[Announcement, None]:
    """Every listener announced during `seconds`, as it is heard of; once more when it changes.

    Raises `DiscoveryUnavailable`. Whoever leaves the loop early closes the iterator:
    ``async with contextlib.aclosing(browse(seconds=5)) as found``.
    """
    async with _Search(interfaces) as search:
        deadline = search.now() + seconds
        while (found := await search.next(deadline)) is not None:
            yield found


class _Search:
    """One browsing of the network, with what is `lent`: from entering, gives announcements as they come."""

    def __init__(self, interfaces: Sequence[str] | None, lent: AsyncZeroconf | None = None) -> None:
        self._interfaces = interfaces
        self._lent = lent
        self._loop = asyncio.get_running_loop()
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._found: asyncio.Queue[Announcement] = asyncio.Queue()
        self._known: dict[str, Announcement | None] = {}  # none that is gone: some searches last
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()  # changed once more while it was asked about

    def now(self) -> float:
        return self._loop.time()

    async def next(self, deadline: float | None) -> Announcement | None:
        """The next one that is new or changed; None at the deadline, if there is one."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._found.get()
        except TimeoutError:
            return None

    async def settle(self, deadline: float) -> None:
        """Wait until every name heard of so far has told who it is, or does not; no longer than that."""
        if self._asking:
            await asyncio.wait(list(self._asking.values()), timeout=max(0, deadline - self.now()))

    async def __aenter__(self) -> Self:
        self._zeroconf = self._lent or await _open(self._interfaces)
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, list(_TYPES), handlers=[self._changed], delay=1000
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _to_the_end(self._close)

    async def _close(self) -> None:
        if self._browser is not None:
            await self._browser.async_cancel()
        await _stop(list(self._asking.values()))
        if self._zeroconf is not None and self._lent is None:
            await self._zeroconf.async_close()

    def _changed(
        self, zeroconf: zeroconf.Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """Called by the library, in the event loop, for every change of an instance."""
        if state_change is ServiceStateChange.Removed:
            if name in self._asking:
                self._known[name] = None
            else:
                self._known.pop(name, None)
        elif name in self._asking:
            self._again.add(name)
        elif name in self._known or len(self._known) < _MOST_INSTANCES:
            self._known.setdefault(name, None)
            self._asking[name] = self._loop.create_task(self._ask(zeroconf, name))

    async def _ask(self, zc: zeroconf.Zeroconf, name: str) -> None:
        asked = False
        while not asked or name in self._again:
            asked = True
            self._again.discard(name)
            announcement = await _resolved(zc, name)
            if announcement is not None and announcement != self._known.get(name):
                self._known[name] = announcement
                self._found.put_nowait(announcement)
        del self._asking[name]
        if self._known[name] is None:
            del self._known[name]


async def _resolved(zc: zeroconf.Zeroconf, name: str) -> Announcement | None:
    try:
        secure = name.endswith(f".{SERVICE_TYPE}")
        info = AsyncServiceInfo(SERVICE_TYPE if secure else PLAIN_SERVICE_TYPE, name)
        if not await info.async_request(zc, _RESOLVE):
            return None
        addresses = info.parsed_scoped_addresses()
        return Announcement.from_txt(_instance(name), addresses, info.port, info.properties, secure=secure)
    except Exception as error:
        # Whatever a stranger's packet makes the library raise must not end the search.
        _log.debug("an announcement could not be read: %r", error)
        return None


def _who(one: Announcement | None) -> tuple[str, int, str | None] | None:
    """Tells listeners apart: whoever wants to pass for another announces the same instance name."""
    return None if one is None else (one.name, one.port, one.fingerprint)


def _service_info(announcement: Announcement) -> AsyncServiceInfo:
    # The library writes a dot as the end of a label, and an instance name is one label.
    name = announcement.name.replace(".", "-")
    return AsyncServiceInfo(
        announcement.service_type,
        f"{name}.{announcement.service_type}",
        port=announcement.port,
        properties=announcement.txt(),
        # A host name of our own: the real one may be announced by another responder, and two
        # that say different things of one name fight over it.
        server=f"msrp-{secrets.token_hex(6)}.local.",
        parsed_addresses=[address.partition("%")[0] for address in announcement.addresses],
    )


def _instance(name: str) -> str:
    for service_type in _TYPES:
        name = name.removesuffix(f".{service_type}")
    return name


async def _open(interfaces: Sequence[str] | None) -> AsyncZeroconf:
    """Start the library on these interfaces, or say in one sentence why it cannot be."""
    chosen = list(interfaces) if interfaces is not None else interface_addresses(with_ipv6=False)
    if not chosen:
        # An IPv6 network alone; the library knows such interfaces by their addresses, too.
        chosen = [address.partition("%")[0] for address in interface_addresses(with_ipv6=True)]
    if not chosen:
        raise DiscoveryUnavailable("the network cannot be searched: no interface has an address")
    here = {address.partition("%")[0] for address in interface_addresses(with_ipv6=True)}
    for address in chosen:
        if address.partition("%")[0] not in here:
            raise DiscoveryUnavailable(
                f"the network cannot be searched: no interface has {escape(address, 50)}"
            )
    try:
        try_port(chosen)
        opened = AsyncZeroconf(interfaces=chosen)
    except (OSError, ValueError, RuntimeError) as error:
        raise DiscoveryUnavailable(f"the network cannot be searched: {error}") from error
    try:
        await opened.zeroconf.async_wait_for_start()
        if not opened.zeroconf.engine.senders:
            raise DiscoveryUnavailable(f"the network cannot be searched: no multicast on {', '.join(chosen)}")
    except BaseException as error:
        await _to_the_end(opened.async_close)
        if isinstance(error, (OSError, zeroconf.Error)):
            raise DiscoveryUnavailable(f"the network cannot be searched: {_reason(error)}") from error
        raise
    return opened


def _nobody(principal: Principal, seconds: float) -> CannotReach:
    return CannotReach(
        f"nobody on this network announced {principal} within {seconds:g} s. With the address of the other "
        "side (host:port) no search is needed; to be found by its name it has to listen and be announced"
    )


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _stop(tasks: Sequence[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _to_the_end(step: Callable[[], Awaitable[None]]) -> None:
    """Run a short clean-up to its end, even where this task, or every task, is cancelled meanwhile.

    The cancellation is raised afterwards. `step` may be run again where it was cancelled itself.
    """
    interrupted = False
    for _ in range(3):
        task = asyncio.ensure_future(step())
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                interrupted = True
        if not task.cancelled():
            break
    if interrupted or task.cancelled():
        raise asyncio.CancelledError
    if (error := task.exception()) is not None:
        _log.debug("leaving the network was not orderly: %r", error)
