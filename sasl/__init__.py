"""SASL for both sides of any protocol: octets in, octets out. Knows no MSRP, no socket, no event loop.

client = SASLClient(Initiating(me, acceptor, channel, policy, credentials, offered=names))
token = client.start(now)             then client.process(challenge, now) for each challenge
client.succeeded(data, now)           at the outcome; then client.identity, client.layer

server = SASLServer(Accepting(me, channel, policy, authority, verifiers, offered=names))
token = server.start(name, token, now)    then server.process(response, now)
until server.complete                 then server.identity, server.layer
"""

from __future__ import annotations

from .credentials import Credentials, FromPasswords, Password, Verifiers
from .errors import Reason, SaslError, SaslUsageError
from .exchange import Identity, SASLClient, SASLServer
from .identity import Authority, Identities
from .interfaces import AcceptorMechanism, InitiatorMechanism, LayerTerms, Mechanism, Properties
from .kerberos.setting import Kerberos, Layer
from .layer import SecurityLayer
from .mechanisms import PROPERTIES
from .policy import Channel, ChannelLevel, Policy
from .prep import prepare
from .selection import choose, compare, offered
from .setting import Accepting, Initiating
from .verifier import DigestMD5Verifier, Hash, ScramVerifier, digest_md5_secret

__all__ = [
    "PROPERTIES",
    "Accepting",
    "AcceptorMechanism",
    "Authority",
    "Channel",
    "ChannelLevel",
    "Credentials",
    "DigestMD5Verifier",
    "FromPasswords",
    "Hash",
    "Identities",
    "Identity",
    "Initiating",
    "InitiatorMechanism",
    "Kerberos",
    "Layer",
    "LayerTerms",
    "Mechanism",
    "Password",
    "Policy",
    "Properties",
    "Reason",
    "SASLClient",
    "SASLServer",
    "SaslError",
    "SaslUsageError",
    "ScramVerifier",
    "SecurityLayer",
    "Verifiers",
    "choose",
    "compare",
    "digest_md5_secret",
    "offered",
    "prepare",
]
