"""libkrb5 itself, for what the GSS-API has no call: whose ticket this is, and user-to-user tickets.

It has to be the copy that python-gssapi has loaded: tickets and keys are handed on by the names
of caches and keytabs in the memory of that one copy. A context serves one call, in one thread.
"""

from __future__ import annotations

import ctypes
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_uint, c_void_p
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from ..errors import Reason, SaslError
from .faults import expired, fault, no_ticket
from .gss import raw

__all__ = ["SessionKey", "Ticket", "UserToUser", "host_realm", "own_ticket"]

_USER_USER, _NO_STORE = 1, 8  # krb5_get_credentials
_NO_CACHE: Final = (-1765328189, -1765328243, -1765328242)  # no file, not found, at its end
_AT_END: Final = -1765328242


class _Data(Structure):
    _fields_ = (("magic", c_int32), ("length", c_uint), ("data", c_void_p))


class _Key(Structure):
    _fields_ = (("magic", c_int32), ("enctype", c_int32), ("length", c_uint), ("contents", c_void_p))


class _Creds(Structure):
    _fields_ = (
        ("magic", c_int32),
        ("client", c_void_p),
        ("server", c_void_p),
        ("keyblock", _Key),
        ("authtime", c_int32),
        ("starttime", c_int32),
        ("endtime", c_int32),
        ("renew_till", c_int32),
        ("is_skey", c_uint),
        ("ticket_flags", c_int32),
        ("addresses", c_void_p),
        ("ticket", _Data),
        ("second_ticket", _Data),
        ("authdata", c_void_p),
    )


class _Entry(Structure):
    _fields_ = (
        ("magic", c_int32),
        ("principal", c_void_p),
        ("timestamp", c_int32),
        ("vno", c_uint),
        ("key", _Key),
    )


_OUT: Final = POINTER(c_void_p)
_SIGNATURES: Final[dict[str, tuple[object, ...]]] = {  # behind the context, which all of them take first
    "krb5_cc_close": (c_void_p,),
    "krb5_cc_default": (_OUT,),
    "krb5_cc_destroy": (c_void_p,),
    "krb5_cc_end_seq_get": (c_void_p, _OUT),
    "krb5_cc_get_principal": (c_void_p, _OUT),
    "krb5_cc_initialize": (c_void_p, c_void_p),
    "krb5_cc_next_cred": (c_void_p, _OUT, POINTER(_Creds)),
    "krb5_cc_resolve": (c_char_p, _OUT),
    "krb5_cc_start_seq_get": (c_void_p, _OUT),
    "krb5_cc_store_cred": (c_void_p, POINTER(_Creds)),
    "krb5_free_context": (),
    "krb5_free_cred_contents": (POINTER(_Creds),),
    "krb5_free_creds": (POINTER(_Creds),),
    "krb5_free_host_realm": (c_void_p,),
    "krb5_free_principal": (c_void_p,),
    "krb5_free_unparsed_name": (c_void_p,),
    "krb5_get_credentials": (c_int32, c_void_p, POINTER(_Creds), POINTER(POINTER(_Creds))),
    "krb5_get_host_realm": (c_char_p, _OUT),
    "krb5_kt_add_entry": (c_void_p, POINTER(_Entry)),
    "krb5_kt_close": (c_void_p,),
    "krb5_kt_resolve": (c_char_p, _OUT),
    "krb5_parse_name": (c_char_p, _OUT),
    "krb5_unparse_name": (c_void_p, _OUT),
}


@cache
def _library() -> ctypes.CDLL:
    raw()  # loads it
    try:
        library = ctypes.CDLL("libkrb5.so.3", mode=getattr(os, "RTLD_NOLOAD", ctypes.DEFAULT_MODE))
    except OSError:
        raise SaslError(
            Reason.CREDENTIALS, "python-gssapi here does not use MIT Kerberos (libkrb5.so.3): rebuild it"
        ) from None
    library.krb5_init_context.argtypes = (_OUT,)
    for name, arguments in _SIGNATURES.items():
        getattr(library, name).argtypes = (c_void_p, *arguments)
    return library


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket-granting ticket of this side's.

    Attributes:
        principal: whose it is.
        ends: when, in seconds since the epoch.
        octets: the ticket itself, in DER; worth nothing without the key.
        enctype, key: its session key.
    """

    principal: str
    ends: int
    octets: bytes = field(repr=False)
    enctype: int = 0
    key: bytes = field(default=b"", repr=False)

    @property
    def realm(self) -> str:
        return self.principal.rpartition("@")[2]


class _Context(ExitStack):
    """A libkrb5 context, and what was opened in it: closed in the order it takes."""

    def __init__(self) -> None:
        super().__init__()
        self._library = _library()
        self._context = c_void_p()
        if code := self._library.krb5_init_context(byref(self._context)):
            raise fault(code)
        self.callback(self._library.krb5_free_context, self._context)

    def __call__(self, name: str, *arguments: object) -> None:
        """Raises `SaslError`."""
        if code := self.code(name, *arguments):
            raise fault(code)

    def code(self, name: str, *arguments: object) -> int:
        return int(getattr(self._library, name)(self._context, *arguments))

    def later(self, name: str, *arguments: object) -> None:
        """To be called when the context is closed."""
        self.callback(getattr(self._library, name), self._context, *arguments)

    def principal(self, name: str) -> c_void_p:
        out = c_void_p()
        self("krb5_parse_name", name.encode(), byref(out))
        self.later("krb5_free_principal", out)
        return out

    def name(self, principal: int | c_void_p) -> str:
        out = c_void_p()
        self("krb5_unparse_name", principal, byref(out))
        try:
            return ctypes.string_at(out.value or 0).decode(errors="replace")
        finally:
            self.code("krb5_free_unparsed_name", out)

    def ccache(self, name: str) -> c_void_p:
        out = c_void_p()
        if name:
            self("krb5_cc_resolve", name.encode(), byref(out))
        else:
            self("krb5_cc_default", byref(out))
        self.later("krb5_cc_close", out)
        return out

    def owner(self, ccache: c_void_p) -> c_void_p:
        """Whose cache it is. Raises `SaslError` where there is none."""
        out = c_void_p()
        if code := self.code("krb5_cc_get_principal", ccache, byref(out)):
            raise no_ticket() if code in _NO_CACHE else fault(code)
        self.later("krb5_free_principal", out)
        return out

    def held(self, ccache: c_void_p) -> Iterator[_Creds]:
        """The tickets of a cache; each is good until the next."""
        cursor, creds = c_void_p(), _Creds()
        self("krb5_cc_start_seq_get", ccache, byref(cursor))
        try:
            while not (code := self.code("krb5_cc_next_cred", ccache, byref(cursor), byref(creds))):
                try:
                    yield creds
                finally:
                    self.code("krb5_free_cred_contents", byref(creds))
            if code != _AT_END:
                raise fault(code)
        finally:
            self.code("krb5_cc_end_seq_get", ccache, byref(cursor))


def own_ticket(ccache: str, now: float) -> Ticket:
    """The ticket-granting ticket in a cache ("" for the usual one). Asks no KDC.

    Raises `SaslError` where there is none, or none that is still good.
    """
    with _Context() as krb5:
        cache = krb5.ccache(ccache)
        principal = krb5.name(krb5.owner(cache))
        realm = principal.rpartition("@")[2]
        wanted = f"krbtgt/{realm}@{realm}"
        found = [
            Ticket(
                principal,
                creds.endtime % (1 << 32),  # unsigned, until 2106
                ctypes.string_at(creds.ticket.data, creds.ticket.length),
                creds.keyblock.enctype,
                ctypes.string_at(creds.keyblock.contents, creds.keyblock.length),
            )
            for creds in krb5.held(cache)
            if krb5.name(creds.server) == wanted
        ]
    if not found:
        raise no_ticket(principal)
    best = max(found, key=lambda ticket: ticket.ends)
    if best.ends <= now:
        raise expired(principal, best.ends, now)
    return best


def host_realm(host: str) -> str:
    """The realm of a host as krb5.conf has it; "" where it does not say: then the KDC is asked."""
    with _Context() as krb5:
        out = c_void_p()
        krb5("krb5_get_host_realm", host.encode(), byref(out))
        krb5.later("krb5_free_host_realm", out)
        return (ctypes.cast(out, POINTER(c_char_p))[0] or b"").decode()


class UserToUser:
    """A ticket for one person, under the key of that person's own ticket (RFC 4120 section 3.7).

    It lies in a cache in memory, alone, until `close`.

    Attributes:
        ccache: the cache's name.
        ends: when the ticket does.
    """

    def __init__(self, ccache: str, server: str, second: bytes) -> None:
        """Asks the KDC, which may take its time.

        `server` is whom the user meant; `second` the ticket-granting ticket that came from there.
        Raises `SaslError` where the KDC gives no such ticket.
        """
        with _Context() as krb5, ExitStack() as made:
            cache = krb5.ccache(ccache)
            octets = ctypes.create_string_buffer(second, len(second))
            wanted = _Creds()
            wanted.client = krb5.owner(cache).value
            wanted.server = krb5.principal(server).value
            wanted.second_ticket = _Data(0, len(second), ctypes.cast(octets, c_void_p))
            got = POINTER(_Creds)()
            krb5("krb5_get_credentials", _USER_USER | _NO_STORE, cache, byref(wanted), byref(got))
            krb5.later("krb5_free_creds", got)
            creds = got.contents
            if not creds.is_skey or krb5.name(creds.server) != krb5.name(wanted.server):
                raise SaslError(Reason.UNPROVED, "the KDC gave another ticket than the one asked for")
            # The GSS-API passes over tickets so marked, and knows no way to ask for them.
            creds.is_skey = 0
            self.ccache = f"MEMORY:msrp-{secrets.token_hex(16)}"
            self.ends = creds.endtime % (1 << 32)
            made.callback(self.close)
            alone = krb5.ccache(self.ccache)
            krb5("krb5_cc_initialize", alone, c_void_p(creds.client))
            krb5("krb5_cc_store_cred", alone, got)
            made.pop_all()

    def close(self) -> None:
        """Forget the ticket."""
        with _Context() as krb5:
            out = c_void_p()
            krb5("krb5_cc_resolve", self.ccache.encode(), byref(out))
            krb5("krb5_cc_destroy", out)


class SessionKey:
    """A keytab in memory with one key: that of this side's own ticket-granting ticket.

    It lives as long as its handle is open: until `close`.

    Attributes:
        keytab: its name.
    """

    def __init__(self, ticket: Ticket) -> None:
        self.keytab = f"MEMORY:msrp-{secrets.token_hex(16)}"
        with ExitStack() as made:
            krb5 = made.enter_context(_Context())
            handle = c_void_p()
            krb5("krb5_kt_resolve", self.keytab.encode(), byref(handle))
            krb5.later("krb5_kt_close", handle)
            key = ctypes.create_string_buffer(ticket.key, len(ticket.key))
            entry = _Entry(principal=krb5.principal(ticket.principal).value)
            entry.key = _Key(0, ticket.enctype, len(ticket.key), ctypes.cast(key, c_void_p))
            krb5("krb5_kt_add_entry", handle, byref(entry))
            ctypes.memset(key, 0, len(ticket.key))
            self._open = made.pop_all()

    def close(self) -> None:
        """Forget the key."""
        self._open.close()
