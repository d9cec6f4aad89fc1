"""Octets to frames (RFC 4975 sections 7.1 and 9), incrementally.

One object a frame: its head is copied once, positions are kept as offsets, values are decoded
when asked. A frame that spans feeds comes as its head, pieces of body, and a flag; the scan is
carried on from where it stopped, so that no octet is looked at twice.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memchr, memcmp, memcpy

import os

from ._express cimport Express
from ._frame cimport Body, Flag, Frame
from ._head cimport END, MORE, WRONG, Found, HeadReader, is_flag
from ._receive cimport Source
from ._template cimport Patterns

from .errors import LocalProtocolError, RemoteProtocolError
from .limits import Limits

cdef extern from "_scan.h" nogil:
    const char *(*msrp_scan)(const char *, size_t, const char *, size_t, int)
    const char *msrp_scan_chosen
    int msrp_scan_choose(const char *)

_wanted = os.environ.get("MSRP_SCAN", "")
if msrp_scan_choose(_wanted.encode("ascii", "replace")) < 0:
    raise ImportError(f"MSRP_SCAN={_wanted!r}: no such scan on this machine; avx2, sse2 or c")

# A body up to this size is copied beside its head, so that it does not keep alive what was fed.
cdef enum:
    SMALL = 1024


def scan_name():
    return msrp_scan_chosen.decode()


cdef enum Phase:
    HEADS      # between two frames, or in a head
    BODY
    BROKEN


@cython.final
cdef class Parser:
    cdef Phase phase
    cdef HeadReader reader
    cdef Patterns patterns
    cdef Express express
    cdef object source, error
    cdef const char *at              # the next octet to look at
    cdef const char *upto
    cdef long long passed            # octets of the stream before `at`
    cdef long long frame_offset
    # A head that spans feeds is gathered here.
    cdef char *held
    cdef Py_ssize_t held_size, held_room
    cdef const char *hit             # what `_whole` found, while `searched`
    cdef bint searched
    cdef int matched                 # how much of a possible end-line the last feed ended with
    cdef char mark                   # the flag of the end-line being matched, or due to be told
    cdef bint flag_due
    cdef Py_ssize_t max_head

    def __cinit__(self, limits=None, Express express=None):
        limits = Limits() if limits is None else limits
        self.max_head = limits.head
        self.reader = HeadReader(limits)
        self.patterns = Patterns()
        self.express = express

    def __dealloc__(self):
        PyMem_Free(self.held)

    @cython.binding(False)
    @cython.always_allow_keywords(False)
    def feed(self, data):
        cdef Source source
        if self.error is not None:
            raise self.error.with_traceback(None)
        if self.at < self.upto or self.flag_due:
            raise LocalProtocolError("feed: the octets fed before are not all looked at yet; iterate first")
        self.searched = False
        if PyBytes_CheckExact(data):
            self.source = data
            self.at = PyBytes_AS_STRING(data)
            self.upto = self.at + PyBytes_GET_SIZE(data)
        else:
            source = Source(data)
            self.source = source
            self.at = <const char *>source.view.buf
            self.upto = self.at + source.view.len
        return self

    def rest(self):
        if self.error is not None:
            raise self.error.with_traceback(None)
        if not self.idle:
            raise LocalProtocolError("rest: the parser stands inside a frame")
        cdef bytes rest = PyBytes_FromStringAndSize(self.at, self.upto - self.at)
        self.at = self.upto
        self.source = None
        return rest

    def end(self):
        if self.error is not None:
            raise self.error.with_traceback(None)
        if self.at < self.upto or self.flag_due:
            raise LocalProtocolError("end: the octets fed are not all looked at yet; iterate first")
        if not self.idle:
            raise self._break(self.passed, "the stream ends inside a body" if self.phase == BODY
                              else "the stream ends inside a head")

    @property
    def offset(self):
        return self.passed

    @property
    def idle(self):
        return self.phase == HEADS and self.held_size == 0 and not self.flag_due

    def __iter__(self):
        return self

    def __next__(self):
        if self.error is not None:
            raise self.error.with_traceback(None)
        while True:
            event = self._body() if self.phase == BODY or self.flag_due else None
            if event is None and self.phase != BODY:
                event = self._head()
            if event is None:
                self.source = None
                raise StopIteration
            if self.express is None or not self.express.take(event):
                return event

    cdef object _break(self, long long offset, str what):
        self.phase = BROKEN
        self.source = None
        self.at = self.upto = NULL
        self.flag_due = False
        self.error = RemoteProtocolError(what, offset=offset, rank="stream", status=400)
        return self.error

    cdef object _wrong(self):
        return self._break(self.frame_offset + self.reader.wrong_at, (<bytes>self.reader.wrong_what).decode())

    cdef int _hold(self, const char *p, Py_ssize_t n) except -1:
        cdef Py_ssize_t need = self.held_size + n
        cdef char *more
        if need > self.held_room:
            more = <char *>PyMem_Realloc(self.held, max(2 * need, 1024))
            if more == NULL:
                raise MemoryError()
            self.held = more
            self.held_room = max(2 * need, 1024)
        memcpy(self.held + self.held_size, p, n)
        self.held_size = need
        return 0

    cdef object _head(self):
        cdef Found found
        cdef const char *p
        cdef const char *begin
        cdef Frame frame
        cdef bint quiet
        if self.at >= self.upto:
            return None
        if self.held_size == 0:
            self.frame_offset = self.passed
            self.reader.restart()
            begin = self.at
            frame = Frame.__new__(Frame)
            found = self.patterns.read(self.reader, begin, self.upto, &frame.head)
            if found != MORE:
                self._look(self.reader.line)
                frame.known = self.patterns.known(&frame.head)
                return self._fill(frame, begin, found)
            found = self.reader.read(begin, self.upto)
            if found == MORE:
                self._hold(begin, self.upto - begin)
                self._look(self.upto - begin)
                return None
            if found == WRONG:
                raise self._wrong()
            self.patterns.learn(self.reader, begin, found)
            self._look(self.reader.line)
            return self._read_frame(begin, found)
        while True:
            p = <const char *>memchr(self.at, c'\n', self.upto - self.at)
            begin = self.at
            quiet = p == NULL and (self.reader.begun or self.held_size >= 5)
            p = self.upto if p == NULL else p + 1
            if self.held_size + (p - begin) > self.max_head:
                # Not held beyond the bound: as much as shows that it is exceeded.
                p = begin + min(p - begin, <Py_ssize_t>self.max_head + 1 - self.held_size)
            self._hold(begin, p - begin)
            self._look(p - begin)
            if quiet and self.held_size <= self.reader.bound:
                return None   # no line ended, no bound was passed: nothing to look at again
            found = self.reader.read(self.held, self.held + self.held_size)
            if found == MORE:
                if self.at >= self.upto:
                    return None
                continue
            if found == WRONG:
                raise self._wrong()
            frame = self._read_frame(self.held, found)
            self.held_size = 0
            if self.held_room > 65536:
                PyMem_Free(self.held)
                self.held = NULL
                self.held_room = 0
            return frame

    cdef inline void _look(self, Py_ssize_t n) noexcept:
        self.at += n
        self.passed += n

    cdef Frame _read_frame(self, const char *begin, Found found):
        """The frame of the head that the reader has read."""
        cdef Frame frame = Frame.__new__(Frame)
        frame.head = self.reader.head
        frame.known = self.reader.texts()
        return self._fill(frame, begin, found)

    cdef Frame _fill(self, Frame frame, const char *begin, Found found):
        """The frame, its head known and lying at `begin`; with its body, if all of it is here."""
        cdef const char *q
        cdef Py_ssize_t size = frame.head.size
        frame.offset = self.frame_offset
        if found == END:
            frame.raw = PyBytes_FromStringAndSize(begin, size)
            frame.data = PyBytes_AS_STRING(frame.raw) + size
            frame.mark = self.reader.mark
            self.phase = HEADS
            return frame
        q = self._whole()
        if q == NULL:
            frame.raw = PyBytes_FromStringAndSize(begin, size)
            frame.data = PyBytes_AS_STRING(frame.raw) + size
            self.phase = BODY
            self.matched = 0
            return frame
        frame.mark = q[self.reader.boundary_size]
        frame.count = q - self.at
        if frame.count <= SMALL:
            frame.raw = PyBytes_FromStringAndSize(NULL, size + frame.count)
            memcpy(PyBytes_AS_STRING(frame.raw), begin, size)
            memcpy(PyBytes_AS_STRING(frame.raw) + size, self.at, frame.count)
            frame.data = PyBytes_AS_STRING(frame.raw) + size
        else:
            frame.raw = PyBytes_FromStringAndSize(begin, size)
            frame.data = self.at
            frame.source = self.source
        self._look(q - self.at + self.reader.boundary_size + 3)
        self.phase = HEADS
        return frame

    cdef const char *_whole(self) noexcept:
        """The end-line of the body that begins at `at`, if all of it is here."""
        self.hit = msrp_scan(self.at, self.upto - self.at, self.reader.boundary, self.reader.boundary_size, True)
        # What was found, or not, holds for `_body`, too, until more octets come.
        self.searched = self.hit == NULL or self.upto - self.hit < self.reader.boundary_size + 3
        return NULL if self.searched else self.hit

    cdef object _piece(self, const char *p, Py_ssize_t n, long long offset, object source):
        cdef Body body
        if n == 0:
            return None
        body = Body.__new__(Body)
        body.offset = offset
        body.count = n
        if n <= <Py_ssize_t>sizeof(body.few):
            memcpy(body.few, p, n)
            body.data = body.few
        elif source is None or n <= SMALL:
            body.source = PyBytes_FromStringAndSize(p, n)
            body.data = PyBytes_AS_STRING(body.source)
        else:
            body.source = source
            body.data = p
        return body

    cdef Flag _flag(self):
        cdef Flag flag = Flag.__new__(Flag)
        flag.mark = self.mark
        # `at` stands behind the end-line: hyphens, id, flag, CRLF.
        flag.offset = self.passed - (self.reader.boundary_size - 2) - 3
        self.flag_due = False
        self.phase = HEADS
        return flag

    cdef object _body(self):
        """One piece of body, or the flag; None where octets are missing."""
        cdef const char *q
        cdef Py_ssize_t n
        if self.flag_due:
            return self._flag()
        if self.matched:
            piece = self._carry_on()
            if piece is not None or self.matched or self.flag_due:
                return self._flag() if piece is None and self.flag_due else piece
        if self.at >= self.upto:
            return None
        n = self.upto - self.at
        if n == 1 and self.at[0] != c'\r':   # fed octet by octet: as little as can be done
            self._look(1)
            return self._piece(self.upto - 1, 1, self.passed - 1, None)
        if self.searched:
            self.searched = False
            q = self.hit
        elif n < self.reader.boundary_size:
            q = NULL
        else:
            q = msrp_scan(self.at, self.upto - self.at, self.reader.boundary, self.reader.boundary_size, True)
        if q == NULL:
            q = self._tail(self.at)
            self.matched = <int>(self.upto - q)
        else:
            n = self.upto - q - self.reader.boundary_size
            if n > 0:
                self.mark = q[self.reader.boundary_size]
            if n >= 3:
                n = q - self.at
                piece = self._piece(self.at, n, self.passed, self.source)
                self._look(n + self.reader.boundary_size + 3)
                if piece is None:
                    return self._flag()
                self.flag_due = True
                return piece
            self.matched = <int>(self.upto - q)
        piece = self._piece(self.at, q - self.at, self.passed, self.source)
        self._look(self.upto - self.at)
        return piece

    cdef const char *_tail(self, const char *p) noexcept:
        """Where the longest end of the feed begins that may be the beginning of a boundary."""
        cdef const char *q = self.upto - (self.reader.boundary_size - 1)
        if q < p:
            q = p
        while q < self.upto:
            q = <const char *>memchr(q, c'\r', self.upto - q)
            if q == NULL:
                return self.upto
            if memcmp(q, self.reader.boundary, self.upto - q) == 0:
                return q
            q += 1
        return self.upto

    cdef object _carry_on(self):
        """An end-line begun in an earlier feed: one octet at a time, a few dozen at most.

        Returns what turns out to be body after all; None where the end-line is whole
        (flag_due) or still open (matched).
        """
        cdef int k, size = self.reader.boundary_size
        cdef char c
        cdef char before[48]
        while self.at < self.upto:
            c = self.at[0]
            k = self.matched
            if k < size:
                if c == self.reader.boundary[k]:
                    self._look(1)
                    self.matched = k + 1
                    continue
            elif k == size:
                if is_flag(c):
                    self.mark = c
                    self._look(1)
                    self.matched = k + 1
                    continue
            elif k == size + 1:
                if c == c'\r':
                    self._look(1)
                    self.matched = k + 1
                    continue
            elif c == c'\n':
                self._look(1)
                self.matched = 0
                self.flag_due = True
                return None
            # Not one. CR stands only first in a boundary and behind the flag: nothing else held
            # can begin another.
            memcpy(before, self.reader.boundary, size)
            before[size] = self.mark
            before[size + 1] = c'\r'
            if k == size + 2:
                self.matched = 1
                return self._piece(before, k - 1, self.passed - k, None)
            self.matched = 0
            return self._piece(before, k, self.passed - k, None)
        return None
