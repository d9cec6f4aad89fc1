"""The short way for what nearly every frame is: a SEND of a session that stands, with nothing
unusual about it; a plain 200.

All of it is a hint, false whenever in doubt. What is taken here is only what has one outcome: a
message in one SEND, of a Message-ID not seen before, of a kind that was taken before; the next
chunk of the message that is followed; the 200 to a SEND of a batch. A SEND is kept until asked
for, and its 200 is made at once.
Every other event the parser hands out, and whoever gets one first looks at what was kept, so that
nothing overtakes anything.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memcmp, memcpy

from ._batch cimport Batches
from ._frame cimport Body, Flag, Frame, ascii
from ._head cimport H_BYTE_RANGE, H_CONTENT_TYPE, H_FROM, H_MESSAGE_ID, H_TO, Head, Span
from ._lane cimport WEIGHT, Filling, Lane, number

cdef enum:
    SMALL = 1024        # a body up to this size lies in its frame's own memory (_parser.pyx)
    GATHERED = 65536    # a message that spans reads is gathered up to this size


@cython.final
cdef class Express:
    def __init__(self, Batches batches=None):
        self.batches = batches
        self.lanes = {}
        self.taken = []
        self.version = 1
        self.gathered = Filling()

    def __dealloc__(self):
        PyMem_Free(self.owed)

    def open(self, Lane lane not None):
        self.lanes[lane.to] = lane
        self.version += 1

    def close(self, Lane lane not None):
        if self.lanes.get(lane.to) is lane:
            del self.lanes[lane.to]
            self.version += 1

    def begin(self, octets):
        self.hint = number(octets)
        self.reads += 1
        self.off = False
        self.asked = self.lane
        self.doubts += 1

    def stop(self):
        self.off = True

    def doubt(self):
        self.doubts += 1

    def asks(self):
        cdef Lane lane = self.asked
        self.asked = None
        if lane is not None:
            lane.told = self.doubts
        return lane

    def takes(self, Frame frame not None):
        return self._request(frame)

    def lanes_with_news(self):
        cdef Lane lane
        if not self.taken:
            return ()
        taken, self.taken = self.taken, []
        for lane in taken:
            lane.news = False
        return taken

    def answers(self):
        self.news = False
        if self.owed_size == 0:
            return b""
        made = PyBytes_FromStringAndSize(self.owed, self.owed_size)
        self.owed_size = 0
        return made

    @property
    def overdue(self):
        return self.begun is not None and self.gathered.octets != NULL and self.since != self.reads

    def release(self):
        self.handed_over = False
        frame, self.begun = self.begun, None
        lane, self.lane = self.lane, None
        if frame is None:
            return None
        if self.gathered.octets != NULL:
            lane = None
            self._body(frame)
        return frame, lane

    cdef int _body(self, Frame frame) except -1:
        """Give a frame the body that was gathered for it."""
        octets = self.gathered.taken()
        frame.source = octets
        frame.data = PyBytes_AS_STRING(octets)
        frame.count = PyBytes_GET_SIZE(octets)
        return 0

    # -- events

    cdef bint take(self, object event) except -1:
        """Whether the event is done with."""
        cdef bint taken
        if type(event) is Frame:
            if self.begun is not None:
                self.release()
            if (<Frame>event).head.status >= 0:
                return self._response(<Frame>event)
            return self._request(<Frame>event)
        if self.begun is None or self.handed_over:
            return False
        if type(event) is Body:
            taken = self._more((<Body>event).data, (<Body>event).count)
        else:
            taken = self._ended((<Flag>event).mark)
        self.handed_over = not taken   # and so is all that follows of this frame
        return taken

    cdef bint _response(self, Frame frame) except -1:
        cdef Head *head = &frame.head
        if (self.off or self.batches is None or head.status != 200 or head.has_body or head.fault != NULL
                or not self.batches.confirm(PyBytes_AS_STRING(frame.raw) + head.id.start, head.id.size)):
            return False
        self.news = True
        return True

    cdef bint _request(self, Frame frame) except -1:
        cdef Head *head = &frame.head
        cdef const char *base = PyBytes_AS_STRING(frame.raw)
        cdef Lane lane
        cdef Span *id = &head.value[H_MESSAGE_ID]
        if (self.off or not head.has_body or head.fault != NULL or head.others or head.failure != 1 or id.start == 0
                or head.value[H_BYTE_RANGE].start == 0 or head.value[H_CONTENT_TYPE].start == 0
                or head.verb.size != 4 or memcmp(base + head.verb.start, b"SEND", 4) != 0):
            return False
        lane = self._lane_of(frame)
        if lane is None:
            return False
        if lane.told != self.doubts:
            self.asked = lane
            return False
        if (lane.ident is not None and <Py_ssize_t>id.size == PyBytes_GET_SIZE(lane.ident)
                and memcmp(base + id.start, PyBytes_AS_STRING(lane.ident), id.size) == 0):
            return self._chunk(lane, frame)
        return self._whole(lane, frame)

    cdef Lane _lane_of(self, Frame frame):
        """The lane of these very paths, if a message of this type was taken there before."""
        cdef Span *source = &frame.head.value[H_FROM]
        cdef Lane lane
        if frame.known.version == self.version:
            return <Lane>frame.known.lane
        frame.known.lane = None   # a lane that is closed need not be kept for its sake
        lane = <Lane>self.lanes.get(frame.octets(H_TO))
        if (lane is None or PyBytes_GET_SIZE(lane.source) != source.size
                or memcmp(PyBytes_AS_STRING(lane.source), PyBytes_AS_STRING(frame.raw) + source.start, source.size) != 0
                or frame.content_type not in lane.types):
            return None
        frame.known.version = self.version
        frame.known.lane = lane
        return lane

    cdef int _news(self, Lane lane) except -1:
        """Something of it is to be asked for."""
        self.news = True
        if not lane.news:
            lane.news = True
            self.taken.append(lane)
        return 0

    cdef bint _whole(self, Lane lane, Frame frame) except -1:
        """A message by itself, or the beginning of one."""
        cdef Head *head = &frame.head
        cdef long long size = head.total
        if (head.first != 1 or size < 0 or (head.final >= 0 and head.final != size) or head.success
                or lane.room < 1 or size > lane.largest or size + WEIGHT + <long long>head.size > lane.allowance):
            return False
        if frame.mark:
            if frame.mark != c'$' or frame.count != size:
                return False
        elif size > GATHERED:
            return False
        message_id = ascii(PyBytes_AS_STRING(frame.raw) + head.value[H_MESSAGE_ID].start,
                           head.value[H_MESSAGE_ID].size)
        if message_id in lane.seen.became or message_id in lane.arriving:
            return False
        if frame.mark:
            if frame.count > SMALL:
                # What was read into is not held for a message that waits.
                frame.source = PyBytes_FromStringAndSize(frame.data, frame.count)
                frame.data = PyBytes_AS_STRING(frame.source)
            self._deliver(lane, frame, message_id)
        else:
            # Room in proportion to what is here, whatever the other side says will come.
            self.gathered.grow(min(size, 4096) or 1)
            self.since = self.reads
            self.begun = frame
            self.lane = lane
        return True

    cdef int _deliver(self, Lane lane, Frame frame, object message_id) except -1:
        cdef long long weight = frame.weighs()
        lane.seen.set(message_id, 200, lane.mark)
        lane.whole.append(frame)
        lane.room -= 1
        lane.weight += weight
        lane.allowance -= weight
        self._news(lane)
        return self._answer(lane, frame)

    cdef bint _chunk(self, Lane lane, Frame frame) except -1:
        """A chunk of the message that is followed."""
        cdef Head *head = &frame.head
        if (head.first != lane.position or head.total != lane.total or head.success != lane.success
                or frame.count > lane.allowance or (frame.mark and frame.mark != c'+')):
            return False
        lane.keep(frame.data, frame.count, self.hint)
        self.hint -= frame.count
        self._news(lane)
        if frame.mark:
            self._answer(lane, frame)
        else:
            self.begun = frame
            self.lane = lane
        return True

    cdef bint _more(self, const char *p, Py_ssize_t n) except -1:
        """Body of the SEND that was begun."""
        cdef Py_ssize_t size
        if self.gathered.octets == NULL:
            if n > self.lane.allowance:
                return False
            self.lane.keep(p, n, self.hint)
            self.hint -= n
            self._news(self.lane)
            return True
        size = self.gathered.used + n
        if size > self.begun.head.total:
            return False
        self.gathered.grow(min(self.begun.head.total, 4096 + 4 * size) if size > self.gathered.room else size)
        self.gathered.put(p, n)
        return True

    cdef bint _ended(self, char mark) except -1:
        """The end-line of the SEND that was begun."""
        cdef Frame frame = self.begun
        cdef Lane lane = self.lane
        if self.gathered.octets == NULL:
            if mark != c'+':
                return False
            self._answer(lane, frame)
        else:
            if mark != c'$' or self.gathered.used != frame.head.total or lane.room < 1:
                return False
            frame.mark = mark
            self._body(frame)
            self._deliver(lane, frame, frame.message_id)
        self.begun = None
        self.lane = None
        return True

    cdef int _answer(self, Lane lane, Frame frame) except -1:
        """200, for whoever writes next."""
        cdef Py_ssize_t n = frame.head.id.size
        cdef Py_ssize_t size = PyBytes_GET_SIZE(lane.answer)
        cdef Py_ssize_t need = self.owed_size + 2 * n + size + 8
        cdef const char *id = PyBytes_AS_STRING(frame.raw) + frame.head.id.start
        cdef char *o
        if need > self.owed_room:
            o = <char *>PyMem_Realloc(self.owed, 2 * need)
            if o == NULL:
                raise MemoryError()
            self.owed = o
            self.owed_room = 2 * need
        o = self.owed + self.owed_size
        memcpy(o, b"MSRP ", 5)
        memcpy(o + 5, id, n)
        memcpy(o + 5 + n, PyBytes_AS_STRING(lane.answer), size)
        o += 5 + n + size
        memcpy(o, id, n)
        memcpy(o + n, b"$\r\n", 3)
        self.owed_size = need
        self.news = True
        return 0
