"""RFC 6714 over a real middlebox: two programs in two network namespaces, a box that stands between them.

Neither side has a way to the other but by the box. It puts itself into c= and m= of what it carries,
and leaves a=path alone.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.programs import Program, printed
from support.middlebox import Box, Side, between

Start = Callable[..., Program]
PLAIN = ("--tls", "none")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(between(tmp_path))
        except OSError as error:
            pytest.skip(f"no network namespaces can be made here: {error}")
        yield made


@pytest.fixture
def start(box: Box) -> Iterator[Start]:
    """A program on one side of the box."""
    started: list[Program] = []

    def run(side: Side, *arguments: str) -> Program:
        command, *rest = arguments
        words = (command, "--at", f"{side.address}:0", *rest)
        started.append(Program(*words, stdin=subprocess.PIPE, inside=side.inside))
        return started[-1]

    yield run
    for program in started:
        program.stop()


@pytest.mark.rule("6714 4.2-1 4.2-6 4.3-4 4.3-5 7-2")
@pytest.mark.parametrize("tls", [(), PLAIN, ("--protected",)], ids=["fingerprint", "plain", "protected"])
@pytest.mark.parametrize("connects", [(), ("--connect",)], ids=["the offerer", "the answerer"])
def test_both_know_cema(start: Start, box: Box, tls: tuple[str, ...], connects: tuple[str, ...]) -> None:
    """The active side, whoever it is, connects to the box; TLS goes through it from end to end."""
    one = start(box.near, "offer", "--cema", "Hello", *tls)
    other = start(box.far, "answer", "--cema", "--listen", *tls, *connects)
    offer = printed(one)
    other.write(box.carries(offer, box.far))
    answer = printed(other)
    one.write(box.carries(answer, box.near))
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert "a=msrp-cema\n" in offer
    assert "a=msrp-cema\n" in answer
    assert ": Hello\n" in other.output
    if tls == ("--protected",):
        assert "protected, to a key you have verified" in one.output
        assert "protected, to a key you have verified" in other.output


@pytest.mark.rule("6714 4.2-6")
def test_an_answerer_without_cema_is_reached_by_the_box(start: Start, box: Box) -> None:
    """RFC 6714 section 4.2: none of the criteria is met, so the active offerer uses c= and m=."""
    one = start(box.near, "offer", "--cema", "Hello")
    other = start(box.far, "answer", "--listen")
    other.write(box.carries(printed(one), box.far))
    answer = printed(other)
    assert "msrp-cema" not in answer
    one.write(box.carries(answer, box.near))
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
    assert ": Hello\n" in other.output


@pytest.mark.rule("6714 4.2-3")
def test_the_offerer_falls_back(start: Start, box: Box) -> None:
    """Criterion 1: an answerer without CEMA would connect to the path, where nobody is. The new offer
    has no CEMA, and the box, as section 6 has it, is a B2BUA from then on."""
    one = start(box.near, "offer", "--cema", *PLAIN, "Hello")
    first = start(box.far, "answer", "--listen", "--connect", *PLAIN)
    offer = printed(one)
    assert "a=msrp-cema\n" in offer
    first.write(box.carries(offer, box.far))
    one.write(box.carries(printed(first), box.near))
    assert first.wait() == 3
    again = printed(one)
    assert "This new offer is for it, too:" in one.errors
    assert "msrp-cema" not in again
    second = start(box.far, "answer", "--listen", "--connect", *PLAIN)
    second.write(box.carries(again, box.far, b2bua=True))
    one.write(box.carries(printed(second), box.near, b2bua=True))
    assert (one.wait(), second.wait()) == (0, 0), one.errors + second.errors
    assert ": Hello\n" in second.output


@pytest.mark.rule("6714 4.3-1")
@pytest.mark.parametrize("why", ["the offerer", "the box"])
def test_an_offer_without_cema_through_the_box_is_refused(start: Start, box: Box, why: str) -> None:
    """RFC 6714 section 4.3: port 0, whether the offerer did not say it or the box took it out."""
    one = start(box.near, "offer", "Hello", *(("--cema",) if why == "the box" else ()))
    other = start(box.far, "answer", "--cema", "--listen")
    other.write(box.carries(printed(one), box.far, knows_cema=False))
    answer = printed(other)
    assert "m=message 0 " in answer
    one.write(answer)
    assert (one.wait(), other.wait()) == (1, 1)
    assert "middlebox" in other.errors
    assert "refused" in one.errors


def test_without_cema_nobody_is_reached(start: Start, box: Box) -> None:
    """RFC 4975 section 8.1: c= and m= do not say where to connect; so it is the box that helps above."""
    one = start(box.near, "offer", "Hello", "--timeout", "2")
    other = start(box.far, "answer", "--listen", "--timeout", "2")
    other.write(box.carries(printed(one), box.far))
    one.write(box.carries(printed(other), box.near))
    assert (one.wait(), other.wait()) == (3, 3)


def test_no_middlebox_and_cema(start: Start, box: Box) -> None:
    """Both on one side of it: CEMA is said, nothing stands between, and all is as without it."""
    one = start(box.near, "offer", "--cema", "Hello")
    other = start(box.near, "answer", "--cema", "--listen")
    other.write(printed(one))
    one.write(printed(other))
    assert (one.wait(), other.wait()) == (0, 0), one.errors + other.errors
