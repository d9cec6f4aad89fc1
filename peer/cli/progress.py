"""Progress bars on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..terms.display import escape

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bars", "Report"]


class Report:
    """Call it with the octets done, and those in all where that is known; from any thread.

    `before` takes the same for what comes first: a file is hashed before it is sent.
    """

    def __init__(
        self, show: Callable[[str, int, int | None], None], label: str, before: str, again: Callable[[], None]
    ) -> None:
        self._show = show
        self.again = again
        """From here on the speed is that of something else."""
        self._label = label
        self._before = before

    def __call__(self, done: int, total: int | None) -> None:
        self._show(self._label, done, total)

    def before(self, done: int, total: int | None) -> None:
        self._show(f"{self._label}: {self._before}", done, total)


class Bars:
    """Bars for files on their way: shown while there are any.

    With `shown` false, or where stderr is no terminal, nothing happens.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._progress: Progress | None = None
        self._bars = 0
        self._pauses = 0

    @contextmanager
    def bar(self, words: str, before: str = "") -> Iterator[Report]:
        """One bar, labelled `words` (escaped here), until the `with` ends.

        Until the first report it says `before`, too, what happens until then.
        """
        if not self._shown:
            yield Report(lambda label, done, total: None, "", "", lambda: None)
            return
        progress = self._progress = self._progress or _new()
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

        try:
            yield Report(show, label, before, again)
        finally:
            self._bars -= 1
            progress.remove_task(task)
            self._settle()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """No bars while somebody is asked something."""
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
        if self._bars and not self._pauses:
            self._progress.start()
        else:
            self._progress.stop()


def _new() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        Speed(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Words for stdout stay there, also where it is a file and stderr a terminal.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )
