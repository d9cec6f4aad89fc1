from typing import TypeVar

from pyasn1.type.univ import Sequence

S = TypeVar("S", bound=Sequence)

def decode(substrate: bytes, asn1Spec: S) -> tuple[S, bytes]: ...
