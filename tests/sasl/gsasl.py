"""GNU SASL as the other side, through its C library."""

from __future__ import annotations

import base64
import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Literal

import pytest

OK, NEEDS_MORE, NO_CALLBACK, REFUSED = 0, 1, 51, 31
AUTHID, AUTHZID, PASSWORD, TOKEN, SERVICE, HOST = 1, 2, 3, 4, 5, 6
REALM, QOPS, QOP = 11, 13, 14
ITERATIONS, SALT = 15, 16
BINDINGS = {"tls-unique": 18, "tls-exporter": 25}
VALIDATE_EXTERNAL, VALIDATE_ANONYMOUS, VALIDATE_GSSAPI = 501, 502, 503

_CALLBACK = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)


def _load() -> ctypes.CDLL | None:
    try:
        lib = ctypes.CDLL("libgsasl.so.18")
    except OSError:
        return None
    lib.gsasl_init.argtypes = [POINTER(c_void_p)]
    lib.gsasl_done.argtypes = [c_void_p]
    lib.gsasl_done.restype = None
    lib.gsasl_callback_set.argtypes = [c_void_p, _CALLBACK]
    lib.gsasl_callback_set.restype = None
    for begin in (lib.gsasl_client_start, lib.gsasl_server_start):
        begin.argtypes = [c_void_p, c_char_p, POINTER(c_void_p)]
    for over in (lib.gsasl_step, lib.gsasl_encode, lib.gsasl_decode):
        over.argtypes = [c_void_p, c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t)]
    lib.gsasl_finish.argtypes = [c_void_p]
    lib.gsasl_finish.restype = None
    lib.gsasl_property_set.argtypes = [c_void_p, c_int, c_char_p]
    lib.gsasl_property_fast.argtypes = [c_void_p, c_int]
    lib.gsasl_property_fast.restype = c_char_p
    lib.gsasl_strerror_name.argtypes = [c_int]
    lib.gsasl_strerror_name.restype = c_char_p
    lib.gsasl_free.argtypes = [c_void_p]
    lib.gsasl_free.restype = None
    lib.gsasl_client_mechlist.argtypes = [c_void_p, POINTER(c_void_p)]
    return lib


LIBRARY = _load()
needed = pytest.mark.skipif(LIBRARY is None, reason="GNU SASL (libgsasl18) is not installed")


class Refused(Exception):
    """GNU SASL ended the exchange; its own word for why."""


class Gsasl:
    """One exchange of GNU SASL's. `external` is whom it proves to have been shown, as an acceptor."""

    def __init__(
        self,
        side: Literal["client", "server"],
        mechanism: str,
        *,
        user: str = "",
        password: str = "",
        authorization: str = "",
        binding: tuple[str, bytes] | None = None,
        external: str = "",
        host: str = "lan",
        qop: str = "auth",
    ) -> None:
        """`host` is whom an initiator means; `qop` is for DIGEST-MD5: what it takes or is offered."""
        assert LIBRARY is not None
        self._lib = LIBRARY
        self.complete = False
        self._values = {AUTHID: user, AUTHZID: authorization, PASSWORD: password, TOKEN: user}
        self._values[QOP] = f"qop-{qop.removeprefix('auth-')}"
        if side == "server":  # it is asked about the user that came
            self._values = {PASSWORD: password, ITERATIONS: "4096", REALM: "lan"}
            self._values[QOPS] = f"qop-{qop.removeprefix('auth-')}"
        if binding:
            self._values[BINDINGS[binding[0]]] = base64.b64encode(binding[1]).decode()
        self._values |= {SERVICE: "msrp", HOST: host}
        self._external = external
        self._context = c_void_p()
        self._check(self._lib.gsasl_init(byref(self._context)))
        self._answer = _CALLBACK(self._asked)
        self._lib.gsasl_callback_set(self._context, self._answer)
        self._session = c_void_p()
        begin = getattr(self._lib, f"gsasl_{side}_start")
        self._check(begin(self._context, mechanism.encode(), byref(self._session)))

    def step(self, token: bytes | None) -> bytes | None:
        """As a mechanism's: None is no token. Raises `Refused`."""
        out, size = c_void_p(), c_size_t()
        code = self._lib.gsasl_step(
            self._session, token, len(token) if token is not None else 0, byref(out), byref(size)
        )
        if code not in (OK, NEEDS_MORE):
            raise Refused(self._lib.gsasl_strerror_name(code).decode())
        self.complete = code == OK
        said = ctypes.string_at(out, size.value) if out.value else None
        self._lib.gsasl_free(out)
        return said

    def encode(self, data: bytes) -> bytes:
        return self._coded(self._lib.gsasl_encode, data)

    def decode(self, data: bytes) -> bytes:
        return self._coded(self._lib.gsasl_decode, data)

    def _coded(self, function: Any, data: bytes) -> bytes:
        out, size = c_void_p(), c_size_t()
        code = function(self._session, data, len(data), byref(out), byref(size))
        if code == NEEDS_MORE:
            return b""
        self._check(code)
        made = ctypes.string_at(out, size.value) if out.value else b""
        self._lib.gsasl_free(out)
        return made

    def property(self, number: int) -> str:
        value = self._lib.gsasl_property_fast(self._session, number)
        return value.decode() if value else ""

    def close(self) -> None:
        self._lib.gsasl_finish(self._session)
        self._lib.gsasl_done(self._context)

    def _asked(self, _context: int, session: int, number: int) -> int:
        if number == VALIDATE_EXTERNAL:
            asked = self._lib.gsasl_property_fast(session, AUTHZID)
            return OK if (asked or b"").decode() in ("", self._external) else REFUSED
        if number in (VALIDATE_ANONYMOUS, VALIDATE_GSSAPI):
            return OK
        if not self._values.get(number):
            return NO_CALLBACK
        return int(self._lib.gsasl_property_set(session, number, self._values[number].encode()))

    def _check(self, code: int) -> None:
        if code != OK:
            raise Refused(self._lib.gsasl_strerror_name(code).decode())


def mechanisms() -> set[str]:
    """What this library can do."""
    assert LIBRARY is not None
    context, out = c_void_p(), c_void_p()
    LIBRARY.gsasl_init(byref(context))
    LIBRARY.gsasl_client_mechlist(context, byref(out))
    found = ctypes.string_at(out).decode().split()
    LIBRARY.gsasl_free(out)
    LIBRARY.gsasl_done(context)
    return set(found)
