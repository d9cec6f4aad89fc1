"""SCRAM, both sides, with and without channel binding (RFC 5802, RFC 7677, RFC 9266).

    initiator                                        acceptor
    client-first: who I am, my nonce         ->
                                             <-      server-first: both nonces, salt, count
    client-final: the binding, my proof      ->
                                             <-      server-final: the acceptor's signature

The proof and the signature cover all that was said before, the binding included. The acceptor
is never told more than "failed", so no server-error-value is sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from ..credentials import decoy
from ..errors import Reason, SaslError, SaslUsageError
from ..interfaces import LayerTerms, Properties
from ..prep import prepare, prepare_password
from ..setting import Accepting, Initiating
from ..verifier import HASHES, LEAST_ITERATIONS, MOST_ITERATIONS, Hash, ScramVerifier, derive
from . import gs2_header
from .gs2_header import encode_name, malformed
from .scram_tokens import (
    ClientFirst,
    read_client_final,
    read_client_first,
    read_server_final,
    read_server_first,
)

__all__ = ["ScramAcceptor", "ScramInitiator", "properties"]


_FAMILY = "SCRAM-"


def properties(plus: bool) -> Properties:
    return Properties(
        client_first=True,
        mutual=True,
        binds=plus,
        proves_initiator=True,
        # Without the binding the exchange could be relayed to another acceptor.
        proves_acceptor="principal" if plus else "service",
        password=True,
        may_block=True,
    )


class _Scram:
    """What both sides have."""

    def __init__(self, setting: Initiating | Accepting, hash: Hash, plus: bool) -> None:
        self.name = f"SCRAM-{hash}" + ("-PLUS" if plus else "")
        self.properties = properties(plus)
        self.complete = False
        self.layer: LayerTerms | None = None
        self.shared = False
        self.binding: str | None = None
        self._hash: Hash = hash
        self._digest = HASHES[hash][0]
        self._plus = plus
        self._channel = setting.channel

    def _data(self) -> bytes:
        """The binding's value, as this side sees the channel."""
        return self._channel.bindings[self.binding] if self.binding else b""

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._digest)

    def wrap(self, data: bytes) -> bytes:
        raise SaslUsageError("SCRAM has no security layer")

    def unwrap(self, data: bytes) -> bytes:
        raise SaslUsageError("SCRAM has no security layer")


class ScramInitiator(_Scram):
    def __init__(self, setting: Initiating, hash: Hash, plus: bool) -> None:
        super().__init__(setting, hash, plus)
        self._setting = setting
        self._password = b""
        self._header = b""
        self._nonce = b""
        self._bare = b""
        self._signature = b""

    def step(self, token: bytes | None, now: float) -> bytes:
        if token is None:
            return self._first()
        if not self._signature:
            return self._final(token)
        self._verify(token)
        return b""

    def _first(self) -> bytes:
        setting = self._setting
        password = setting.password()
        user = prepare(setting.me, query=True)
        if not user:
            raise SaslError(Reason.CREDENTIALS, "there is no user name to authenticate with")
        self.shared = password.shared
        self._password = prepare_password(password.text)
        self._header, self.binding = gs2_header.make(setting, _FAMILY, self._plus)
        self._nonce = setting.nonce()
        self._bare = b"n=" + encode_name(user) + b",r=" + self._nonce
        return self._header + self._bare

    def _final(self, token: bytes) -> bytes:
        first = read_server_first(token)
        if not first.nonce.startswith(self._nonce) or first.nonce == self._nonce:
            raise malformed("its nonce does not continue ours")
        if not LEAST_ITERATIONS <= first.iterations <= MOST_ITERATIONS:
            raise SaslError(
                Reason.POLICY,
                f"the other side wants {first.iterations} iterations; {LEAST_ITERATIONS} to "
                f"{MOST_ITERATIONS} are safe",
            )
        without_proof = b"c=" + base64.b64encode(self._header + self._data()) + b",r=" + first.nonce
        said = b",".join((self._bare, token, without_proof))
        client_key, stored_key, server_key = derive(self._password, self._hash, first.salt, first.iterations)
        self._password = b""
        self._signature = self._hmac(server_key, said)
        proof = _xor(client_key, self._hmac(stored_key, said))
        return without_proof + b",p=" + base64.b64encode(proof)

    def _verify(self, token: bytes) -> None:
        if self.complete:
            raise malformed("nothing may follow the signature")
        if not hmac.compare_digest(read_server_final(token), self._signature):
            raise SaslError(
                Reason.UNPROVED, "the other side does not know the password: it is not who it should be"
            )
        self.complete = True

    def dispose(self) -> None:
        self._password = self._signature = b""


class ScramAcceptor(_Scram):
    def __init__(self, setting: Accepting, hash: Hash, plus: bool) -> None:
        super().__init__(setting, hash, plus)
        self.user = ""
        self.authorization = ""
        self._setting = setting
        self._first: ClientFirst | None = None
        self._verifier: ScramVerifier | None = None
        self._answer = b""
        self._nonce = b""

    def step(self, token: bytes | None, now: float) -> bytes:
        if token is None:
            raise malformed("there is none")
        if self._first is None:
            return self._challenge(token)
        return self._judge(token, self._first)

    def _challenge(self, token: bytes) -> bytes:
        setting = self._setting
        first = self._first = read_client_first(token)
        self.binding = gs2_header.check(first.header, setting, _FAMILY, self._plus)
        self.authorization = first.header.authorization
        self.user = prepare(first.user, query=True)
        if not self.user:
            raise malformed("an empty name")
        if setting.verifiers is None:
            raise SaslError(Reason.CREDENTIALS, "no verifiers are kept at this end")
        # Made for every user, so that those who do not exist cost nothing more.
        made = decoy(setting.verifiers, self.user, setting.me, self._hash)
        found = setting.verifiers.scram(self.user, setting.me, self._hash)
        if found and found.hash != self._hash:
            raise SaslUsageError(f"asked for {self._hash}, the store gave a verifier for {found.hash}")
        self._verifier = found or made
        self._nonce = first.nonce + setting.nonce()
        salt = base64.b64encode(self._verifier.salt)
        self._answer = b"r=%b,s=%b,i=%d" % (self._nonce, salt, self._verifier.iterations)
        return self._answer

    def _judge(self, token: bytes, first: ClientFirst) -> bytes:
        verifier = self._verifier
        assert verifier is not None  # since the challenge
        final = read_client_final(token)
        if not hmac.compare_digest(final.binding, first.header.octets + self._data()):
            raise SaslError(
                Reason.BINDING, "the two sides see different channels: somebody may stand in between"
            )
        if not hmac.compare_digest(final.nonce, self._nonce):
            raise malformed("the nonce is another one")
        if len(final.proof) != len(verifier.stored_key):
            raise malformed("the proof's length")
        said = b",".join((first.bare, self._answer, final.without_proof))
        client_key = _xor(final.proof, self._hmac(verifier.stored_key, said))
        if not hmac.compare_digest(hashlib.new(self._digest, client_key).digest(), verifier.stored_key):
            raise SaslError(Reason.WRONG, "user or password are wrong")
        self.shared = verifier.shared
        self.complete = True
        return b"v=" + base64.b64encode(self._hmac(verifier.server_key, said))

    def dispose(self) -> None:
        self._verifier = None


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
