"""No test is skipped unnoticed: skips.py JUNIT_XML ALLOWED, where a line of ALLOWED is `id | reason`."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def main() -> int:
    """Print every skip; 1 if one is not allowed, or if nothing ran."""
    report, allowed_file = sys.argv[1:]
    lines = (line for line in Path(allowed_file).read_text().splitlines() if not line.startswith("#"))
    allowed = {name.strip(): reason.strip() for name, _, reason in (line.partition("|") for line in lines)}
    cases = list(ElementTree.parse(report).iter("testcase"))
    faults = 0 if cases else 1
    skips = 0
    for case in cases:
        for skip in case.findall("skipped"):
            name = f"{case.get('classname')}::{case.get('name')}".removeprefix("::")
            said = skip.get("message") or ""
            skips += 1
            if name in allowed and allowed[name] and allowed[name] in said:
                print(f"skipped, as allowed: {name} | {said}")
            else:
                faults += 1
                print(f"SKIPPED: {name} | {said}")
    print(f"{len(cases)} tests, {skips} skipped")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
