"""A GSS-API security context of Kerberos, for each side (RFC 2743, RFC 4121), through python-gssapi.

Its own objects keep an error until the next call; these raise it at once, as `SaslError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final

from ..errors import Reason, SaslError
from .faults import ABSENT, fault, other_channel

if TYPE_CHECKING:
    from gssapi.raw import ChannelBindings, Creds, SecurityContext

__all__ = ["AcceptorContext", "Context", "Flag", "InitiatorContext", "raw"]

_FAILURE: Final = 0xFFFF0000  # of a major status: routine and calling errors (RFC 2744 section 3.9)
_GENERAL: Final = 13 << 16  # GSS_S_FAILURE: the minor status says more
_BAD_BINDINGS: Final = 4 << 16
_ODD: Final = {
    0: "came twice, too early or too late",
    6 << 16: "was changed on the way",
    12 << 16: "came after the end of the ticket",
}
"""Routine errors of RFC 2744 section 3.9, and none: then a supplementary one."""


class Flag:
    """What a context gives (RFC 2744 section 5.19; the last is MIT's)."""

    MUTUAL = 2
    REPLAY = 4
    SEQUENCE = 8
    CONFIDENTIALITY = 16
    INTEGRITY = 32
    BOUND = 0x800
    """The initiator gave channel bindings, and they are those given here."""


@cache
def raw() -> ModuleType:
    """`gssapi.raw`. Raises `SaslError` where it is not installed, or finds no library."""
    try:
        return import_module("gssapi.raw")
    except (ImportError, OSError):
        raise SaslError(Reason.CREDENTIALS, ABSENT) from None


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the GSS-API, as ours; their own words may hold names that the other side sent."""
    try:
        yield
    except raw().GSSError as error:
        major = error.maj_code & _FAILURE
        if major == _BAD_BINDINGS:
            raise other_channel() from None
        if major == _GENERAL and error.min_code:
            raise fault(error.min_code) from None
        what = _ODD.get(major, "is not right")
        raise SaslError(Reason.MALFORMED, f"the other side's Kerberos token {what}") from None


def _bindings(data: bytes | None) -> ChannelBindings | None:
    """RFC 5801 section 5.1: no addresses, only the application's data."""
    if data is None:
        return None
    made: ChannelBindings = raw().ChannelBindings(
        initiator_address_type=0,
        initiator_address=b"",
        acceptor_address_type=0,
        acceptor_address=b"",
        application_data=data,
    )
    return made


def _mechanism() -> object:
    return raw().OID.from_int_seq("1.2.840.113554.1.2.2")


class Context:
    """What both sides have.

    Attributes:
        complete: whether it stands, for this side.
        flags: what it gives, once complete (`Flag`).
        ends: when the ticket does, in seconds since the epoch; None for never.
    """

    def __init__(self) -> None:
        self.complete = False
        self.flags = 0
        self.ends: float | None = None
        self._context: SecurityContext | None = None

    def has(self, flags: int) -> bool:
        return self.flags & flags == flags

    def room(self, size: int, confidential: bool) -> int:
        """Octets that fit into a wrapped token of this size."""
        with _told():
            return int(raw().wrap_size_limit(self._context, size, confidential))

    def wrap(self, data: bytes, confidential: bool) -> bytes:
        """Protect a token. Raises `SaslError` where the context has ended."""
        with _told():
            done = raw().wrap(self._context, data, confidential)
        if confidential and not done.encrypted:
            raise SaslError(Reason.POLICY, "Kerberos here does not encrypt")
        return bytes(done.message)

    def unwrap(self, data: bytes, confidential: bool) -> bytes:
        """Check and open a token. Raises `SaslError` for any that is changed, early, late or repeated."""
        # A copy: libkrb5 turns the octets round in their place, and python-gssapi hands them over.
        with _told():
            done = raw().unwrap(self._context, bytes(memoryview(data)))
        if confidential and not done.encrypted:
            raise SaslError(Reason.MALFORMED, "the other side did not encrypt what it has to")
        return bytes(done.message)


class InitiatorContext(Context):
    def __init__(self, target: str, ccache: str, flags: int, bindings: bytes | None = None) -> None:
        """`target` is a principal; the ticket comes from the cache ("" for the usual one)."""
        super().__init__()
        store = {b"ccache": ccache.encode()} if ccache else {}
        with _told():
            self._name = raw().import_name(target.encode(), raw().NameType.kerberos_principal)
            found = raw().acquire_cred_from(store, None, None, [_mechanism()], "initiate")
        self._creds: Creds | None = found.creds
        self._wanted = flags
        self._bindings = _bindings(bindings)

    def step(self, token: bytes | None, now: float) -> bytes | None:
        """Take the acceptor's token, give ours. May ask a KDC. Raises `SaslError`."""
        with _told():
            done = raw().init_sec_context(
                self._name,
                self._creds,
                self._context,
                _mechanism(),
                self._wanted,
                None,
                self._bindings,
                token,
            )
        self._context = done.context
        self._creds = None  # of use for the first token only, and maybe over sooner than the context
        self.complete = not done.more_steps
        self.flags = int(done.flags)
        self.ends = None if done.lifetime is None else now + done.lifetime
        if self.complete and not self.has(self._wanted):
            raise SaslError(Reason.POLICY, "the other side's Kerberos gives less than is needed")
        return bytes(done.token) if done.token else None


class AcceptorContext(Context):
    """One token in, at most one out: Kerberos has no more.

    Attributes:
        initiator, target: the principals, once complete.
    """

    def __init__(self, store: dict[str, str], bindings: bytes | None = None) -> None:
        """`store` says where the key is: "keytab", and "rcache" where repeats are remembered."""
        super().__init__()
        self.initiator = ""
        self.target = ""
        self._bindings = _bindings(bindings)
        named = {key.encode(): value.encode() for key, value in store.items()}
        try:
            found = raw().acquire_cred_from(named, None, None, [_mechanism()], "accept")
        except raw().GSSError:
            raise SaslError(
                Reason.CREDENTIALS,
                "there is no keytab here, or none that can be read: make one with kadmin ktadd",
            ) from None
        self._creds: Creds | None = found.creds

    def step(self, token: bytes, now: float) -> bytes | None:
        """Take the initiator's token, give ours. Raises `SaslError`."""
        with _told():
            done = raw().accept_sec_context(token, self._creds, None, self._bindings)
        if done.more_steps or done.mech != _mechanism():
            raise SaslError(Reason.MALFORMED, "the other side's token is not Kerberos'")
        self._context = done.context
        self.complete = True
        self.flags = int(done.flags)
        self.ends = None if done.lifetime is None else now + done.lifetime
        self.initiator = _principal(done.initiator_name)
        with _told():
            self.target = _principal(raw().inquire_context(done.context).target_name)
        return bytes(done.token) if done.token else None


def _principal(name: object) -> str:
    try:
        with _told():
            return str(raw().display_name(name, False).name.decode())
    except UnicodeDecodeError:
        raise SaslError(Reason.WRONG, "the other side's principal is not UTF-8") from None
