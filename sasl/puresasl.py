"""Our initiators for programs written for pure-sasl, by one import and one line.

    import msrp_sasl.puresasl
    msrp_sasl.puresasl.register()

From then on `puresasl.client.SASLClient` knows and chooses them. ANONYMOUS and EXTERNAL are
ours as well: they say nothing about the user, and say when they are complete. DIGEST-MD5 has its
layers: as with pure-sasl's GSSAPI, `wrap` and `unwrap` take one buffer each, and the length before
it is the program's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from puresasl import QOP, SASLError, SASLProtocolException
from puresasl.client import SASLClient
from puresasl.mechanisms import Mechanism, mechanisms

from .credentials import Password
from .errors import Reason, SaslError, SaslUsageError
from .interfaces import InitiatorMechanism
from .mechanisms import INITIATORS, PROPERTIES
from .policy import Channel, ChannelLevel, Policy, Qop
from .setting import Initiating

__all__ = ["register"]

_SCORES: Final = {  # pure-sasl's own scale: DIGEST-MD5 has 30, GSSAPI 100
    "ANONYMOUS": 0,
    "EXTERNAL": 10,
    "DIGEST-MD5": 30,
    "SCRAM-SHA-1": 40,
    "SCRAM-SHA-256": 50,
    "SCRAM-SHA-512": 60,
    "SCRAM-SHA-1-PLUS": 70,
    "SCRAM-SHA-256-PLUS": 80,
    "SCRAM-SHA-512-PLUS": 90,
}


def register(*, plus: bool = False) -> tuple[str, ...]:
    """Join our initiators to pure-sasl's registry; returns their names.

    With `plus` the mechanisms that bind to the channel are joined, too: pure-sasl chooses them
    wherever they are offered, so the program has to give each client
    ``channel_bindings={"tls-exporter": ...}``.
    """
    joined = tuple(name for name in _SCORES if plus or not PROPERTIES[name].binds)
    for name in joined:
        mechanisms[name] = _class_for(name, plus)
    return joined


class _Joined(Mechanism):
    """One of our initiators, as pure-sasl wants them."""

    name: str
    has_initial_response: bool
    plus = False  # whether the bound forms are joined

    def __init__(
        self,
        sasl: SASLClient,
        username: str | None = None,
        password: str | None = None,
        channel_bindings: Mapping[str, bytes] | None = None,
        realm: str | None = None,
        **props: Any,
    ) -> None:
        super().__init__(sasl)
        self.username = username
        self.password = password
        self.realm = realm
        self.max_buffer = 0
        """Octets that `wrap` takes; 0 where nothing is protected."""
        self._bindings = dict(channel_bindings or {})
        self._running: InitiatorMechanism | None = None
        self._complete = False
        self._dead = False

    @property
    def complete(self) -> bool:
        return self._complete

    def process(self, challenge: bytes | None = None) -> bytes | None:
        if self._dead:
            raise SASLProtocolException(f"{self.name} has failed: begin anew with another client")
        try:
            return self._process(challenge)
        except SaslError as error:
            self._end()
            kind = SASLError if error.reason in _OURS else SASLProtocolException
            raise kind(str(error)) from None
        except SaslUsageError as error:
            self._end()
            raise SASLError(str(error)) from None

    def _end(self) -> None:
        """It failed: nothing that comes afterwards can make it succeed."""
        self._dead = True
        self._complete = False
        self.dispose()

    def _process(self, challenge: bytes | None) -> bytes | None:
        token = challenge
        if self._running is None:
            if self.has_initial_response:
                if challenge:
                    raise SaslError(Reason.MALFORMED, f"{self.name} begins with the client")
                token = None  # asked with nothing, or with an empty challenge
            elif challenge is None:
                return None  # the server begins
            self._running = self._begin()
        elif token is None:
            raise SaslError(Reason.MALFORMED, f"{self.name} has begun, and got no challenge")
        answer = self._running.step(token, 0.0)  # none of these looks at the time
        self._complete = self._running.complete
        if self._complete:
            layer = self._running.layer
            self.qop = _QOPS[layer.gives if layer else None]
            self.max_buffer = layer.room if layer else 0
        return answer

    def _begin(self) -> InitiatorMechanism:
        properties = PROPERTIES[self.name]
        self._pick_qop(set(self.qops))  # raises where the program wants another protection
        if self.sasl.mutual_auth and not properties.mutual:
            raise SaslError(Reason.POLICY, f"{self.name} proves nothing about the server")
        if properties.password:
            self._fetch_properties("username", "password")
        policy = Policy(
            acceptor="service",
            mechanisms=(f"{self.name}-PLUS", self.name) if self.plus else (self.name,),
            anonymous=True,
            digest_md5_qops=tuple(qop for qop in _STRONGEST if qop.encode() in self._allowed()),
            digest_md5_buffer=self.sasl.max_buffer if properties.layers else 65536,
            bindings=tuple(self._bindings),
        )
        setting = Initiating(
            me=self.username or "",
            acceptor=self.sasl.host,
            # What pure-sasl's programs use passwords for, and over what, is their decision.
            channel=Channel(ChannelLevel.VERIFIED, self._bindings),
            policy=policy,
            credentials=_Given(self.password),
            # Where the bound forms are joined, pure-sasl would have chosen one of those offered.
            offered=(self.name,) if self.plus else (self.name, f"{self.name}-PLUS"),
            authorization=self.sasl.authorization_id or "",
            service=self.sasl.service or "",
            realm=self.realm or "",
        )
        return INITIATORS[self.name](setting)

    def _allowed(self) -> set[bytes]:
        """The protections the program allows; it may write them as text."""
        return {qop if isinstance(qop, bytes) else str(qop).encode() for qop in self.sasl.qops}

    def wrap(self, outgoing: bytes) -> bytes:
        if not self.max_buffer:
            return outgoing
        if len(outgoing) > self.max_buffer:
            raise SASLError(f"a buffer takes {self.max_buffer} octets: wrap less at a time")
        return self._through(lambda running: running.wrap(outgoing))

    def unwrap(self, incoming: bytes) -> bytes:
        if not self.max_buffer:
            return incoming
        if len(incoming) > self.sasl.max_buffer:
            self._end()
            raise SASLProtocolException(f"a buffer of {len(incoming)} octets, more than was agreed on")
        return self._through(lambda running: running.unwrap(incoming))

    def _through(self, layer: Callable[[InitiatorMechanism], bytes]) -> bytes:
        """Over the layer. Where it breaks, nothing goes through any more."""
        if self._running is None:
            raise SASLProtocolException(f"the layer of {self.name} has failed, or was given up")
        try:
            return layer(self._running)
        except SaslError as error:
            self._end()
            raise SASLProtocolException(str(error)) from None

    def dispose(self) -> None:
        self.password = None
        if self._running is not None:
            self._running.dispose()
            self._running = None  # and with it its setting, which has the password, too


_STRONGEST: Final[tuple[Qop, ...]] = ("auth-conf", "auth-int", "auth")
_QOPS: Final = {None: QOP.AUTH, "integrity": QOP.AUTH_INT, "confidentiality": QOP.AUTH_CONF}
_OURS: Final = (Reason.CREDENTIALS, Reason.POLICY)
"""What pure-sasl calls an error of configuration or use, not of the protocol."""


class _Given:
    """The one password a client was given, as `Credentials`."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def password(self, initiator: str, acceptor: str) -> Password | None:
        return None if self._text is None else Password(self._text)


def _class_for(name: str, plus: bool) -> type[_Joined]:
    properties = PROPERTIES[name]
    described = {
        "__doc__": f"{name}, by msrp_sasl.",
        "name": name,
        "score": _SCORES[name],
        "has_initial_response": properties.client_first,
        "qops": [qop.encode() for qop in _STRONGEST] if properties.layers else [QOP.AUTH],
        "allows_anonymous": name == "ANONYMOUS",
        "uses_plaintext": False,
        "active_safe": properties.binds,
        "dictionary_safe": not properties.password,
        "plus": plus,
    }
    return type(f"{name.title().replace('-', '')}Mechanism", (_Joined,), described)
