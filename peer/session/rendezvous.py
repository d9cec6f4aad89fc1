"""SDP as signalling: an offer or an answer as text, for `msrp_peer.join`.

    offer = Offer(listener)            answer = Answer(text, listener)
    send(offer.text)                   send(answer.text)
    offer.answered(await receive())
    join(offer, listener=listener)     join(answer, listener=listener)

Either may offer anew while the session stands, and the session follows (RFC 4975 section 8.4):

    send(offer.update(direction="sendonly"))
    offer.answered(await receive())    send(answer.answer(text))

How the texts travel is the application's: pasted into a chat window, in a SIP message, on paper.
They hold session URIs, so they must travel where nobody else reads them; and whoever can change
them on their way can put itself in between, unless it is certain that nobody can.
"""

from __future__ import annotations

from ..security.own_key import OwnKey
from ..signalling.agreement import Side
from ..signalling.file_attributes import FileTransfer
from ..signalling.interface import new_uri
from ..signalling.media import Direction, Setup
from ..signalling.offer_answer import Known, Negotiation
from .told import NOBODY, NOWHERE, Place, Told

__all__ = ["Answer", "Offer", "refusal"]


class Offer(Told):
    """We offer a session, and the other side answers (RFC 3264).

    Args:
        listener: where the other side may connect to; without one we connect, and the other
            side must be reachable (RFC 6135 section 4.2.2).
        host: how others reach the listener, where it is not by the address it listens at.
        tls: ``"fingerprint"``, or ``"none"`` for the RFC's plain TCP; as the listener speaks.
        accept_types, accept_wrapped_types, max_size, files: what we take.
        direction: ``"sendonly"``, ``"recvonly"``, ... as we see it.
        file: the file the session is for (RFC 5547).
        cema: whether to connect to c= and m= where a middlebox stands (RFC 6714).
        signalled: whether nobody can change the texts on their way. Only then does the right
            fingerprint verify the other side's key (`Level.KEY_VERIFIED`).
        me, expected: who we are, and who the other side is; not proved by saying it.
        auth: in which role this side can take part in AUTH with SASL, and says so: ``"active"``,
            where it connects and proves itself first (`join` then has credentials, or Kerberos);
            ``"passive"``, where it is connected to and judges (verifiers, or Kerberos);
            ``"actpass"`` in either; None in none.
        proved: whether a session is refused in which AUTH cannot be.
        key: our key that lasts (`lasting_key`, `read_key`), whose fingerprint is told; as the
            listener shows. None for one made for this session, by which nobody tells who meets whom.

    Attributes:
        text: the offer. Confidential.
    """

    def __init__(
        self,
        listener: Place | None = None,
        *,
        host: str | None = None,
        tls: str = "fingerprint",
        accept_types: str = "*",
        accept_wrapped_types: str = "",
        max_size: int | None = None,
        files: bool = True,
        direction: Direction = "sendrecv",
        file: FileTransfer | None = None,
        cema: bool = False,
        signalled: bool = False,
        me: str | None = None,
        expected: str | None = None,
        auth: Setup | None = None,
        proved: bool = False,
        key: OwnKey | None = None,
    ) -> None:
        super().__init__(
            listener,
            host=host,
            tls=tls,
            accept_types=accept_types,
            accept_wrapped_types=accept_wrapped_types,
            max_size=max_size,
            files=files,
            direction=direction,
            file=file,
            cema=cema,
            signalled=signalled,
            me=me,
            expected=expected,
            auth=auth,
            proved=proved,
            key=key,
        )
        self.text = self._negotiation.offer()


class Answer(Told):
    """The other side offered a session, and we take it. Arguments are those of `Offer`.

    Attributes:
        text: the answer. Confidential.

    Raises `SdpError`, and `NotAcceptable` where the offer does not fit us: its status is what
    SIP would answer.
    """

    def __init__(
        self,
        offer: str | bytes,
        listener: Place | None = None,
        *,
        host: str | None = None,
        tls: str = "fingerprint",
        accept_types: str = "*",
        accept_wrapped_types: str = "",
        max_size: int | None = None,
        files: bool = True,
        direction: Direction = "sendrecv",
        file: FileTransfer | None = None,
        cema: bool = False,
        signalled: bool = False,
        me: str | None = None,
        expected: str | None = None,
        auth: Setup | None = None,
        proved: bool = False,
        key: OwnKey | None = None,
        known: Known | None = None,
    ) -> None:
        super().__init__(
            listener,
            host=host,
            tls=tls,
            accept_types=accept_types,
            accept_wrapped_types=accept_wrapped_types,
            max_size=max_size,
            files=files,
            direction=direction,
            file=file,
            cema=cema,
            signalled=signalled,
            me=me,
            expected=expected,
            auth=auth,
            proved=proved,
            key=key,
        )
        self.text = self._negotiation.answer(offer, known=known or {})


def refusal(offer: str | bytes) -> str:
    """The answer that refuses an offer, with port 0, where there is to be no session at all.

    Raises `SdpError`.
    """
    return Negotiation(Side(new_uri(NOBODY, NOWHERE))).refuse(offer)
