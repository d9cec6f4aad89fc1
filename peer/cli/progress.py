"""Progress: bars on stderr, where that is a terminal; a line above the prompt, in a chat."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, cast

from ..terms.display import escape

if TYPE_CHECKING:
    from rich.progress import Progress

    from .output import Output

__all__ = ["Bars", "Report", "Shows", "Toolbar"]

_AROUND = 37  # columns of octets, speed and time left, and what is between them
_WIDEST = 40


class Report:
    """Call it with the octets done, and those in all where that is known; from any thread.

    `before` takes the same for what comes first: a file is hashed before it is sent.
    """

    def __init__(
        self, show: Callable[[str, int, int | None], None], label: str, before: str, again: Callable[[], None]
    ) -> None:
        self._show = show
        self._label = label
        self._before = before
        self.again = again
        """From here on the speed is that of something else."""

    def __call__(self, done: int, total: int | None) -> None:
        self._show(self._label, done, total)

    def before(self, done: int, total: int | None) -> None:
        self._show(f"{self._label}: {self._before}", done, total)


class Shows(Protocol):
    """Whatever shows how far files on their way are."""

    @contextmanager
    def bar(self, words: str, before: str = "") -> Iterator[Report]:
        """One bar, labelled `words` (escaped here), until the `with` ends.

        Until the first report it says `before`, too, what happens until then.
        """

    @contextmanager
    def pause(self) -> Iterator[None]:
        """No bars while somebody is asked something."""


class Bars:
    """Bars for files on their way: shown while there are any.

    With `shown` false, or where stderr is no terminal, nothing happens. They are drawn by the thread of
    `output`, where there is one; not at all while it is behind.
    """

    def __init__(self, *, shown: bool, output: Output | None = None) -> None:
        self._output = output
        self._drawn = False
        self._shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._progress: Progress | None = None
        self._bars = 0
        self._pauses = 0

    @contextmanager
    def bar(self, words: str, before: str = "") -> Iterator[Report]:
        if not self._shown:
            yield Report(lambda label, done, total: None, "", "", lambda: None)
            return
        progress = self._progress = self._progress or _new(self._output)
        label = escape(words, 40)
        task = progress.add_task(f"{label}: {before}" if before else label, total=None)
        self._bars += 1
        self._settle()

        was = before

        def again() -> None:
            one = next(one for one in progress.tasks if one.id == task)
            progress.reset(task, completed=int(one.completed), total=one.total)

        def show(label: str, done: int, total: int | None) -> None:
            nonlocal was
            if label != was:  # reading is quicker than sending
                was = label
                again()
            progress.update(task, description=label, completed=done, total=total)
            if self._drawn is self._behind:
                self._settle()

        try:
            yield Report(show, label, before, again)
        finally:
            self._bars -= 1
            progress.remove_task(task)
            self._settle()

    @contextmanager
    def pause(self) -> Iterator[None]:
        self._pauses += 1
        self._settle()
        try:
            yield
        finally:
            self._pauses -= 1
            self._settle()

    def _settle(self) -> None:
        if self._progress is None:
            return
        self._drawn = bool(self._bars and not self._pauses and not self._behind)
        if self._drawn:
            self._progress.start()
        else:
            self._progress.stop()

    @property
    def _behind(self) -> bool:
        return self._output is not None and self._output.behind


def _new(output: Output | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed
    from rich.table import Column

    through = None if output is None else output.through()
    console = Console(stderr=True, file=cast("IO[str] | None", through))
    bar = max(6, min(_WIDEST, console.width - 60))
    name = max(8, min(_WIDEST, console.width - bar - _AROUND))
    return Progress(
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(max_width=name, no_wrap=True, overflow="ellipsis"),
        ),
        BarColumn(bar_width=bar),
        DownloadColumn(),
        Speed(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # Words for stdout stay there, also where it is a file and stderr a terminal.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )


@dataclass(slots=True)
class _File:
    label: str
    done: int = 0
    total: int | None = None
    before: int = 0  # octets done when its speed began to count
    since: float = 0.0


class Toolbar:
    """The same for a chat, in a line above the one being typed; a file that is soon there needs none."""

    _SOON = 0.5  # seconds
    _OFTEN = 0.1  # seconds between two changes of the line

    def __init__(self, show: Callable[[str | None], None]) -> None:
        """`show` shows a line, or none; called from any thread."""
        self._show = show
        self._files: dict[object, _File] = {}
        self._at = 0.0

    @contextmanager
    def bar(self, words: str, before: str = "") -> Iterator[Report]:
        label = escape(words, 40)
        key = object()
        file = self._files[key] = _File(label, since=time.monotonic())

        def again() -> None:
            file.before, file.since = file.done, time.monotonic()

        def show(label: str, done: int, total: int | None) -> None:
            file.total = total
            if label != file.label:
                file.label, file.done = label, 0
                again()
            file.done = done
            self._changed()

        try:
            yield Report(show, label, before, again)
        finally:
            del self._files[key]
            self._at = 0.0
            self._changed()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """It stands in nobody's way."""
        yield

    def _changed(self) -> None:
        now = time.monotonic()
        if now - self._at < self._OFTEN:
            return
        self._at = now
        long = [_line(file, now) for file in list(self._files.values()) if now - file.since > self._SOON]
        self._show("\n".join(long) or None)


def _line(file: _File, now: float) -> str:
    columns = shutil.get_terminal_size().columns
    speed = (file.done - file.before) / 1e6 / max(now - file.since, 1e-3)
    done = f"{file.done / 1e6:.1f}"
    if not file.total:
        return f"{file.label}  {done} MB  {speed:.1f} MB/s"[: columns - 1]
    tail = f"{file.done / file.total:4.0%}  {done}/{file.total / 1e6:.1f} MB  {speed:.1f} MB/s"
    room = columns - len(tail) - 5
    name = file.label if len(file.label) <= room // 2 else f"{file.label[: room // 2 - 1]}…"
    bar = max(0, min(_WIDEST, room - len(name)))
    full = bar * file.done // file.total
    return f"{name}  {'█' * full}{'░' * (bar - full)} {tail}"
