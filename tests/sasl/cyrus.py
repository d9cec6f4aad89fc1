"""Cyrus SASL as the other side, through its C library and the plug-ins it loads."""

from __future__ import annotations

import ctypes
import tempfile
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

OK, CONTINUE, FAIL = 0, 1, -1
_LIST_END, _GETOPT, _LOG = 0, 1, 2
_USER, _AUTHNAME, _PASS = 0x4001, 0x4002, 0x4004
_SUCCESS_DATA, _CREATE = 4, 1
_USERNAME, _BINDING, _SSF_EXTERNAL, _SEC_PROPS, _AUTH_EXTERNAL = 0, 21, 100, 101, 102
STRENGTH, MOST = 1, 2
"""Of a security layer, for `Cyrus.number`: its strength, and the octets `encode` takes."""


class _Callback(Structure):
    _fields_ = (("id", c_ulong), ("proc", c_void_p), ("context", c_void_p))


class _Security(Structure):
    _fields_ = (
        ("least", c_uint),
        ("most", c_uint),
        ("buffer", c_uint),
        ("flags", c_uint),
        ("names", c_void_p),
        ("values", c_void_p),
    )


class _Binding(Structure):
    _fields_ = (("name", c_char_p), ("critical", c_int), ("size", c_ulong), ("data", c_char_p))


_SIMPLE = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_void_p), POINTER(c_uint))
_SECRET = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, POINTER(c_void_p))
_OPTION = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_uint))
_LOGGED = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_char_p)


def _found() -> bool:
    try:
        ctypes.CDLL("libsasl2.so.2")
    except OSError:
        return False
    return True


needed = pytest.mark.skipif(not _found(), reason="Cyrus SASL (libsasl2-2) is not installed")


class Refused(Exception):
    """Cyrus SASL ended the exchange; its own words for why."""


class Library:
    """libsasl2, started once in a process, with a database of its own for passwords."""

    def __init__(self) -> None:
        self.lib = ctypes.CDLL("libsasl2.so.2")
        for name in ("sasl_client_new", "sasl_server_new"):
            getattr(self.lib, name).argtypes = None
        for name in ("sasl_setprop", "sasl_getprop"):
            getattr(self.lib, name).argtypes = [c_void_p, c_int, c_void_p]
        self.lib.sasl_errdetail.argtypes = [c_void_p]
        self.lib.sasl_errdetail.restype = c_char_p
        self.lib.sasl_dispose.argtypes = [POINTER(c_void_p)]
        self.lib.sasl_dispose.restype = None
        self.lib.sasl_setpass.argtypes = [c_void_p, c_char_p, c_char_p, c_uint, c_char_p, c_uint, c_uint]
        self._folder = tempfile.TemporaryDirectory(prefix="cyrus-")
        options = {
            b"pwcheck_method": b"auxprop",
            b"auxprop_plugin": b"sasldb",
            b"sasldb_path": str(Path(self._folder.name) / "sasldb2").encode(),
            b"mech_list": (
                b"ANONYMOUS EXTERNAL DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 GSSAPI GS2-KRB5"
            ),
        }
        self._options = {name: ctypes.create_string_buffer(value) for name, value in options.items()}
        self._option = _OPTION(self._asked)
        self._quiet = _LOGGED(lambda context, level, text: OK)
        callbacks = (_Callback * 3)(
            _Callback(_GETOPT, ctypes.cast(self._option, c_void_p), None),
            _Callback(_LOG, ctypes.cast(self._quiet, c_void_p), None),
            _Callback(_LIST_END, None, None),
        )
        self._callbacks = callbacks
        assert self.lib.sasl_server_init(callbacks, b"msrp-tests") == OK
        assert self.lib.sasl_client_init(callbacks) == OK

    def _asked(self, _context: int, _plugin: bytes, name: bytes, out: object, size: object) -> int:
        value = self._options.get(name)
        if value is None:
            return FAIL
        out[0] = ctypes.cast(value, c_void_p)  # type: ignore[index]
        if size:
            size[0] = len(value.value)  # type: ignore[index]
        return OK

    def mechanisms(self) -> set[str]:
        """What the plug-ins here can do; the PLUS forms go without saying."""
        listing = self.lib.sasl_global_listmech
        listing.restype = POINTER(c_char_p)
        names: set[str] = set()
        for name in listing():
            if name is None:
                break
            names.add(name.decode())
        return names


@cache
def library() -> Library:
    return Library()


class Cyrus:
    """One exchange of Cyrus SASL's. `external` is whom the layer below proved, or showed."""

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
        most: int = 0,
        least: int = 0,
        host: str = "lan",
    ) -> None:
        """`most` and `least` are the strengths allowed of a security layer; 0 is none, 1 integrity."""
        self._lib = library().lib
        self.complete = False
        self._side = side
        self._mechanism = mechanism.encode()
        self._begun = False
        self._kept: list[object] = []
        self._connection = c_void_p()
        if side == "client":
            callbacks = self._client_callbacks(user, password, authorization)
            self._check(
                self._lib.sasl_client_new(
                    b"msrp", host.encode(), None, None, callbacks, _SUCCESS_DATA, byref(self._connection)
                )
            )
        else:
            self._check(
                self._lib.sasl_server_new(
                    b"msrp", host.encode(), b"lan", None, None, None, _SUCCESS_DATA, byref(self._connection)
                )
            )
            if password:
                secret = password.encode()
                name = user.encode()
                self._check(
                    self._lib.sasl_setpass(self._connection, name, secret, len(secret), None, 0, _CREATE)
                )
        self._set(_SEC_PROPS, _Security(least, most, 65536, 0, None, None))
        if external:
            self._set(_SSF_EXTERNAL, c_uint(256))
            name_buffer = ctypes.create_string_buffer(external.encode())
            self._set(_AUTH_EXTERNAL, name_buffer)
        if binding:
            self._set(_BINDING, _Binding(binding[0].encode(), 1, len(binding[1]), binding[1]))

    def step(self, token: bytes | None) -> bytes | None:
        """As a mechanism's: None is no token. Raises `Refused`."""
        out, size, name = c_void_p(), c_uint(), c_char_p()
        length = len(token) if token is not None else 0
        result = (byref(out), byref(size))
        if self._side == "client":
            if self._begun:
                code = self._lib.sasl_client_step(self._connection, token, length, None, *result)
            else:
                code = self._lib.sasl_client_start(
                    self._connection, self._mechanism, None, *result, byref(name)
                )
        elif self._begun:
            code = self._lib.sasl_server_step(self._connection, token, length, *result)
        else:
            code = self._lib.sasl_server_start(self._connection, self._mechanism, token, length, *result)
        self._begun = True
        if code not in (OK, CONTINUE):
            raise Refused((self._lib.sasl_errdetail(self._connection) or b"").decode(errors="replace"))
        self.complete = code == OK
        return ctypes.string_at(out, size.value) if out.value else None

    @property
    def username(self) -> str:
        """As whom the initiator acts, at an acceptor."""
        out = c_void_p()
        self._check(self._lib.sasl_getprop(self._connection, _USERNAME, byref(out)))
        return (ctypes.cast(out, c_char_p).value or b"").decode()

    def number(self, which: int) -> int:
        out = c_void_p()
        self._check(self._lib.sasl_getprop(self._connection, which, byref(out)))
        return int(ctypes.cast(out, POINTER(c_uint))[0])

    def encode(self, data: bytes) -> bytes:
        return self._coded(self._lib.sasl_encode, data)

    def decode(self, data: bytes) -> bytes:
        return self._coded(self._lib.sasl_decode, data)

    def close(self) -> None:
        self._lib.sasl_dispose(byref(self._connection))

    def _coded(self, function: object, data: bytes) -> bytes:
        out, size = c_void_p(), c_uint()
        self._check(function(self._connection, data, len(data), byref(out), byref(size)))  # type: ignore[operator]
        return ctypes.string_at(out, size.value) if size.value else b""

    def _client_callbacks(self, user: str, password: str, authorization: str) -> object:
        texts = {_USER: authorization.encode(), _AUTHNAME: user.encode()}
        buffers = {which: ctypes.create_string_buffer(text) for which, text in texts.items()}
        secret = ctypes.create_string_buffer(
            len(password.encode()).to_bytes(ctypes.sizeof(c_ulong), "little") + password.encode()
        )

        def simple(_context: int, which: int, out: object, size: object) -> int:
            out[0] = ctypes.cast(buffers[which], c_void_p)  # type: ignore[index]
            if size:
                size[0] = len(texts[which])  # type: ignore[index]
            return OK

        def asked_secret(_connection: int, _context: int, _which: int, out: object) -> int:
            out[0] = ctypes.cast(secret, c_void_p)  # type: ignore[index]
            return OK

        functions = (_SIMPLE(simple), _SECRET(asked_secret))
        callbacks = (_Callback * 4)(
            _Callback(_USER, ctypes.cast(functions[0], c_void_p), None),
            _Callback(_AUTHNAME, ctypes.cast(functions[0], c_void_p), None),
            _Callback(_PASS, ctypes.cast(functions[1], c_void_p), None),
            _Callback(_LIST_END, None, None),
        )
        self._kept += [functions, callbacks, buffers, secret]
        return callbacks

    def _set(self, which: int, value: object) -> None:
        self._kept.append(value)
        self._check(self._lib.sasl_setprop(self._connection, which, byref(value)))  # type: ignore[arg-type]

    def _check(self, code: int) -> None:
        if code != OK:
            raise Refused(f"{code} {(self._lib.sasl_errdetail(self._connection) or b'').decode()}")
