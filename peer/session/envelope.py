"""Words in message/cpim, for those who want all messages so (RFC 4975 section 13)."""

from __future__ import annotations

from datetime import UTC, datetime

from ..protocol.endpoint import Endpoint
from ..terms.content import Accepts
from ..terms.errors import UsageError
from ..terms.principal import claimed_in
from .cpim import Cpim

__all__ = ["enveloped", "wrapped"]

_NOBODY = "im:anonymous@anonymous.invalid"
"""Who an envelope is from, or to, where nobody said who they are (RFC 3862 wants both named)."""
_CPIM = "message/cpim"


def wants_envelopes(takes: Accepts) -> bool:
    """Whether who takes this wants all messages in message/cpim: it lists that first."""
    return bool(takes.entries) and _is_cpim(takes.entries[0])


def wrapped(endpoint: Endpoint, body: bytes, content_type: str, names: tuple[str, ...]) -> tuple[bytes, str]:
    """A message inside of message/cpim, or as it is where it is one: its octets, and their type.

    `names` is who the other side is proved to be, or empty: then it is who it says it is. Raises
    `NotDelivered` where it takes no such type inside of others, `UsageError` for what is no type.
    """
    if _is_cpim(content_type):
        return body, content_type
    endpoint.check_inside([content_type])
    own = claimed_in(endpoint.local_uri.userinfo)
    peer = claimed_in(endpoint.remote_uris[0].userinfo)
    to = names or ((_NOBODY,) if peer is None else (peer.text,))
    envelope = enveloped(body, content_type, _NOBODY if own is None else own.text, to)
    try:
        return envelope.octets(), _CPIM
    except ValueError:
        raise UsageError(f"{content_type!r} is no type of content") from None


def enveloped(
    body: bytes, content_type: str, sender: str = _NOBODY, to: tuple[str, ...] = (_NOBODY,)
) -> Cpim:
    """The envelope, dated now."""
    return Cpim.wrap(body, content_type, sender=sender, to=to, when=datetime.now(UTC).isoformat())


def _is_cpim(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == _CPIM
