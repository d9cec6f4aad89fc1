"""What the parser hands out: frames and their values, decoded when asked."""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE,
)
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from ._head cimport (
    H_BYTE_RANGE, H_CONTENT_TYPE, H_FAILURE, H_FROM, H_MESSAGE_ID, H_SUCCESS, H_TO, Head, Span, trim, wrong_value,
)

from ._lane cimport WEIGHT

from .errors import LocalProtocolError, RemoteProtocolError

cdef extern from "_buffer.h":
    int msrp_fill_buffer(Py_buffer *, object, void *, Py_ssize_t, int, int) except -1

cdef extern from "_grammar.h" nogil:
    int g_same(const char *, const char *, size_t)


cdef inline object text(const char *p, Py_ssize_t n):
    return PyUnicode_DecodeUTF8(p, n, b"replace")


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class ByteRange:
    cdef long long first, final, whole   # -1 for "*"

    def __init__(self, start, end=None, total=None):
        if min(start, end or 0, total or 0) < 0 or max(start, end or 0, total or 0) >= 1 << 63:
            raise LocalProtocolError("a number of a Byte-Range is not negative, and below 2 ** 63")
        self.first = start
        self.final = -1 if end is None else end
        self.whole = -1 if total is None else total

    @property
    def start(self):
        return self.first

    @property
    def end(self):
        return None if self.final < 0 else self.final

    @property
    def total(self):
        return None if self.whole < 0 else self.whole

    def __iter__(self):
        return iter((self.start, self.end, self.total))

    def __eq__(self, other):
        if isinstance(other, (ByteRange, tuple)):
            return (self.start, self.end, self.total) == tuple(other)
        return NotImplemented

    def __hash__(self):
        return hash((self.start, self.end, self.total))

    def __reduce__(self):
        return ByteRange, (self.start, self.end, self.total)

    def __repr__(self):
        return f"ByteRange(start={self.start}, end={self.end}, total={self.total})"


@cython.final
@cython.no_gc
@cython.freelist(256)
cdef class Frame:
    cdef bytes octets(self, int which):
        cdef Span s = self.head.value[which]
        if s.start == 0:
            return None
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(self.raw) + s.start, s.size)

    cdef object _text(self, int which):
        cdef Span s = self.head.value[which]
        if s.start == 0:
            return None
        return text(PyBytes_AS_STRING(self.raw) + s.start, s.size)

    cdef object _check(self, int which):
        """Raise where the value of that header is wrong."""
        if self.head.wrong >> which & 1:
            raise self._fault(self.head.value[which].start, wrong_value(which))

    cdef object _fault(self, uint32_t at, const char *what):
        return RemoteProtocolError((<bytes>what).decode(), offset=self.offset + at, rank="message", status=400)

    cdef long long weighs(self) noexcept:
        return self.count + WEIGHT + <long long>self.head.size

    @property
    def end_offset(self):
        if self.mark == 0:
            return None
        if self.head.has_body:
            return self.offset + self.head.size + self.count + 2
        return self.offset + self.head.size

    @property
    def body_offset(self):
        return self.offset + self.head.size

    @property
    def transaction_id(self):
        return ascii(PyBytes_AS_STRING(self.raw) + self.head.id.start, self.head.id.size)

    @property
    def method(self):
        cdef const char *verb = PyBytes_AS_STRING(self.raw) + self.head.verb.start
        if self.head.status >= 0:
            return None
        if self.head.verb.size == 4 and memcmp(verb, b"SEND", 4) == 0:
            return "SEND"
        return ascii(verb, self.head.verb.size)

    @property
    def status(self):
        return None if self.head.status < 0 else self.head.status

    @property
    def comment(self):
        if self.head.status < 0 or self.head.verb.size < 4:
            return None
        return text(PyBytes_AS_STRING(self.raw) + self.head.verb.start + 4, self.head.verb.size - 4)

    @property
    def to_path(self):
        if self.known.to_path is None:
            self.known.to_path = self._text(H_TO)
        return self.known.to_path

    @property
    def from_path(self):
        if self.known.from_path is None:
            self.known.from_path = self._text(H_FROM)
        return self.known.from_path

    @property
    def message_id(self):
        cdef Span s = self.head.value[H_MESSAGE_ID]
        if s.start == 0:
            return None
        self._check(H_MESSAGE_ID)
        return ascii(PyBytes_AS_STRING(self.raw) + s.start, s.size)

    @property
    def byte_range(self):
        cdef Head *head = &self.head
        if head.value[H_BYTE_RANGE].start == 0:
            return None
        self._check(H_BYTE_RANGE)
        cdef ByteRange made = ByteRange.__new__(ByteRange)
        made.first, made.final, made.whole = head.first, head.final, head.total
        return made

    @property
    def content_type(self):
        if self.head.value[H_CONTENT_TYPE].start == 0:
            return None
        self._check(H_CONTENT_TYPE)
        if self.known.content_type is None:
            self.known.content_type = self._text(H_CONTENT_TYPE)
        return self.known.content_type

    @property
    def success_report(self):
        self._check(H_SUCCESS)
        return self.head.success == 1

    @property
    def failure_report(self):
        self._check(H_FAILURE)
        return "no" if self.head.failure == 0 else "yes" if self.head.failure == 1 else "partial"

    @property
    def headers(self):
        cdef const char *base = PyBytes_AS_STRING(self.raw)
        cdef const char *p = base + self.head.headers
        cdef Span name, value
        cdef list found = []
        while header_line(base, &p, self.head.last, &name, &value):
            found.append((ascii(base + name.start, name.size), text(base + value.start, value.size)))
        return tuple(found)

    def header(self, str name not None):
        cdef bytes wanted = name.lower().encode("utf-8", "replace")
        cdef const char *base = PyBytes_AS_STRING(self.raw)
        cdef const char *p = base + self.head.headers
        cdef const char *w = PyBytes_AS_STRING(wanted)
        cdef Py_ssize_t n = PyBytes_GET_SIZE(wanted)
        cdef Span found, value
        while header_line(base, &p, self.head.last, &found, &value):
            if found.size == n and g_same(base + found.start, w, n):
                return text(base + value.start, value.size)
        return None

    @property
    def has_body(self):
        return self.head.has_body

    @property
    def flag(self):
        return None if self.mark == 0 else chr(self.mark)

    @property
    def size(self):
        return self.count

    @property
    def weight(self):
        return self.weighs()

    @property
    def body(self):
        if (PyBytes_CheckExact(self.source) and self.data == PyBytes_AS_STRING(self.source)
                and self.count == PyBytes_GET_SIZE(self.source)):
            return self.source
        return PyBytes_FromStringAndSize(self.data, self.count)

    def fault(self):
        if self.head.fault == NULL:
            return None
        error = self._fault(self.head.fault_at, self.head.fault)
        if error.message.startswith("a header"):
            # Every fault tells where it is; this one, in which header, too.
            line = self.raw.rfind(b"\n", 0, self.head.fault_at) + 1
            name = self.raw[line:self.raw.find(b":", line)].decode()
            error.message = error.message.replace("a header", name, 1)
        return error

    def __len__(self):
        return self.count

    def __getbuffer__(self, Py_buffer *view, int flags):
        msrp_fill_buffer(view, self, <void *>self.data, self.count, 1, flags)

    def __repr__(self):
        # No path: a session URI is a capability.
        verb = self.method if self.head.status < 0 else self.head.status
        how = f", flag {self.flag!r}" if self.mark else ", body follows"
        return f"<Frame {verb} {self.transaction_id} at {self.offset}, {self.count} octets{how}>"



cdef int header_line(const char *base, const char **at, uint32_t last, Span *name, Span *value) noexcept nogil:
    """One header line of a head already found right; 0 behind the last one."""
    cdef const char *p = at[0]
    cdef const char *end
    cdef const char *colon
    if p - base > last:
        return 0
    end = p
    while end[0] != c'\n':
        end += 1
    at[0] = end + 1
    end -= 1
    colon = p
    while colon[0] != c':':
        colon += 1
    name.start = <uint32_t>(p - base)
    name.size = <uint32_t>(colon - p)
    colon += 1
    trim(&colon, &end)
    value.start = <uint32_t>(colon - base)
    value.size = <uint32_t>(end - colon)
    return 1


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Body:
    def __len__(self):
        return self.count

    def __getbuffer__(self, Py_buffer *view, int flags):
        msrp_fill_buffer(view, self, <void *>self.data, self.count, 1, flags)

    def __repr__(self):
        return f"<Body {self.count} octets at {self.offset}>"


@cython.final
@cython.freelist(64)
cdef class Flag:
    @property
    def flag(self):
        return chr(self.mark)

    def __repr__(self):
        return f"<Flag {chr(self.mark)!r} at {self.offset}>"
