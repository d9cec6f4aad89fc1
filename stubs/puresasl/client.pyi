from collections.abc import Callable, Iterable
from typing import Any

class SASLClient:
    authorization_id: str | None
    host: str
    service: str | None
    qops: set[bytes]
    max_buffer: int
    mechanism: str | None
    mutual_auth: bool
    def __init__(
        self,
        host: str,
        service: str | None = ...,
        mechanism: str | None = ...,
        authorization_id: str | None = ...,
        callback: Callable[[str], Any] | None = ...,
        qops: Iterable[bytes] = ...,
        mutual_auth: bool = ...,
        max_buffer: int = ...,
        **mechanism_props: Any,
    ) -> None: ...
    def process(self, challenge: bytes | None = ...) -> bytes | None: ...
    def wrap(self, outgoing: bytes) -> bytes: ...
    def unwrap(self, incoming: bytes) -> bytes: ...
    @property
    def complete(self) -> bool: ...
    @property
    def qop(self) -> bytes: ...
    def dispose(self) -> None: ...
    def choose_mechanism(
        self,
        mechanism_choices: Iterable[str],
        allow_anonymous: bool = ...,
        allow_plaintext: bool = ...,
        allow_active: bool = ...,
        allow_dictionary: bool = ...,
    ) -> None: ...
