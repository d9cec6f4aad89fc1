"""Two faults, planted: the sanitizers must see both before they are believed. Part of nothing else."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer


cdef int octet(const unsigned char *p, Py_ssize_t at) noexcept nogil:
    return p[at]


def overread(data):
    """Reads the octet behind `data` where that begins with MSRP."""
    cdef Py_buffer view
    cdef const unsigned char *p
    cdef int sum = 0
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    p = <const unsigned char *>view.buf
    if view.len >= 4 and p[0] == c'M' and p[1] == c'S' and p[2] == c'R' and p[3] == c'P':
        sum = octet(p, view.len)
    PyBuffer_Release(&view)
    return sum


def overflow(data):
    """Adds beyond what an int holds where `data` begins with MSRP."""
    cdef Py_buffer view
    cdef const unsigned char *p
    cdef int sum = 0x7fffff00
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    p = <const unsigned char *>view.buf
    if view.len >= 4 and p[0] == c'M' and p[1] == c'S' and p[2] == c'R' and p[3] == c'P':
        sum += octet(p, 0) * 4
    PyBuffer_Release(&view)
    return sum
