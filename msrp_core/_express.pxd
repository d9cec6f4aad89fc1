# The short way past the events: what the parser asks.
from ._batch cimport Batches
from ._frame cimport Frame
from ._lane cimport Filling, Lane

cdef class Express:
    cdef Batches batches             # SENDs of ours that wait for their 200s
    cdef dict lanes                  # by our path
    cdef list taken                  # those of which something is to be asked for
    cdef unsigned int version        # another one: what `Known` says of lanes is void
    cdef unsigned int doubts         # another one: what lanes were told before is void
    cdef Lane asked                  # the one whose frame was not taken for that alone
    cdef bint off                    # nothing is to be taken
    cdef Py_ssize_t hint             # octets of body that may still come in this read
    cdef char *owed                  # answers
    cdef Py_ssize_t owed_size, owed_room
    cdef readonly bint news
    cdef Frame begun                 # a SEND not complete yet, and
    cdef Lane lane                   # whose it is
    cdef bint handed_over            # whether the rest of it is for others
    cdef unsigned int reads, since   # reads so far, and at which one it began
    cdef Filling gathered            # its body so far, where it is a message by itself
    cdef bint take(self, object event) except -1
    cdef bint _response(self, Frame frame) except -1
    cdef bint _request(self, Frame frame) except -1
    cdef Lane _lane_of(self, Frame frame)
    cdef int _news(self, Lane lane) except -1
    cdef bint _whole(self, Lane lane, Frame frame) except -1
    cdef bint _chunk(self, Lane lane, Frame frame) except -1
    cdef bint _more(self, const char *p, Py_ssize_t n) except -1
    cdef bint _ended(self, char mark) except -1
    cdef int _body(self, Frame frame) except -1
    cdef int _deliver(self, Lane lane, Frame frame, object message_id) except -1
    cdef int _answer(self, Lane lane, Frame frame) except -1
