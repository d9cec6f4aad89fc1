"""Machines of our own for the soaks: network namespaces, lines between them, and what happens to those."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence

__all__ = ["cut", "inside", "machines", "needs", "ports", "ruled", "sh", "shaped", "wired"]

RULES = """
table inet soak {
  set torn { type inet_service; flags timeout; timeout 2m; }
  set silent { type inet_service; flags timeout; timeout 2m; }
  chain arriving {
    type filter hook input priority 0;
    tcp flags & rst == rst accept
    tcp sport @torn reject with tcp reset
    tcp dport @torn reject with tcp reset
    tcp sport @silent drop
    tcp dport @silent drop
    numgen random mod 1000 < %d drop
  }
}
"""


def sh(*command: object, check: bool = True) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if check and done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def needs() -> None:
    """Ends the program where no machines can be made."""
    missing = [tool for tool in ("ip", "tc", "nft", "ss") if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        sys.exit("the soak makes network namespaces: it needs root, and ip, tc, ss and nft")


def inside(name: str) -> tuple[str, ...]:
    """What stands before a command that runs there."""
    return ("ip", "netns", "exec", name)


@contextlib.contextmanager
def machines(names: Sequence[str]) -> Iterator[None]:
    """Namespaces of these names, gone afterwards."""
    try:
        for name in names:
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in names:
            sh("ip", "netns", "del", name, check=False)


def wired(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """A line between two of them. Each end is the namespace, its device and its address (of a /30)."""
    (name, device, _), (far, far_device, _) = one, other
    sh(
        *("ip", "link", "add", device, "netns", name, "type", "veth"),
        "peer",
        "name",
        far_device,
        "netns",
        far,
    )
    for name, device, address in (one, other):
        sh("ip", "-n", name, "addr", "add", f"{address}/30", "dev", device)
        sh("ip", "-n", name, "link", "set", device, "up")


def shaped(name: str, device: str, rate: str) -> None:
    """Let no more leave by a device than this, as tc writes it."""
    shape = ("tbf", "rate", rate, "burst", "64kb", "latency", "50ms")
    sh(*inside(name), "tc", "qdisc", "add", "dev", device, "root", *shape)


def ruled(name: str, loss: int) -> None:
    """Drop so many of a thousand packets that arrive there, and let `cut` be possible."""
    subprocess.run([*inside(name), "nft", "-f", "-"], input=RULES % loss, text=True, check=True)


def ports(name: str, served: Collection[int]) -> list[str]:
    """The local ports of the connections that stand, from there to the ports that are served elsewhere."""
    rows = sh(*inside(name), "ss", "-tnH", "state", "established").splitlines()
    ends = [(row.split()[2].rpartition(":")[2], row.split()[3].rpartition(":")[2]) for row in rows]
    return [near for near, far in ends if int(far) in served]


def cut(names: tuple[str, str], served: Collection[int], dice: random.Random) -> str:
    """End one connection from the first of two to the second: its port is barred on both for two minutes,
    longer than either side waits. Returns how."""
    standing = ports(names[0], served)
    if not standing:
        return "none to cut"
    how = dice.choice(["torn", "silent"])
    port = dice.choice(standing)
    for name in names:
        sh(*inside(name), "nft", "add", "element", "inet", "soak", how, f"{{ {port} }}")
    return how
