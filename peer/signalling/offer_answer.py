"""Offer and answer (RFC 3264) of one MSRP session, as text: no network, no clock.

    A: text = negotiation.offer()              B: text = negotiation.answer(text)
    A: negotiation.accept(text)

Then `agreed` says the same on both sides, each from its own: who connects and where to, the two
paths, the kinds of content each may send. Either may offer anew at any time (RFC 4975 section
8.4). The negotiation is *idle*, has *offered*, has *agreed*, or is *over*.

What cannot work is told: the one who answers raises `NotAcceptable`, whose status is for SIP, or
sends what `refuse` gives; the one who offered gets `Refused`. A failed update changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

from ..terms.errors import PeerError, UsageError
from ..terms.fingerprints import preferred
from .agreement import NotAcceptable, Outcome, Refused, Side, Unprovable
from .file_attributes import MIRRORED, FileTransfer
from .media import DIRECTIONS, Direction, MsrpMedia, read_media
from .sdp import Description, Lines, Origin, SdpError, Section, address_lines

__all__ = ["Known", "Negotiation"]

Known = Mapping[str, Collection[str]]
_NOBODY: Known = {}
_SASL = "SASL"  # the one scheme of a=msrp-auth there is (docs/profile.md section 5)
_DISCARD = 9  # RFC 4145 section 4.1: the port of a side that waits for nobody


class Negotiation:
    """One session's offers and answers, of one of its two sides.

    Attributes:
        state: ``"idle"``, ``"offered"``, ``"agreed"`` or ``"over"``.
        agreed: what holds now; None before, and when it is over.
    """

    def __init__(self, side: Side) -> None:
        self.side = side
        self.state: Literal["idle", "offered", "agreed", "over"] = "idle"
        self.agreed: Outcome | None = None
        self._origin: Origin | None = None
        self._said: tuple[Lines, tuple[Section, ...]] | None = None
        self._sections: tuple[Section, ...] = ()  # of the last exchange; ours is the one at _index
        self._index = 0
        self._ending = False
        self._before = side  # what to go back to where an offer fails

    # -- offering

    def offer(self, side: Side | None = None) -> str:
        """An offer to send; with `side`, of something else than before.

        Raises UsageError where one is unanswered or the session is over.
        """
        self._may_offer()
        self._before, self.side = self.side, side or self.side
        return self._offer(self._section("TCP/TLS/MSRP" if self.side.uri.secure else "TCP/MSRP", None))

    def end(self) -> str:
        """An offer that ends the session: its port is 0 (RFC 3264 section 8.2)."""
        self._may_offer()
        self._ending = True
        section = self._section("TCP/TLS/MSRP" if self.side.uri.secure else "TCP/MSRP", None)
        return self._offer(replace(section, port=0))

    def accept(self, text: str | bytes, known: Known = _NOBODY) -> str | None:
        """Take the answer to our offer. Returns None, or a new offer that must be sent now:
        where the other side knows no CEMA and a middlebox stands between (RFC 6714 section 4.2).

        Raises `Refused`, `NotAcceptable` and `SdpError`; then `state` is what it was before the
        offer, but `Refused` ends the session. `known` is as for `MsrpMedia.fits`.
        """
        if self.state != "offered":
            raise UsageError("no offer of ours waits for an answer")
        if self._ending:
            self._over()
            return None
        try:
            return self._accept(text, known)
        except PeerError:
            self.rejected()
            raise

    def rejected(self) -> None:
        """Our offer was not answered but refused by the signalling (SIP: 488, 491), or its answer
        is of no use: what held before it holds on."""
        if self.state == "offered":
            self.state = "idle" if self.agreed is None else "agreed"
            self.side = self._before
            self._ending = False

    def _accept(self, text: str | bytes, known: Known) -> str | None:
        description = Description.parse(text)
        section = self._answered(description)
        theirs = read_media(description, section)
        # RFC 4975 section 8.5: without a=setup it is the offerer who connects.
        active = theirs.setup != "active"
        if not active and not self.side.reachable:
            raise NotAcceptable("both sides say they will connect, and neither can be reached")
        side = self.side
        if side.cema and not theirs.cema and not self._fallback_free(theirs, active, known):
            self.state = "idle" if self.agreed is None else "agreed"
            return self.offer(replace(side, cema=False))
        relayed = len(theirs.uris) > 1 and theirs.fits(known)
        self.agreed = self._agree(theirs, active, cema=side.cema and not relayed, file=self._file(theirs))
        self.state = "agreed"
        return None

    def _may_offer(self) -> None:
        if self.state == "offered":
            raise UsageError("an offer of ours is not answered yet (RFC 3264 section 4)")
        if self.state == "over":
            raise UsageError("the session is over")

    def _offer(self, section: Section) -> str:
        before, after = self._sections[: self._index], self._sections[self._index + 1 :]
        sections = (*(s.refused() for s in before), section, *(s.refused() for s in after))
        text = self._text(sections)
        self.state = "offered"
        return text

    def _answered(self, description: Description) -> Section:
        """The section that answers ours."""
        sections = description.sections
        if self._index >= len(sections):
            raise SdpError("its answer has fewer m= lines than the offer (RFC 3264 section 6)")
        section = sections[self._index]
        if section.port == 0:
            self._over()
            raise Refused("the other side refused the session: its answer has port 0")
        if not section.is_msrp:
            raise SdpError("its answer has something else where MSRP was offered")
        return section

    @staticmethod
    def _fallback_free(theirs: MsrpMedia, active: bool, known: Known) -> bool:
        """Whether no criterion of RFC 6714 section 4.2 asks for a new offer (we use no relay)."""
        return theirs.fits(known) or (active and len(theirs.uris) == 1)

    def _file(self, theirs: MsrpMedia) -> FileTransfer | None:
        own = self.side.file
        if own is None:
            return None
        told = None if theirs.file is None else theirs.file.range
        if own.range is not None and told != own.range:
            raise NotAcceptable("the other side confirms no range of the file (RFC 5547 section 8.3)")
        pulls = self.side.direction != "sendonly"
        if own.range is None and told is not None and pulls and not told.is_whole(own.selector.size):
            raise NotAcceptable("the other side would send a part of the file only")
        if theirs.file is not None and not own.selector.is_same(theirs.file.selector):
            raise NotAcceptable("the other side's answer is about another file")
        return replace(own, range=told)  # of a receiver who has the rest already

    # -- answering

    def answer(self, text: str | bytes, side: Side | None = None, known: Known = _NOBODY) -> str:
        """Answer an offer; `agreed` has the outcome, None where the offer ended the session.

        Only the first MSRP section that can be used is; every other section is refused with
        port 0. Raises `NotAcceptable` and `SdpError`, and then nothing has changed. `known` is
        as for `MsrpMedia.fits`, of the names in ``look(text).hosts()``; CEMA alone asks for it.
        """
        if self.state == "offered":
            raise NotAcceptable("two offers met: an offer of ours is not answered yet", status=491)
        if self.state == "over":
            raise UsageError("the session is over")
        description = Description.parse(text)
        sections = description.sections
        if self.agreed is not None and self._index < len(sections) and sections[self._index].port == 0:
            ended = self._text(tuple(section.refused(MIRRORED) for section in sections))
            self._over()
            return ended
        before, self.side = self.side, side or self.side
        try:
            index, agreed = self._choose(description, known)
        except BaseException:
            self.side = before
            raise
        self._index, self.agreed, self.state = index, agreed, "agreed"
        return self._text(
            tuple(
                self._section(section.protocol, section) if at == index else section.refused(MIRRORED)
                for at, section in enumerate(sections)
            )
        )

    def refuse(self, text: str | bytes) -> str:
        """The answer to an offer that refuses all of it with port 0. Raises `SdpError`.

        To an offer in a session that stands this ends the session (RFC 3264 section 8.2); to
        refuse only what is new, let the signalling say so (SIP: 488).
        """
        sections = tuple(section.refused(MIRRORED) for section in Description.parse(text).sections)
        answer = self._text(sections)
        if self.agreed is not None:
            self._over()
        return answer

    def _choose(self, description: Description, known: Known) -> tuple[int, Outcome]:
        """The first section that works; what is wrong with the first that does not, else."""
        wrong: PeerError | None = None
        for index, section in enumerate(description.sections):
            if not section.is_msrp or section.port == 0 or (self.agreed and index != self._index):
                continue
            try:
                return index, self._consider(read_media(description, section), known)
            except PeerError as error:
                wrong = wrong or error
        raise wrong or NotAcceptable("it offers no MSRP session")

    def _consider(self, theirs: MsrpMedia, known: Known) -> Outcome:
        side = self.side
        # Behind a NAT it is we who connect wherever that is possible (RFC 6135 section 4.2.2).
        active = theirs.setup == "passive" or (theirs.setup == "actpass" and side.setup == "active")
        if not active and not side.reachable:
            raise NotAcceptable("it will connect, and nobody can connect to this side")
        cema = False
        if side.cema:
            if not theirs.cema and not theirs.fits(known):
                raise NotAcceptable(
                    "a middlebox has changed its c= and m= lines and not its a=path (RFC 6714 section 4.3)"
                )
            cema = theirs.cema and not (len(theirs.uris) > 1 and not active)
        return self._agree(theirs, active, cema=cema, file=self._offered_file(theirs.file))

    def _offered_file(self, file: FileTransfer | None) -> FileTransfer | None:
        """The file an offer is about: with our own words for it, where it is we who have it."""
        before = self.agreed.file if self.agreed is not None else None
        if file is None:
            return None
        if before is not None and file.transfer_id == before.transfer_id:
            if not file.selector.is_same(before.selector):
                raise NotAcceptable("another file under the id of the last one (RFC 5547 section 8.1)")
            return before
        own = self.side.file
        if own is None:
            return file
        if not file.selector.is_same(own.selector):
            raise NotAcceptable("it is about another file")
        return replace(own, transfer_id=file.transfer_id, range=file.range or own.range)

    # -- both

    def _agree(self, theirs: MsrpMedia, active: bool, *, cema: bool, file: FileTransfer | None) -> Outcome:
        side = self.side
        if theirs.secure != side.uri.secure:
            raise NotAcceptable("one side wants TLS, the other does not")
        if side.fingerprints and not theirs.fingerprints:
            raise NotAcceptable("it gives no fingerprint of its key that could be checked")
        if theirs.uris[-1] == side.uri:
            raise NotAcceptable("its session URI is ours: this description came back to its sender")
        own, seen = _ways(side.direction), _ways(DIRECTIONS[theirs.direction])
        may_send, may_receive = own[0] and seen[0], own[1] and seen[1]
        if may_send and not theirs.accepts.meets(side.produces):
            raise NotAcceptable("it takes no kind of content that we could send (RFC 4975 section 8.6)")
        first = theirs.uris[0]
        place = (first.host, first.port or 0)
        if cema and theirs.address is not None:
            place = (theirs.address, theirs.port)
        if active and place[1] in (0, _DISCARD):
            raise NotAcceptable("it waits to be connected to, and says no port where")
        if active and first.transport != "tcp":
            raise NotAcceptable("it can be reached by another transport than TCP only")
        auth = self._auth(theirs, active)
        return Outcome(
            active=active,
            connect=place,
            local=side.path,
            remote=theirs.path,
            secure=theirs.secure,
            fingerprints=preferred(theirs.fingerprints) if theirs.secure else (),
            takes=side.accepts,
            wrapped=side.wrapped,
            maximum=side.maximum,
            may_send=may_send,
            may_receive=may_receive,
            cema=cema,
            auth=auth,
            file=file,
            peer=theirs,
        )

    def _auth(self, theirs: MsrpMedia, active: bool) -> bool:
        """Whether AUTH is to be tried. A session that goes on has been through it, or not."""
        side, before = self.side, self.agreed
        if before is not None and (side.path, theirs.path) == (before.local, before.remote):
            return before.auth
        able = side.speaks_auth("active" if active else "passive")
        if side.proved and not able:
            raise Unprovable(
                "somebody is to be proved, and this side can only prove "
                + ("others, where they connect" if active else "itself, where it connects")
            )
        if side.proved and _SASL not in theirs.auth:
            raise Unprovable("somebody is to be proved, and its description has no a=msrp-auth:SASL")
        return able and _SASL in theirs.auth

    def _section(self, protocol: str, offered: Section | None) -> Section:
        """Our section; with `offered`, as the answer to that one."""
        side, agreed = self.side, self.agreed
        lines = [("accept-types", side.accepts.text)]
        wrapped = [entry for entry in side.wrapped.entries if entry not in side.accepts.entries]
        if wrapped:
            lines.append(("accept-wrapped-types", " ".join(wrapped)))
        if side.maximum is not None:
            lines.append(("max-size", str(side.maximum)))
        lines.append(("path", side.path))
        setup, direction, cema = side.setup, side.direction, side.cema
        auth = side.speaks_auth(setup)
        if offered is not None and agreed is not None:
            setup = "active" if agreed.active else "passive"
            direction, cema, auth = _direction(agreed), agreed.cema, agreed.auth
        lines.append(("setup", setup))
        if cema:
            lines.append(("msrp-cema", ""))
        lines += [("fingerprint", one.text) for one in side.fingerprints]
        if auth:
            lines.append(("msrp-auth", _SASL))
        if direction != "sendrecv":
            lines.append((direction, ""))
        written = tuple(("a", f"{name}:{value}" if value else name) for name, value in lines)
        file = side.file
        if agreed is not None and (self._ending or (offered is not None and file is not None)):
            file = agreed.file
        if file is not None:
            written += tuple(("a", f"{name}:{value}") for name, value in file.lines())
        elif offered is not None:
            written += offered.refused(MIRRORED).lines
        return Section("message", side.uri.port or 0, protocol, "*", written)

    def _text(self, sections: tuple[Section, ...]) -> str:
        """The description to send: with the o= line of the last one where nothing has changed
        (RFC 4975 section 8.4), else with the next version (RFC 3264 section 8)."""
        lines = address_lines(self.side.uri.host)
        if self._origin is None:
            self._origin = Origin.fresh(self.side.uri.host)
        elif self._said != (lines, sections):
            self._origin = replace(self._origin, version=self._origin.version + 1)
        self._said = (lines, sections)
        self._sections = sections
        return Description(self._origin, lines, sections).text

    def _over(self) -> None:
        self.state = "over"
        self.agreed = None


def _ways(direction: Direction) -> tuple[bool, bool]:
    """Whether messages may go, and come."""
    return direction in ("sendrecv", "sendonly"), direction in ("sendrecv", "recvonly")


def _direction(agreed: Outcome) -> Direction:
    if agreed.may_send:
        return "sendrecv" if agreed.may_receive else "sendonly"
    return "recvonly" if agreed.may_receive else "inactive"
