"""Every target for a while, after the proof that the sanitizers see what they are to see.

    python -m fuzz.campaign [--seconds N] [--target NAME]... [--seed N] --work FOLDER

.ci/fuzz starts it, where the instrumented modules are; see CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import atheris

FUZZ = Path(__file__).parent
TARGETS = {
    "parser": 600,
    "cuts": 400,
    "express": 700,
    "writer": 800,
    "uri": 2400,
    "sasl": 2000,
    "sdp": 60,
    "header": 15000,
    "words": 200,
    "watched": 800,
    "bodies": 400,
    "files": 800,
    "announced": 600,
    "config": 300,
    "known": 40,
}
"""Each target, and about how many inputs a second it gets through: with --seed it is given so many, and
so the same ones on any machine."""
SCANNED = ("parser", "cuts", "express", "writer")
"""Those that look for end-lines; their time is shared among the scans there are."""
SLOWER = 4
"""How many times `seconds` the inputs of a run with --seed may take, on a machine that is slow or busy."""
SCANS = ("avx2", "sse2", "c")
PLANTED = {"overread": "AddressSanitizer: heap-buffer-overflow", "overflow": "signed integer overflow"}
PLANTED_INPUT = b"MSRP"  # what brings them out; whether it is found would be a matter of chance


class Outcome(NamedTuple):
    status: int
    output: str
    seconds: float

    @property
    def executions(self) -> int:
        found = re.search(r"number_of_executed_units:\s*(\d+)", self.output)
        return int(found[1]) if found else 0

    @property
    def edges(self) -> int:
        return max(map(int, re.findall(r"\bcov: (\d+)", self.output)), default=0)


def environment(scan: str) -> dict[str, str]:
    # No order of a set is left to chance: it would make another order of inputs.
    return {
        "PYTHONHASHSEED": "0",
        **os.environ,
        "LD_PRELOAD": str(Path(atheris.path()) / "asan_with_fuzzer.so"),
        # Python's own allocator hides from AddressSanitizer where an object ends.
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "MSRP_SCAN": scan,
    }


def drive(target: str, seconds: float, scan: str, *arguments: str | Path) -> Outcome:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.drive", target, f"-max_total_time={max(1, round(seconds))}", *arguments],
        env=environment(scan),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=2 * seconds + 300,
    )
    return Outcome(done.returncode, done.stdout.decode(errors="replace"), time.monotonic() - began)


def scans() -> list[str]:
    """Those this machine can run."""
    code = "import msrp_core"
    return [
        scan
        for scan in SCANS
        if subprocess.run(
            [sys.executable, "-c", code], env=environment(scan), capture_output=True, check=False
        ).returncode
        == 0
    ]


def shortened(output: str) -> str:
    """What a target said, without its progress and without the deep ends of stacks."""
    kept = [line for line in output.splitlines() if not re.match(r"#\d+\t|\t*NEW_FUNC|    #[1-9]\d ", line)]
    return "\n".join(line[:1000] for line in kept[-120:])


def prove(work: Path) -> None:
    planted = work / "planted"
    planted.write_bytes(PLANTED_INPUT)
    for fault, words in PLANTED.items():
        outcome = drive(f"planted:{fault}", 60, "", f"-artifact_prefix={work}/planted-", planted)
        if outcome.status == 0 or words not in outcome.output:
            print(outcome.output[-4000:])
            sys.exit(f"The sanitizers did not see the planted {fault}: nothing they say can be believed.")
        print(f"planted {fault}: seen", flush=True)
    for left in work.glob("planted*"):
        left.unlink()


def merge(target: str, work: Path) -> None:
    """Put into the committed corpus what was found since and reaches code that nothing in it reaches."""
    committed, merged = FUZZ / "corpus" / target, work / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    shutil.copytree(committed, merged)
    outcome = drive(target, 300, "", "-merge=1", "-use_counters=0", merged, work / "corpus" / target)
    if outcome.status:
        sys.exit(shortened(outcome.output))
    new = [path for path in sorted(merged.iterdir()) if not (committed / path.name).exists()]
    for path in new:
        shutil.copy(path, committed / f"found_{path.name[:8]}")
    print(f"{target}: {len(new)} inputs more, {sum(path.stat().st_size for path in new)} octets")


def fuzz(target: str, seconds: float, seed: int | None, work: Path) -> bool:
    """Whether nothing was found. With a seed the inputs are the same ones again: those of the committed
    corpus, and so many of their changes."""
    corpus, found = work / "corpus" / target, work / "found"
    turns = scans() if target in SCANNED else [""]
    share = seconds / len(turns)
    chance: list[str] = []
    if seed is not None:
        corpus = work / "seeded" / target
        shutil.rmtree(corpus, ignore_errors=True)
        chance = [f"-seed={seed}", f"-runs={round(TARGETS[target] * share)}"]
        share *= SLOWER
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for scan in turns:
        outcome = drive(
            target,
            share,
            scan,
            *chance,
            "-print_final_stats=1",
            "-max_len=4096",
            "-timeout=10",
            "-rss_limit_mb=4096",
            f"-dict={FUZZ / 'msrp.dict'}",
            f"-artifact_prefix={found}/{target}-",
            corpus,
            FUZZ / "corpus" / target,
        )
        name = f"{target} ({scan})" if scan else target
        if outcome.status:
            print(shortened(outcome.output))
            for path in re.findall(r"Test unit written to (\S+)", outcome.output):
                again = f" MSRP_SCAN={scan}" if scan else ""
                print(f"FOUND by {name}: {path}\nonce more:{again} make fuzz TARGET={target} INPUT={path}")
            print(f"{name} FAILED with status {outcome.status}")
            return False
        print(
            f"{name:15} {outcome.executions:>10,} executions {outcome.edges:>6,} edges "
            f"{outcome.seconds:>5.0f} s, nothing found",
            flush=True,
        )
        if outcome.executions < 100 or outcome.edges == 0:
            print(outcome.output[-4000:])
            print(f"{name} did next to nothing")
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, help="no chance: the same inputs as the last time")
    parser.add_argument("--target", action="append", choices=tuple(TARGETS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--input", type=Path, help="run the one target with this input alone")
    parser.add_argument("--merge", action="store_true", help="add to the committed corpus")
    options = parser.parse_args()
    targets = options.target or list(TARGETS)
    if options.input:
        outcome = drive(targets[0], 60, os.environ.get("MSRP_SCAN", ""), options.input.absolute())
        print(shortened(outcome.output))
        sys.exit(outcome.status)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.merge:
        for target in targets:
            merge(target, options.work)
        return
    prove(options.work)
    with ThreadPoolExecutor(options.jobs) as beside:  # each target is a process of its own
        nothing = list(
            beside.map(lambda target: fuzz(target, options.seconds, options.seed, options.work), targets)
        )
    if not all(nothing):
        sys.exit(1)


if __name__ == "__main__":
    main()
