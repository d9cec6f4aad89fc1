"""Memory: what was received into, and what was fed."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc

from .errors import LocalProtocolError

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef extern from "_buffer.h":
    int msrp_fill_buffer(Py_buffer *, object, void *, Py_ssize_t, int, int) except -1


@cython.final
@cython.freelist(64)
cdef class Source:
    """Keeps what was fed for as long as bodies lie in it."""

    def __cinit__(self, data):
        PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
        self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


@cython.final
cdef class _Block:
    cdef char *memory
    cdef Py_ssize_t size
    cdef Py_ssize_t exports

    def __cinit__(self, Py_ssize_t size):
        self.memory = <char *>PyMem_Malloc(size)
        if self.memory == NULL:
            raise MemoryError()
        self.size = size

    def __dealloc__(self):
        PyMem_Free(self.memory)

    def __getbuffer__(self, Py_buffer *view, int flags):
        msrp_fill_buffer(view, self, self.memory, self.size, 0, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.exports -= 1


@cython.final
cdef class ReceiveBuffer:
    cdef _Block block
    cdef object view
    cdef readonly Py_ssize_t size

    def __init__(self, size=262144):
        # An object, not a C integer: what none holds must be refused in the same words.
        if not 1 <= size <= PY_SSIZE_T_MAX:
            raise LocalProtocolError("a receive buffer holds at least one octet, and not more than there is")
        self.size = size

    def get(self):
        # Our own view is one export; any other belongs to a slice somebody still holds.
        if self.block is None or self.block.exports > 1:
            self.block = _Block(self.size)
            self.view = memoryview(self.block)
        return self.view

    def filled(self, size):
        if self.block is None or not 0 <= size <= self.size:
            raise LocalProtocolError("filled: more than the buffer holds")
        return memoryview(self.block).toreadonly()[:size]
