"""The attackers of benchmarks/crowd.py: ten addresses of this machine, in one process.

What they do is in `KINDS`, all of it in equal parts and in no order. It goes out at an even pace, in bursts
of a few dozen, by as many threads as may be needed; whoever holds a connection and says nothing takes
none. Whatever is done to a connection, it is counted:

    closed           by the listener: at once, to make room, or because of what was said
    refused          the exchange ran, and failed; or what was said was no exchange
    barred           403 to the first word of it
    held             it stood until we left it
    let in           never
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from crowd_ends import named
from loopback_dumb import Dumb
from paths_people import BOB, REALM
from paths_ways import Knows

from msrp_core import Uri, request
from msrp_peer.protocol.sasl_header import SaslHeader
from msrp_peer.security.tls import TlsLayer
from msrp_peer.security.tls_modes import TlsMode, client_context
from msrp_sasl import Channel, ChannelLevel, Initiating, Policy, SASLClient

ADDRESSES = [f"127.0.0.{number}" for number in range(11, 21)]
MECHANISM = "SCRAM-SHA-256-PLUS"
NOBODY = f"im:nobody@{REALM.lower()}"
VICTIM = named(0)
HOLD = (0.2, 3.0)
"""Seconds between which a silent connection is held."""
BURST = 0.1
"""Seconds from one burst to the next."""
PATIENCE = 20.0


@dataclass(order=True)
class Held:
    """A connection that says nothing more."""

    until: float
    kind: str = field(compare=False)
    socket: socket.socket = field(compare=False)


Outcome = str | socket.socket


def login(dumb: Dumb, user: str, *, garbage: bool = False, abandon: bool = False) -> str:
    """An exchange as a real one is, with a wrong password; or not to its end."""
    binding = dumb.binding("tls-exporter")
    assert binding is not None
    policy = Policy(mechanisms=(MECHANISM,))
    channel = Channel(ChannelLevel.ENCRYPTED, {"tls-exporter": binding})
    client = SASLClient(Initiating(user, BOB, channel, policy, Knows("not the one"), (MECHANISM,)))
    own = Uri.fresh("127.0.0.1", 9).text

    def said(header: SaslHeader) -> tuple[int, SaslHeader | None]:
        asked = request("AUTH", dumb.listener, own, [("Authorization", header.text())])[1]
        answer = dumb.ask(asked)
        return answer.status or 0, SaslHeader.of(answer, "WWW-Authenticate")

    token = random.randbytes(60) if garbage else client.start(time.time())
    status, header = said(SaslHeader(mech=(MECHANISM,), c2s=token))
    if status == 403:
        return "barred"
    if header is None or header.s2c is None:
        return "refused"
    if abandon:
        return "refused"  # by ourselves
    status, _ = said(SaslHeader(c2s=client.process(header.s2c, time.time())))
    return "let in" if status == 200 else "refused"


def by_login(user: str, **how: bool) -> Callable[[int, str], Outcome]:
    def attack(port: int, source: str) -> str:
        dumb = Dumb(port, tls=True, source=source, patience=PATIENCE)
        try:
            return login(dumb, user, **how)
        finally:
            dumb.close()

    return attack


def silent(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))


def half_a_hello(port: int, source: str) -> socket.socket:
    hello = b"".join(TlsLayer(client_context(TlsMode.ANONYMOUS), server=False).wrap([]))
    connected = silent(port, source)
    connected.sendall(hello[: len(hello) // 2])
    return connected


def silent_in_tls(port: int, source: str) -> socket.socket:
    return Dumb(port, tls=True, source=source, patience=PATIENCE).detach()


KINDS: dict[str, Callable[[int, str], Outcome]] = {
    "a wrong password": by_login(VICTIM),
    "a name nobody has": by_login(NOBODY),
    "a token of no meaning": by_login(VICTIM, garbage=True),
    "a login left half way": by_login(VICTIM, abandon=True),
    "a connection that says nothing": silent,
    "half a ClientHello": half_a_hello,
    "TLS, and then nothing": silent_in_tls,
}


class Attack:
    """One flood."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._held: list[Held] = []
        self._lock = threading.Lock()
        self.outcomes: Counter[tuple[str, str]] = Counter()

    def _one(self, kind: str, source: str) -> None:
        try:
            outcome = KINDS[kind](self._port, source)
        except TimeoutError:
            outcome = "no answer"
        except (OSError, AssertionError):
            outcome = "closed"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        with self._lock:
            if isinstance(outcome, str):
                self.outcomes[kind, outcome] += 1
            else:
                until = time.monotonic() + random.uniform(*HOLD)
                heapq.heappush(self._held, Held(until, kind, outcome))

    def _leave(self, now: float) -> None:
        """Let go of what was held long enough."""
        while True:
            with self._lock:
                if not self._held or self._held[0].until > now:
                    return
                held = heapq.heappop(self._held)
                self.outcomes[held.kind, "held" if _stands(held.socket) else "closed"] += 1
            held.socket.close()

    def flood(self, count: int, seconds: float) -> float:
        """So many within so long; how long it took to send them off."""
        kinds = list(itertools.islice(itertools.cycle(KINDS), count))
        random.shuffle(kinds)
        began = time.monotonic()
        with ThreadPoolExecutor(64) as threads:
            for number, kind in enumerate(kinds):
                due = began + (number * seconds / count) // BURST * BURST
                while (left := due - time.monotonic()) > 0:
                    self._leave(time.monotonic())
                    time.sleep(min(left, 0.02))
                threads.submit(self._one, kind, ADDRESSES[number % len(ADDRESSES)])
        took = time.monotonic() - began
        self._leave(float("inf"))
        return took


def _stands(connected: socket.socket) -> bool:
    """Whether the other side has not closed it."""
    connected.setblocking(False)
    try:
        while connected.recv(4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def main() -> None:
    print(json.dumps({"here": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        attack = Attack(order["port"])
        took = attack.flood(order["count"], order["seconds"])
        found: dict[str, dict[str, int]] = {}
        for (kind, outcome), times in sorted(attack.outcomes.items()):
            found.setdefault(kind, {})[outcome] = times
        print(json.dumps({"seconds": took, "outcomes": found}), flush=True)


if __name__ == "__main__":
    main()
