from typing import Any

from .client import SASLClient

class Mechanism:
    name: str | None
    score: int
    has_initial_response: bool
    allows_anonymous: bool
    uses_plaintext: bool
    active_safe: bool
    dictionary_safe: bool
    sasl: SASLClient
    qop: bytes
    qops: list[bytes]
    def __init__(self, sasl: SASLClient, **props: Any) -> None: ...
    def _fetch_properties(self, *properties: str) -> None: ...
    def _pick_qop(self, server_qop_set: set[bytes]) -> None: ...

mechanisms: dict[str, type[Mechanism]]
