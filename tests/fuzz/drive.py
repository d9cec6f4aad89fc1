"""One target under atheris: python -m fuzz.drive TARGET, then libFuzzer's arguments.

.ci/fuzz starts it, with the compiled modules built for it and the sanitizers loaded first.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import os
import sys
from collections.abc import Callable

import atheris

if any(argument.startswith("-seed=") for argument in sys.argv):
    # What is drawn is to be the same in every run, too. Before anything takes urandom by its name.
    _drawn = itertools.count()
    os.urandom = lambda n: hashlib.shake_128(b"%d" % next(_drawn)).digest(n)

# What is plain Python is instrumented, so that its branches count: packages or modules, by target.
_SIGNALLING = ("msrp_peer.signalling", "msrp_peer.terms")
_HEADERS = tuple(f"msrp_peer.protocol.{name}_header" for name in ("sasl", "sas", "auth"))
INSTRUMENTED: dict[str, tuple[str, ...]] = {
    "uri": ("msrp_core.uri",),
    "sasl": ("msrp_sasl",),
    "sdp": _SIGNALLING,
    "announced": _SIGNALLING,
    "files": (*_SIGNALLING, "msrp_peer.session.files"),
    "header": _HEADERS,
    "words": ("msrp_peer.protocol.comparing", *_HEADERS),
    "watched": ("msrp_peer.cli.inspect", "msrp_peer.terms.blanked"),
    "bodies": ("msrp_peer.session.bodies", "msrp_peer.session.cpim", "msrp_peer.terms.content"),
    "config": ("msrp_peer.cli.config_file", "msrp_peer.cli.values"),
    "known": ("msrp_peer.security.known_peers", "msrp_peer.kept"),
}
Mutator = Callable[[bytes, int, int], bytes]


def planted(name: str) -> Callable[[bytes], None]:
    """A target that has a fault, to see whether it is seen."""
    from fuzz.inputs import exact

    fault = getattr(importlib.import_module("msrp_core._planted"), name)
    return lambda data: fault(exact(data))  # type: ignore[no-any-return]


def mutator(change: Mutator) -> Mutator:
    """Half the changes are those of a stream, half libFuzzer's own; often both, one on the other."""

    def both(data: bytes, most: int, seed: int) -> bytes:
        data = bytes(data)
        if seed & 3:
            data = change(data, most, seed)
        return bytes(atheris.Mutate(data, most)) if seed & 3 < 2 or not data else data

    return both


def main() -> None:
    name = sys.argv.pop(1)
    # First of all: what was imported before is not instrumented.
    if name in INSTRUMENTED:
        with atheris.instrument_imports(include=list(INSTRUMENTED[name])):
            importlib.import_module("fuzz.targets")
    from fuzz import mutate
    from fuzz.targets import TARGETS

    # How libFuzzer starts itself again where it does so (-merge, -minimize_crash).
    sys.argv[0] = f"{sys.executable} -m fuzz.drive {name}"
    what, _, fault = name.partition(":")
    run = planted(fault) if what == "planted" else TARGETS[name]
    mutators: dict[str, Mutator] = {
        "parser": mutate.stream,
        "cuts": mutate.stream,
        "express": mutate.stream,
        "writer": mutate.fields,
        "sdp": mutate.lines,
        "watched": mutate.stream,
        "words": mutate.steps,
    }
    custom = {"custom_mutator": mutator(mutators[name])} if name in mutators else {}
    atheris.Setup(sys.argv, lambda data: run(bytes(data)), **custom)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
