"""Finding each other over multicast DNS on the loopback interface, and leaving no trace."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Self

import ifaddr
import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from msrp_peer.aio import discovery, interfaces
from msrp_peer.aio.discovery import Announcer, DiscoveryUnavailable, browse, find, find_all
from msrp_peer.signalling.announcement import SERVICE_TYPE, Announcement
from msrp_peer.terms.errors import CannotReach
from msrp_peer.terms.principal import Principal
from support.loops import looped, run

LOOPBACK = ["127.0.0.1"]
Told = dict[str, Announcement]
PRINT = ":".join(["0A"] * 32)


@pytest.fixture
def bob() -> Principal:
    """Somebody nobody else on this network announces."""
    return Principal("im", f"bob-{secrets.token_hex(6)}", "lan")


def announcement(principal: Principal | None, port: int = 2855, name: str = "") -> Announcement:
    name = name or f"test {secrets.token_hex(6)}"
    return Announcement(name, ("127.0.0.1", "fd00::1"), port, principal, PRINT, ("SCRAM-SHA-256-PLUS",))


@asynccontextmanager
async def goodbyes(name: str) -> AsyncIterator[asyncio.Event]:
    """An event set once the network was told that the instance of that name is gone."""
    seen, gone = asyncio.Event(), asyncio.Event()

    def changed(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange, wanted: str = name
    ) -> None:
        if name == f"{wanted}.{SERVICE_TYPE}":
            (gone if state_change is ServiceStateChange.Removed else seen).set()

    async with (
        AsyncZeroconf(interfaces=LOOPBACK) as zeroconf,
        AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[changed]),
    ):
        yield gone
        assert seen.is_set(), "it was never announced"


@looped
@pytest.mark.rule("4975 6.2-4")
async def test_a_principal_is_found_with_all_it_announced(bob: Principal) -> None:
    told = announcement(bob)
    async with Announcer(told, interfaces=LOOPBACK) as announcer:
        assert announcer.announcement == told
        assert await find(bob, interfaces=LOOPBACK) == told
        with pytest.raises(CannotReach):
            await find(Principal("sip", bob.user, bob.domain), timeout=0.3, interfaces=LOOPBACK)


@looped
async def test_a_name_that_is_not_published_is_not_found(bob: Principal) -> None:
    async with Announcer(announcement(None), interfaces=LOOPBACK):
        with pytest.raises(CannotReach, match=re.escape(f"announced {bob} within 0.3 s")):
            await find(bob, timeout=0.3, interfaces=LOOPBACK)
        with pytest.raises(CannotReach):
            await find_all(bob, timeout=0.3, interfaces=LOOPBACK)


@looped
async def test_two_that_claim_one_name_are_both_told(bob: Principal) -> None:
    name = f"a.b {bob.user}"
    async with (
        Announcer(announcement(bob, 1001, name), interfaces=LOOPBACK) as first,
        Announcer(announcement(bob, 1002, name), interfaces=LOOPBACK) as second,
    ):
        # One label: no dots; and no two of one name.
        assert first.announcement.name == f"a-b {bob.user}"
        assert second.announcement.name == f"a-b {bob.user}-2"
        found = await find_all(bob, interfaces=LOOPBACK)
        assert sorted(found, key=lambda one: one.port) == [first.announcement, second.announcement]


@looped
async def test_who_is_announced_as_the_same_principal_is_told(bob: Principal) -> None:
    """Registering asks for the instance name alone, and these differ."""
    async with Announcer(announcement(bob, 1001), interfaces=LOOPBACK) as first:
        await find(bob, interfaces=LOOPBACK)  # itself
        assert not first.namesake.is_set()
        other = announcement(Principal("im", bob.user, "elsewhere"), 1003)
        async with (
            Announcer(other, interfaces=LOOPBACK) as third,
            Announcer(announcement(bob, 1002), interfaces=LOOPBACK) as second,
            asyncio.timeout(20),
        ):
            await asyncio.gather(first.namesake.wait(), second.namesake.wait())
            assert not third.namesake.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@looped
async def test_two_under_one_instance_name_are_told_of_each_other(
    bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The questions of registering got lost, and of its own name neither asks anything."""

    async def deaf(*args: object, **options: object) -> None: ...

    monkeypatch.setattr(Zeroconf, "async_check_service", deaf)
    async with Announcer(announcement(bob, 1001, bob.user), interfaces=LOOPBACK) as first:
        await find(bob, interfaces=LOOPBACK)
        async with Announcer(announcement(bob, 1002, bob.user), interfaces=LOOPBACK) as second:
            async with asyncio.timeout(20):
                await asyncio.gather(first.namesake.wait(), second.namesake.wait())
            assert first.announcement.name == second.announcement.name


@looped
async def test_the_same_instance_name_with_another_key_is_another(
    bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two on two hosts, at the same port, whose question whether the name is free got lost."""
    own = announcement(bob)
    found = [own, replace(own, secure=False), replace(own, principal=None), replace(own, fingerprint=None)]

    class Scripted(discovery._Search):
        async def __aenter__(self) -> Self:
            return self

        async def next(self, deadline: float | None) -> Announcement | None:
            return found.pop(0) if found else None

    monkeypatch.setattr(discovery, "_Search", Scripted)
    async with Announcer(own, interfaces=LOOPBACK) as announcer, asyncio.timeout(20):
        await announcer.namesake.wait()
    assert not found


@looped
async def test_browsing_shows_each_once(bob: Principal) -> None:
    async with Announcer(announcement(bob), interfaces=LOOPBACK):
        found = [one async for one in browse(seconds=0.7, interfaces=LOOPBACK) if one.principal == bob]
        assert len(found) == 1


@looped
async def test_a_browser_abandoned_in_the_middle_leaves_nothing(bob: Principal) -> None:
    async with Announcer(announcement(bob), interfaces=LOOPBACK):
        async for one in browse(seconds=60, interfaces=LOOPBACK):
            if one.principal == bob:
                break


@looped
async def test_a_record_of_garbage_is_an_address_and_no_more(bob: Principal) -> None:
    name = f"\u202e {bob.user}"
    info = AsyncServiceInfo(
        SERVICE_TYPE,
        f"{name}.{SERVICE_TYPE}",
        port=7,
        properties={b"v": b"1", b"id": b"im:\xff@lan", b"fp": b"\x00" * 200, b"\xff": None},
        server=f"{bob.user}.local.",
        parsed_addresses=["127.0.0.1"],
    )
    async with AsyncZeroconf(interfaces=LOOPBACK) as zeroconf:
        await (await zeroconf.async_register_service(info))
        async with aclosing(browse(seconds=10, interfaces=LOOPBACK)) as iterator:
            found = await anext(one async for one in iterator if bob.user in one.name)
    assert found == Announcement(f"\\u202e {bob.user}", ("127.0.0.1",), 7)


@looped
async def test_leaving_says_goodbye(bob: Principal) -> None:
    told = announcement(bob)
    async with goodbyes(told.name) as gone:
        async with Announcer(told, interfaces=LOOPBACK):
            assert not gone.is_set()
        assert not [task for task in asyncio.all_tasks() if "broadcast" in repr(task)]
        async with asyncio.timeout(10):
            await gone.wait()


@looped
async def test_a_cancelled_announcer_says_goodbye_even_when_cancelled_again(
    bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = announcement(bob)
    entered, closing = asyncio.Event(), asyncio.Event()
    close = AsyncZeroconf.async_close

    async def slow_close(zeroconf: AsyncZeroconf) -> None:
        closing.set()
        await close(zeroconf)

    async def serve() -> None:
        async with Announcer(told, interfaces=LOOPBACK):
            entered.set()
            await asyncio.Event().wait()

    async with goodbyes(told.name) as gone:
        task = asyncio.create_task(serve())
        await entered.wait()
        monkeypatch.setattr(AsyncZeroconf, "async_close", slow_close)
        task.cancel()
        await closing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await gone.wait()


@pytest.mark.parametrize("when", ["announced", "leaving"])
def test_the_end_of_the_program_takes_the_announcement_back(
    bob: Principal, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        entered, leave, leaving = asyncio.Event(), asyncio.Event(), asyncio.Event()
        events.append(leaving)

        async def serve() -> None:
            async with Announcer(announcement(bob), interfaces=LOOPBACK):
                entered.set()
                await leave.wait()

        kept.append(asyncio.create_task(serve()))
        await entered.wait()
        if when == "leaving":
            leave.set()
            await leaving.wait()
        # asyncio.run now cancels every task, those that clean up included.

    kept: list[asyncio.Task[None]] = []
    goodbyes_said: list[bool] = []
    events: list[asyncio.Event] = []
    goodbye = Zeroconf.generate_unregister_all_services

    def generate(zeroconf: Zeroconf) -> object:
        message = goodbye(zeroconf)
        goodbyes_said.append(message is not None)
        events[0].set()
        return message

    monkeypatch.setattr(Zeroconf, "generate_unregister_all_services", generate)
    run(main())
    assert kept[0].cancelled()
    assert any(goodbyes_said)


@pytest.mark.parametrize("what", ["announce", "find"])
@looped
async def test_cancelled_while_starting(bob: Principal, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = asyncio.Event()
    really_open = discovery._open
    started: list[AsyncZeroconf] = []

    async def open_and_tell(interfaces: Sequence[str] | None) -> AsyncZeroconf:
        started.append(await really_open(interfaces))
        opened.set()
        return started[0]

    async def enter() -> None:
        if what == "find":
            await find(bob, timeout=60, interfaces=LOOPBACK)
        else:
            await Announcer(announcement(bob), interfaces=LOOPBACK).__aenter__()

    monkeypatch.setattr(discovery, "_open", open_and_tell)
    task = asyncio.create_task(enter())
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].zeroconf.done


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What each name resolves to, in place of the network."""
    answers: Told = {}

    async def resolved(zc: object, name: str) -> Announcement | None:
        answer = answers.get(name)
        await asyncio.sleep(0)
        return answer

    monkeypatch.setattr(discovery, "_resolved", resolved)
    return answers


async def heard(search: discovery._Search, *changes: tuple[str, ServiceStateChange]) -> list[Announcement]:
    """What the search says after these changes, all at once."""
    for name, change in changes:
        search._changed(None, SERVICE_TYPE, name, change)  # type: ignore[arg-type]
    while search._asking:
        await asyncio.gather(*search._asking.values())
    return [search._found.get_nowait() for _ in range(search._found.qsize())]


@looped
async def test_an_announcement_is_new_when_it_differs_or_was_gone(told: Told, bob: Principal) -> None:
    added, updated, removed = ServiceStateChange.Added, ServiceStateChange.Updated, ServiceStateChange.Removed
    search = discovery._Search(None)
    one, other = announcement(bob, 1, "x"), announcement(bob, 2, "x")
    told["x"] = one
    assert await heard(search, ("x", added)) == [one]
    assert await heard(search, ("x", updated)) == []
    told["x"] = other
    assert await heard(search, ("x", updated)) == [other]
    assert await heard(search, ("x", removed), ("y", removed)) == []
    assert await heard(search, ("x", added)) == [other]
    assert await heard(search, ("z", added)) == []


@looped
async def test_a_change_while_it_is_asked_about_is_not_missed(told: Told, bob: Principal) -> None:
    search = discovery._Search(None)
    one, other = announcement(bob, 1, "x"), announcement(bob, 2, "x")
    told["x"] = one
    search._changed(None, SERVICE_TYPE, "x", ServiceStateChange.Added)  # type: ignore[arg-type]
    await asyncio.sleep(0)  # it has read the old answer by now
    told["x"] = other
    assert await heard(search, ("x", ServiceStateChange.Updated)) == [one, other]


@looped
async def test_a_network_full_of_names_is_followed_so_far(told: Told, bob: Principal) -> None:
    search = discovery._Search(None)
    told.update({str(n): announcement(bob, 1, str(n)) for n in range(1000)})
    found = await heard(search, *((str(n), ServiceStateChange.Added) for n in range(1000)))
    assert len(found) == 512
    assert await heard(search, ("0", ServiceStateChange.Removed), ("0", ServiceStateChange.Added)) != []


@looped
async def test_names_that_are_gone_take_no_room(told: Told, bob: Principal) -> None:
    """A listener searches for as long as it is announced."""
    search = discovery._Search(None)
    told["the last"] = one = announcement(bob, 1, "the last")
    told.update({str(n): announcement(bob, 1, str(n)) for n in range(500)})
    for n in range(1000):  # half of them tell nothing
        await heard(search, (str(n), ServiceStateChange.Added))
        assert await heard(search, (str(n), ServiceStateChange.Removed)) == []
    assert await heard(search, ("the last", ServiceStateChange.Added)) == [one]


@looped
async def test_a_search_that_ends_asks_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_resolved", lambda zc, name: asyncio.Event().wait())
    search = discovery._Search(None)
    search._changed(None, SERVICE_TYPE, "x", ServiceStateChange.Added)  # type: ignore[arg-type]
    await search._close()
    assert [task.cancelled() for task in search._asking.values()] == [True]


@looped
async def test_others_are_waited_for(bob: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    script = [(4.0, "a"), (4.5, "b"), (4.6, "other"), (4.9, "b"), (5.6, "late")]

    class Scripted(discovery._Search):
        async def __aenter__(self) -> Self:
            return self

        def now(self) -> float:
            return script[0][0] - 0.1 if script[0][1] == "a" else 4.0

        async def next(self, deadline: float) -> Announcement | None:
            when, name = script[0]
            return (
                announcement(None if name == "other" else bob, 1, script.pop(0)[1])
                if when < deadline
                else None
            )

    monkeypatch.setattr(discovery, "_Search", Scripted)
    assert [one.name for one in await find_all(bob)] == ["a", "b"]
    assert script == [(5.6, "late")]


@looped
async def test_who_was_heard_of_and_has_not_told_who_it_is_is_waited_for(
    bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [announcement(bob, 1, "a"), None, announcement(bob, 1, "slow"), None]
    waited: list[float] = []

    class Scripted(discovery._Search):
        async def __aenter__(self) -> Self:
            return self

        def now(self) -> float:
            return 4.0

        async def next(self, deadline: float | None) -> Announcement | None:
            assert waited or told[0] or deadline == 4.0 + discovery._OTHERS
            return told.pop(0)

        async def settle(self, deadline: float) -> None:
            waited.append(deadline)

    monkeypatch.setattr(discovery, "_Search", Scripted)
    assert [one.name for one in await find_all(bob, timeout=3.0)] == ["a", "slow"]
    assert waited == [7.0]


@looped
async def test_a_name_heard_of_is_settled_when_it_has_told_who_it_is(
    bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, may = asyncio.Event(), asyncio.Event()
    one = announcement(bob, 1, "slow")

    async def resolved(_: Zeroconf, name: str) -> Announcement:
        asked.set()
        await may.wait()
        return one

    monkeypatch.setattr(discovery, "_resolved", resolved)
    search = discovery._Search(LOOPBACK)
    await search.settle(search.now() + 60)  # nobody was heard of
    search._changed(None, SERVICE_TYPE, f"slow.{SERVICE_TYPE}", ServiceStateChange.Added)  # type: ignore[arg-type]
    await asked.wait()
    settling = asyncio.ensure_future(search.settle(search.now() + 60))
    may.set()
    await settling
    assert await search.next(search.now()) == one


@looped
async def test_two_under_the_same_instance_name_are_both_told(
    bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wants to pass for another takes that name, too."""
    told = [announcement(bob, port, "one name") for port in (1, 2, 1)]

    class Scripted(discovery._Search):
        async def __aenter__(self) -> Self:
            return self

        async def next(self, deadline: float) -> Announcement | None:
            return told.pop(0) if told else None

    monkeypatch.setattr(discovery, "_Search", Scripted)
    assert [one.port for one in await find_all(bob)] == [1, 2]


@looped
async def test_whatever_the_library_raises_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object) -> bool:
        raise IndexError("a hostile packet")

    monkeypatch.setattr(AsyncServiceInfo, "async_request", broken)
    assert await discovery._resolved(None, f"x.{SERVICE_TYPE}") is None  # type: ignore[arg-type]
    assert await discovery._resolved(None, "no name of this type") is None  # type: ignore[arg-type]


async def everything_is_unavailable(bob: Principal, match: str, interfaces: list[str] | None) -> None:
    with pytest.raises(DiscoveryUnavailable, match=match):
        await find(bob, timeout=1, interfaces=interfaces)
    with pytest.raises(DiscoveryUnavailable, match=match):
        await anext(browse(seconds=1, interfaces=interfaces))
    with pytest.raises(DiscoveryUnavailable, match=match):
        await Announcer(announcement(bob), interfaces=interfaces).__aenter__()


@pytest.mark.parametrize("interface", ["192.0.2.77", "2001:db8::77", "no address"])
def test_an_interface_that_is_not_here(bob: Principal, interface: str) -> None:
    run(everything_is_unavailable(bob, f"no interface has {interface}", [interface]))


def test_no_interface_at_all(bob: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ifaddr, "get_adapters", list)
    run(everything_is_unavailable(bob, "no interface has an address", None))


def test_the_port_is_somebody_elses_alone(bob: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        monkeypatch.setattr(interfaces, "_MDNS_PORT", taken.getsockname()[1])
        run(everything_is_unavailable(bob, "in use", LOOPBACK))


def test_no_multicast(bob: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zeroconf._utils.net.add_multicast_member", lambda *args: False)
    run(everything_is_unavailable(bob, "no multicast on 127.0.0.1", LOOPBACK))


async def nobody_but(words: str, bob: Principal, *, secure: bool) -> None:
    """A search for them finds nobody, and says who there is; it takes as long as it takes to hear of them."""
    said = ""
    for timeout in (0.7, 2, 6):
        with pytest.raises(CannotReach) as caught:
            await find_all(bob, secure=secure, timeout=timeout, interfaces=LOOPBACK)
        said = str(caught.value)
        if words in said:
            return
    raise AssertionError(said)


@looped
async def test_plain_tcp_is_announced_apart_and_chosen_by_nobody_but_the_user(bob: Principal) -> None:
    """Otherwise whoever announces could take TLS away."""
    told = replace(announcement(bob), secure=False, fingerprint=None)
    async with Announcer(told, interfaces=LOOPBACK) as announcer:
        assert announcer.announcement == told
        assert await find_all(bob, secure=False, interfaces=LOOPBACK) == [told]
        await nobody_but("for plain TCP alone", bob, secure=True)
        with pytest.raises(CannotReach):
            await find(bob, timeout=0.7, interfaces=LOOPBACK)
        async with Announcer(announcement(bob, 2856), interfaces=LOOPBACK) as second:
            assert await find_all(bob, interfaces=LOOPBACK) == [second.announcement]
    async with Announcer(announcement(bob), interfaces=LOOPBACK):
        await nobody_but("with TLS alone", bob, secure=False)
