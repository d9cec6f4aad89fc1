"""One of several processes that use a store at the same time. Run by a test: FOLDER NUMBER ROUNDS."""

from __future__ import annotations

import sys
from pathlib import Path

from credentials.stores import BOB, open_store
from msrp_peer.credentials.verifiers import KEPT
from msrp_peer.terms.principal import Principal
from msrp_sasl import Password

folder, number, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = open_store(folder)
mine, ours = Principal.parse(f"im:user{number}@lan"), Principal.parse("im:everybody@lan")
for round in range(rounds):
    mine_now, ours_now = Password(f"mine {number} {round}"), Password(f"ours {number} {round}")
    store.keep(mine, BOB, mine_now, round)
    store.keep(ours, BOB, ours_now, round)
    for hash in KEPT:
        verifier = store.scram(mine.text, BOB.text, hash)
        assert verifier is not None
        assert verifier.verify(mine_now.text)
        assert store.scram(ours.text, BOB.text, hash) is not None
    if round % 3 == 2:
        assert store.remove(mine, BOB)
        store.keep(mine, BOB, mine_now, round)
print(store.decoy_key.hex(), flush=True)
