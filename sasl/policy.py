"""What the deciding side knows of the channel, and what it wants. Both are values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, get_args

from .errors import SaslUsageError

__all__ = ["RANKING", "Channel", "ChannelLevel", "DigestCipher", "Policy", "Qop", "layer_owed", "qops"]

Qop = Literal["auth", "auth-int", "auth-conf"]
"""DIGEST-MD5's levels of protection: none, integrity, confidentiality."""
DigestCipher = Literal["rc4", "3des", "rc4-56", "rc4-40", "des"]
"""The ciphers of auth-conf."""

RANKING: Final[Mapping[Literal["principal", "service"], tuple[str, ...]]] = {
    "principal": (
        "KRB5-U2U",
        "EXTERNAL",
        "SCRAM-SHA-512-PLUS",
        "SCRAM-SHA-256-PLUS",
        "DIGEST-MD5",
        "ANONYMOUS",
    ),
    "service": (
        "GS2-KRB5-PLUS",
        "SCRAM-SHA-512-PLUS",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS",
        "GSSAPI",
        "SCRAM-SHA-256",
    ),
}
"""The best first."""


class ChannelLevel(IntEnum):
    """What the channel gives before SASL; higher is better."""

    CLEAR = 0
    """Everybody on the way can read and change it."""
    ENCRYPTED = 1
    """TLS; whose key is at the other end is not verified."""
    VERIFIED = 2
    """TLS; the other side's key is verified."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The line below, as this side sees it.

    Attributes:
        level: what it gives.
        bindings: the channel bindings there are (RFC 5929, RFC 9266), value by name without
            prefix: ``{"tls-exporter": ...}``. Leave out what is not safe: tls-unique without
            extended master secret, say.
        peer_names: the identities that the layer below has proved of the other side (a
            certificate's URIs), which EXTERNAL may claim.
        own_names: those it has proved of this side to the other.
    """

    level: ChannelLevel = ChannelLevel.CLEAR
    bindings: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    peer_names: frozenset[str] = frozenset()
    own_names: frozenset[str] = frozenset()

    def bound_by(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the bindings that are there, in the order given."""
        return tuple(name for name in names if self.bindings.get(name))


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be offered, accepted and chosen; fixed before the first octet.

    Attributes:
        acceptor: what the acceptor is: a person, proved as the principal expected, or a service
            on a host.
        least: the weakest mechanism that will do, by name; None for the weakest of the ranking.
        least_channel: the weakest channel that will do.
        mechanisms: the mechanisms allowed at all, the best first; None for the usual ranking
            (`RANKING`). To a person,
            what the table of `selection` never allows stays forbidden; to a service, PLAIN, CRAM-MD5
            and LOGIN do.
        anonymous: whether ANONYMOUS may be used.
        digest_md5: whether DIGEST-MD5 may be used where there is no TLS.
        digest_md5_qops: the protection it may agree on, the best first. Where `layer_owed` wants
            confidentiality, only auth-conf of them is left.
        digest_md5_ciphers: its ciphers, the best first. None is strong; of the three that are not
            there by themselves (rc4-56, rc4-40, des) anybody can try all keys.
        digest_md5_buffer: octets of a buffer that are taken, 4096 to 1 MiB; to the other side go no
            larger ones either.
        bindings: the bindings that count, the best first.
        guessable: whether passwords that were not generated may be used where the other
            side's key is not verified: who stands in between could guess them offline.
    """

    acceptor: Literal["principal", "service"] = "principal"
    least: str | None = None
    least_channel: ChannelLevel = ChannelLevel.CLEAR
    mechanisms: tuple[str, ...] | None = None
    anonymous: bool = False
    digest_md5: bool = False
    digest_md5_qops: tuple[Qop, ...] = ("auth", "auth-int", "auth-conf")
    digest_md5_ciphers: tuple[DigestCipher, ...] = ("rc4", "3des")
    digest_md5_buffer: int = 65536
    bindings: tuple[str, ...] = ("tls-exporter", "tls-unique")
    guessable: bool = False

    def __post_init__(self) -> None:
        if not set(self.digest_md5_qops) <= set(get_args(Qop)):
            raise SaslUsageError("the qops of DIGEST-MD5 are " + ", ".join(get_args(Qop)))
        if not set(self.digest_md5_ciphers) <= set(get_args(DigestCipher)):
            raise SaslUsageError("the ciphers of DIGEST-MD5 are " + ", ".join(get_args(DigestCipher)))
        if not 4096 <= self.digest_md5_buffer <= 1 << 20:
            raise SaslUsageError("a buffer has 4096 octets to 1 MiB")

    @property
    def ranking(self) -> tuple[str, ...]:
        """The mechanisms allowed at all, the best first."""
        return RANKING[self.acceptor] if self.mechanisms is None else self.mechanisms


def layer_owed(name: str, channel: Channel) -> Literal["confidentiality"] | None:
    """The layer without which this mechanism must not succeed on this channel."""
    if name == "KRB5-U2U" and channel.level is ChannelLevel.CLEAR:
        return "confidentiality"
    if name == "DIGEST-MD5" and channel.level is not ChannelLevel.VERIFIED:
        return "confidentiality"
    return None


def qops(policy: Policy, channel: Channel) -> tuple[Qop, ...]:
    """What DIGEST-MD5 may agree on over this channel, the best first; nothing where none of it will do."""
    owed = layer_owed("DIGEST-MD5", channel) is not None
    return tuple(
        qop
        for qop in policy.digest_md5_qops
        if (policy.digest_md5_ciphers if qop == "auth-conf" else not owed)
    )
