"""Two hosts of this machine: network namespaces with a line between them, and what goes over it.

`hosts` makes them, `Capture` is tcpdump at one of them: every octet of TCP on one port, put together
again as the hosts had it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support.middlebox import ip

__all__ = ["PORT", "Capture", "Host", "hosts", "outside"]

PORT = 2855
PATIENCE = 30.0


class Host(NamedTuple):
    """One of the two: the namespace it is, and its address."""

    name: str
    address: str

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands before a command that runs there."""
        return ("ip", "netns", "exec", self.name)


@contextlib.contextmanager
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two of them. Raises OSError, with the reason, where none can be made."""
    if shutil.which("ip") is None:
        raise OSError("there is no `ip`")
    near, far = (Host(f"msrp-host-{os.getpid()}-{side}", f"10.67.0.{n}") for n, side in ((1, "a"), (2, "b")))
    try:
        for host in (near, far):
            ip("netns", "add", host.name)
            ip("-n", host.name, "link", "set", "lo", "up")
        peer = ("type", "veth", "peer", "name", "line", "netns", far.name)
        ip("link", "add", "line", "netns", near.name, *peer)
        for host in (near, far):
            ip("-n", host.name, "addr", "add", f"{host.address}/30", "dev", "line")
            ip("-n", host.name, "link", "set", "line", "up")
        yield near, far
    finally:
        for host in (near, far):
            subprocess.run(["ip", "netns", "del", host.name], capture_output=True, check=False)


@contextlib.contextmanager
def outside(host: Host) -> Iterator[str]:
    """A line from one of them to this machine itself, which is at the address that it gives."""
    number = os.getpid() % 250
    here, device = f"10.68.{number}.1", f"msrp-out-{number}"
    ip("link", "add", device, "type", "veth", "peer", "name", "outside", "netns", host.name)
    try:
        ip("addr", "add", f"{here}/30", "dev", device)
        ip("link", "set", device, "up")
        ip("-n", host.name, "addr", "add", f"10.68.{number}.2/30", "dev", "outside")
        ip("-n", host.name, "link", "set", "outside", "up")
        yield here
    finally:
        subprocess.run(["ip", "link", "del", device], capture_output=True, check=False)


class Capture:
    """tcpdump on the port of the project, at one host, until `streams`.

    Attributes:
        file: what it wrote, for other readers.
    """

    def __init__(self, at: Host, other: Host, file: Path) -> None:
        self.file = file
        self._at, self._other = at, other
        command = [*at.inside, "tcpdump", "-i", "line", "-U", "--immediate-mode", "-s", "0", "-w", "-"]
        with file.open("wb") as sink:
            self._process = subprocess.Popen(
                [*command, f"port {PORT}"], stdout=sink, stderr=subprocess.PIPE, text=True
            )
        assert self._process.stderr is not None
        for words in self._process.stderr:
            if "listening on" in words:
                return
        raise AssertionError("tcpdump did not begin")

    def streams(self) -> list[bytes]:
        """Each direction of each connection so far, whole; tcpdump ends.

        Fails where anything of a connection is missing.
        """
        # What came before it was captured before it: a capture has an order.
        marker = secrets.token_hex(16)
        say = f"printf {marker} > /dev/udp/{self._other.address}/{PORT}"
        subprocess.run([*self._at.inside, "bash", "-c", say], check=True)
        deadline = time.monotonic() + PATIENCE
        while marker.encode() not in self.file.read_bytes():
            assert time.monotonic() < deadline, "tcpdump does not write"
            time.sleep(0.01)
        self._process.send_signal(signal.SIGINT)
        _, told = self._process.communicate(timeout=PATIENCE)
        assert "\n0 packets dropped by kernel" in told, told
        return _streams(self.file.read_bytes())

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def _packets(octets: bytes) -> Iterator[bytes]:
    """The IPv4 packets of a pcap file."""
    (magic,) = struct.unpack_from("<I", octets)
    assert magic == 0xA1B2C3D4, "no pcap of this machine"
    at = 24
    while at < len(octets):
        _, _, size, full = struct.unpack_from("<IIII", octets, at)
        assert size == full, "a packet was cut"
        frame = octets[at + 16 : at + 16 + size]
        at += 16 + size
        if frame[12:14] == b"\x08\x00":
            yield frame[14:]


def _streams(octets: bytes) -> list[bytes]:
    begun: dict[bytes, int] = {}
    ended: dict[bytes, int] = {}
    pieces: dict[bytes, dict[int, bytes]] = {}
    for packet in _packets(octets):
        if packet[9] != 6:
            continue
        head = (packet[0] & 15) * 4
        (length,) = struct.unpack_from(">H", packet, 2)
        segment = packet[head:length]
        who = packet[12:20] + segment[:4]
        (number,) = struct.unpack_from(">I", segment, 4)
        flags, body = segment[13], segment[(segment[12] >> 4) * 4 :]
        if flags & 2:
            begun[who] = number + 1
        offset = (number - begun[who]) % (1 << 32)
        if body:
            held = pieces.setdefault(who, {})
            if len(held.get(offset, b"")) < len(body):
                held[offset] = body
        if flags & 5:  # FIN, or RST
            ended.setdefault(who, offset + len(body))
    assert begun, "nothing was captured"
    return [_whole(pieces.get(who, {}), ended[who]) for who in begun]


def _whole(pieces: dict[int, bytes], size: int) -> bytes:
    stream = b""
    for offset, body in sorted(pieces.items()):
        assert offset <= len(stream), "a piece of the stream was not captured"
        stream += body[len(stream) - offset :] if offset + len(body) > len(stream) else b""
    assert len(stream) == size, "the end of the stream was not captured"
    return stream
