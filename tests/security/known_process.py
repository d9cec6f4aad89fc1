"""One of several processes that use a file of known peers at once. Run by a test: FOLDER NUMBER ROUNDS."""

from __future__ import annotations

import sys
from pathlib import Path

from msrp_peer.security.known import KnownPolicy, New, NotAsKnown
from msrp_peer.terms.principal import Principal
from security.known_lines import BOB, CAROL, key_of, line, store_in

folder, number, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = store_in(folder)
mine, key = Principal.parse(f"im:user{number}@lan"), key_of(f"key {number}")
outcomes = set()
for round in range(rounds):
    store.meet(mine, line(mine), 1000 + round)
    store.meet(CAROL, line(CAROL), 1000 + round)
    try:
        store.meet(BOB, line(key=key), 1000 + round, key=key, policy=KnownPolicy(New.ACCEPT))
    except NotAsKnown:
        outcomes.add("refused")
    else:
        outcomes.add("taken")
print(" and ".join(sorted(outcomes)), flush=True)
