"""What the parser hands out: frames and their values, decoded when asked."""

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t

from collections import namedtuple

from ._head cimport (
    H_BYTE_RANGE, H_CONTENT_TYPE, H_FAILURE, H_FROM, H_MESSAGE_ID, H_STATUS, H_SUCCESS, H_TO, Head, Span, header_id,
    three_digits, trim,
)

from .errors import RemoteProtocolError

cdef extern from "_grammar.h" nogil:
    int G_ALPHA, G_DIGIT, G_TOKEN, G_UPPER
    void grammar_init()
    int g_ident(const char *, size_t)
    int g_name(const char *, size_t)
    int g_same(const char *, const char *, size_t)
    ptrdiff_t g_text(const char *, size_t)
    int g_media_type(const char *, size_t)
    int g_path(const char *, size_t)
    int G_IS(char, int)

grammar_init()

ByteRange = namedtuple("ByteRange", ("start", "end", "total"))

cdef long long LARGEST = 9223372036854775807


# ---------------------------------------------------------------------------- values

cdef int read_number(const char **p, const char *end, long long *value) noexcept nogil:
    """1*DIGIT; -1 where there is none or it is beyond 63 bits."""
    cdef const char *q = p[0]
    cdef long long n = 0
    cdef int digit
    if q >= end or not G_IS(q[0], G_DIGIT):
        return -1
    while q < end and G_IS(q[0], G_DIGIT):
        digit = q[0] - c'0'
        if n > (LARGEST - digit) // 10:
            return -1
        n = n * 10 + digit
        q += 1
    p[0] = q
    value[0] = n
    return 0


cdef int read_range(const char *p, Py_ssize_t size, long long *start, long long *last, long long *total) noexcept nogil:
    """A Byte-Range value; -1 stands for "*". 0, or 1 for bad syntax, or 2 for impossible numbers."""
    cdef const char *end = p + size
    if read_number(&p, end, start) < 0 or p >= end or p[0] != c'-':
        return 1
    p += 1
    last[0] = total[0] = -1
    if p < end and p[0] == c'*':
        p += 1
    elif read_number(&p, end, last) < 0:
        return 1
    if p >= end or p[0] != c'/':
        return 1
    p += 1
    if p < end and p[0] == c'*':
        p += 1
    elif read_number(&p, end, total) < 0:
        return 1
    if p != end:
        return 1
    if start[0] < 1:
        return 2
    if last[0] >= 0 and last[0] < start[0] - 1:
        return 2
    if total[0] >= 0 and (start[0] - 1 > total[0] or (last[0] >= 0 and last[0] > total[0])):
        return 2
    return 0


cdef int yes_or_no(const char *p, Py_ssize_t n) noexcept nogil:
    """1 yes, 0 no, 2 partial, -1 neither."""
    if n == 3 and g_same(p, b"yes", 3):
        return 1
    if n == 2 and g_same(p, b"no", 2):
        return 0
    if n == 7 and g_same(p, b"partial", 7):
        return 2
    return -1


cdef int status_value(const char *p, Py_ssize_t n) noexcept nogil:
    """3DIGIT SP 3DIGIT [SP comment]"""
    return (n >= 7 and three_digits(p, 3) and p[3] == c' ' and three_digits(p + 4, 3)
            and (n == 7 or p[7] == c' '))


cdef inline object text(const char *p, Py_ssize_t n):
    return PyUnicode_DecodeUTF8(p, n, b"replace")


cdef str WRONG_MESSAGE_ID = "Message-ID is not 4 to 32 letters, digits or . - + % ="
cdef str WRONG_RANGE = "Byte-Range is not 'start-end/total'"
cdef str IMPOSSIBLE_RANGE = "Byte-Range has impossible numbers"
cdef str WRONG_TYPE = "Content-Type is not a media type"
cdef str WRONG_SUCCESS = "Success-Report is neither yes nor no"
cdef str WRONG_FAILURE = "Failure-Report is neither yes nor no nor partial"

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

    cdef object _wrong(self, Py_ssize_t at, str what):
        return RemoteProtocolError(what, offset=self.offset + at, rank="message", status=400)

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
        return PyUnicode_DecodeASCII(PyBytes_AS_STRING(self.raw) + self.head.id.start, self.head.id.size, NULL)

    @property
    def method(self):
        if self.head.status >= 0:
            return None
        return PyUnicode_DecodeASCII(PyBytes_AS_STRING(self.raw) + self.head.verb.start, self.head.verb.size, NULL)

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
        return self._text(H_TO)

    @property
    def from_path(self):
        return self._text(H_FROM)

    @property
    def message_id(self):
        cdef Span s = self.head.value[H_MESSAGE_ID]
        if s.start == 0:
            return None
        if not g_ident(PyBytes_AS_STRING(self.raw) + s.start, s.size):
            raise self._wrong(s.start, WRONG_MESSAGE_ID)
        return self._text(H_MESSAGE_ID)

    @property
    def byte_range(self):
        cdef Span s = self.head.value[H_BYTE_RANGE]
        cdef long long start, last, total
        cdef int bad
        if s.start == 0:
            return None
        bad = read_range(PyBytes_AS_STRING(self.raw) + s.start, s.size, &start, &last, &total)
        if bad:
            raise self._wrong(s.start, WRONG_RANGE if bad == 1 else IMPOSSIBLE_RANGE)
        return ByteRange(start, None if last < 0 else last, None if total < 0 else total)

    @property
    def content_type(self):
        cdef Span s = self.head.value[H_CONTENT_TYPE]
        if s.start and not g_media_type(PyBytes_AS_STRING(self.raw) + s.start, s.size):
            raise self._wrong(s.start, WRONG_TYPE)
        return self._text(H_CONTENT_TYPE)

    @property
    def success_report(self):
        cdef Span s = self.head.value[H_SUCCESS]
        if s.start == 0:
            return False
        cdef int is_yes = yes_or_no(PyBytes_AS_STRING(self.raw) + s.start, s.size)
        if is_yes < 0 or is_yes == 2:
            raise self._wrong(s.start, WRONG_SUCCESS)
        return is_yes == 1

    @property
    def failure_report(self):
        cdef Span s = self.head.value[H_FAILURE]
        if s.start == 0:
            return "yes"
        cdef int kind = yes_or_no(PyBytes_AS_STRING(self.raw) + s.start, s.size)
        if kind < 0:
            raise self._wrong(s.start, WRONG_FAILURE)
        return ("no", "yes", "partial")[kind]

    @property
    def headers(self):
        cdef const char *base = PyBytes_AS_STRING(self.raw)
        cdef const char *p = base + self.head.headers
        cdef Span name, value
        cdef list found = []
        while header_line(base, &p, self.head.last, &name, &value):
            found.append((PyUnicode_DecodeASCII(base + name.start, name.size, NULL),
                          text(base + value.start, value.size)))
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
    def body(self):
        return PyBytes_FromStringAndSize(self.data, self.count)

    def fault(self):
        cdef const char *base = PyBytes_AS_STRING(self.raw)
        cdef const char *p = base + self.head.headers
        cdef Span name, value, first
        cdef ptrdiff_t bad
        cdef long long start, last, total
        cdef int which, kind
        cdef Head *head = &self.head
        if head.status >= 0:
            bad = g_text(base + head.verb.start, head.verb.size)
            if bad >= 0:
                return self._wrong(head.verb.start + bad, "the comment holds an octet that is not text")
        while header_line(base, &p, head.last, &name, &value):
            which = header_id(base + name.start, name.size)
            if which and head.value[which].start != value.start:
                return self._wrong(name.start, f"{base[name.start:name.start + name.size].decode()} stands twice")
            if which == H_MESSAGE_ID:
                if not g_ident(base + value.start, value.size):
                    return self._wrong(value.start, WRONG_MESSAGE_ID)
            elif which == H_BYTE_RANGE:
                kind = read_range(base + value.start, value.size, &start, &last, &total)
                if kind:
                    return self._wrong(value.start, WRONG_RANGE if kind == 1 else IMPOSSIBLE_RANGE)
            elif which == H_SUCCESS:
                if yes_or_no(base + value.start, value.size) not in (0, 1):
                    return self._wrong(value.start, WRONG_SUCCESS)
            elif which == H_FAILURE:
                if yes_or_no(base + value.start, value.size) < 0:
                    return self._wrong(value.start, WRONG_FAILURE)
            elif which == H_STATUS:
                if not status_value(base + value.start, value.size):
                    return self._wrong(value.start, "Status is not 'namespace code [comment]', three digits each")
            elif which == H_CONTENT_TYPE:
                if head.has_body and name.start != head.last:
                    return self._wrong(name.start, "Content-Type is not the last header line")
                if not g_media_type(base + value.start, value.size):
                    return self._wrong(value.start, WRONG_TYPE)
            bad = g_text(base + value.start, value.size)
            if bad >= 0:
                return self._wrong(value.start + bad, "a header value holds an octet that is not text")
        if head.has_body:
            if head.status >= 0:
                return self._wrong(head.size, "a response has a body")
            if head.value[H_CONTENT_TYPE].start == 0:
                return self._wrong(head.size, "there is a body, but no Content-Type")
        return None

    def __len__(self):
        return self.count

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, <void *>self.data, self.count, 1, flags)

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
        PyBuffer_FillInfo(view, self, <void *>self.data, self.count, 1, flags)

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
