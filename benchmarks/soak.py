"""A long run between two machines of this one: loss, a slow line, connections cut in the middle.

    make soak                      two minutes; needs root, `ip`, `tc` and `nft`
    make soak SECONDS=600

Two network namespaces, a veth pair between them, its rate limited (tc tbf), packets dropped at
random (nft). Over it several sessions that share a connection and several that do not, chat,
streams and files both ways. Every few seconds a connection is torn (reset on both sides) or
falls silent for good. At the end the sum must be right, to the message:

- every message sent was either delivered or its sender was told that it failed;
- what was delivered arrived whole, checked, and once;
- nothing arrived twice.

A message may have arrived although its sender was told that it failed: the connection broke
before the answer came. RFC 4975 cannot do better, and these are counted as in doubt.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120

from soak_line import cut, inside, machines, needs, ruled, shaped, wired

import msrp_peer

PORT = 2855
NEAR, FAR = "10.213.7.1", "10.213.7.2"
GRACE = 20.0  # seconds in which what is on its way may still arrive, and nothing new is sent
# A silent line is noticed within ten seconds, so that a short run sees many of them.
LIMITS = msrp_peer.Limits(keep_alive=3, transaction=7, stall=10, message=8 << 20)


class Talker:
    """One side: what it sent and how that ended, what it received."""

    def __init__(self, name: str, seconds: float, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.random = random.Random(name)
        loop = asyncio.get_running_loop()
        self.stop = loop.time() + seconds
        self.verdicts: dict[str, str] = {}
        self.reasons: Counter[str] = Counter()
        self.whole: Counter[str] = Counter()
        self.cut = 0
        self.wrong: list[str] = []
        self.octets = 0
        self.sessions = 0

    @property
    def talking(self) -> bool:
        return asyncio.get_running_loop().time() < self.stop

    async def converse(self, session: msrp_peer.Session) -> None:
        """Say much, hear all of it; returns when the session is over."""
        self.sessions += 1
        saying = [self._chat(session), self._chat(session), self._streams(session), self._files(session)]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(session, group))
            for one in saying:
                group.create_task(one)

    # -- out

    def _next(self) -> str:
        number = f"{self.name}-{len(self.verdicts)}"
        self.verdicts[number] = "sending"
        return number

    def _body(self, number: str, size: int) -> bytes:
        octets = self.random.randbytes(size)
        return f"{number} {hashlib.sha256(octets).hexdigest()}\n".encode() + octets

    async def _told(self, number: str, sending: Coroutine[Any, Any, msrp_peer.Sent]) -> bool:
        """Whether the session goes on."""
        try:
            sent = await sending
            await sent.delivered()
        except (msrp_peer.NotDelivered, msrp_peer.ConnectionLost) as error:
            self.verdicts[number] = "failed"
            status = getattr(error, "status", None)
            self.reasons[f"{status}: {error}" if status else str(error)] += 1
            return not isinstance(error, msrp_peer.ConnectionLost)
        self.verdicts[number] = "delivered"
        return True

    async def _chat(self, session: msrp_peer.Session) -> None:
        while self.talking and not session.closed:
            number = self._next()
            body = self._body(number, self.random.randrange(400))
            if not await self._told(number, session.send(body, "application/x-chat")):
                return
            await asyncio.sleep(self.random.random() * 0.2)

    async def _streams(self, session: msrp_peer.Session) -> None:
        while self.talking and not session.closed:
            number = self._next()
            body = self._body(number, self.random.randrange(400_000))

            async def pieces(body: bytes = body) -> Any:
                for at in range(0, len(body), 30_000):
                    yield body[at : at + 30_000]

            if not await self._told(number, session.send(pieces(), "application/x-stream")):
                return

    async def _files(self, session: msrp_peer.Session) -> None:
        while self.talking and not session.closed:
            number = self._next()
            path = self.folder / f"{number}.out"
            await asyncio.to_thread(path.write_bytes, self._body(number, self.random.randrange(2_000_000)))
            try:
                if not await self._told(number, session.send(path)):
                    return
            finally:
                path.unlink()

    # -- in

    async def _listen(self, session: msrp_peer.Session, group: asyncio.TaskGroup) -> None:
        with contextlib.suppress(msrp_peer.ConnectionLost):
            async for message in session:
                group.create_task(self._take(message))

    async def _take(self, message: msrp_peer.Message) -> None:
        try:
            if message.file:
                received = await message.save(self.folder)
                body = await asyncio.to_thread(received.path.read_bytes)
                received.path.unlink()
            else:
                body = await message.read()
        except msrp_peer.MessageCut:
            self.cut += 1
            return
        head, _, octets = body.partition(b"\n")
        number, _, digest = head.decode("ascii", "replace").partition(" ")
        if hashlib.sha256(octets).hexdigest() != digest:
            self.wrong.append(number)
        self.whole[number] += 1
        self.octets += len(body)

    # -- the sum

    def journal(self) -> dict[str, Any]:
        return {
            "verdicts": self.verdicts,
            "whole": self.whole,
            "cut": self.cut,
            "wrong": self.wrong,
            "octets": self.octets,
            "sessions": self.sessions,
            "reasons": dict(self.reasons.most_common(8)),
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "tasks": len(asyncio.all_tasks()) - 1,
        }


async def listening(talker: Talker) -> None:
    async with msrp_peer.listen(f"{FAR}:{PORT}", talker.converse, limits=LIMITS):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)  # until we are told that the other side is done


async def calling(talker: Talker, shared: int, alone: int) -> None:
    async def lane(pool: msrp_peer.Pool | None) -> None:
        while talker.talking:
            try:
                session = await msrp_peer.connect(f"{FAR}:{PORT}", pool=pool, limits=LIMITS)
            except msrp_peer.MsrpError:
                await asyncio.sleep(0.5)  # the line is bad just now
                continue
            async with asyncio.TaskGroup() as group:
                talk = group.create_task(talker.converse(session))
                # Both sides may hear what is still on its way.
                left = talker.stop + GRACE - asyncio.get_running_loop().time()
                await asyncio.wait([talk], timeout=left)
                await session.close()

    async with msrp_peer.Pool() as pool, asyncio.TaskGroup() as group:
        for _ in range(shared):
            group.create_task(lane(pool))
        for _ in range(alone):
            group.create_task(lane(None))


async def talk(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="msrp-soak-") as folder:
        talker = Talker(arguments.role, arguments.seconds, Path(folder))
        if arguments.role == "far":
            await listening(talker)
        else:
            await calling(talker, arguments.shared, arguments.alone)
        print(json.dumps(talker.journal()), flush=True)


# -- the two machines, and what happens to the line between them


@contextlib.contextmanager
def line(loss: int, rate: str) -> Iterator[tuple[str, str]]:
    """Two namespaces of our own and a line between them, gone afterwards."""
    near, far = (f"msrp-soak-{os.getpid()}-{side}" for side in "ab")
    with machines((near, far)):
        wired((near, "soak", NEAR), (far, "soak", FAR))
        for name in (near, far):
            shaped(name, "soak", rate)
            ruled(name, loss)
        yield near, far


def soak(arguments: argparse.Namespace) -> bool:
    needs()
    script = [sys.executable, "-P", __file__, "--seconds", str(arguments.seconds)]
    script += ["--shared", str(arguments.shared), "--alone", str(arguments.alone)]
    cuts: Counter[str] = Counter()
    dice = random.Random(arguments.seed)
    with line(arguments.loss, arguments.rate) as (near, far):
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with (
            subprocess.Popen([*inside(far), *script, "--role", "far"], **pipes) as listener,
            ended(listener),
        ):
            assert listener.stdout is not None
            if listener.stdout.readline().strip() != "ready":
                return False
            with (
                subprocess.Popen([*inside(near), *script, "--role", "near"], **pipes) as caller,
                ended(caller),
            ):
                spent = 0.0
                while spent < arguments.seconds and caller.poll() is None:
                    pause = dice.uniform(0.5, 1.5) * arguments.every
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        caller.wait(pause)
                    spent += pause
                    if spent < arguments.seconds:
                        cuts[cut((near, far), {PORT}, dice)] += 1
                said, _ = caller.communicate(timeout=arguments.seconds + 4 * GRACE)
            heard, _ = listener.communicate(timeout=4 * GRACE)
    shape = f"{arguments.rate}, {arguments.loss / 10:g} % loss each way"
    print(f"{arguments.seconds:g} s, {shape}; connections cut: {dict(cuts)}")
    return summed(json.loads(said), json.loads(heard))


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


def summed(near: dict[str, Any], far: dict[str, Any]) -> bool:
    """Print the sums; whether they are right."""
    right = True
    for name, sender, receiver in (("near to far", near, far), ("far to near", far, near)):
        verdicts, whole = sender["verdicts"], receiver["whole"]
        count = Counter(verdicts.values())
        faults = {
            "no verdict": [n for n, v in verdicts.items() if v not in ("delivered", "failed")],
            "delivered, and not here": [
                n for n, v in verdicts.items() if v == "delivered" and n not in whole
            ],
            "here more than once": [n for n, times in whole.items() if times != 1],
            "here, and never sent": [n for n in whole if n not in verdicts],
            "damaged": receiver["wrong"],
        }
        doubt = sum(n in whole for n, v in verdicts.items() if v == "failed")
        print(
            f"{name}: {len(verdicts)} sent = {count['delivered']} delivered once + {count['failed']} told "
            f"failed ({doubt} of these had arrived); {receiver['octets'] / 1e6:.1f} MB, "
            f"{receiver['cut']} seen cut"
        )
        print(f"  {sender['sessions']} sessions, {sender['memory'] / 1024:.0f} MiB at most; why not:")
        for reason, times in sender["reasons"].items():
            print(f"    {times:5} {reason}")
        for fault, numbers in faults.items():
            if numbers:
                right = False
                print(f"  WRONG: {fault}: {len(numbers)}, such as {numbers[:5]}")
        if sender["tasks"]:
            right = False
            print(f"  WRONG: {sender['tasks']} tasks left")
    print("The sum is right." if right else "THE SUM IS WRONG.")
    return right


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--loss", type=int, default=10, help="packets in a thousand, each way")
    parser.add_argument("--rate", default="40mbit", help="of each direction, as tc writes it")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two cuts, about")
    parser.add_argument("--shared", type=int, default=4, help="sessions on one connection")
    parser.add_argument("--alone", type=int, default=4, help="sessions with a connection each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--role", choices=["near", "far"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        asyncio.run(talk(arguments))
        return 0
    return 0 if soak(arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
