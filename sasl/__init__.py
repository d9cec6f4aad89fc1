"""SASL for both sides of any protocol: octets in, octets out. Knows no MSRP, no socket, no event loop."""

from __future__ import annotations

from .credentials import Credentials, Password, Verifiers
from .errors import Reason, SaslError, SaslUsageError
from .interfaces import AcceptorMechanism, InitiatorMechanism, LayerTerms, Mechanism, Properties
from .policy import Channel, ChannelLevel, Policy
from .prep import prepare
from .verifier import Hash, ScramVerifier

__all__ = [
    "AcceptorMechanism",
    "Channel",
    "ChannelLevel",
    "Credentials",
    "Hash",
    "InitiatorMechanism",
    "LayerTerms",
    "Mechanism",
    "Password",
    "Policy",
    "Properties",
    "Reason",
    "SaslError",
    "SaslUsageError",
    "ScramVerifier",
    "Verifiers",
    "prepare",
]
