"""EXTERNAL (RFC 4422 appendix A) and ANONYMOUS (RFC 4505): one token each."""

from __future__ import annotations

from typing import ClassVar, Final

from ..errors import Reason, SaslError, SaslUsageError
from ..identity import check_authorization
from ..interfaces import LayerTerms, Properties
from ..setting import Accepting, Initiating

__all__ = [
    "ANONYMOUS",
    "EXTERNAL",
    "AnonymousAcceptor",
    "AnonymousInitiator",
    "ExternalAcceptor",
    "ExternalInitiator",
]

EXTERNAL: Final = Properties(client_first=True, proves_initiator=True)
ANONYMOUS: Final = Properties(client_first=True)
_LONGEST_TRACE: Final = 255  # characters (RFC 4505 section 2)


class _Simple:
    name: ClassVar[str]
    properties: ClassVar[Properties]
    layer: LayerTerms | None = None
    binding: str | None = None
    shared = False

    def __init__(self) -> None:
        self.complete = False

    def wrap(self, data: bytes) -> bytes:
        raise SaslUsageError(f"{self.name} has no security layer")

    def unwrap(self, data: bytes) -> bytes:
        raise SaslUsageError(f"{self.name} has no security layer")

    def dispose(self) -> None:
        """Holds no secret."""


class _Initiator(_Simple):
    def __init__(self, setting: Initiating) -> None:
        super().__init__()
        self._setting = setting

    def step(self, token: bytes | None, now: float) -> bytes:
        if token is not None:
            raise SaslError(Reason.MALFORMED, f"the other side's token has no place in {self.name}")
        self.complete = True  # nothing is proved to this side, and nothing owed
        return self._only()

    def _only(self) -> bytes:
        raise NotImplementedError


class _Acceptor(_Simple):
    def __init__(self, setting: Accepting) -> None:
        super().__init__()
        self.user = ""
        self.authorization = ""
        self._setting = setting

    def step(self, token: bytes | None, now: float) -> None:
        if token is None:
            raise SaslError(Reason.MALFORMED, f"{self.name} wants one token")
        self._take(token)
        self.complete = True

    def _take(self, token: bytes) -> None:
        raise NotImplementedError


class ExternalInitiator(_Initiator):
    """The acceptor is asked to use what the layer below has proved."""

    name = "EXTERNAL"
    properties = EXTERNAL

    def _only(self) -> bytes:
        return self._setting.authorization.encode()


class ExternalAcceptor(_Acceptor):
    """Believes the layer below, and nothing that it did not prove."""

    name = "EXTERNAL"
    properties = EXTERNAL

    def _take(self, token: bytes) -> None:
        asked = check_authorization(token)
        proved = self._setting.channel.peer_names
        if asked:
            wanted = self._setting.authority.normal(asked)
            if wanted not in proved:
                raise SaslError(
                    Reason.FORBIDDEN, "the other side's certificate does not prove the identity it asks for"
                )
            self.user = wanted
        elif len(proved) == 1:
            (self.user,) = proved
        else:
            raise SaslError(
                Reason.WRONG,
                "the other side's certificate proves not one identity, and none was asked for",
            )


class AnonymousInitiator(_Initiator):
    """Gives no trace unless told to."""

    name = "ANONYMOUS"
    properties = ANONYMOUS

    def _only(self) -> bytes:
        return self._setting.trace.encode()


class AnonymousAcceptor(_Acceptor):
    """Lets in whoever comes; the trace is checked for form and thrown away."""

    name = "ANONYMOUS"
    properties = ANONYMOUS

    def _take(self, token: bytes) -> None:
        if len(check_authorization(token)) > _LONGEST_TRACE:
            raise SaslError(Reason.MALFORMED, "the trace is too long")
