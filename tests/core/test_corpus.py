"""What the fuzzer starts from, and what it once found, through the same targets, without a fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import TARGETS

CORPUS = Path(__file__).parent.parent / "fuzz" / "corpus"
INPUTS = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*") if path.is_file())


def test_every_target_has_inputs() -> None:
    assert {name.partition("/")[0] for name in INPUTS} == set(TARGETS)
    assert sum((CORPUS / name).stat().st_size for name in INPUTS) < 200 * 1024


@pytest.mark.parametrize("name", INPUTS)
def test_input(name: str) -> None:
    TARGETS[name.partition("/")[0]]((CORPUS / name).read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_inputs_cut_short(target: str) -> None:
    """The beginnings of those written by hand, too: what a fuzzer tries first."""
    for name in INPUTS:
        if name.startswith(f"{target}/") and "/found_" not in name:
            octets = (CORPUS / name).read_bytes()[:2000]
            for end in range(0, len(octets), 1 + len(octets) // 12):
                TARGETS[target](octets[:end])
