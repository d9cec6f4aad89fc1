"""The frames of a session differ in four places: the transaction id, twice, the Message-ID and
the Byte-Range. Everything between is what it was in the frame before, octet for octet, and was
found right there; so a head is compared with the last one, and only those values are read.

Whatever does not match, in whatever way, is left to `_head.HeadReader`: this decides nothing.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy

from ._head cimport (
    END, H_BYTE_RANGE, H_MESSAGE_ID, MORE, Found, Head, HeadReader, Known, Span, is_flag, read_range,
)

cdef extern from "_scan.h" nogil:
    size_t msrp_ident_span(const char *, const char *, const uint8_t *, uint8_t)
    int msrp_same(const char *, const char *, size_t)

cdef extern from "_grammar.h" nogil:
    int G_ALPHA, G_DIGIT, G_IDENT
    int G_IS(char, int)
    const uint8_t *g_class
    void grammar_init()

grammar_init()


@cython.final
cdef class Patterns:
    def __cinit__(self):
        self.requests = Template()
        self.responses = Template()

    cdef void learn(self, HeadReader reader, const char *base, Found found) noexcept:
        """Take the head just read as the pattern for the next one of its kind."""
        if reader.head.size + 128 > min(reader.max_line, reader.max_head):
            return   # the next one, longer by its values, could be beyond the limits
        if reader.head.status < 0:
            self.requests.take(base, &reader.head, found)
            self.requests.known = reader.texts()
        else:
            self.responses.take(base, &reader.head, found)
            self.responses.known = reader.texts()

    cdef Known known(self, Head *head):
        """Where frames like the one just read keep their decoded values."""
        return self.requests.known if head.status < 0 else self.responses.known

    cdef Found read(self, HeadReader reader, const char *base, const char *end, Head *head) noexcept nogil:
        """Read a head that is like the last one of its kind; MORE where it is not."""
        cdef const char *p
        cdef const char *q
        cdef Found found
        cdef Py_ssize_t n
        if end - base < 64 or memcmp(base, b"MSRP ", 5) != 0:
            return MORE
        p = self.requests.match(base, end, head)
        found = self.requests.found
        if p == NULL:
            p = self.responses.match(base, end, head)
            found = self.responses.found
            if p == NULL:
                return MORE
        n = head.id.size
        memcpy(reader.boundary, b"\r\n-------", 9)
        memcpy(reader.boundary + 9, base + 5, n)
        reader.boundary_size = 9 + <int>n
        if found == END:
            q = p + 7 + n   # behind hyphens and id
            if (end - p < n + 10 or not msrp_same(p, reader.boundary + 2, n + 7) or not is_flag(q[0])
                    or q[1] != c'\r' or q[2] != c'\n'):
                return MORE
            reader.mark = q[0]
            p = q + 3
        reader.line = <uint32_t>(p - base)
        return found


@cython.final
cdef class Template:
    cdef void take(self, const char *base, Head *head, Found found) noexcept nogil:
        """Take the head just read as the pattern; one with a fault is none."""
        cdef uint32_t message_id = head.value[H_MESSAGE_ID].start
        cdef uint32_t byte_range = head.value[H_BYTE_RANGE].start
        cdef int i
        self.usable = head.fault == NULL and head.size <= sizeof(self.text)
        if not self.usable:
            return
        memcpy(self.text, base, head.size)
        self.head = head[0]
        self.found = found
        self.count = 0
        if message_id and (byte_range == 0 or message_id < byte_range):
            self.which[0] = H_MESSAGE_ID
            self.count = 1
        if byte_range:
            self.which[self.count] = H_BYTE_RANGE
            self.count += 1
        if message_id and byte_range and message_id > byte_range:
            self.which[1] = H_MESSAGE_ID
            self.count = 2
        self.moving = 0
        for i in range(1, 9):
            if head.value[i].start:
                self.moved[self.moving] = i
                self.group[self.moving] = self.before(head.value[i].start)
                self.moving += 1
        self.last_group = self.before(head.last)

    cdef const char *match(self, const char *base, const char *end, Head *head) noexcept nogil:
        """Read a head like the one learned: up to and including its blank line, or up to its
        end-line, which is for the caller to look at. NULL where it is not like it."""
        cdef const char *p = base + 5
        cdef const char *begin
        cdef Span values[2]
        cdef int shifts[3]
        cdef size_t n
        cdef uint32_t at, stop
        cdef int i
        if not self.usable:
            return NULL
        n = msrp_ident_span(p, end, g_class, G_IDENT)
        if n < 4 or n > 32 or not G_IS(p[0], G_ALPHA | G_DIGIT):
            return NULL
        p += n
        at = 5 + self.head.id.size
        shifts[0] = <int>n - <int>self.head.id.size
        for i in range(self.count + 1):
            stop = self.head.value[self.which[i]].start if i < self.count else self.head.size
            if end - p < <Py_ssize_t>(stop - at) or not msrp_same(p, self.text + at, stop - at):
                return NULL
            p += stop - at
            if i == self.count:
                break
            begin = p
            if self.which[i] == H_MESSAGE_ID:
                n = msrp_ident_span(p, end, g_class, G_IDENT)
                if n < 4 or n > 32 or not G_IS(p[0], G_ALPHA | G_DIGIT):
                    return NULL
                p += n
            elif not read_range(&p, end, head):
                return NULL
            values[i].start = <uint32_t>(begin - base)
            values[i].size = <uint32_t>(p - begin)
            at = stop + self.head.value[self.which[i]].size
            shifts[i + 1] = <int>(p - base) - <int>at
        self.place(head, values, shifts)
        head.size = <uint32_t>(p - base)
        return p

    cdef void place(self, Head *head, Span *values, int *shifts) noexcept nogil:
        """Where everything stands now: as in the pattern, but for what became longer or shorter."""
        cdef long long first = head.first, final = head.final, total = head.total
        cdef int i
        head[0] = self.head
        head.first, head.final, head.total = first, final, total
        head.id.size += shifts[0]
        head.verb.start += shifts[0]
        head.headers += shifts[0]
        for i in range(self.moving):
            head.value[self.moved[i]].start += shifts[self.group[i]]
        for i in range(self.count):
            head.value[self.which[i]] = values[i]
        head.last += shifts[self.last_group]

    cdef int before(self, uint32_t at) noexcept nogil:
        """How many of the values that differ begin before that octet of the pattern."""
        cdef int n = 0
        if self.count > 0 and self.head.value[self.which[0]].start < at:
            n = 1
            if self.count > 1 and self.head.value[self.which[1]].start < at:
                n = 2
        return n
