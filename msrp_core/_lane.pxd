# What the short way keeps: messages, octets of one message.
from cpython.object cimport PyObject

cdef enum:
    WEIGHT = 2048       # what a message costs beside its octets and its head

cdef long long number(value) except? -1

cdef class Seen:
    cdef dict became
    cdef object order
    cdef Py_ssize_t most
    cdef object __weakref__
    cpdef object set(self, message_id, status, session)

# Octets that are known not to be more than so many, in a bytes object that is cut to size at the end.
cdef class Filling:
    cdef PyObject *octets
    cdef Py_ssize_t room, used
    cdef int put(self, const char *p, Py_ssize_t n) except -1
    cdef int grow(self, Py_ssize_t room) except -1
    cdef object taken(self)

cdef class Lane:
    cdef bytes to, source, answer
    cdef readonly Seen seen
    cdef object mark                 # the session, as `seen` knows it
    cdef dict arriving               # messages of which more is to come
    cdef set types
    cdef list whole                  # messages that came in one SEND each
    cdef long long weight            # what they cost
    cdef Py_ssize_t room             # more of them that may be taken
    cdef long long allowance         # octets that may be taken, a message's own cost included
    cdef long long largest           # octets a message may have
    cdef bytes ident                 # of the message whose chunks are followed; None for no such
    cdef long long position, total   # where its next chunk begins; its size, -1 for "*"
    cdef int success
    cdef list blocks
    cdef Filling filling
    cdef bint news                   # there is something to be asked for
    cdef unsigned int told           # at which doubt it was told last what may be taken (_express.pyx)
    cdef int keep(self, const char *p, Py_ssize_t n, Py_ssize_t hint) except -1
