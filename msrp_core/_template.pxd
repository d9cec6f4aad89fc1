# The head read last, as a pattern for the next one.
from libc.stdint cimport uint32_t

from ._head cimport Found, Head, HeadReader, Known, Span

# One pattern for requests, one for responses: on a line both go the same way in turn.
cdef class Patterns:
    cdef Template requests, responses
    cdef void learn(self, HeadReader reader, const char *base, Found found) noexcept
    cdef Known known(self, Head *head)
    cdef Found read(self, HeadReader reader, const char *base, const char *end, Head *head) noexcept nogil

cdef class Template:
    cdef char text[768]
    cdef Head head
    cdef Found found
    cdef Known known                 # its decoded values, shared with the frames like it
    cdef bint usable
    cdef int count                   # values that may differ from frame to frame
    cdef int which[2]                # H_MESSAGE_ID, H_BYTE_RANGE, in the order they stand in
    cdef int moving                  # headers that stand there, by H_ number, and
    cdef int moved[8]
    cdef int group[8]                # how many of those values begin before each
    cdef int last_group
    cdef void take(self, const char *base, Head *head, Found found) noexcept nogil
    cdef const char *match(self, const char *base, const char *end, Head *head) noexcept nogil
    cdef void place(self, Head *head, Span *values, int *shifts) noexcept nogil
    cdef int before(self, uint32_t at) noexcept nogil
