"""What others say may get into the log; the terminal does not obey it there either."""

from __future__ import annotations

import logging

import pytest

from msrp_peer.cli.running import _Escaping


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b2J", "\u202e", "\r", "\x07"])
def test_a_hostile_value_in_a_record_is_shown_and_not_sent(hostile: str) -> None:
    record = logging.LogRecord("msrp_peer", logging.INFO, "", 0, "it said %s", (hostile,), None)
    line = _Escaping("%(message)s").format(record)
    assert hostile not in line
    assert line.startswith("it said ")
