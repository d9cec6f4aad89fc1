"""One key for each principal of this user, made when it is first needed, and kept.

Who has met it once knows it again by its fingerprint. Its certificate names the principal, and is
signed by the key itself: that is a claim, and nobody believes it for what it says.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ..kept.errors import StoreError
from ..kept.folder import check_private, data_folder, make_private
from ..terms.dates import NEVER, SOME_TIME
from ..terms.errors import UsageError
from ..terms.principal import Principal, PrincipalError
from .errors import KeyUnusable
from .own_key import OwnKey

__all__ = ["key_path", "lasting_key"]

_MOST: Final = 1 << 16
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-@")


def lasting_key(principal: str, folder: Path | None = None) -> OwnKey:
    """The key that is kept for `principal` (``im:bob@lan``), made now where there is none yet.

    It lies in `folder`, by default ``msrp-peer/keys`` in this user's data folder (XDG): a file of
    mode 0600 in a folder of mode 0700, in PEM, not encrypted. Any number of processes may ask at
    once and get the same.

    Raises `UsageError` where that is no principal, and `StoreError` where the file cannot be
    used: it is damaged, is a link, or others may open it. Then nothing was changed.
    """
    try:
        who = Principal.parse(principal)
    except PrincipalError as wrong:
        raise UsageError(str(wrong)) from None
    if folder is None:
        make_private(data_folder())
    path = key_path(who, folder)
    make_private(path.parent)
    with contextlib.suppress(FileNotFoundError):
        return _kept(path, who)
    _keep(path, _made(who))
    return _kept(path, who)  # another process may have been first


def key_path(principal: Principal, folder: Path | None = None) -> Path:
    """Where it lies, whether it is there or not. Raises `StoreError` where the user has no home."""
    folder = folder or data_folder() / "keys"
    # Some disks do not tell upper case from lower: no two principals may meet in one name.
    name = "".join(c if c in _PLAIN else "".join(f"%{o:02x}" for o in c.encode()) for c in principal.text)
    if len(name) > 200:
        name = hashlib.sha256(principal.text.encode()).hexdigest()
    return folder / f"{name}.pem"


def _kept(path: Path, principal: Principal) -> OwnKey:
    """Raises `FileNotFoundError` where there is none."""
    check_private(path)
    # Between the look and the opening somebody may have put a link there.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StoreError(f"{path} is no regular file, and is not used: move it away")
            octets = file.read(_MOST)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    try:
        key = OwnKey.from_pem(octets, octets)
    except KeyUnusable as error:
        raise StoreError(f"{path} is damaged ({error}): {_AWAY}") from None
    if key.names != (principal.text,):
        raise StoreError(f"the key in {path} is not that of {principal}: {_AWAY}")
    return key


_AWAY: Final = (
    "put back a copy of it, or move it away. Then a new key is made, and those who knew the old one "
    "will not know you by it"
)


def _made(principal: Principal) -> bytes:
    """A new key and its certificate, in PEM."""
    private = ec.generate_private_key(ec.SECP256R1())
    # For people who look at it: names of X.520 have 64 characters. What counts is the URI.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, principal.text[:64])])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(SOME_TIME)
        .not_valid_after(NEVER)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(principal.text)]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(private, hashes.SHA256())
    )
    key = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + certificate.public_bytes(Encoding.PEM)


def _keep(path: Path, octets: bytes) -> None:
    """Put them there whole, or not at all, and never over what is there."""
    draft = path.with_name(f".{secrets.token_hex(8)}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        try:
            with os.fdopen(os.open(draft, flags | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was first
                if sys.platform == "win32":
                    draft.rename(path)  # there it replaces nothing
                else:
                    os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot keep a key in {path}: {error.strerror}") from None
