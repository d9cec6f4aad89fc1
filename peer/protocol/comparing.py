"""AUTH with the scheme SAS: the nonces of a short string that two people compare (docs/profile.md 12).

Each step rings the connection's bell.

    ask        this side's user wants to compare: commit, hear the other nonce, reveal
    welcome    somebody is here to compare: what the other side asked is answered
    say        what this side's user found: the same, or not
    nonces     from them, and the line's exporter, both ends make the string

The one AUTH within running sessions: it concerns the line, and with it all of its sessions. A line has
one run: whoever sits in between knows after the nonces whether its guess was right, and must not have
another. So a run that is not brought to its end ends the line. The order is the table `COMPARING`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

from msrp_core import Frame

from ..terms.errors import NotSecureEnough, PeerError, UsageError
from .auth import Answer
from .auth_header import AuthHeaderError
from .endpoint import Endpoint
from .requests import Request
from .sas_header import NONCE, SasHeader, Told
from .tables import COMPARING, Machine

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["BINDING", "Comparing"]

BINDING: Final = "msrp-sas"
"""The line's binding that the string is made from (`Layer.binding`)."""
DIFFER: Final = "somebody may sit in between and read everything: the two users saw different words"
_AGAIN: Final = "one comparison is all a connection has"


class _Asked(Request):
    """An AUTH of ours: its answer is a step of the run."""

    def __init__(self, comparing: Comparing, header: SasHeader) -> None:
        super().__init__()
        self._comparing = comparing
        self.header = header

    def answered(self, response: Frame, octets: int) -> None:
        self.response = response
        self._comparing.answered(self, response)

    def lost(self, reason: str) -> None:
        self.failure = reason
        self._comparing.unanswered(self, reason)


class Comparing:
    """One connection's.

    Attributes:
        differed: whether a user said that the words are not the same.
        willing: whether somebody is here to compare.
        asked_here: whether the string is that of a run this side began.
        nonces: of the side that asked and of the one that answered; None before both know both.
        refusal: why the other side does not compare.
        told: the lasting key that the other side told when its user said that they are the same, as it
            came; None for none. It counts for nothing before both users have said so.
    """

    __slots__ = (
        "_connection",
        "_due",
        "_frame",
        "_machine",
        "_nonce",
        "_paths",
        "_request",
        "_theirs",
        "asked_here",
        "differed",
        "nonces",
        "refusal",
        "told",
        "willing",
    )

    def __init__(self, connection: Connection) -> None:
        self.willing = self.asked_here = self.differed = False
        self.nonces: tuple[bytes, bytes] | None = None
        self.refusal: str | None = None
        self.told: Told | None = None
        self._connection = connection
        self._machine = Machine(COMPARING, "idle")
        self._request: _Asked | None = None  # whose answer is waited for
        self._frame: Frame | None = None  # the other side's, while nobody here is known to compare
        self._nonce = self._theirs = b""  # ours, and what came of the other side's
        self._paths: tuple[str, str] | None = None
        self._due: float | None = None

    @property
    def state(self) -> str:
        return self._machine.state

    def obstacle(self) -> str | None:
        """Why no string can be compared on a line like this; None where one can."""
        wire = self._connection.wire
        if wire.binding(BINDING) is not None:
            return None
        tls = [layer for layer in wire.protections if layer.kind == "tls"]
        if not tls:
            return "there is no TLS on this line, and so nothing to compare"
        if tls[0].cipher.startswith("ADH-"):
            return "with --tls adh nobody shows a key, and so there is none to verify"
        return f"{tls[0].version} without extended master secret cannot be told from another line"

    # -- from this side

    def ask(self, endpoint: Endpoint, now: float) -> None:
        """Begin, within a session. Without effect where somebody has begun.

        Raises `NotSecureEnough` where the line cannot, and `UsageError` over relays.
        """
        self.welcome(now)
        if self.state != "idle":
            return
        if (why := self.obstacle()) is not None:
            raise NotSecureEnough(f"words cannot be compared: {why}")
        if " " in endpoint.remote:
            raise UsageError("words are compared over one hop, and this session goes over relays")
        self._machine.step("ask")
        self.refusal = None
        self._nonce = os.urandom(NONCE)
        self._paths = endpoint.remote, endpoint.local
        self._say(SasHeader("commit", hashlib.sha256(self._nonce).digest()), now)

    def welcome(self, now: float) -> None:
        """Somebody is here to compare."""
        self.willing = True
        if self.state == "asked" and self._frame is not None:
            frame, self._frame = self._frame, None
            self._connection.inbound.answer(frame, self._challenge(now), now)

    def say(self, same: bool, endpoint: Endpoint, now: float, told: Told | None = None) -> None:
        """What our user found. Where it is not the same, the connection ends; where it is, a lasting key
        may be told with it.

        Raises `UsageError` where there is nothing to say it of, or it was said before.
        """
        event = "same" if same else "differ"
        if not self._machine.may(event):
            raise UsageError("there are no words to compare, or it was said already")
        self._machine.step(event)
        self.differed = not same
        self._paths = endpoint.remote, endpoint.local
        self._say(SasHeader("result", same=same, told=told if same else None), now)
        if same:
            self._compared()
        else:
            self._connection.close(now, DIFFER)
        self._connection.bell.ring()

    def _say(self, header: SasHeader, now: float) -> None:
        assert self._paths is not None  # set by whoever begins
        self._request = _Asked(self, header)
        headers = (("Authorization", header.text()),)
        self._connection.requests.send(self._request, "AUTH", *self._paths, headers, now)

    # -- what the other side answers

    def answered(self, asked: _Asked, response: Frame) -> None:
        """One of our requests is answered."""
        if asked is not self._request:
            return  # both asked at once, and the other side's counts
        self._request = None
        status = response.status or 0
        if asked.header.name == "result":
            return
        try:
            challenge = SasHeader.of(response, "WWW-Authenticate") if status == 401 else None
        except AuthHeaderError as wrong:
            raise PeerError(f"the other side broke the order of comparing: {wrong}") from None
        if asked.header.name == "commit":
            self._committed(status, challenge)
        elif status == 200:
            self._machine.step("shown")
            self.asked_here, self.nonces = True, (self._nonce, self._theirs)
            self._connection.bell.ring()
        else:
            raise PeerError(f"the other side broke the order of comparing: it answered {status:03d}")

    def _committed(self, status: int, challenge: SasHeader | None) -> None:
        if challenge is None or challenge.name != "nonce":
            self.refusal = "it does not know how to compare words"
            if status == 403:
                self.refusal = "nobody compares words there; who waits by msrp verify or msrp chat does"
            self._machine.step("refused")
            self._connection.bell.ring()
            return
        self._machine.step("nonce")
        self._theirs = challenge.octets
        self._due = 0.0  # an answer brings no time with it: we reveal at the next timer, which is due

    def unanswered(self, asked: _Asked, reason: str) -> None:
        """No answer will come."""
        if asked is not self._request:
            return
        self._request = None
        if asked.header.name == "commit" and self._machine.may("refused"):
            self.refusal = reason
            self._machine.step("refused")
            self._connection.bell.ring()
        elif asked.header.name == "reveal":
            # It may know the string, and we do not know whether it does.
            self._connection.lost("the other side did not go on comparing")

    # -- what the other side asks

    def auth_arrived(self, frame: Frame, now: float) -> Answer | None:
        """Answer an AUTH of this scheme; None where that waits for somebody here."""
        if " " in frame.to_path or " " in frame.from_path:
            return self._stray(Answer(403, "words are compared over one hop"))
        if self._connection.bindings.known(frame) is None:
            return self._stray(Answer(481, "no such session"))
        try:
            header = SasHeader.of(frame, "Authorization")
        except AuthHeaderError as wrong:
            return self._stray(Answer(400, f"bad syntax: {wrong}"))
        if header is None or header.name == "nonce" or frame.has_body:
            return self._stray(Answer(400, "bad syntax"))
        if header.name == "commit":
            return self._asked(frame, header.octets, now)
        if header.name == "reveal":
            return self._revealed(header.octets)
        return self._result(header)

    def _stray(self, answer: Answer) -> Answer:
        """In the middle of a run nothing is forgiven: it would be another guess."""
        if self.state not in ("asked", "answering", "revealing"):
            return answer
        self._machine.step("stray")
        reason = "the other side broke the order of comparing"
        return Answer(answer.status, answer.comment, closes=True, reason=reason)

    def _asked(self, frame: Frame, commitment: bytes, now: float) -> Answer | None:
        if self.state not in ("idle", "asking"):
            return self._stray(Answer(400, _AGAIN))
        if self.obstacle() is not None:
            return Answer(403, "words cannot be compared on a line like this")
        if self.state == "asking":
            ours = hashlib.sha256(self._nonce).digest()
            if hmac.compare_digest(ours, commitment):
                self._machine.step("stray")
                reason = "what we said came back to us: somebody sits in between"
                return Answer(400, "that is ours", closes=True, reason=reason)
            if ours < commitment:
                return Answer(403, "we have asked, too")  # both sides know whose run it is
            self._request = None
        self._machine.step("asked")
        self._theirs = commitment
        if self.willing:
            return self._challenge(now)
        self._frame, self._due = frame, now + self._connection.limits.attend
        self._connection.bell.ring()
        return None

    def _challenge(self, now: float) -> Answer:
        self._machine.step("welcome")
        self._nonce = os.urandom(NONCE)
        self._due = now + self._connection.limits.transaction
        header = SasHeader("nonce", self._nonce)
        return Answer(401, "go on", (("WWW-Authenticate", header.text()),))

    def _revealed(self, nonce: bytes) -> Answer:
        if self.state != "answering":
            return self._stray(Answer(400, "nothing was committed to"))
        if not hmac.compare_digest(hashlib.sha256(nonce).digest(), self._theirs):
            answer = self._stray(Answer(403, "that is not what was committed to"))
            reason = "the other side revealed something else than it had committed to: it cheats"
            return Answer(answer.status, answer.comment, closes=True, reason=reason)
        self._machine.step("reveal")
        self._due = None
        self.asked_here, self.nonces = False, (nonce, self._nonce)
        self._connection.bell.ring()
        return Answer(200, "OK")

    def _result(self, header: SasHeader) -> Answer:
        same = header.same
        event = "theirs" if same else "differ"
        if not self._machine.may(event):
            return self._stray(Answer(400, "there is nothing to say this of"))
        self._machine.step(event)
        self.differed, self.told = not same, header.told
        self._connection.bell.ring()
        if not same:
            return Answer(200, "OK", closes=True, reason=DIFFER)
        self._compared()
        return Answer(200, "OK")

    def _compared(self) -> None:
        if self.state == "compared":
            self._connection.wire.compared()

    # -- time, and the end

    def next_timer(self) -> float | None:
        return self._due

    def handle_timer(self, now: float) -> None:
        if self._due is None or now < self._due:
            return
        self._due = None
        if self.state == "revealing":
            self._say(SasHeader("reveal", self._nonce), now)
        elif self.state == "asked" and self._frame is not None:
            frame, self._frame = self._frame, None
            self._machine.step("unwelcome")
            self._connection.inbound.answer(frame, Answer(403, "nobody here compares words"), now)
        elif self.state == "answering":
            self._connection.lost("the other side began to compare words, and did not go on")

    def lost(self) -> None:
        """The line is gone."""
        self._due = self._frame = None
        if self._machine.may("lost"):
            self._machine.step("lost")
        self._connection.bell.ring()
