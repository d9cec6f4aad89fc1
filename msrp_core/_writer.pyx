# cython: cdivision=True
"""Frames to octets, strictly as RFC 4975 section 9 writes them."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

import os

from ._batch cimport TRANSACTION, Batch
from ._frame cimport Frame, ascii
from ._head cimport H_FROM, H_TO

from .errors import LocalProtocolError

cdef extern from "_scan.h" nogil:
    ctypedef const char *(*msrp_scan_fn)(const char *, size_t, const char *, size_t, int)
    msrp_scan_fn msrp_scan
    int msrp_copy(char *, const char *, size_t)
    int msrp_scan_choose(const char *)

cdef extern from "_digits.h" nogil:
    int digits "msrp_digits"(long long)

cdef extern from "_grammar.h" nogil:
    int G_UPPER
    void grammar_init()
    int g_ident(const char *, size_t)
    int g_name(const char *, size_t)
    ptrdiff_t g_text(const char *, size_t)
    int g_path(const char *, size_t)
    int G_IS(char, int)

grammar_init()
cdef bytes _wanted = os.environ.get("MSRP_SCAN", "").encode("ascii", "replace")
msrp_scan_choose(_wanted)


# Random octets for ids, a few hundred ids at a time: asking the system for each would cost more
# than the frame. A process that forks must not share them with its child.
cdef enum:
    MESSAGE = 24       # digits of a Message-ID, which is never to repeat anywhere
    POOL = 4096
cdef bytes _pool = b""
cdef Py_ssize_t _used = 0


def forget_pool():
    global _pool
    _pool = b""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_pool)


cdef bytes _hexadecimal = b"".join([b"%02x" % i for i in range(256)])
cdef bytes _decimal = b"".join([b"%02d" % i for i in range(100)])
cdef const char *HEXADECIMAL = _hexadecimal
cdef const char *DECIMAL = _decimal


cdef int refill() except -1:
    global _pool, _used
    _pool = os.urandom(POOL)
    _used = 0
    if PyBytes_GET_SIZE(_pool) != POOL:
        raise RuntimeError("the system gave fewer random octets than it was asked for")
    return 0


cdef int draw(uint64_t *number) except -1:
    """64 random bits, never given twice."""
    global _used
    if PyBytes_GET_SIZE(_pool) != POOL or _used + 8 > POOL:
        refill()
    memcpy(number, PyBytes_AS_STRING(_pool) + _used, 8)
    _used += 8
    return 0


cdef inline void put_id(char *o, uint64_t number) noexcept:
    """Hexadecimal digits: whatever the body holds, they are easy on every peer."""
    cdef int i
    for i in range(TRANSACTION // 2):
        memcpy(o + TRANSACTION - 2 - 2 * i, HEXADECIMAL + 2 * (number & 0xff), 2)
        number >>= 8


cdef bytes fresh():
    """A new transaction id."""
    cdef uint64_t number
    cdef bytes made = PyBytes_FromStringAndSize(NULL, TRANSACTION)
    draw(&number)
    put_id(PyBytes_AS_STRING(made), number)
    return made


def new_ident():
    return (fresh() + fresh())[:MESSAGE].decode("ascii")


cdef bytes utf8(str value, str what):
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{what} cannot be written as UTF-8") from None


cdef bytes path(str value, str which):
    cdef bytes octets = utf8(value, which)
    if b"  " in octets or octets[-1:] == b" " or not g_path(PyBytes_AS_STRING(octets), PyBytes_GET_SIZE(octets)):
        # The value stays out of the text: a session URI is a capability.
        raise LocalProtocolError(f"{which} is not a list of MSRP URIs with one space between them")
    return octets


cdef bytes ident(str value, str what):
    cdef bytes octets = utf8(value, what)
    if not g_ident(PyBytes_AS_STRING(octets), PyBytes_GET_SIZE(octets)):
        raise LocalProtocolError(f"{what} is not 4 to 32 letters, digits or . - + % =")
    return octets


cdef set ONCE = {b"message-id", b"byte-range", b"success-report", b"failure-report", b"status", b"content-type"}


cdef list lines(headers, bint body, bint part=False):
    """Header lines as a list of pieces; Content-Type last where there is a body, and none that
    describes a body where there is none (RFC 4975 section 7.1). `part`: some lines of a head only."""
    cdef list out = []
    cdef set seen = set()
    cdef bytes n, v, last = None
    for name, value in headers:
        n = utf8(name, "a header name")
        v = utf8(value, "a header value")
        if not g_name(PyBytes_AS_STRING(n), PyBytes_GET_SIZE(n)):
            raise LocalProtocolError("a header name is not a letter followed by token characters")
        if n.lower() in (b"to-path", b"from-path"):
            raise LocalProtocolError(f"{name} stands once, and is not given among the headers")
        if n.lower() in ONCE:
            if n.lower() in seen:
                raise LocalProtocolError(f"{name} may stand once")
            seen.add(n.lower())
        if n.lower() == b"message-id" and not g_ident(PyBytes_AS_STRING(v), PyBytes_GET_SIZE(v)):
            raise LocalProtocolError("Message-ID is not 4 to 32 letters, digits or . - + % =")
        if g_text(PyBytes_AS_STRING(v), PyBytes_GET_SIZE(v)) >= 0:
            raise LocalProtocolError(f"the value of {name} holds a control character or is not UTF-8")
        if not body and not part and n[:8].lower() == b"content-":
            raise LocalProtocolError(f"{name} describes a body, and there is none")
        if v[:1] in (b" ", b"\t") or v[-1:] in (b" ", b"\t"):
            raise LocalProtocolError(f"the value of {name} begins or ends with white space")
        out.append(n)
        out.append(b": ")
        out.append(v)
        out.append(b"\r\n")
        last = n
    if body and (last is None or last.lower() != b"content-type"):
        raise LocalProtocolError("with a body, the last header must be Content-Type")
    return out


cdef bytes flag_octet(str flag):
    if flag not in ("$", "+", "#"):
        raise LocalProtocolError("a flag is '$', '+' or '#'")
    return flag.encode("ascii")


cdef bint occurs(const char *body, Py_ssize_t size, const char *tid, Py_ssize_t n) noexcept:
    """Whether the end-line of that transaction stands anywhere in the body.

    Without its CRLF and flag: a reader less exact than RFC 4975 may stop at less.
    """
    cdef char boundary[40]
    memcpy(boundary, b"-------", 7)
    memcpy(boundary + 7, tid, n)
    return msrp_scan(body, size, boundary, n + 7, 0) != NULL


def request(str method not None, str to_path not None, str from_path not None, headers=(), body=None, *,
            str flag="$", str transaction_id=None):
    cdef bytes verb = utf8(method, "a method")
    cdef bytes tid, mark = flag_octet(flag)
    cdef list out
    cdef Py_buffer view
    cdef Py_ssize_t i
    for i in range(PyBytes_GET_SIZE(verb)):
        if not G_IS(verb[i], G_UPPER):
            raise LocalProtocolError("a method is capital letters alone")
    if not verb:
        raise LocalProtocolError("a method is capital letters alone")
    to = path(to_path, "To-Path")
    source = path(from_path, "From-Path")
    head = lines(headers, body is not None)
    tid = fresh() if transaction_id is None else ident(transaction_id, "a transaction id")
    if body is not None:
        PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
        try:
            while occurs(<const char *>view.buf, view.len, PyBytes_AS_STRING(tid), PyBytes_GET_SIZE(tid)):
                if transaction_id is not None:
                    raise LocalProtocolError("the end-line of that transaction id stands in the body")
                tid = fresh()
        finally:
            PyBuffer_Release(&view)
    out = [b"MSRP ", tid, b" ", verb, b"\r\nTo-Path: ", to, b"\r\nFrom-Path: ", source, b"\r\n"]
    out += head
    if body is not None:
        out += (b"\r\n", body, b"\r\n")
    out += (b"-------", tid, mark, b"\r\n")
    return tid.decode("ascii"), b"".join(out)


def response(Frame frame not None, status, str comment=None, headers=()):
    cdef bytes to = frame.octets(H_FROM)
    cdef bytes source = frame.octets(H_TO)
    cdef bytes words
    if frame.head.status >= 0 or frame.method == "REPORT":
        raise LocalProtocolError("neither a response nor a REPORT is ever answered")
    # An object, not a C int: a number that no int holds must be refused in the same words.
    if not 0 <= status <= 999:
        raise LocalProtocolError("a status is three digits")
    if frame.method == "SEND":
        # RFC 4975 section 7.2: to the previous hop alone; everything else end to end.
        to = to.split(None, 1)[0]
    to = b" ".join(to.split())
    source = source.split(None, 1)[0]
    tid = frame.transaction_id.encode("ascii")
    out = [b"MSRP ", tid, b" %03d" % status]
    if comment is not None:
        words = utf8(comment, "the comment")
        if g_text(PyBytes_AS_STRING(words), PyBytes_GET_SIZE(words)) >= 0:
            raise LocalProtocolError("the comment holds a control character or is not UTF-8")
        out += (b" ", words)
    out += (b"\r\nTo-Path: ", to, b"\r\nFrom-Path: ", source, b"\r\n")
    out += lines(headers, False)
    out += (b"-------", tid, b"$\r\n")
    return b"".join(out)


@cython.final
cdef class Chunks:
    cdef bytes before       # between the transaction id and the range
    cdef bytes after        # between the range and the body
    cdef bint typed

    def __init__(self, str to_path not None, str from_path not None, str message_id not None, headers=()):
        headers = tuple(headers)
        self.before = b"".join((
            b" SEND\r\nTo-Path: ", path(to_path, "To-Path"), b"\r\nFrom-Path: ", path(from_path, "From-Path"),
            b"\r\nMessage-ID: ", ident(message_id, "Message-ID"), b"\r\nByte-Range: ",
        ))
        self.typed = bool(headers) and headers[-1][0].lower() == "content-type"
        self.after = b"".join(lines(headers, False, True)) + b"\r\n"

    def cut(self, data, first, end, total, str flag not None, headers=()):
        cdef bytes mark = flag_octet(flag)
        cdef bytes extra, out
        cdef Py_buffer view
        cdef Py_ssize_t room
        cdef uint64_t number
        cdef long long start, stop, whole
        if first < 1 or (end is not None and end < first - 1) or (total is not None and (
                first - 1 > total or (end is not None and end > total))) or max(first, end or 0, total or 0) >= 1 << 63:
            raise LocalProtocolError("the range of a chunk has impossible numbers")
        extra = b"".join(lines(headers, False, True)) if headers else None
        if not self.typed:
            raise LocalProtocolError("with a body, the last header must be Content-Type")
        start, stop, whole = first, -1 if end is None else end, -1 if total is None else total
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            room = self.size(view.len, start, stop, whole) + (PyBytes_GET_SIZE(extra) if extra is not None else 0)
            out = PyBytes_FromStringAndSize(NULL, room)
            draw(&number)
            self.frame(PyBytes_AS_STRING(out), &number, <const char *>view.buf, view.len, start, stop, whole, mark[0],
                       extra)
        finally:
            PyBuffer_Release(&view)
        return ascii(PyBytes_AS_STRING(out) + 5, TRANSACTION), out

    def batch(self, data, first, size, total, bint last=False):
        cdef Py_buffer view
        cdef bytes out
        cdef char *o
        cdef Py_ssize_t count, k, n, step, room = 0
        cdef uint64_t first_id, number
        cdef long long start, whole
        cdef Batch batch = Batch.__new__(Batch)
        if first < 1 or size < 1 or first >= 1 << 62 or (total is not None and not 0 <= total < 1 << 62):
            raise LocalProtocolError("the range of a chunk has impossible numbers")
        if not self.typed:
            raise LocalProtocolError("with a body, the last header must be Content-Type")
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            step = min(size, max(view.len, 1))
            start, whole = first, -1 if total is None else total
            if whole >= 0 and start - 1 + view.len > whole:
                raise LocalProtocolError("the range of a chunk has impossible numbers")
            count = max(view.len // step + (view.len % step != 0), 1 if last else 0)
            for k in range(count):
                n = min(step, view.len - k * step)
                room += self.size(n, start + k * step, self.stop(start + k * step, n, last and k == count - 1), whole)
            out = PyBytes_FromStringAndSize(NULL, room)
            o = PyBytes_AS_STRING(out)
            # Random bits cost as much as all else that is written of a head: the ids of a batch count up.
            draw(&first_id)
            batch.make(first_id, count, step, view.len - (count - 1) * step if count else 0)
            for k in range(count):
                n = min(step, view.len - k * step)
                number = first_id + <uint64_t>k
                o = self.frame(o, &number, <const char *>view.buf + k * step, n, start,
                               self.stop(start, n, last and k == count - 1), whole,
                               c'$' if last and k == count - 1 else c'+', None)
                if number != first_id + <uint64_t>k:
                    batch.differs(k, number)
                start += n
        finally:
            PyBuffer_Release(&view)
        return batch, out

    cdef long long stop(self, long long start, Py_ssize_t n, bint last) noexcept:
        """The range-end of a chunk; -1 for the "*" of one that counts as open to interruption."""
        return start + n - 1 if last or n <= 2048 else -1

    cdef Py_ssize_t size(self, Py_ssize_t n, long long first, long long end, long long total) noexcept:
        """Octets of a frame with a body of n octets and that range."""
        return (5 + 2 * TRANSACTION + PyBytes_GET_SIZE(self.before) + digits(first) + 1 + digits(end) + 1
                + digits(total) + 2 + PyBytes_GET_SIZE(self.after) + n + 12)

    cdef char *frame(self, char *o, uint64_t *number, const char *body, Py_ssize_t size, long long first, long long end,
                     long long total, char flag, bytes extra) except NULL:
        """Write one; `number` is its id, another one afterwards where that end-line stands in the body."""
        cdef char *tid = o + 5
        put_id(tid, number[0])
        memcpy(o, b"MSRP ", 5)
        o = put(tid + TRANSACTION, PyBytes_AS_STRING(self.before), PyBytes_GET_SIZE(self.before))
        o = put_number(o, first)
        o[0] = c'-'
        o = put_number(o + 1, end)
        o[0] = c'/'
        o = put(put_number(o + 1, total), b"\r\n", 2)
        if extra is not None:
            o = put(o, PyBytes_AS_STRING(extra), PyBytes_GET_SIZE(extra))
        o = put(o, PyBytes_AS_STRING(self.after), PyBytes_GET_SIZE(self.after))
        if msrp_copy(o, body, size):   # hyphens: look closer
            while occurs(body, size, tid, TRANSACTION):
                draw(number)
                put_id(tid, number[0])
        o = put(o + size, b"\r\n-------", 9)
        o = put(o, tid, TRANSACTION)
        o[0] = flag
        return put(o + 1, b"\r\n", 2)


cdef inline char *put_number(char *o, long long n) noexcept:
    """Decimal digits; "*" for less than none."""
    cdef char *end
    cdef char *p
    if n < 0:
        o[0] = c'*'
        return o + 1
    p = end = o + digits(n)
    while n >= 100:
        p -= 2
        memcpy(p, DECIMAL + 2 * (n % 100), 2)
        n //= 100
    if n >= 10:
        memcpy(p - 2, DECIMAL + 2 * n, 2)
    else:
        p[-1] = <char>(c'0' + n)
    return end


cdef inline char *put(char *o, const char *p, Py_ssize_t n) noexcept:
    memcpy(o, p, n)
    return o + n
