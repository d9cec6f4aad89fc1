"""DIGEST-MD5, both sides, with its security layers (RFC 2831).

    initiator                                        acceptor
                                             <-      challenge: realms, nonce, what it allows
    response: who I am, my nonce, my proof   ->
                                             <-      rspauth: the acceptor's proof

The proofs cover user, realm, both nonces, the digest-uri, the protection taken ("qop") and the
authorization identity. They do not cover the lists of the challenge, the cipher and the sizes of
buffers, which anybody on the way can change: for these each side goes by its own `Policy`.

No nonce is used twice, so there is no subsequent authentication (section 2.2): our initiator
never begins with a response, and one that does is answered with a challenge like any other.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from ..errors import Reason, SaslError, SaslUsageError
from ..identity import bare, check_authorization
from ..interfaces import LayerTerms, Properties
from ..policy import Qop, qops
from ..setting import Accepting, Initiating
from ..verifier import DigestMD5Verifier, digest_md5_secret
from .digest_hash import layer_keys, proof, session_key
from .digest_tokens import (
    Challenge,
    Response,
    malformed,
    read_challenge,
    read_proof,
    read_response,
    write_proof,
)

if TYPE_CHECKING:
    from .digest_layer import Receiver, Sender

__all__ = ["DIGEST_MD5", "DigestMD5Acceptor", "DigestMD5Initiator"]

DIGEST_MD5: Final = Properties(
    client_first=False,
    variable=True,
    mutual=True,
    layers=frozenset({"integrity", "confidentiality"}),
    proves_initiator=True,
    proves_acceptor="principal",
    password=True,
    may_block=True,
)

_LEAST_BUFFER: Final = 1024
"""Octets of a buffer the other side has to take: into less goes hardly anything beside the overhead."""
_LENGTH: Final = 4
"""Octets of the length before a buffer. Cyrus SASL counts them as part of "maxbuf", so we do, too."""
_OVERHEAD: Final = 26
"""Octets by which a buffer is at most longer than what it protects, again as Cyrus SASL counts."""

_NOBODY: Final = DigestMD5Verifier(bytes(16))


class _Digest:
    """What both sides have."""

    name = "DIGEST-MD5"
    properties = DIGEST_MD5
    binding: str | None = None

    def __init__(self, setting: Initiating | Accepting) -> None:
        self.complete = False
        self.layer: LayerTerms | None = None
        self.shared = False
        self._policy = setting.policy
        self._qops = qops(setting.policy, setting.channel)
        self._key = b""
        self._sender: Sender | None = None
        self._receiver: Receiver | None = None

    def wrap(self, data: bytes) -> bytes:
        if self._sender is None:
            raise SaslUsageError("there is no security layer")
        return self._sender.protect(data)

    def unwrap(self, data: bytes) -> bytes:
        if self._receiver is None:
            raise SaslUsageError("there is no security layer")
        return self._receiver.open(data)

    def dispose(self) -> None:
        self._key = b""
        self._sender = self._receiver = None

    def _terms(self, qop: Qop, cipher: str | None, buffer: int) -> LayerTerms | None:
        """What is agreed on with an other side that takes buffers of this size. Raises `SaslError`."""
        if qop == "auth":
            return None
        if buffer < _LEAST_BUFFER:
            raise SaslError(
                Reason.POLICY,
                f"the other side takes buffers of {buffer} octets; {_LEAST_BUFFER} are the least here",
            )
        most = min(buffer, self._policy.digest_md5_buffer) - _LENGTH
        gives: Final = "confidentiality" if qop == "auth-conf" else "integrity"
        receive = self._policy.digest_md5_buffer
        return LayerTerms(gives, cipher or "HMAC-MD5", most, most - _OVERHEAD, receive)

    def _succeed(self, key: bytes, terms: LayerTerms | None, cipher: str | None, *, initiator: bool) -> None:
        if terms is not None:
            # Here, because it loads cryptography, which nobody needs for the exchange alone.
            from .digest_layer import Receiver, Sender

            self._sender = Sender(layer_keys(key, cipher, to_acceptor=initiator), cipher)
            self._receiver = Receiver(layer_keys(key, cipher, to_acceptor=not initiator), cipher)
        self.layer = terms
        self.complete = True


class DigestMD5Initiator(_Digest):
    def __init__(self, setting: Initiating) -> None:
        super().__init__(setting)
        self._setting = setting
        self._response: Response | None = None
        self._agreed: LayerTerms | None = None

    def step(self, token: bytes | None, now: float) -> bytes:
        if token is None:
            raise malformed("there is none")
        if self._response is None:
            return self._answer(token)
        if self.complete:
            raise malformed("nothing may follow the proof")
        if not hmac.compare_digest(read_proof(token), proof(self._key, self._response, of_acceptor=True)):
            raise SaslError(
                Reason.UNPROVED, "the other side does not know the password: it is not who it should be"
            )
        self._succeed(self._key, self._agreed, self._response.cipher, initiator=True)
        self._key = b""
        return b""

    def _answer(self, token: bytes) -> bytes:
        setting = self._setting
        password = setting.password()
        if not setting.service:
            raise SaslUsageError("DIGEST-MD5 says which service is meant: name it")
        if not (password.text and setting.me):
            raise SaslError(Reason.CREDENTIALS, "the user name or the password is empty")
        challenge = read_challenge(token)
        qop, cipher = self._choose(challenge)
        realm = self._realm(challenge)
        self._agreed = self._terms(qop, cipher, challenge.buffer)
        self.shared = password.shared
        _encoded(password.text, challenge.utf8, "password")
        response = Response(
            user=_encoded(setting.me, challenge.utf8, "user name"),
            realm=None if realm is None else _encoded(realm, challenge.utf8, "realm"),
            nonce=challenge.nonce,
            cnonce=setting.nonce(),
            uri=_uri(setting.service, setting.acceptor).encode(),
            qop=qop.encode(),
            cipher=cipher,
            buffer=self._policy.digest_md5_buffer,
            utf8=challenge.utf8,
            authorization=setting.authorization.encode() or None,
        )
        secret = digest_md5_secret(setting.me, realm or "", password.text)
        self._key = session_key(secret, response)
        self._response = response.proved(proof(self._key, response))
        return self._response.encode()

    def _choose(self, challenge: Challenge) -> tuple[Qop, str | None]:
        for qop in self._qops:
            if qop in challenge.qops:
                if qop != "auth-conf":
                    return qop, None
                for cipher in self._policy.digest_md5_ciphers:
                    if cipher in challenge.ciphers:
                        return qop, cipher
        ciphers = ", ".join(self._policy.digest_md5_ciphers)
        here = ", ".join(f"{qop} ({ciphers})" if qop == "auth-conf" else qop for qop in self._qops)
        raise SaslError(
            Reason.POLICY,
            f"the other side offers no protection that is allowed here, which is {here}: it has to be "
            "set up there, or more allowed here",
        )

    def _realm(self, challenge: Challenge) -> str | None:
        """One of those offered (RFC 2831 section 2.1.1); the password does not depend on it."""
        setting = self._setting
        offered = [_decoded(realm, challenge.utf8, "a realm") for realm in challenge.realms]
        if not offered:
            return setting.realm or None
        if setting.realm:
            if setting.realm not in offered:
                raise SaslError(Reason.POLICY, f"the other side does not offer the realm {setting.realm}")
            return setting.realm
        own = bare(setting.acceptor)
        return own if own in offered else offered[0]


class DigestMD5Acceptor(_Digest):
    def __init__(self, setting: Accepting) -> None:
        super().__init__(setting)
        self.user = ""
        self.authorization = ""
        self._setting = setting
        self._challenge: Challenge | None = None

    def step(self, token: bytes | None, now: float) -> bytes:
        if self._challenge is None:
            # A response to a nonce of another time proves nothing here, so it is not even read (2.2.2).
            self._challenge = self._begin()
            return self._challenge.encode()
        if token is None:
            raise malformed("there is none")
        return self._judge(read_response(token), self._challenge)

    def _begin(self) -> Challenge:
        setting = self._setting
        if setting.verifiers is None:
            raise SaslError(Reason.CREDENTIALS, "no verifiers are kept at this end")
        return Challenge(
            realms=tuple(realm.encode() for realm in setting.realms or (bare(setting.me),)),
            nonce=setting.nonce(),
            qops=self._qops,
            ciphers=self._policy.digest_md5_ciphers if "auth-conf" in self._qops else (),
            buffer=self._policy.digest_md5_buffer,
        )

    def _judge(self, response: Response, challenge: Challenge) -> bytes:
        if not hmac.compare_digest(response.nonce, challenge.nonce):
            raise malformed("the nonce is not the one of this exchange")
        if response.count != b"00000001":
            raise malformed("the nonce was used before")
        if response.realm is None:
            raise malformed("no realm")
        if response.realm not in challenge.realms:
            raise malformed("the realm was not offered")
        qop = self._taken(response, challenge)
        terms = self._terms(qop, response.cipher, response.buffer)
        self.user = _user(response)
        if response.authorization is not None:
            self.authorization = check_authorization(response.authorization)
        # So that users who do not exist cost no less; nobody is let in by it.
        verifier = self._found(response.realm.decode()) or _NOBODY
        key = session_key(verifier.secret, response)
        right = hmac.compare_digest(proof(key, response), response.value)
        if not right or verifier is _NOBODY:
            raise SaslError(Reason.WRONG, "user or password are wrong")
        if not _same(response.uri, _uri(self._setting.service, self._setting.me)):
            raise SaslError(
                Reason.WRONG, "the other side means another acceptor: somebody may have passed its words on"
            )
        self.shared = verifier.shared
        self._succeed(key, terms, response.cipher, initiator=False)
        return write_proof(proof(key, response, of_acceptor=True))

    def _taken(self, response: Response, challenge: Challenge) -> Qop:
        """The protection the initiator took, which has to be one of those offered."""
        for qop in self._qops:
            if qop.encode() == response.qop.lower():
                break
        else:
            raise SaslError(Reason.POLICY, "the other side took a protection that was not offered")
        if qop != "auth-conf" and response.cipher is not None:
            raise malformed("a cipher without auth-conf")
        if qop == "auth-conf" and response.cipher not in challenge.ciphers:
            raise SaslError(Reason.POLICY, "the other side took a cipher that was not offered")
        return qop

    def _found(self, realm: str) -> DigestMD5Verifier | None:
        verifiers = self._setting.verifiers
        assert verifiers is not None  # since the challenge
        return verifiers.digest_md5(self.user, realm, self._setting.me)


def _uri(service: str, acceptor: str) -> str:
    return f"{service}/{bare(acceptor)}"


def _same(uri: bytes, wanted: str) -> bool:
    """Whether it names this acceptor: service and domain in any case, its user octet by octet."""

    def folded(text: str) -> tuple[str, str, str]:
        service, _, host = text.partition("/")
        user, _, domain = host.rpartition("@")
        return service.lower(), user, domain.lower()

    return folded(uri.decode("utf-8", "replace")) == folded(wanted)


def _user(response: Response) -> str:
    """Without a charset it is ISO 8859-1, but Cyrus SASL sends UTF-8 and says nothing."""
    try:
        return _decoded(response.user, True, "the user name")
    except SaslError:
        if response.utf8:
            raise
        return _decoded(response.user, False, "the user name")


def _encoded(text: str, utf8: bool, what: str) -> bytes:
    """As the challenge wants it. Nothing is prepared: what verifiers were made from was not, either."""
    try:
        return text.encode("utf-8" if utf8 else "iso-8859-1")
    except UnicodeEncodeError:
        raise SaslError(
            Reason.CREDENTIALS, f"the {what} has characters that cannot be sent to the other side"
        ) from None


def _decoded(octets: bytes, utf8: bool, what: str) -> str:
    try:
        return octets.decode("utf-8" if utf8 else "iso-8859-1")
    except UnicodeDecodeError:
        raise malformed(f"{what} is not UTF-8") from None
