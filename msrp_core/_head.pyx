"""Reading one head: start line and header lines, each once, wherever the octets are cut.

Two kinds of fault. What makes the frame unreadable ends the stream (`WRONG`). A value that is
wrong is noted in the `Head`, the first by position, and left to whoever answers.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy, memset

cdef extern from "_scan.h" nogil:
    ctypedef struct msrp_marks:
        pass
    void msrp_marks_begin(msrp_marks *, const char *, const char *)
    const char *msrp_marks_next(msrp_marks *)
    size_t msrp_ident_span(const char *, const char *, const uint8_t *, uint8_t)

cdef extern from "_grammar.h" nogil:
    int G_ALPHA, G_DIGIT, G_IDENT, G_TOKEN, G_UPPER
    void grammar_init()
    int g_same(const char *, const char *, size_t)
    int g_usual(const char *, size_t *)
    int g_header(const char *, size_t)
    ptrdiff_t g_text(const char *, size_t)
    int g_media_type(const char *, size_t)
    int g_path(const char *, size_t)
    int G_IS(char, int)
    const uint8_t *g_class

grammar_init()


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


cdef int read_number(const char **p, const char *end, long long *value) noexcept nogil:
    """1*DIGIT; -1 where there is none or it is beyond 63 bits."""
    cdef const char *q = p[0]
    cdef long long n = 0
    cdef unsigned int digit
    while q < end:
        digit = <unsigned int>(<unsigned char>q[0]) - c'0'
        if digit > 9:
            break
        # 922337203685477580 * 10 + 7 is the largest there is.
        if n >= 922337203685477580LL and (n > 922337203685477580LL or digit > 7):
            return -1
        n = n * 10 + digit
        q += 1
    if q == p[0]:
        return -1
    p[0] = q
    value[0] = n
    return 0


cdef bint read_range(const char **at, const char *end, Head *head) noexcept nogil:
    """range-start "-" range-end "/" total, and whether they can be; `at` is then behind them."""
    cdef const char *p = at[0]
    head.final = head.total = -1
    if read_number(&p, end, &head.first) < 0 or p >= end or p[0] != c'-':
        return False
    p += 1
    if p < end and p[0] == c'*':
        p += 1
    elif read_number(&p, end, &head.final) < 0:
        return False
    if p >= end or p[0] != c'/':
        return False
    p += 1
    if p < end and p[0] == c'*':
        p += 1
    elif read_number(&p, end, &head.total) < 0:
        return False
    at[0] = p
    return (head.first >= 1 and (head.final < 0 or head.final >= head.first - 1)
            and (head.total < 0 or (head.first - 1 <= head.total and head.final <= head.total)))


cdef const char *wrong_value(int which) noexcept nogil:
    """What to say of a header whose value is wrong."""
    if which == H_MESSAGE_ID:
        return b"Message-ID is not 4 to 32 letters, digits or . - + % ="
    if which == H_BYTE_RANGE:
        return b"Byte-Range is not 'start-end/total' with numbers that can be"
    if which == H_CONTENT_TYPE:
        return b"Content-Type is not a media type"
    if which == H_SUCCESS:
        return b"Success-Report is neither yes nor no"
    if which == H_FAILURE:
        return b"Failure-Report is neither yes nor no nor partial"
    return b"Status is not 'namespace code [comment]', three digits each"


cdef int yes_or_no(const char *p, Py_ssize_t n) noexcept nogil:
    """1 yes, 0 no, 2 partial, -1 neither."""
    if n == 3 and g_same(p, b"yes", 3):
        return 1
    if n == 2 and g_same(p, b"no", 2):
        return 0
    if n == 7 and g_same(p, b"partial", 7):
        return 2
    return -1


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Known:
    pass


@cython.final
cdef class HeadReader:
    def __cinit__(self, limits):
        self.news = True
        self.max_head = limits.head
        self.max_line = limits.line
        self.max_auth = limits.auth_line
        self.max_headers = limits.headers

    cdef Known texts(self):
        """Where the frame read last keeps its decoded paths and Content-Type."""
        if self.news:
            self.shared = Known.__new__(Known)
            self.news = False
        return self.shared

    cdef void restart(self) noexcept nogil:
        self.begun = False
        self.line = self.lines = 0

    cdef Found _no(self, Py_ssize_t at, const char *what) noexcept nogil:
        self.wrong_at = <uint32_t>at
        self.wrong_what = what
        return WRONG

    cdef void _fault(self, uint32_t at, const char *what) noexcept nogil:
        if self.head.fault == NULL or at < self.head.fault_at:
            self.head.fault_at = at
            self.head.fault = what

    cdef bint _recall(self, int slot, const char *base, const char *p, const char *stop) noexcept nogil:
        """Whether a line is letter for letter the one of the frame before: then it is right."""
        cdef Line *known = &self.known[slot]
        cdef Span *span
        if <size_t>(stop - p) != known.size or memcmp(p, known.text, known.size) != 0:
            return False
        span = &self.head.value[H_TO if slot == 0 else H_FROM if slot == 1 else H_CONTENT_TYPE]
        if span.start:
            return False   # it stands twice
        span.start = <uint32_t>(p - base) + known.value.start
        span.size = known.value.size
        return True

    cdef void _learn(self, int slot, const char *p, const char *stop, const char *value, size_t size) noexcept nogil:
        cdef Line *known = &self.known[slot]
        self.news = True
        known.size = 0
        if stop - p <= <Py_ssize_t>sizeof(known.text):
            known.size = stop - p
            memcpy(known.text, p, known.size)
            known.value.start = <uint32_t>(value - p)
            known.value.size = <uint32_t>size

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
        cdef const char *stop        # the CR of the line
        cdef const char *next        # behind its LF
        cdef Found found
        cdef Py_ssize_t n
        cdef int odd
        cdef msrp_marks marks
        msrp_marks_begin(&marks, p, end)
        while True:
            if not self.begun:
                n = min(end - p, 5)
                if memcmp(p, b"MSRP ", n) != 0:
                    n = 0
                    while p[n] == (<const char *>b"MSRP ")[n]:
                        n += 1
                    return self._no(n, b"a frame must begin with 'MSRP '")
            odd = 0
            stop = msrp_marks_next(&marks)
            while stop != NULL and stop[0] != c'\r' and stop[0] != c'\n':
                odd = 1
                stop = msrp_marks_next(&marks)
            next = NULL
            if stop != NULL:
                if stop[0] == c'\r' and stop + 1 < end and stop[1] == c'\n':
                    next = msrp_marks_next(&marks) + 1
                else:
                    next = <const char *>memchr(stop, c'\n', end - stop)
                    if next != NULL:
                        next += 1
            if next == NULL:
                if self._too_long(base, p, end) == WRONG:
                    return WRONG
                self.line = <uint32_t>(p - base)
                return MORE
            if next - p > self.max_line or next - base > self.max_head:
                if self._too_long(base, p, next) == WRONG:
                    return WRONG
            if stop[0] == c'\n':
                return self._no(stop - base, b"a line ends in a bare LF; CRLF is the only line end")
            if stop + 2 != next:
                return self._no(stop - base, b"a bare CR in a head; CRLF is the only line end")
            if not self.begun:
                found = self._start_line(p, stop, odd)
                self.begun = True
                self.head.headers = <uint32_t>(next - base)
            elif stop == p or p[0] == c'-':
                found = self._ended(base, p, stop)
                if found != WRONG:
                    self.line = <uint32_t>(next - base)
                    self.head.size = <uint32_t>((next if found == BLANK else p) - base)
                return found
            else:
                found = self._header(base, p, stop, odd)
            if found == WRONG:
                return WRONG
            p = next
            self.line = <uint32_t>(p - base)

    cdef Found _start_line(self, const char *p, const char *stop, int odd) noexcept nogil:
        """'MSRP' SP transact-id SP (method / status-code [SP comment])"""
        cdef const char *id = p + 5
        cdef const char *q = id
        cdef ptrdiff_t bad
        cdef Head *head = &self.head
        if stop - p < 5:   # cut by the line end
            return self._no(stop - p, b"a frame must begin with 'MSRP '")
        q += msrp_ident_span(id, stop, g_class, G_IDENT)
        if (q < stop and q[0] != c' ') or q - id < 4 or q - id > 32 or not G_IS(id[0], G_ALPHA | G_DIGIT):
            return self._no(5, b"a transaction id is not 4 to 32 letters, digits or . - + % =")
        memset(head, 0, sizeof(Head))
        head.failure = 1
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
            if odd:
                bad = g_text(id, stop - id)
                if bad >= 0:
                    self._fault(<uint32_t>(id - p + bad), b"the comment holds an octet that is not text")
            return MORE
        return self._no(id - p, b"a start line has neither a method (capitals) nor a three-digit status")

    cdef Found _ended(self, const char *base, const char *p, const char *stop) noexcept nogil:
        """The blank line, or the end-line of a frame without a body."""
        cdef Found found = BLANK
        cdef Head *head = &self.head
        if stop != p:
            found = END
            if (stop - p != self.boundary_size - 1 or memcmp(p, self.boundary + 2, self.boundary_size - 2) != 0
                    or not is_flag(stop[-1])):
                return self._no(p - base, b"a line that begins with '-' is not this frame's end-line")
            self.mark = stop[-1]
        if self.lines == 0:
            return self._no(p - base, b"the first header is not To-Path")
        if self.lines == 1:
            return self._no(p - base, b"the second header is not From-Path")
        head.has_body = found == BLANK
        if head.has_body:
            if head.value[H_CONTENT_TYPE].start and self.type_line != head.last:
                self._fault(self.type_line, b"Content-Type is not the last header line")
            if head.status >= 0:
                self._fault(<uint32_t>(stop + 2 - base), b"a response has a body")
            elif head.value[H_CONTENT_TYPE].start == 0:
                self._fault(<uint32_t>(stop + 2 - base), b"there is a body, but no Content-Type")
        return found

    cdef Found _header(self, const char *base, const char *p, const char *stop, int odd) noexcept nogil:
        cdef const char *colon
        cdef int which = H_OTHER
        cdef size_t size
        cdef ptrdiff_t bad
        cdef uint32_t line = <uint32_t>(p - base)
        cdef int slot = self.lines if self.lines < 2 else 2 if p[0] == c'C' else 3
        cdef const char *end = stop
        cdef Head *head = &self.head
        cdef Span *span
        if self.lines >= self.max_headers:
            return self._no(line, b"a head has more header lines than the limit")
        if slot < 3 and not odd and self._recall(slot, base, p, stop):
            self.lines += 1
            head.last = line
            if slot == 2:
                self.type_line = line
            return MORE
        if not odd and stop - p >= 16:
            which = g_usual(p, &size)
        if which:
            colon = p + size
        else:
            colon = p
            while colon < stop and G_IS(colon[0], G_TOKEN):
                colon += 1
            if colon == stop or colon[0] != c':' or not G_IS(p[0], G_ALPHA):
                return self._no(line, b"a header line is not 'Name: value'")
            which = g_header(p, colon - p)
        colon += 1
        trim(&colon, &end)
        if self.lines < 2:
            if self.lines == 0 and which != H_TO:
                return self._no(line, b"the first header is not To-Path")
            if self.lines == 1 and which != H_FROM:
                return self._no(line, b"the second header is not From-Path")
            if not g_path(colon, end - colon):
                return self._no(colon - base, b"To-Path is not a list of MSRP URIs" if which == H_TO
                                else b"From-Path is not a list of MSRP URIs")
            self._learn(self.lines, p, stop, colon, end - colon)
        self.lines += 1
        head.last = line
        if which:
            span = &head.value[which]
            if span.start:
                self._fault(line, b"a header stands twice that may stand once")
            else:
                span.start = <uint32_t>(colon - base)
                span.size = <uint32_t>(end - colon)
                if which == H_CONTENT_TYPE:
                    self.type_line = line
                if not self._right(which, colon, end):
                    head.wrong |= 1u << which
                    self._fault(<uint32_t>(colon - base), wrong_value(which))
                elif which == H_CONTENT_TYPE:
                    self._learn(2, p, stop, colon, end - colon)
        else:
            head.others = True
        if odd:
            bad = g_text(colon, end - colon)
            if bad >= 0:
                self._fault(<uint32_t>(colon + bad - base), b"a header value holds an octet that is not text")
        return MORE

    cdef bint _right(self, int which, const char *p, const char *end) noexcept nogil:
        """Whether the value of a header that has a grammar of its own keeps it."""
        cdef Head *head = &self.head
        cdef size_t n = end - p
        if which == H_MESSAGE_ID:
            return 4 <= n <= 32 and G_IS(p[0], G_ALPHA | G_DIGIT) and msrp_ident_span(p, end, g_class, G_IDENT) == n
        if which == H_BYTE_RANGE:
            return read_range(&p, end, head) and p == end
        if which == H_CONTENT_TYPE:
            return g_media_type(p, n)
        if which == H_SUCCESS:
            head.success = yes_or_no(p, n)
            return head.success == 0 or head.success == 1
        if which == H_FAILURE:
            head.failure = yes_or_no(p, n)
            return head.failure >= 0
        if which == H_STATUS:
            return (n >= 7 and three_digits(p, 3) and p[3] == c' ' and three_digits(p + 4, 3)
                    and (n == 7 or p[7] == c' '))
        return True   # paths were looked at before
