"""RFC 4975 framing: octets to frames, frames to octets. No socket, no clock, no event loop."""

from __future__ import annotations

try:
    from ._batch import Batch, Batches
    from ._express import Express
    from ._frame import Body, ByteRange, Flag, Frame
    from ._lane import Lane, Seen
    from ._parser import Parser, scan_name
    from ._receive import ReceiveBuffer
    from ._writer import Chunks, new_ident, request, response
except ModuleNotFoundError as missing:  # the source tree shadows the installed package
    if not (missing.name or "").startswith("msrp_core._"):
        raise
    raise ImportError(
        "msrp_core is not built here: run `make` and use the commands in .venv/bin "
        "(python -m sees the source folder first; set PYTHONSAFEPATH=1 or start elsewhere)"
    ) from None

from .errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from .limits import Limits
from .uri import Uri

__all__ = [
    "Batch",
    "Batches",
    "Body",
    "ByteRange",
    "Chunks",
    "Express",
    "Flag",
    "Frame",
    "Lane",
    "Limits",
    "LocalProtocolError",
    "Parser",
    "ProtocolError",
    "ReceiveBuffer",
    "RemoteProtocolError",
    "Seen",
    "Uri",
    "new_ident",
    "request",
    "response",
    "scan_name",
]
