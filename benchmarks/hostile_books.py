"""The books of the hostile soak: what each process writes down, and the sum of it all.

A process writes each line before it goes on, by one call of the system, so that one who is killed leaves
all of it behind. One file for each run of a process, named ``process.run``:

    begun    TIME SESSION WHOM        a session stands, with whom (the process meant, or a person's name)
    sent     ID SESSION SIZE SHA256   a message is about to be sent
    told     ID VERDICT WHY           its sender was told: delivered, or failed
    here     ID SESSION SIZE SHA256   a message has been read to its end
    damaged  ID SESSION               a file came whose digest is not what its sender told
    answered ID                       hostile: a message was answered 200
    engine   SESSION                  hostile: the engine answers there, and nobody writes down what
    tried    ATTACK HOW               hostile: one of its attacks is over, and how it ended
    fault    WORDS                    what must not happen

What must be true of every message: it was told delivered and is here once; or it was told failed, and is
here once ("in doubt": the answer was lost) or not at all; or its sender was killed before it was told; or
its receiver was killed after the answer and before it had read it. Nothing else is right, and nothing is
here twice, damaged, in another session, or without having been sent. Nobody is told that a hostile peer
took what it never answered.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from msrp_peer import Session

__all__ = ["HOSTILE", "Book", "Ledger", "Row", "Sum", "name_of", "session_name", "summed"]

HOSTILE = "hostile"
NEAR = 60.0  # seconds between a session's beginning here and the death of who never wrote it down


def session_name(*uris: str) -> str:
    """The same on both sides, and no secret."""
    return hashlib.sha256(" ".join(sorted(uris)).encode()).hexdigest()[:16]


def name_of(session: Session) -> str:
    endpoint = session.endpoint
    return session_name(endpoint.local_uri.text, endpoint.remote_uris[0].text)


class Ledger:
    """Where one run of a process writes."""

    def __init__(self, path: Path) -> None:
        self.run = path.name
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._count = 0

    def new(self) -> str:
        """The id of a message."""
        self._count += 1
        return f"{self.run}-{self._count}"

    def note(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())

    def begun(self, session: str, whom: object) -> None:
        self.note("begun", f"{time.monotonic():.3f}", session, whom)


class Message(NamedTuple):
    session: str
    size: str
    digest: str


@dataclass
class Book:
    """What one run of a process wrote.

    Attributes:
        killed: when it was (by `time.monotonic`); None where it was not.
    """

    process: str
    run: str
    killed: float | None
    begun: dict[str, tuple[float, str]] = field(default_factory=dict)
    sent: dict[str, Message] = field(default_factory=dict)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    here: list[tuple[str, Message]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    engine: set[str] = field(default_factory=set)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def hostile(self) -> bool:
        return self.process == HOSTILE

    @classmethod
    def read(cls, path: Path, killed: float | None) -> Book:
        book = cls(path.name.partition(".")[0], path.name, killed)
        text = path.read_text(errors="backslashreplace") if path.exists() else ""
        for line in text[: text.rfind("\n") + 1].splitlines():
            what, _, rest = line.partition(" ")
            words = rest.split(" ")
            if what == "begun":
                book.begun[words[1]] = (float(words[0]), words[2])
            elif what == "sent":
                book.sent[words[0]] = Message(*words[1:4])
            elif what == "told":
                if words[0] in book.told:
                    book.faults.append(f"told twice: {words[0]}")
                book.told[words[0]] = (words[1], " ".join(words[2:]))
            elif what == "here":
                book.here.append((words[0], Message(*words[1:4])))
            elif what == "damaged":
                book.damaged.append((words[0], words[1]))
            elif what == "answered":
                book.answered.add(words[0])
            elif what == "engine":
                book.engine.add(words[0])
            elif what == "tried":
                book.tried[words[0], words[1]] += 1
            else:
                book.faults.append(rest)
        return book


@dataclass
class Row:
    """Messages of one sender to one receiver; the columns add up to `sent`, or something is wrong."""

    sent: int = 0
    delivered: int = 0  # and here once
    failed: int = 0
    gone: int = 0  # the sender was killed before it was told
    unread: int = 0  # delivered; the receiver was killed before it had read it
    doubt: int = 0  # of those told failed: here all the same
    gone_here: int = 0  # of those whose sender was killed: here

    def add(self, other: Row) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def exact(self) -> bool:
        return self.sent == self.delivered + self.failed + self.gone + self.unread


@dataclass
class Sum:
    """Of all books.

    Attributes:
        rows: by sender and receiver (processes; ``hostile`` for those, whose side of it does not count).
        wrong: what must not be, with examples.
        reasons: why messages failed.
        tried: attacks, with how they ended.
        foreign: messages of hostile peers that were read.
    """

    rows: dict[tuple[str, str], Row] = field(default_factory=lambda: defaultdict(Row))
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    reasons: Counter[str] = field(default_factory=Counter)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    sessions: int = 0
    foreign: int = 0
    octets: int = 0

    @property
    def right(self) -> bool:
        return not self.wrong


def summed(books: Iterable[Book], homes: dict[str, str]) -> Sum:
    """The sum. `homes` says which process a person is of."""
    return _Adding(list(books), homes).done()


class _Adding:
    def __init__(self, books: list[Book], homes: dict[str, str]) -> None:
        self._books = books
        self._homes = homes
        self._sum = Sum()
        self._of_session: dict[str, list[Book]] = defaultdict(list)
        self._here: dict[str, list[tuple[Message, Book]]] = defaultdict(list)
        self._killed: dict[str, list[Book]] = defaultdict(list)
        for book in books:
            for session in book.begun:
                self._of_session[session].append(book)
            for number, message in book.here:
                self._here[number].append((message, book))
            if book.killed is not None:
                self._killed[book.process].append(book)

    def done(self) -> Sum:
        found, sent = self._sum, set[str]()
        found.sessions = len(self._of_session)
        for book in self._books:
            found.wrong["faults"] += book.faults
            found.tried += book.tried
            sent |= book.sent.keys()
            for number, message in book.sent.items():
                self._count(book, number, message)
            for number, session in book.damaged:
                if not any(other.hostile for other in self._of_session[session]):
                    found.wrong["here damaged, or in another session"].append(number)
        for number, arrivals in self._here.items():
            if number not in sent:
                self._strange(number, arrivals)
        for pair, row in found.rows.items():
            if not row.exact:
                found.wrong["a row that does not add up"].append(" to ".join(pair))
        found.wrong = {what: which for what, which in found.wrong.items() if which}
        return found

    def _count(self, book: Book, number: str, message: Message) -> None:
        found = self._sum
        other, whom, dead = self._receiver(book, message.session)
        row = found.rows[book.process, whom]
        row.sent += 1
        verdict, why = book.told.get(number, ("", ""))
        if verdict == "failed":
            found.reasons[why] += 1
        if whom == HOSTILE:
            known = other is not None and message.session not in other.engine
            answered = other.answered if other is not None and known else None
            self._to_hostile(row, answered, number, verdict, killed=book.killed is not None)
            return
        arrivals = self._here.get(number, [])
        if len(arrivals) > 1:
            found.wrong["here more than once"].append(number)
        for arrived, where in arrivals:
            found.octets += int(arrived.size)
            if arrived != message:
                found.wrong["here damaged, or in another session"].append(number)
            if where is not other:
                found.wrong["here with somebody else"].append(number)
        if verdict == "delivered":
            if arrivals:
                row.delivered += 1
            elif dead:
                row.unread += 1
            else:
                found.wrong["told delivered, and not here"].append(number)
        elif verdict == "failed":
            row.failed += 1
            row.doubt += len(arrivals) > 0
        elif book.killed is not None:
            row.gone += 1
            row.gone_here += len(arrivals) > 0
        else:
            found.wrong["never told"].append(number)

    def _to_hostile(
        self, row: Row, answered: set[str] | None, number: str, verdict: str, *, killed: bool
    ) -> None:
        if verdict == "delivered":
            row.delivered += 1
            if answered is not None and number not in answered:
                self._sum.wrong["told delivered, and never answered"].append(number)
        elif verdict == "failed":
            row.failed += 1
            row.doubt += answered is not None and number in answered
        elif killed:
            row.gone += 1
        else:
            self._sum.wrong["never told"].append(number)

    def _receiver(self, book: Book, session: str) -> tuple[Book | None, str, bool]:
        """Who has the other end: their book, which process it is, whether it was killed."""
        others = [other for other in self._of_session[session] if other is not book]
        if len(others) > 1:
            self._sum.wrong["a session of three"].append(session)
        if others:
            return others[0], others[0].process, others[0].killed is not None
        begun, whom = book.begun[session]
        process = self._homes.get(whom, whom)
        # Killed before it could write down that the session stands?
        deaths = [other.killed for other in self._killed[process] if other.killed is not None]
        return None, process, any(begun - NEAR < death < begun + NEAR for death in deaths)

    def _strange(self, number: str, arrivals: list[tuple[Message, Book]]) -> None:
        for arrived, _ in arrivals:
            if any(other.hostile for other in self._of_session[arrived.session]):
                self._sum.foreign += 1
            else:
                self._sum.wrong["here, and never sent"].append(number)
