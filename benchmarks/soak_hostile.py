"""A long run among enemies: fifty peers on every way to a session, killed, cut off, frozen and attacked.

    make soak-hostile              two minutes; needs root, `ip`, `tc`, `nft` and `ss`
    make soak-hostile SECONDS=1800

Machines of this one (network namespaces) around one in the middle. There two processes listen on every
way that benchmarks/paths.py knows (TLS with nobody proved, anonymous Diffie-Hellman, fingerprints by SDP,
certificates, SCRAM, DIGEST-MD5 and, where a KDC is installed, KRB5-U2U); four others hold fifty peers
together. All chat and send files, to each other's SHA-256, and remember each other in files of known peers
that several processes have open. Some read late, or not for long.

Meanwhile connections are torn and fall silent, whole lines go down, one of those that listen and all but
one of those that hold peers are killed and started anew, processes are frozen, and a machine of its own
sends bad logins, garbage, half frames, floods, claims of size, answers twice and answers never.

At the end the sum must be right, to the message (hostile_books.py says what that is), and memory and
descriptors of the two processes that lived throughout must be flat (hostile_watch.py says by which rule).
The exit code is 0 only then. Ctrl-C ends it early, with the sum so far.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "tests"))  # whose hostile peer is ours

from hostile_books import HOSTILE, Book, Row, Sum, summed
from hostile_ends import Hub, Orders, person
from hostile_run import Process
from hostile_watch import Watched
from paths_people import certify
from paths_ways import WAYS
from soak_line import cut, inside, machines, needs, ruled, sh, shaped, wired

HERE = Path(__file__).parent
MIDDLE = "10.214.0.1"
HUBS = [Hub("steady", MIDDLE, 2800), Hub("mortal", MIDDLE, 2900)]
PORTS = {port for hub in HUBS for port in hub.ports}
HOLDERS = 4
EVIL = Hub(HOSTILE, f"10.214.{HOLDERS + 1}.2", 2700)
STOPPING = 90.0  # seconds that processes have to end
COLUMNS = ("sent", "delivered", "failed", "gone", "unread", "doubt", "gone_here")


class Soak:
    """The machines and processes of one run."""

    def __init__(self, arguments: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> None:
        self._seconds: float = arguments.seconds
        self._every: float = arguments.every
        self._folder = folder
        self._dice = random.Random(arguments.seed)
        self._done: Counter[str] = Counter()
        self._lines: Counter[str] = Counter()
        self._seen: Counter[Path] = Counter()  # octets of each ledger that are counted already
        mark = f"msrp-hostile-{os.getpid()}"
        self._middle = f"{mark}-middle"
        self._around = [f"{mark}-{n}" for n in range(HOLDERS + 1)]
        stack.enter_context(machines((self._middle, *self._around)))
        self._wire(arguments)
        ways = [name for name in WAYS if not arguments.only or name in arguments.only]
        environment, ways = self._people(stack, arguments.peers, ways)
        people = {f"p{n}": ways[n % len(ways)] for n in range(arguments.peers)}
        self._people_of = self._shared_out(people)
        self.ways = ways
        self.processes: list[Process] = []
        stack.callback(self._end_all)
        self._make(people, ways, environment, arguments.pace)
        self._watched: list[Watched] = []
        self._frozen: list[tuple[float, Process]] = []
        self._down: list[tuple[float, int]] = []
        self._late: list[tuple[float, Process]] = []

    def _wire(self, arguments: argparse.Namespace) -> None:
        sh("ip", "-n", self._middle, "addr", "add", f"{MIDDLE}/32", "dev", "lo")
        sh(*inside(self._middle), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        ruled(self._middle, arguments.loss)
        for n, name in enumerate(self._around):
            near, far = f"10.214.{n + 1}.1", f"10.214.{n + 1}.2"
            wired((self._middle, f"to{n}", near), (name, "line", far))
            self._route(n)
            for where, device in ((self._middle, f"to{n}"), (name, "line")):
                shaped(where, device, arguments.rate)
            ruled(name, arguments.loss)

    def _route(self, n: int) -> None:
        sh("ip", "-n", self._around[n], "route", "replace", "default", "via", f"10.214.{n + 1}.1")

    def _people(
        self, stack: contextlib.ExitStack, count: int, ways: list[str]
    ) -> tuple[dict[str, str], list[str]]:
        """Papers for everybody: the environment that says where they are, and the ways there are then."""
        names = [f"p{n}" for n in range(count)]
        everybody = {
            way: [f"{one.name}-{way}" for one in (*HUBS, EVIL)] + [f"eve-{way}", *names] for way in ways
        }
        certified = sorted({name for way in ways if WAYS[way].certified for name in everybody[way]})
        papers = self._folder / "papers"
        papers.mkdir()
        certify(papers, map(person, certified))
        kerberos = sorted({name for way in ways if WAYS[way].kerberos for name in everybody[way]})
        environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path[:2])}
        if kerberos:
            command = [*inside(self._middle), sys.executable, "-P", HERE / "hostile_realm.py", MIDDLE]
            kdc = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env=environment,
            )
            stack.callback(_ended, kdc)
            assert kdc.stdin is not None
            assert kdc.stdout is not None
            print(json.dumps([person(name) for name in kerberos]), file=kdc.stdin, flush=True)
            found = json.loads(kdc.stdout.readline() or '{"missing": "KDC that starts", "environment": {}}')
            environment |= found["environment"]
            if found["missing"]:
                print(f"KERBEROS IS LEFT OUT: there is no {found['missing']}", flush=True)
                ways = [way for way in ways if not WAYS[way].kerberos]
        return environment, ways

    def _shared_out(self, people: dict[str, str]) -> list[dict[str, str]]:
        """One share for each process: names that follow each other, so that all have every way."""
        each = -(-len(people) // HOLDERS)
        names = list(people)
        return [{name: people[name] for name in names[n * each : (n + 1) * each]} for n in range(HOLDERS)]

    def _make(
        self, people: dict[str, str], ways: list[str], environment: dict[str, str], pace: float
    ) -> None:
        known = {"hubs": self._folder / "known-hubs.db", "peers": self._folder / "known-peers.db"}
        everybody = people | {f"eve-{way}": way for way in ways}
        ends = "hostile_ends.py"
        for hub in HUBS:
            orders = Orders("", ways, everybody, [hub], str(known["hubs"]), pace)
            self._add(hub.name, self._middle, (ends, "hub"), orders, environment, mortal=hub.name == "mortal")
        for n, share in enumerate(self._people_of):
            orders = Orders("", ways, share, [*HUBS, EVIL], str(known["peers"]), pace)
            self._add(f"peers{n}", self._around[n], (ends, "peers"), orders, environment, mortal=n > 0)
        orders = Orders("", ways, people, HUBS, "", pace, EVIL)
        self._add(HOSTILE, self._around[HOLDERS], ("hostile_attacks.py",), orders, environment)

    def _add(
        self,
        name: str,
        namespace: str,
        script: tuple[str, ...],
        orders: Orders,
        environment: dict[str, str],
        *,
        mortal: bool = False,
    ) -> None:
        made = Process(name, namespace, script, orders, environment, self._folder, mortal=mortal)
        self.processes.append(made)

    def _end_all(self) -> None:
        for process in self.processes:
            process.signal(signal.SIGCONT)
            process.kill()

    # -- while it runs

    def run(self) -> None:
        hubs_first = sorted(self.processes, key=lambda process: not process.hub)
        for process in hubs_first:
            process.start()
            if process.hub:
                process.ready()
        for process in hubs_first:
            if not process.hub:
                process.ready()
        steady = [process for process in self.processes if process.name in ("steady", "peers0")]
        self._watched = [Watched(process.name, process.pid) for process in steady]
        begin = now = time.monotonic()
        mischief, look, tell = now + self._every, now, now + 10
        step = min(10.0, max(0.5, self._seconds / 120))
        while now < begin + self._seconds:
            time.sleep(0.2)
            now = time.monotonic()
            self._mend(now)
            if now >= mischief:
                mischief = now + self._dice.uniform(0.5, 1.5) * self._every
                self._done[self._harm(now)] += 1
            if now >= look:
                look = now + step
                for one in self._watched:
                    one.look()
            if now >= tell:
                tell = now + 10
                self._progress(now - begin)

    def _harm(self, now: float) -> str:
        what = self._dice.choices(("cut", "kill", "kill a hub", "down", "freeze"), (6, 1, 1, 1, 2))[0]
        if what == "cut":
            n = self._dice.randrange(HOLDERS)
            return f"connections {cut((self._around[n], self._middle), PORTS, self._dice)}"
        if what == "down":
            n = self._dice.randrange(HOLDERS)
            sh("ip", "-n", self._middle, "link", "set", f"to{n}", "down")
            self._down.append((now + self._dice.uniform(1, 20), n))
            return "lines down"
        if what == "freeze":
            process = self._dice.choice([each for each in self.processes if each.name != HOSTILE])
            process.signal(signal.SIGSTOP)
            self._frozen.append((now + self._dice.uniform(1, 15), process))
            return "frozen"
        mortal = [each for each in self.processes if each.mortal and each.hub == (what == "kill a hub")]
        standing = [each for each in mortal if each.alive]
        if not standing:
            return "nobody to be killed"
        process = self._dice.choice(standing)
        process.kill()
        self._late.append((now + self._dice.uniform(0, 5), process))
        return "hubs killed" if process.hub else "holders of peers killed"

    def _mend(self, now: float) -> None:
        """What is due to go on again."""
        for until, process in self._frozen:
            if now >= until:
                process.signal(signal.SIGCONT)
        self._frozen = [each for each in self._frozen if now < each[0]]
        for until, n in self._down:
            if now >= until:
                sh("ip", "-n", self._middle, "link", "set", f"to{n}", "up")
                self._route(n)
        self._down = [each for each in self._down if now < each[0]]
        for until, process in self._late:
            if now >= until and not process.alive:
                process.start()
        self._late = [each for each in self._late if now < each[0]]

    def _progress(self, spent: float) -> None:
        for path in self._ledgers():
            with path.open("rb") as file:
                file.seek(self._seen[path])
                octets = file.read()
            whole = octets[: octets.rfind(b"\n") + 1]
            self._seen[path] += len(whole)
            self._lines.update(line.partition(b" ")[0].decode() for line in whole.splitlines())
        found = self._lines
        watched = "; ".join(f"{one.name} {one.last}" for one in self._watched)
        harm = ", ".join(f"{times} {what}" for what, times in sorted(self._done.items()))
        print(
            f"{spent:5.0f} s: {found['begun'] // 2} sessions, {found['sent']} sent, "
            f"{found['told']} told, {found['here']} here; {watched}; {harm}",
            flush=True,
        )

    def _ledgers(self) -> Iterator[Path]:
        for process in self.processes:
            yield from (self._folder / run for run in process.deaths if (self._folder / run).exists())

    # -- the end

    def stop(self) -> None:
        """Let all say what they owe, and end."""
        self._mend(float("inf"))
        for process in self.processes:
            if not process.alive and process.name != HOSTILE:
                continue
            process.stop()
        holders = [process for process in self.processes if not process.hub]
        for process in holders:
            process.wait(STOPPING)
        for one in self._watched:
            one.look()
        hubs = [process for process in self.processes if process.hub]
        for process in hubs:
            process.stop("end")
        for process in hubs:
            process.wait(STOPPING)

    def tell(self) -> bool:
        """Print what was; whether it was right."""
        books, homes = [], {"somebody": HOSTILE}
        for n, share in enumerate(self._people_of):
            homes |= dict.fromkeys(share, f"peers{n}")
        homes |= {f"eve-{way}": HOSTILE for way in self.ways}
        for process in self.processes:
            books += [Book.read(self._folder / run, killed) for run, killed in process.deaths.items()]
        found = summed(books, homes)
        ended = [words for process in self.processes for words in process.ended]
        harm = ", ".join(f"{times} {what}" for what, times in sorted(self._done.items()))
        print(f"\nways: {', '.join(self.ways)}\ndone to it: {harm or 'nothing'}")
        _table(found)
        _attacks(found)
        for what, which in found.wrong.items():
            print(f"WRONG: {what}: {len(which)}, such as {which[:5]}")
        for words in ended:
            print(f"WRONG: {words}")
        flat = [one.tell() for one in self._watched]
        right = found.right and not ended
        print("The sum is right." if right else "THE SUM IS WRONG.")
        return right and all(flat)


def _table(found: Sum) -> None:
    heads = ("sent =", "delivered +", "failed +", "sender killed +", "receiver killed", "in doubt", "arrived")
    print(f"{'':20}" + "".join(f"{head:>17}" for head in heads))
    total = Row()
    for (sender, receiver), row in sorted(found.rows.items()):
        total.add(row)
        _row(f"{sender} to {receiver}", row)
    _row("together", total)
    arrived = f"{found.octets / 1e6:.0f} MB arrived"
    print(f"{found.sessions} sessions, {arrived}, {found.foreign} hostile messages read")
    print("in doubt: of those failed, here all the same; arrived: of those whose sender was killed")
    for reason, times in found.reasons.most_common(12):
        print(f"{times:7} {reason[:140]}")


def _attacks(found: Sum) -> None:
    print("attacks, and how they ended for who attacked:")
    for attack in sorted({attack for attack, _ in found.tried}):
        ends = ", ".join(
            f"{times} {how}" for (which, how), times in sorted(found.tried.items()) if which == attack
        )
        print(f"  {attack.replace('_', ' '):28}{ends}")


def _row(name: str, row: Row) -> None:
    print(f"{name:20}" + "".join(f"{getattr(row, column):17}" for column in COLUMNS))


def _ended(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=30)
    process.kill()


def soak(arguments: argparse.Namespace) -> bool:
    needs()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="msrp-hostile-") as folder,
        contextlib.ExitStack() as stack,
    ):
        run = Soak(arguments, Path(folder), stack)
        with contextlib.suppress(KeyboardInterrupt):
            run.run()
        print("stopping", flush=True)
        run.stop()
        return run.tell()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--peers", type=int, default=50)
    parser.add_argument("--loss", type=int, default=5, help="packets in a thousand, each way")
    parser.add_argument("--rate", default="100mbit", help="of each line and direction, as tc writes it")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two blows, about")
    parser.add_argument("--pace", type=float, default=1.0, help="how long all pauses are, of what is usual")
    parser.add_argument("--only", action="append", default=[], choices=list(WAYS), help="this way alone")
    parser.add_argument("--seed", type=int, default=1)
    try:
        return 0 if soak(parser.parse_args()) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
