"""What the short way past the events keeps for those who ask later (`_express.pyx`)."""

cimport cython
from collections import deque

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.string cimport memcpy

from .errors import LocalProtocolError

cdef enum:
    # A block that is fetched once and given back unused. The C library learns by it: until then it
    # returns what is free at the end of its heap to the system as soon as it is 128 KiB, which is
    # after each large read, and has it back, page by page and zeroed, for the next; from then on it
    # keeps twice this size. Another library than glibc takes no notice.
    LARGE = 8388608
    BLOCK = 262144  # as much as a read brings: one object, one ring of the bell, one call to take it

cdef extern from "Python.h":
    int _PyBytes_Resize(PyObject **, Py_ssize_t) except -1


cdef long long number(value) except? -1:
    """As C holds it, or refused as our own misuse: no number is too large to be told so."""
    try:
        return value
    except OverflowError:
        raise LocalProtocolError("a number of octets or of messages is below 2 ** 63") from None


@cython.final
cdef class Seen:
    def __init__(self, most):
        self.most = number(most)
        if self.most < 1:
            raise LocalProtocolError("at least one message is remembered")
        self.became = {}
        self.order = deque()   # a dict that loses its first item each time looks long for the next

    def get(self, message_id):
        became = self.became.get(message_id)
        return None if became is None else became[0]

    def within(self, message_id, session):
        became = self.became.get(message_id)
        return became is not None and became[1] is session

    cpdef object set(self, message_id, status, session):
        if message_id not in self.became:
            self.order.append(message_id)
            if len(self.became) >= self.most:
                del self.became[self.order.popleft()]
        self.became[message_id] = (status, session)


@cython.final
cdef class Filling:
    def __dealloc__(self):
        Py_XDECREF(self.octets)

    cdef int grow(self, Py_ssize_t room) except -1:
        """Have at least that much room in all."""
        if self.octets == NULL:
            made = PyBytes_FromStringAndSize(NULL, room)
            Py_INCREF(made)
            self.octets = <PyObject *>made
            self.used = 0
        elif room > self.room:
            self.room = 0
            _PyBytes_Resize(&self.octets, room)
        else:
            return 0
        self.room = room
        return 0

    cdef int put(self, const char *p, Py_ssize_t n) except -1:
        memcpy(PyBytes_AS_STRING(<object>self.octets) + self.used, p, n)
        self.used += n
        return 0

    cdef object taken(self):
        """The octets, away from here."""
        if self.octets == NULL:
            return b""
        if self.used != self.room:
            _PyBytes_Resize(&self.octets, self.used)
        made = <object>self.octets
        Py_XDECREF(self.octets)
        self.octets = NULL
        self.room = self.used = 0
        return made


cdef bint _learnt = False


@cython.final
cdef class Lane:
    def __cinit__(self):
        global _learnt
        if not _learnt:
            _learnt = True
            PyMem_Free(PyMem_Malloc(LARGE))

    def __init__(self, str to_path, str from_path, Seen seen not None, mark, dict arriving not None, largest=None):
        self.to = to_path.encode()
        self.source = from_path.encode()
        self.seen = seen
        self.mark = mark
        self.arriving = arriving
        self.types = set()
        self.whole = []
        self.blocks = []
        self.filling = Filling()
        self.largest = (1 << 62) if largest is None else number(largest)
        # RFC 4975 section 7.2: to the previous hop alone.
        self.answer = b"".join((
            b" 200 OK\r\nTo-Path: ", self.source.split(None, 1)[0], b"\r\nFrom-Path: ",
            self.to.split(None, 1)[0], b"\r\n-------",
        ))

    def takes(self, str content_type):
        if len(self.types) < 64:
            self.types.add(content_type)

    def allow(self, messages, octets):
        self.room = number(messages)
        self.allowance = number(octets)

    def follow(self, str message_id not None, position, total, bint success):
        if position >= 1 << 62:   # octets are still to be counted from there
            raise LocalProtocolError("a chunk that is to be followed begins below 2 ** 62")
        self.position = number(position)
        self.total = -1 if total is None else number(total)
        self.success = success
        self.ident = message_id.encode()

    def leave(self):
        self.ident = None

    @property
    def following(self):
        return self.ident is not None

    def messages(self):
        if not self.whole:
            return (), 0
        whole, weight = self.whole, self.weight
        self.whole = []
        self.weight = 0
        return whole, weight

    def octets(self):
        if self.filling.used:
            self.blocks.append(self.filling.taken())
        if not self.blocks:
            return ()
        blocks, self.blocks = self.blocks, []
        return blocks

    cdef int keep(self, const char *p, Py_ssize_t n, Py_ssize_t hint) except -1:
        """Octets of the message that is followed."""
        cdef Filling filling = self.filling
        cdef Py_ssize_t some
        self.position += n
        self.allowance -= n
        while n > 0:
            if filling.used == filling.room:
                if filling.used:
                    self.blocks.append(filling.taken())
                filling.grow(min(BLOCK, max(n, hint)))
            some = min(n, filling.room - filling.used)
            filling.put(p, some)
            p += some
            n -= some
            hint -= some
        return 0
