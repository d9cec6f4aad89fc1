"""Memory to receive into, again and again."""

from typing import final

@final
class ReceiveBuffer:
    """Memory to receive into again and again, replaced only while slices of it are alive.

    view = buffer.get()               # writable, give it to recv_into
    n = sock.recv_into(view)
    octets = buffer.filled(n)         # read-only view of what arrived

    Raises `LocalProtocolError` for a size that cannot be.
    """

    def __init__(self, size: int = 262144) -> None: ...
    @property
    def size(self) -> int:
        """Octets it holds."""
    def get(self) -> memoryview:
        """The whole memory, writable, none of it in use by anyone else."""
    def filled(self, size: int) -> memoryview:
        """The first `size` octets, read-only; valid for as long as it is held."""
