"""One target under atheris: python -m fuzz.drive TARGET, then libFuzzer's arguments.

.ci/fuzz starts it, with the compiled modules built for it and the sanitizers loaded first.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

import atheris

# What is plain Python is instrumented, so that its branches count.
if "uri" in sys.argv[1:2]:
    with atheris.instrument_imports(include=["msrp_core.uri"]):
        importlib.import_module("msrp_core.uri")
if "sasl" in sys.argv[1:2]:
    with atheris.instrument_imports(include=["msrp_sasl"]):
        importlib.import_module("msrp_sasl")
if "sdp" in sys.argv[1:2]:
    with atheris.instrument_imports(include=["msrp_peer.signalling", "msrp_peer.terms"]):
        importlib.import_module("msrp_peer.signalling.offer_answer")
if "header" in sys.argv[1:2]:
    _HEADERS = [f"msrp_peer.protocol.{name}_header" for name in ("sasl", "sas", "auth")]
    with atheris.instrument_imports(include=_HEADERS):
        importlib.import_module("msrp_peer.protocol.sasl_header")
        importlib.import_module("msrp_peer.protocol.sas_header")

from fuzz import mutate
from fuzz.inputs import exact
from fuzz.targets import TARGETS

Mutator = Callable[[bytes, int, int], bytes]


def planted(name: str) -> Callable[[bytes], None]:
    """A target that has a fault, to see whether it is seen."""
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
    }
    custom = {"custom_mutator": mutator(mutators[name])} if name in mutators else {}
    atheris.Setup(sys.argv, lambda data: run(bytes(data)), **custom)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
