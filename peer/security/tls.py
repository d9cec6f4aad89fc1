"""TLS as a layer: octets in, octets out, no sockets and no clock.

A `TlsLayer` is a `msrp_peer.protocol.wire.Layer`. Its life:

    shaking hands   `protection` is None; `wrap([])` collects flights, `unwrap` takes theirs
    open            `protection` says what was agreed; octets flow both ways
    ended           the other side said goodbye; what we owe may still be sent
    failed          `unwrap` raised PeerError; `wrap([])` collects the alert, and that is all

A handshake may complete and application octets follow in one `unwrap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from OpenSSL import SSL

from ..terms.errors import PeerError, UsageError
from ..terms.fingerprints import Fingerprint
from ..terms.security import Believed, NewKey, Protection
from .certificates import matches
from .tls_errors import UNEXPECTED, explain, is_tls, reason_of, refuses_certificate
from .tls_facts import extended_master_secret
from .tls_modes import server_name
from .tls_records import RECORD, records

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .signalled_key import SignalledKey
    from .trust import Judge

__all__ = ["TlsLayer"]

# What goes into or comes out of OpenSSL's memory at a time. That memory never shrinks, so
# this is what a connection keeps for good; larger steps gain nothing.
_STEP = 64 * 1024
# A step as records: each grows by 29 octets at most (TLS 1.2, AES-GCM).
_SEALED = _STEP + RECORD + 4096
# Octets of the other side until the handshake is done. Long certificate chains take 20 KiB.
_HANDSHAKE_LIMIT = 256 * 1024
# Octets of ours kept while half a handshake message of theirs stands in the way.
_HELD_LIMIT = 16 * 1024 * 1024
# Pieces shorter than this on average are handed up joined: each costs the layers above more
# than copying it does.
_SHORT = 4096


class TlsLayer:
    """TLS over whatever carries octets; see `msrp_peer.protocol.wire.Layer`.

    Args:
        context: from `server_context` or `client_context`; may serve any number of layers.
        server: which side of the handshake this is.
        own_key: the fingerprint of the key `context` shows, to be told in `protection`.
        host: of a client, whom it connects to. Where that is a name and no address, the server is
            told it (RFC 6066 section 3), as RFC 4975 section 14.2 wants; it stands there in the clear.
        judge: says whether the other side's key will do; for a context that asks one.
    """

    def __init__(
        self,
        context: SSL.Context,
        *,
        server: bool,
        own_key: str | None = None,
        host: str = "",
        judge: Judge | SignalledKey | None = None,
    ) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_app_data(judge)
        self._judge = judge
        self._server = server
        self._own_key = own_key
        self._protection: Protection | None = None
        self._heard = 0  # octets of the other side until the handshake was done
        self._first = b""  # the first few of them, to say what the other side speaks instead
        self._held: list[bytes] = []  # records not yet taken by OpenSSL
        self._held_size = 0
        self._begun = b""  # the head of a record, as far as it is here
        self._missing = 0  # octets of the record at hand that are not here yet
        self._failure: str | None = None
        self._owed: list[bytes] = []  # an alert that is not OpenSSL's
        self.unwanted = False  # whether the other side broke off for what is shown to it
        self._ended = False
        self._closing = False
        self._goodbye_said = False
        if server:
            self._tls.set_accept_state()
        else:
            self._tls.set_connect_state()
            if name := server_name(host):
                self._tls.set_tlsext_host_name(name)
            self._start()

    @property
    def protection(self) -> Protection | None:
        """What was agreed; None while the handshake goes on."""
        return self._protection

    def unwrap(self, data: Buffer) -> list[bytes]:
        """Octets from the network, for above.

        Octets behind the other side's goodbye are ignored (RFC 8446 section 6.1).

        Raises:
            PeerError: they break TLS, or bring an alert, now or before. What came before
                the fault in the same call is lost with it. Call `wrap([])` once more for
                the alert, and close.
        """
        if self._failure is not None:
            raise PeerError(self._failure)
        pieces: list[bytes] = []
        view = memoryview(data)
        size = view.nbytes
        self._follow(view)
        try:
            while view and not self._ended:
                taken = self._tls.bio_write(view[:_STEP])
                if self._protection is not None or self._handshake(view[:taken]):
                    self._read(pieces)
                view = view[taken:]
        except SSL.Error as error:
            if self._judge is not None and self._judge.failure is not None and self._protection is None:
                self._fail(self._judge.failure)
            self.unwanted = refuses_certificate(error)
            first = self._first if self._protection is None else None
            if self._server and first and not is_tls(first):
                self._owed = [UNEXPECTED]  # OpenSSL would leave without a word
            self._fail(explain(error, first))
        if len(pieces) > 1 and size < len(pieces) * _SHORT:
            return [b"".join(pieces)]
        return pieces

    def wrap(self, pieces: Sequence[Buffer]) -> list[bytes]:
        """Octets from above, for the network, plus what TLS itself owes.

        `wrap([])` collects handshake flights, goodbyes and alerts.

        Raises:
            UsageError: pieces were given before the handshake was done, after `close`, or
                after a failure.
            PeerError: TLS broke; nothing more can be sent.
        """
        if self._failure is not None:
            self._refuse(pieces, "it failed")
            owed, self._owed = self._owed, []
            return [*owed, *self._collect()]
        if self._closing:
            self._refuse(pieces, "it was closed")
        elif self._protection is None:
            self._refuse(pieces, "its handshake is not done")
        down: list[bytes] = []
        unread = 0
        try:
            if self._held or self._closing:
                self._catch_up()
            for record in records(pieces):
                self._send(record)
                unread += RECORD
                if unread >= _STEP:
                    down += self._collect()
                    unread = 0
        except SSL.Error as error:
            self._fail(explain(error, None))
        return down + self._collect() if down else self._collect()

    def binding(self, name: str) -> bytes | None:
        """The channel binding of that name, equal on both ends of this connection alone.

        ``tls-exporter`` (RFC 9266) and, on TLS 1.2 only, ``tls-unique`` (RFC 5929 section 3). And
        ``msrp-sas`` for a short string (docs/profile.md section 12), where the two have shown keys.
        On TLS 1.2 there is none without extended master secret: RFC 7627 section 1 shows how
        a man in the middle gives two connections one master secret, and with it one binding.
        """
        if self._protection is None or self._failure is not None:
            return None
        tls = self._tls
        old = tls.get_protocol_version() != SSL.TLS1_3_VERSION
        if old and not extended_master_secret(tls):
            return None
        if name == "tls-exporter":
            # RFC 9266 section 2: an empty context. None would mean "no context", which
            # TLS 1.2 tells from an empty one (RFC 5705 section 4).
            return tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        if name == "msrp-sas" and not self._protection.cipher.startswith("ADH-"):
            return tls.export_keying_material(b"EXPORTER-msrp-sas", 32, b"")
        if name == "tls-unique" and old:
            # The first Finished message: nothing is resumed, so it is the client's.
            return tls.get_peer_finished() if self._server else tls.get_finished()
        return None

    def verify(self, fingerprints: Sequence[Fingerprint], *, signalled: bool) -> bool:
        """Whether the other side's certificate matches one of these (RFC 8122 section 5.1).

        With `signalled` the fingerprints came by signalling that nobody can have changed; then
        `protection` says that the key is verified.
        """
        certificate = self._tls.get_peer_certificate()
        if certificate is None or self._protection is None:
            return False
        if not matches(certificate, fingerprints):
            return False
        # Whose key it is says more than that it is the right one.
        if signalled and self._protection.verified not in ("chain", "pinned"):
            self._protection = replace(self._protection, verified="signalled")
        return True

    def compared(self) -> None:
        """Two people saw the same short string: `protection` says so, where it says nothing better."""
        if self._protection is not None and self._protection.verified in (None, "host", "first-use"):
            self._protection = replace(self._protection, verified="compared")

    @property
    def new_key(self) -> NewKey | None:
        """The other side's key, where it is not known and has to be decided about (`believe`)."""
        undecided = self._protection is not None and self._protection.verified is None
        return self._judge.doubt if self._judge is not None and undecided else None

    def believe(self, how: Believed) -> None:
        """It is decided that the new key is that of whom it says."""
        if self._protection is not None and (new := self.new_key) is not None:
            self._protection = replace(self._protection, verified=how, names=(new.principal,))

    @property
    def refused(self) -> str | None:
        """Why the other side's certificate was refused, where it was, in the handshake."""
        return None if self._judge is None else self._judge.failure

    @property
    def refused_key(self) -> str | None:
        """Its fingerprint, where it was looked at; None where none was refused, and where an authority
        or signalling says that it is another one's: then nobody is to be asked about it."""
        judge = self._judge
        if judge is None or judge.failure is None or judge.anothers:
            return None
        return judge.shown

    @property
    def refused_claims(self) -> tuple[str, ...]:
        """And who it says it is, which nothing proves."""
        return () if self._judge is None or self._judge.failure is None else self._judge.claims

    @property
    def partial(self) -> bool:
        """Whether a record has begun and not ended."""
        return bool(self._begun or self._missing)

    def _follow(self, data: memoryview) -> None:
        """Count through the records (RFC 8446 section 5.1): OpenSSL does not tell where one ends."""
        at, size = 0, data.nbytes
        if not self._begun:
            at = self._missing
            while at + 5 <= size:
                at += 5 + (data[at + 3] << 8 | data[at + 4])
            self._missing = max(at - size, 0)
        while at < size:
            if self._missing:
                step = min(self._missing, size - at)
                self._missing -= step
            else:
                step = min(5 - len(self._begun), size - at)
                self._begun += bytes(data[at : at + step])
                if len(self._begun) == 5:
                    self._missing = int.from_bytes(self._begun[3:], "big")
                    self._begun = b""
            at += step

    def ended(self) -> bool:
        """Whether the other side said goodbye: without it, an end of stream is a cut."""
        return self._ended

    def close(self) -> None:
        """Say goodbye; `wrap([])` collects it. During the handshake there is none to say."""
        self._closing = True

    def __repr__(self) -> str:
        if self._failure is not None:
            state = "failed"
        elif self._protection is None:
            state = "shaking hands"
        else:
            state = f"{self._protection.version} {self._protection.cipher}"
        return f"<{type(self).__name__} {'server' if self._server else 'client'} {state}>"

    def _start(self) -> None:
        """Let the client's first flight wait for `wrap([])`."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            raise UsageError(f"this context cannot begin TLS: {reason_of(error)}") from None

    def _handshake(self, data: memoryview) -> bool:
        """Go on with the handshake; whether it is done. `data` was just handed to it."""
        self._heard += len(data)
        if len(self._first) < 24:
            self._first += bytes(data[: 24 - len(self._first)])
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            if self._heard > _HANDSHAKE_LIMIT:
                self._fail(f"the other side sent {self._heard} octets and has not finished the TLS handshake")
            return False
        tls = self._tls
        cipher = tls.get_cipher_name() or "unknown"
        certificate = tls.get_peer_certificate()
        judge = self._judge
        if judge is not None and certificate is not None and not judge.accepted:
            self._fail("the other side's certificate was not looked at")  # never; or nobody is safe
        self._protection = Protection(
            kind="tls",
            version=tls.get_protocol_version_name(),
            cipher=cipher,
            confidential=True,
            # A digest over the octets as they came: a certificate nobody verifies need not parse.
            peer_key=None if certificate is None else certificate.digest("sha256").decode("ascii"),
            # An anonymous suite shows no certificate, even where there is one to show.
            own_key=None if cipher.startswith("ADH-") else self._own_key,
            verified=None if judge is None else judge.verified,
            names=() if judge is None else judge.names,
        )
        return True

    def _read(self, pieces: list[bytes]) -> None:
        """Take everything OpenSSL can decrypt of what it was given."""
        recv = self._tls.recv
        try:
            while True:
                pieces.append(recv(RECORD))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._ended = True

    def _send(self, record: Buffer) -> None:
        """Encrypt at most a record.

        While half a handshake message has arrived (a session ticket in several records),
        OpenSSL takes nothing: then the record is held until the other half is here.
        """
        view = memoryview(record)
        if not self._held:
            try:
                while view:
                    view = view[self._tls.send(view) :]
            except SSL.WantReadError:
                pass
        if view:
            # A copy: the caller's buffer may change once we return.
            self._held.append(bytes(view))
            self._held_size += len(view)
            if self._held_size > _HELD_LIMIT:
                self._fail("the other side stopped in the middle of a TLS handshake message")

    def _catch_up(self) -> None:
        """Send what was held, then the goodbye if it is due, as far as possible now."""
        held, self._held, self._held_size = self._held, [], 0
        for done, record in enumerate(held, 1):
            self._send(record)
            if self._held:  # still in the way: the rest waits as it is
                self._held += held[done:]
                self._held_size = sum(map(len, self._held))
                break
        if self._closing and not self._goodbye_said and self._protection is not None and not self._held:
            try:
                self._tls.shutdown()
                self._goodbye_said = True
            except SSL.Error:
                pass  # half a handshake message again: the next wrap tries once more

    def _collect(self) -> list[bytes]:
        """What OpenSSL has for the network. It returns less than asked only when it has no more."""
        down = []
        try:
            while True:
                piece = self._tls.bio_read(_SEALED)
                down.append(piece)
                if len(piece) < _SEALED:
                    break
        except SSL.WantReadError:
            pass
        return down

    def _refuse(self, pieces: Sequence[Buffer], why: str) -> None:
        if pieces:
            raise UsageError(f"nothing can be sent through this TLS layer: {why}")

    def _fail(self, why: str) -> NoReturn:
        self._failure = why
        self._held, self._held_size = [], 0
        raise PeerError(why) from None
