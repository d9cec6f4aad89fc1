/* ByteRange: a tuple with names, made by the interpreter itself. A fifth of what a named tuple costs. */
#ifndef MSRP_RANGE_H
#define MSRP_RANGE_H

#include <Python.h>

static PyStructSequence_Field byte_range_fields[] = {
    {"start", "the first octet's number, counted from 1"},
    {"end", "the last octet's number; None for '*'"},
    {"total", "octets of the whole message; None for '*'"},
    {NULL, NULL},
};

static PyStructSequence_Desc byte_range_description = {
    "msrp_core.ByteRange",
    "The value of a Byte-Range header (RFC 4975 section 9).",
    byte_range_fields,
    3,
};

static PyTypeObject *byte_range_type = NULL;

static PyObject *byte_range_new_type(void)
{
    byte_range_type = PyStructSequence_NewType(&byte_range_description);
    Py_XINCREF(byte_range_type);
    return (PyObject *)byte_range_type;
}

/* -1 stands for "*". */
static PyObject *byte_range_new(long long start, long long end, long long total)
{
    const long long values[3] = {start, end, total};
    PyObject *range = PyStructSequence_New(byte_range_type);
    if (range == NULL)
        return NULL;
    for (int i = 0; i < 3; i++) {
        PyObject *value;
        if (values[i] < 0) {
            value = Py_None;
            Py_INCREF(value);
        } else if ((value = PyLong_FromLongLong(values[i])) == NULL) {
            Py_DECREF(range);
            return NULL;
        }
        PyStructSequence_SetItem(range, i, value);
    }
    return range;
}

#endif
