"""What others say may get into the log; the terminal does not obey it there either.

That no secret gets into it at its loudest is in test_trace.py, together with what is traced.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from msrp_peer.cli.running import _Escaping


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b2J", "\u202e", "\r", "\x07"])
def test_a_hostile_value_in_a_record_is_shown_and_not_sent(hostile: str) -> None:
    record = logging.LogRecord("msrp_peer", logging.INFO, "", 0, "it said %s", (hostile,), None)
    line = _Escaping("%(message)s").format(record)
    assert hostile not in line
    assert line.startswith("it said ")


def test_each_module_has_a_logger_of_its_own() -> None:
    root = Path(__file__).resolve().parents[2]
    found = {
        path.name: set(re.findall(r"getLogger\((.*?)\)", path.read_text()))
        for room in ("peer", "sasl", "msrp_core")
        for path in (root / room).rglob("*.py")
    }
    assert found.pop("running.py") == {""}  # which lets all of them be seen
    assert {name for names in found.values() for name in names} == {"__name__"}
