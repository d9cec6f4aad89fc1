"""The processes of benchmarks/crowd.py: told over stdin what to do, like loopback_ends.py.

    host WAY LIMITS NAMES  a listener with so many guests; speaks with whoever comes as Alice
    guests WAY             comes to it as often as told, under a name each, and says nothing
    talk WAY               Alice: speaks with the listener
    visit WAY              somebody else, who logs in now and then, and leaves
    sleep                  sleeps, and says how late it woke

All but the last through the public API. The clock is one for all of them (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from loopback_ends import orders, processor, resident, say
from paths_people import ALICE, BOB
from paths_ways import WAYS, Way

import msrp_peer
from msrp_sasl.verifier import LEAST_ITERATIONS

STEP = 0.01
"""Seconds between two looks of whoever watches how late it is."""
VISITOR = BOB.replace("bob", "carol")


def named(number: int) -> str:
    """One of the guests."""
    return BOB.replace("bob", f"guest{number}")


def guest(way: Way, number: int) -> dict[str, Any]:
    """For `connect`: a name for each, where there are passwords; else it is Alice each time."""
    return way.connecting(named(number) if way.by_password else ALICE)


# -- what a process costs


def proportional() -> int:
    """Memory, what is shared with other processes divided among them."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def costs(*, trim: bool = False) -> dict[str, Any]:
    """Of this process: octets of memory, and what else. With `trim` the C library gives back first what
    it only keeps for later."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):  # another C library
        if trim:
            ctypes.CDLL(None).malloc_trim(0)
    return {
        "resident": resident(),
        "proportional": proportional(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


class Stood:
    """How late an event loop is at the worst, and who had the processor meanwhile.

    Attributes:
        late: seconds.
        ran, waited: of them this thread had a processor, or waited for one that others had (Linux
            tells); what is left it waited for the interpreter's lock.
    """

    def __init__(self) -> None:
        self.late = self.ran = self.waited = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            then, began = _scheduled(), time.monotonic()
            await asyncio.sleep(STEP)
            late = time.monotonic() - began - STEP
            if late > self.late:
                ran, waited = (now - before for now, before in zip(_scheduled(), then, strict=True))
                self.late, self.ran, self.waited = late, ran, waited

    def told(self) -> dict[str, float]:
        return {"late": self.late, "ran": self.ran, "waited": self.waited}


def _scheduled() -> tuple[float, float]:
    """Seconds this thread ran, and seconds it was ready to and did not."""
    try:
        ran, waited, _ = Path("/proc/thread-self/schedstat").read_text().split()
    except OSError:
        return time.thread_time(), 0.0
    return int(ran) / 1e9, int(waited) / 1e9


@contextlib.asynccontextmanager
async def watching() -> Any:
    stood = Stood()
    task = asyncio.ensure_future(stood.watch())
    yield stood
    task.cancel()


# -- two people


class Voice:
    """One of two people: says a line at each turn of a clock, and counts what it hears."""

    def __init__(self, session: msrp_peer.Session) -> None:
        self.session = session
        self.heard: Counter[str] = Counter()
        self.more = asyncio.Event()

    async def hear(self) -> None:
        async for message in self.session:
            self.heard[await message.text()] += 1
            self.more.set()

    async def say(self, order: dict[str, Any]) -> dict[str, Any]:
        """As many lines as there are in so many seconds; how long each took until it was confirmed.

        Counted from when it was to be said: a program that is late itself says it late. Lines are
        not kept back for those before them.
        """
        period = 1 / order["rate"]
        began = time.monotonic()
        waits: list[float] = []
        failed: list[str] = []

        async def one(text: str, due: float) -> None:
            try:
                sent = await self.session.send(text)
                await sent.delivered()
            except msrp_peer.MsrpError as error:
                failed.append(str(error))
            waits.append(time.monotonic() - due)

        async with watching() as stood, asyncio.TaskGroup() as lines:
            for number in range(round(order["seconds"] * order["rate"])):
                due = began + number * period
                if (early := due - time.monotonic()) > 0:  # who is late must not become later
                    await asyncio.sleep(early)
                lines.create_task(one(f"{order['turn']} {number}", due))
        return {"waits": waits, "failed": failed, "stood": stood.told()}

    async def count(self, order: dict[str, Any]) -> dict[str, int]:
        """Lines of one turn: those heard once, and again; waits a while for so many."""

        def of_turn() -> list[int]:
            return [times for text, times in self.heard.items() if text.split()[0] == str(order["turn"])]

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while len(of_turn()) < order["expected"]:
                    self.more.clear()
                    await self.more.wait()
        found = of_turn()
        return {"heard": len(found), "again": sum(found) - len(found)}


async def speak(voice: Voice, order: dict[str, Any]) -> None:
    say(**(await (voice.say(order) if order["do"] == "say" else voice.count(order))))


# -- roles

ROOMY = msrp_peer.Limits(connections=100_000, per_source=100_000, unbound=1000, unbound_per_source=1000)


async def host(way: Way, limits: msrp_peer.Limits, names: int) -> None:
    # What is logged is written, and thrown away; but for what must not be.
    logging.basicConfig(filename=os.devnull, level=logging.INFO)
    wrong = logging.StreamHandler()
    wrong.setLevel(logging.ERROR)
    logging.getLogger().addHandler(wrong)
    sessions: set[msrp_peer.Session] = set()
    changed = asyncio.Condition()
    spoken: asyncio.Future[Voice] = asyncio.get_running_loop().create_future()

    async def serve(session: msrp_peer.Session) -> None:
        sessions.add(session)
        async with changed:
            changed.notify_all()
        try:
            if session.security.principal == ALICE and not spoken.done():
                spoken.set_result(Voice(session))
                await spoken.result().hear()
            async for _ in session:
                pass
        finally:
            sessions.discard(session)
            async with changed:
                changed.notify_all()

    # The least iterations SCRAM allows: they are the other side's to do; there is nothing here to derive.
    them = [ALICE, VISITOR, *map(named, range(names))] if way.by_password else [ALICE]
    options = way.listening(them=them, iterations=LEAST_ITERATIONS)
    async with msrp_peer.listen("127.0.0.1:0", serve, limits=limits, **options) as listener:
        say(port=listener.port)
        async for order in orders():
            if order["do"] == "until":
                try:
                    async with asyncio.timeout(60), changed:
                        await changed.wait_for(lambda wanted=order["sessions"]: len(sessions) == wanted)
                except TimeoutError:
                    say(lost=f"{order['sessions']} sessions expected, {len(sessions)} are there")
                    return
                say(levels=dict(Counter(session.security.level.word for session in sessions)))
            elif order["do"] == "processor":
                say(seconds=sum(processor()))
            elif order["do"] == "costs":
                say(**costs(trim=order.get("trim", False)))
            else:
                await speak(await spoken, order)


async def guests(way: Way) -> None:
    say(here=True)
    there: list[msrp_peer.Session] = []
    places = asyncio.Semaphore(16)

    async def come(port: int, number: int) -> msrp_peer.Session:
        async with places:
            return await msrp_peer.connect(f"127.0.0.1:{port}", timeout=60, **guest(way, number))

    async for order in orders():
        if order["do"] == "come":
            began = time.monotonic()
            there += await asyncio.gather(*(come(order["port"], number) for number in range(order["count"])))
            say(seconds=time.monotonic() - began)
        else:
            for session in there:
                await session.close()
            there.clear()
            say(gone=True)


async def talk(way: Way) -> None:
    say(here=True)
    async with contextlib.AsyncExitStack() as stack:
        voice: Voice
        async for order in orders():
            if order["do"] == "connect":
                place = f"127.0.0.1:{order['port']}"
                voice = Voice(await stack.enter_async_context(msrp_peer.connect(place, **way.connecting())))
                hearing = asyncio.ensure_future(voice.hear())
                stack.callback(hearing.cancel)
                say(ready=True)
            else:
                await speak(voice, order)


async def visit(way: Way) -> None:
    """Twice a second, or as often as it can: the seconds until the session stood."""
    say(here=True)
    async for order in orders():
        took, failed = [], []
        until = time.monotonic() + order["seconds"]
        while (began := time.monotonic()) < until:
            options = way.connecting(VISITOR)
            try:
                async with msrp_peer.connect(f"127.0.0.1:{order['port']}", timeout=30, **options):
                    took.append(time.monotonic() - began)
            except msrp_peer.MsrpError as error:
                failed.append(str(error))
            await asyncio.sleep(max(0.0, began + 0.5 - time.monotonic()))
        say(took=took, failed=failed)


async def sleep() -> None:
    say(here=True)
    async for order in orders():
        async with watching() as stood:
            await asyncio.sleep(order["seconds"])
        say(stood=stood.told())


async def main(role: str, way: str = "", limits: str = "", names: str = "1") -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if role == "host":
        await host(WAYS[way], ROOMY if limits == "roomy" else msrp_peer.Limits(), int(names))
    elif role == "sleep":
        await sleep()
    else:
        await {"guests": guests, "talk": talk, "visit": visit}[role](WAYS[way])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
