"""Reading one head: start line and header lines, each once, wherever the octets are cut."""

cimport cython
from libc.stdint cimport uint32_t
from libc.string cimport memchr, memcmp, memcpy, memset

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


cdef int header_id(const char *p, size_t n) noexcept nogil:
    if n == 7 and g_same(p, b"to-path", 7):
        return H_TO
    if n == 9 and g_same(p, b"from-path", 9):
        return H_FROM
    if n == 10:
        if g_same(p, b"message-id", 10):
            return H_MESSAGE_ID
        if g_same(p, b"byte-range", 10):
            return H_BYTE_RANGE
    if n == 12 and g_same(p, b"content-type", 12):
        return H_CONTENT_TYPE
    if n == 6 and g_same(p, b"status", 6):
        return H_STATUS
    if n == 14:
        if g_same(p, b"success-report", 14):
            return H_SUCCESS
        if g_same(p, b"failure-report", 14):
            return H_FAILURE
    return H_OTHER

cdef int auth_line(const char *p, size_t n) noexcept nogil:
    """Whether a line is, or may become, one of the three with room for a Kerberos token."""
    return (g_same(p, b"www-authenticate:", min(n, 17)) or g_same(p, b"authorization:", min(n, 14))
            or g_same(p, b"authentication-info:", min(n, 20)))

cdef int three_digits(const char *p, Py_ssize_t n) noexcept nogil:
    return n >= 3 and G_IS(p[0], G_DIGIT) and G_IS(p[1], G_DIGIT) and G_IS(p[2], G_DIGIT)


cdef void trim(const char **p, const char **end) noexcept nogil:
    while p[0] < end[0] and (p[0][0] == c' ' or p[0][0] == c'\t'):
        p[0] += 1
    while end[0] > p[0] and (end[0][-1] == c' ' or end[0][-1] == c'\t'):
        end[0] -= 1



cdef bint is_flag(char c) noexcept nogil:
    return c == c'$' or c == c'+' or c == c'#'


@cython.final
cdef class HeadReader:
    def __cinit__(self, limits):
        self.max_head = limits.head
        self.max_line = limits.line
        self.max_auth = limits.auth_line
        self.max_headers = limits.headers

    cdef void restart(self) noexcept nogil:
        self.begun = False
        self.line = self.lines = 0

    cdef Found _no(self, Py_ssize_t at, const char *what) noexcept nogil:
        self.wrong_at = <uint32_t>at
        self.wrong_what = what
        return WRONG

    cdef Found _too_long(self, const char *base, const char *line, const char *end) noexcept nogil:
        """MORE while the head and the line at hand, as far as they go, keep their bounds."""
        cdef Py_ssize_t line_bound = (line - base) + self.max_line
        if end - base > line_bound and auth_line(line, end - line):
            line_bound = (line - base) + self.max_auth
        self.bound = <uint32_t>min(line_bound, <Py_ssize_t>self.max_head)
        if end - base <= self.bound:
            return MORE
        if line_bound < self.max_head:
            return self._no(line_bound, b"a header line is longer than the limit")
        return self._no(self.max_head, b"a head is longer than the limit")

    cdef Found read(self, const char *base, const char *end) noexcept nogil:
        """Read lines from `line` on; leaves `line` at the first one not complete."""
        cdef const char *p = base + self.line
        cdef const char *q
        cdef const char *stop
        cdef const char *cr
        cdef Found found
        cdef Py_ssize_t n
        while True:
            if not self.begun:
                n = min(end - p, 5)
                if memcmp(p, b"MSRP ", n) != 0:
                    n = 0
                    while p[n] == (<const char *>b"MSRP ")[n]:
                        n += 1
                    return self._no(n, b"a frame must begin with 'MSRP '")
            q = <const char *>memchr(p, c'\n', end - p)
            found = self._too_long(base, p, end if q == NULL else q + 1)
            if found == WRONG:
                return WRONG
            if q == NULL:
                self.line = <uint32_t>(p - base)
                return MORE
            stop = q - 1
            cr = <const char *>memchr(p, c'\r', q - p)
            if cr == NULL:
                return self._no(q - base, b"a line ends in a bare LF; CRLF is the only line end")
            if cr != stop:
                return self._no(cr - base, b"a bare CR in a head; CRLF is the only line end")
            if not self.begun:
                found = self._start_line(base, stop)
                if found == WRONG:
                    return WRONG
                self.begun = True
                p = q + 1
                self.head.headers = <uint32_t>(p - base)
                self.line = <uint32_t>(p - base)
                continue
            if stop == p or p[0] == c'-':
                if stop == p:
                    found = BLANK
                elif (stop - p == self.boundary_size - 1 and memcmp(p, self.boundary + 2, self.boundary_size - 2) == 0
                        and is_flag(stop[-1])):
                    found = END
                    self.mark = stop[-1]
                else:
                    return self._no(p - base, b"a line that begins with '-' is not this frame's end-line")
                if self.lines == 0:
                    return self._no(p - base, b"the first header is not To-Path")
                if self.lines == 1:
                    return self._no(p - base, b"the second header is not From-Path")
                self.head.has_body = found == BLANK
                self.head.size = <uint32_t>((q + 1 if found == BLANK else p) - base)
                self.line = <uint32_t>(q + 1 - base)
                return found
            found = self._header(base, p, stop)
            if found == WRONG:
                return WRONG
            p = q + 1
            self.line = <uint32_t>(p - base)

    cdef Found _start_line(self, const char *p, const char *stop) noexcept nogil:
        """'MSRP' SP transact-id SP (method / status-code [SP comment])"""
        cdef const char *id = p + 5
        cdef const char *q
        cdef Head *head = &self.head
        if stop - p < 5:   # "MSRP" and its space alone, or cut by the line end
            return self._no(stop - p, b"a frame must begin with 'MSRP '")
        q = <const char *>memchr(id, c' ', stop - id)
        if q == NULL:
            q = stop
        if not g_ident(id, q - id):
            return self._no(5, b"a transaction id is not 4 to 32 letters, digits or . - + % =")
        memset(head, 0, sizeof(Head))
        head.id.start = 5
        head.id.size = <uint32_t>(q - id)
        memcpy(self.boundary, b"\r\n-------", 9)
        memcpy(self.boundary + 9, id, head.id.size)
        self.boundary_size = 9 + <int>head.id.size
        id = q + 1 if q < stop else stop
        head.verb.start = <uint32_t>(id - p)
        head.verb.size = <uint32_t>(stop - id)
        head.status = -1
        if id < stop and G_IS(id[0], G_UPPER):
            q = id
            while q < stop and G_IS(q[0], G_UPPER):
                q += 1
            if q == stop:
                return MORE
        elif three_digits(id, stop - id) and (stop - id == 3 or id[3] == c' '):
            head.status = (id[0] - c'0') * 100 + (id[1] - c'0') * 10 + (id[2] - c'0')
            return MORE
        return self._no(id - p, b"a start line has neither a method (capitals) nor a three-digit status")

    cdef Found _header(self, const char *base, const char *p, const char *stop) noexcept nogil:
        cdef const char *colon
        cdef int which
        cdef Head *head = &self.head
        cdef Span *span
        if self.lines >= self.max_headers:
            return self._no(p - base, b"a head has more header lines than the limit")
        colon = p
        while colon < stop and G_IS(colon[0], G_TOKEN):
            colon += 1
        if colon == stop or colon[0] != c':' or not G_IS(p[0], G_ALPHA):
            return self._no(p - base, b"a header line is not 'Name: value'")
        which = header_id(p, colon - p)
        if self.lines == 0 and which != H_TO:
            return self._no(p - base, b"the first header is not To-Path")
        if self.lines == 1 and which != H_FROM:
            return self._no(p - base, b"the second header is not From-Path")
        colon += 1
        trim(&colon, &stop)
        if self.lines < 2 and not g_path(colon, stop - colon):
            return self._no(colon - base, b"To-Path is not a list of MSRP URIs" if which == H_TO
                            else b"From-Path is not a list of MSRP URIs")
        self.lines += 1
        head.last = <uint32_t>(p - base)
        if which:
            span = &head.value[which]
            if span.start == 0:
                span.start = <uint32_t>(colon - base)
                span.size = <uint32_t>(stop - colon)
        return MORE
