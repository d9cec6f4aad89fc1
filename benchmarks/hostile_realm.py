"""A KDC of the hostile soak: people on stdin, its environment on stdout, until stdin ends.

hostile_realm.py ADDRESS
"""

from __future__ import annotations

import json
import os
import sys

from paths_people import realm


def main() -> None:
    with realm(json.loads(sys.stdin.readline()), sys.argv[1]) as missing:
        found = {
            name: value for name, value in os.environ.items() if "KRB5" in name or name == "BENCH_TICKETS"
        }
        print(json.dumps({"missing": missing, "environment": found}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
