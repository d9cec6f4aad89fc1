"""Cleans up behind a demo that was killed: a program of its own, with nothing of the package in it.

    python demo_watch.py FOLDER

Each line of standard input is ``[["program", "argument", ...], {"NAME": "value", ...}]``, a program to be
run in that environment. With the end of standard input, however it comes, they are ended and FOLDER is
removed. Where a program ends before, a line with its number among them says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

_PATIENCE = 10.0  # seconds for a program to end


def _told(number: int, program: subprocess.Popen[bytes]) -> None:
    program.wait()
    with contextlib.suppress(OSError):  # nobody reads it any more
        os.write(1, f"{number}\n".encode())


def _end(programs: list[subprocess.Popen[bytes]]) -> None:
    for program in programs:
        program.terminate()
    for program in programs:
        try:
            program.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _remove(folder: str) -> None:
    until = time.monotonic() + _PATIENCE
    while os.path.lexists(folder) and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)  # somebody who is ending, too, may still have been writing


def _left(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(folder: str) -> None:
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _left)
    programs: list[subprocess.Popen[bytes]] = []
    null = subprocess.DEVNULL
    try:
        for line in sys.stdin.buffer:
            command, environment = json.loads(line)
            program = subprocess.Popen(command, env=environment, stdin=null, stdout=null, stderr=null)  # noqa: S603 - the demo's
            programs.append(program)
            threading.Thread(target=_told, args=(len(programs) - 1, program), daemon=True).start()
    finally:
        _end(programs)
        _remove(folder)


if __name__ == "__main__":
    main(sys.argv[1])
