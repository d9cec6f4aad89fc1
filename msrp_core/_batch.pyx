"""SENDs that were cut together, and which of them are answered.

Their ids count up, so that one number stands for all of them: no object is made for any single
one, neither when it goes out nor when its 200 comes.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint64_t
from libc.string cimport memset


cdef bint read_id(const char *p, Py_ssize_t n, uint64_t *number) noexcept:
    """The number of an id as ours are written; False for any other."""
    cdef uint64_t made = 0
    cdef unsigned int digit
    cdef Py_ssize_t i
    if n != TRANSACTION:
        return False
    for i in range(TRANSACTION):
        digit = <unsigned char>p[i]
        if c'0' <= digit <= c'9':
            digit -= c'0'
        elif c'a' <= digit <= c'f':
            digit -= c'a' - 10
        else:
            return False
        made = made << 4 | digit
    number[0] = made
    return True


@cython.final
@cython.no_gc
cdef class Batch:
    def __dealloc__(self):
        PyMem_Free(self.waits)

    cdef int make(self, uint64_t first, Py_ssize_t count, Py_ssize_t size, Py_ssize_t final) except -1:
        self.waits = <char *>PyMem_Malloc(count or 1)
        if self.waits == NULL:
            raise MemoryError()
        memset(self.waits, 1, count)
        self.first = first
        self.count = self.left = count
        self.size = size
        self.final = final
        return 0

    cdef int differs(self, Py_ssize_t k, uint64_t number) except -1:
        """The id of that SEND is another one."""
        if self.odd is None:
            self.odd = {}
        self.odd[number] = k
        return 0

    cdef Py_ssize_t place(self, uint64_t number) except -2:
        """Which SEND has that id; -1 for none."""
        cdef Py_ssize_t k
        if self.odd is not None:
            if number in self.odd:
                return self.odd[number]
            if number - self.first < <uint64_t>self.count and <Py_ssize_t>(number - self.first) in self.odd.values():
                return -1
        return <Py_ssize_t>(number - self.first) if number - self.first < <uint64_t>self.count else -1

    cdef Py_ssize_t length(self, Py_ssize_t k) noexcept:
        return self.size if k < self.count - 1 else self.final

    @property
    def ids(self):
        numbers = [(self.first + <uint64_t>k) & <uint64_t>0xffffffffffffffff for k in range(self.count)]
        for number, k in (self.odd or {}).items():
            numbers[k] = number
        return ["%016x" % number for number in numbers]

    def __repr__(self):
        return f"<Batch of {self.count} SENDs, {self.left} not answered>"


@cython.final
cdef class Batches:
    def __init__(self):
        self.places = {}
        self.answered = []

    cdef list keys(self, Batch batch):
        """Where to look for it."""
        cdef set keys = set()
        cdef uint64_t first = batch.first & <uint64_t>0xffff   # counted from the first key's first id
        cdef uint64_t k
        if batch.count:
            for k in range(((first + <uint64_t>batch.count - 1) >> 16) + 1):
                keys.add((batch.first + (k << 16)) >> 16)
        if batch.odd is not None:
            keys.update([<uint64_t>number >> 16 for number in batch.odd])
        return list(keys)

    def add(self, Batch batch not None):
        for key in self.keys(batch):
            self.places.setdefault(key, []).append(batch)

    def discard(self, Batch batch not None):
        for key in self.keys(batch):
            here = self.places.get(key, ())
            if batch in here:
                here.remove(batch)
                if not here:
                    del self.places[key]
        if self.latest is batch:
            self.latest = None

    cdef Batch find(self, uint64_t number, Py_ssize_t *k):
        """The batch in which that id waits for its answer, and its place there."""
        cdef Batch batch = self.latest
        if batch is not None:
            k[0] = batch.place(number)
            if k[0] >= 0:
                return batch if batch.waits[k[0]] else None
        for batch in self.places.get(number >> 16, ()):
            k[0] = batch.place(number)
            if k[0] >= 0:
                if not batch.waits[k[0]]:
                    return None
                self.latest = batch
                return batch
        return None

    cdef Batch answer(self, const char *digits, Py_ssize_t n, Py_ssize_t *k):
        """An answer came: the batch it is for, and the place there, which waits no more."""
        cdef uint64_t number
        cdef Batch batch
        if not read_id(digits, n, &number):
            return None
        batch = self.find(number, k)
        if batch is not None:
            batch.waits[k[0]] = 0
            batch.left -= 1
        return batch

    cdef bint confirm(self, const char *digits, Py_ssize_t n) except -1:
        """A plain 200 came: whether it answers a SEND here."""
        cdef Py_ssize_t k
        cdef Batch batch = self.answer(digits, n, &k)
        if batch is None:
            return False
        if batch.news == 0:
            self.answered.append(batch)
        batch.news += 1
        batch.octets += batch.length(k)
        return True

    def take(self, str transaction_id not None):
        cdef bytes digits = transaction_id.encode("utf-8", "replace")
        cdef Py_ssize_t k
        cdef Batch batch = self.answer(digits, len(digits), &k)
        return None if batch is None else (batch, batch.length(k))

    def confirmed(self):
        cdef Batch batch
        cdef list told = []
        if not self.answered:
            return ()
        answered, self.answered = self.answered, []
        for batch in answered:
            told.append((batch, batch.news, batch.octets))
            batch.news = 0
            batch.octets = 0
        return told

    def clear(self):
        self.places.clear()
        self.answered.clear()
        self.latest = None
