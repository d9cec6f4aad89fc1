# One head: where everything in it stands, what is wrong in it, and what reads it.
from libc.stdint cimport uint32_t

cdef extern from "_grammar.h" nogil:
    enum:
        H_OTHER
        H_TO
        H_FROM
        H_MESSAGE_ID
        H_BYTE_RANGE
        H_CONTENT_TYPE
        H_STATUS
        H_SUCCESS
        H_FAILURE

cdef struct Span:
    uint32_t start
    uint32_t size

# Offsets count from the head's first octet.
cdef struct Head:
    Span id
    Span verb              # the method, or the code and comment
    Span value[9]          # by the H_ numbers above; start 0: not there
    int status             # -1 for a request
    uint32_t headers       # the first header line
    uint32_t last          # the last header line
    uint32_t size          # up to and including the blank line, or up to the end-line
    bint has_body
    bint others            # headers that have no place in `value`
    uint32_t wrong         # one bit for each H_ number whose value is wrong
    int success, failure   # 1 yes, 0 no, 2 partial
    long long first, final, total   # of Byte-Range; -1 for "*"
    uint32_t fault_at      # the first value that is wrong, and why; NULL: none
    const char *fault

# A line that seldom changes from frame to frame, and where the value lies in it.
cdef struct Line:
    char text[320]
    size_t size
    Span value

cdef enum Found:
    MORE       # octets are missing
    BLANK      # a blank line: a body follows
    END        # an end-line: no body
    WRONG

# The values that seldom change, decoded once for all frames that have them.
cdef class Known:
    cdef object to_path, from_path, content_type
    cdef object lane                 # the one that frames with these values take (_express.pyx),
    cdef unsigned int version        # as long as this is that of all lanes

cdef class HeadReader:
    cdef Head head
    cdef Known shared
    cdef bint news                   # a known value changed: what is shared is to be made anew
    cdef bint begun                  # the start line is behind us
    cdef uint32_t line               # the first unread line
    cdef uint32_t lines              # header lines read
    cdef uint32_t type_line          # the line of Content-Type
    cdef uint32_t bound              # how long the line at hand, and the head, may become
    cdef char boundary[44]           # CRLF, seven hyphens, the transaction id
    cdef int boundary_size
    cdef char mark                   # the flag of the end-line
    cdef uint32_t max_head, max_line, max_auth, max_headers
    cdef uint32_t wrong_at
    cdef const char *wrong_what
    cdef Line known[3]               # lines found right last time: To-Path, From-Path, Content-Type
    cdef Known texts(self)
    cdef void restart(self) noexcept nogil
    cdef Found read(self, const char *base, const char *end) noexcept nogil
    cdef Found _no(self, Py_ssize_t at, const char *what) noexcept nogil
    cdef Found _too_long(self, const char *base, const char *line, const char *end) noexcept nogil
    cdef Found _start_line(self, const char *p, const char *stop, int odd) noexcept nogil
    cdef Found _header(self, const char *base, const char *p, const char *stop, int odd) noexcept nogil
    cdef Found _ended(self, const char *base, const char *p, const char *stop) noexcept nogil
    cdef bint _right(self, int which, const char *p, const char *end) noexcept nogil
    cdef void _fault(self, uint32_t at, const char *what) noexcept nogil
    cdef bint _recall(self, int slot, const char *base, const char *p, const char *stop) noexcept nogil
    cdef void _learn(self, int slot, const char *p, const char *stop, const char *value, size_t size) noexcept nogil

cdef bint read_range(const char **at, const char *end, Head *head) noexcept nogil
cdef const char *wrong_value(int which) noexcept nogil
cdef int three_digits(const char *p, Py_ssize_t n) noexcept nogil
cdef void trim(const char **p, const char **end) noexcept nogil
cdef bint is_flag(char c) noexcept nogil
