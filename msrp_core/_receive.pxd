# What was fed, kept for as long as bodies lie in it.
cdef class Source:
    cdef Py_buffer view
    cdef bint held
