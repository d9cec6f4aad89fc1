/* The buffer protocol, from within __getbuffer__: Cython has put a reference to None there already, and
 * PyBuffer_FillInfo() would forget it. */
#ifndef MSRP_BUFFER_H
#define MSRP_BUFFER_H

#include <Python.h>

static inline int msrp_fill_buffer(Py_buffer *view, PyObject *owner, void *data, Py_ssize_t size, int readonly,
                                   int flags)
{
    Py_CLEAR(view->obj);
    return PyBuffer_FillInfo(view, owner, data, size, readonly, flags);
}

#endif
