# The objects of a frame, as the parser fills them and the writer reads them.
from libc.stdint cimport uint32_t

from libc.string cimport memcpy

from ._head cimport Head, Known

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t, Py_UCS4)
    void *PyUnicode_DATA(object)

cdef inline object ascii(const char *p, Py_ssize_t n):
    """Octets that are known to be ASCII, as text."""
    cdef object made = PyUnicode_New(n, 127)
    memcpy(PyUnicode_DATA(made), p, n)
    return made


cdef class Frame:
    cdef Head head
    cdef bytes raw         # the head, and a small body behind it
    cdef object source     # what a large body lies in
    cdef Known known       # decoded values it shares with the frames before it
    cdef const char *data
    cdef Py_ssize_t count
    cdef char mark         # the flag; 0 while the body goes on
    cdef readonly long long offset
    cdef bytes octets(self, int which)
    cdef long long weighs(self) noexcept
    cdef object _text(self, int which)
    cdef object _check(self, int which)
    cdef object _fault(self, uint32_t at, const char *what)

cdef class Body:
    cdef char few[32]      # so few octets that an object for them would cost more than they
    cdef object source
    cdef const char *data
    cdef Py_ssize_t count
    cdef readonly long long offset

cdef class Flag:
    cdef char mark
    cdef readonly long long offset
