"""The other side's text, as it is pasted: one that cannot be used is asked for again, where somebody sits."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..signalling.agreement import NotAcceptable, look
from ..signalling.sdp import MAX_SDP, SdpError
from ..terms.errors import UsageError
from .output import Output
from .terminal import can_ask

__all__ = ["STILL", "Typed", "pasted"]

STILL = 0.3  # seconds: what comes so soon behind a text was pasted with it
_NAMED = ("a=path", "a=accept-types")  # lines that an error may be about


class Typed(Protocol):
    """Where the other side's text comes from, and answers to questions."""

    async def next(self) -> str | None: ...

    def forget(self) -> None: ...


async def pasted(what: str, typed: Typed, output: Output, own: str = "") -> str:
    """A description from standard input, an ``"offer"`` or an ``"answer"``; `own` is ours, which is none.

    Raises `SdpError`, which says the line, for one that cannot be used where nobody can paste another;
    `UsageError` where none came, or no end of it.
    """
    while True:
        text = await _text(what, typed)
        try:
            _check(text, own)
            return text
        except SdpError as error:
            if not can_ask():
                raise
            output.error(error)
        await asyncio.sleep(STILL)
        typed.forget()
        output.note(f"Paste the {what} again, and an empty line; Ctrl-D ends.")


async def _text(what: str, typed: Typed) -> str:
    """What stands on standard input up to an empty line, or its end."""
    lines: list[str] = []
    size = 0
    while (entered := await typed.next()) is not None:
        # A terminal hands over what was pasted as one, with its ends of lines.
        for line in entered.split("\n"):
            if line.strip():
                lines.append(line)
                size += len(line) + 1
            elif lines:
                return "\n".join(lines)
            if size > MAX_SDP:
                raise UsageError(f"that is no {what}: it is longer than {MAX_SDP} characters")
    if not lines:
        raise UsageError(f"no {what} came on standard input")
    return "\n".join(lines)


def _check(text: str, own: str) -> None:
    """Raise `SdpError` where it cannot be used, whatever we want of it. No text has what stands there:
    it may be a session URI."""
    lines = [line.strip() for line in text.splitlines()]
    ours = own.split("\r\n")[:-1]
    if lines == ours:
        raise SdpError("this is the offer itself: the other side makes the answer of it (msrp answer)")
    # Nobody else's text has our session URI.
    if any(line.startswith("a=path:") and line in lines for line in ours):
        raise SdpError("the offer stands in it: paste the answer alone")
    try:
        look(text)
    except NotAcceptable:
        pass  # that is no slip; whoever takes it says it
    except SdpError as error:
        number = error.line or _line_of(str(error), lines)
        where = f" (line {number} of what was pasted)" if number else ""
        if not number and all(line.startswith(">") for line in lines):
            where = ". Each line begins with >, as mails quote: paste them without"
        raise SdpError(f"{error}{where}") from None


def _line_of(error: str, lines: list[str]) -> int | None:
    name = next((name for name in _NAMED if name in error), None)
    found = (number for number, line in enumerate(lines, 1) if name and line.startswith(name))
    return next(found, None)
