# The transactions of SENDs that were cut together.
from libc.stdint cimport uint64_t

cdef enum:
    TRANSACTION = 16   # digits of a transaction id of ours, which need only differ on one connection

cdef class Batch:
    cdef uint64_t first              # the id of the first SEND; those of the others count up
    cdef dict odd                    # ids that do not, and whose they are: an end-line stood in the body
    cdef readonly Py_ssize_t count, left
    cdef Py_ssize_t size, final      # octets of body in each, and in the last
    cdef char *waits                 # for each SEND whether it waits for its answer
    cdef Py_ssize_t news             # answers that nobody was told of yet, and
    cdef long long octets            # the octets of body they are about
    cdef int make(self, uint64_t first, Py_ssize_t count, Py_ssize_t size, Py_ssize_t final) except -1
    cdef int differs(self, Py_ssize_t k, uint64_t number) except -1
    cdef Py_ssize_t place(self, uint64_t number) except -2
    cdef Py_ssize_t length(self, Py_ssize_t k) noexcept

cdef class Batches:
    cdef dict places                 # the upper 48 bits of an id: the batches that may have it
    cdef Batch latest                # whose answer came last
    cdef list answered
    cdef Batch find(self, uint64_t number, Py_ssize_t *k)
    cdef Batch answer(self, const char *digits, Py_ssize_t n, Py_ssize_t *k)
    cdef bint confirm(self, const char *digits, Py_ssize_t n) except -1
    cdef list keys(self, Batch batch)

cdef bint read_id(const char *p, Py_ssize_t n, uint64_t *number) noexcept
