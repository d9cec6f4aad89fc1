/* Finding the end-line of a body (RFC 4975 section 7.1): CRLF, seven hyphens, transaction id.
 *
 * Two probes: the boundary's first octet (CR) at i and its last octet at i + length - 1, as many positions at a
 * time as the vector unit holds; only where both hit are the octets between compared. A search
 * for one octet alone stops at every CR (or every hyphen) of a hostile body; both at once occur
 * together only where somebody has seen the transaction id.
 *
 * CR begins the boundary and occurs nowhere else in it, so no octet is ever compared twice for
 * two different starts: the whole stays linear.
 */
#ifndef MSRP_SCAN_H
#define MSRP_SCAN_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Where `needle` stands in `hay`, or NULL. With `line`, only where flag, CR and LF follow, as far as
 * `hay` goes: the end-line of a body, and no body that imitates one. */
typedef const char *(*msrp_scan_fn)(const char *hay, size_t n, const char *needle, size_t length, int line);

static inline int msrp_line_follows(const char *p, const char *end)
{
    return (end - p < 1 || *p == '$' || *p == '+' || *p == '#') && (end - p < 2 || p[1] == '\r')
           && (end - p < 3 || p[2] == '\n');
}

/* Every first octet, one after the other: for tails shorter than a vector, and where there is none. */
static const char *msrp_scan_tail(const char *hay, size_t n, const char *needle, size_t length, int line)
{
    if (n < length)
        return NULL;
    const char *p = hay, *last = hay + (n - length);
    while (p <= last && (p = (const char *)memchr(p, needle[0], (size_t)(last - p) + 1)) != NULL) {
        if (p[length - 1] == needle[length - 1] && memcmp(p, needle, length) == 0
            && (!line || msrp_line_follows(p + length, hay + n)))
            return p;
        p++;
    }
    return NULL;
}

static const char *msrp_scan_c(const char *hay, size_t n, const char *needle, size_t length, int line)
{
#if defined(__GLIBC__) || defined(__APPLE__)
    const char *p = hay, *end = hay + n;
    while ((p = (const char *)memmem(p, (size_t)(end - p), needle, length)) != NULL) {
        if (!line || msrp_line_follows(p + length, end))
            return p;
        p += length; /* its first octet stands nowhere else in it */
    }
    return NULL;
#else
    return msrp_scan_tail(hay, n, needle, length, line);
#endif
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define MSRP_SCAN_VECTOR 1
#include <immintrin.h>

/* Where both probes hit, the second and third octet are looked at, too, as vectors: a body that
 * imitates first and last octet must then hold a third of every boundary to be looked at closer. */
#define MSRP_CLOSER(p, hits, load, equal, mask, set) \
    ((hits) & mask(equal(load((p) + 1), set(needle[1]))) & mask(equal(load((p) + 2), set(needle[2]))))

#define msrp_load16(p) _mm_loadu_si128((const __m128i *)(p))
#define msrp_load16a(p) _mm_load_si128((const __m128i *)(p))
#define msrp_mask16(x) ((uint32_t)_mm_movemask_epi8(x))

/* memcmp() == 0, without the call. */
static inline int msrp_same(const char *p, const char *needle, size_t length)
{
    if (length < 16) {
        uint64_t a[2], b[2];
        if (length < 8)
            return memcmp(p, needle, length) == 0;
        memcpy(a, p, 8), memcpy(a + 1, p + length - 8, 8);
        memcpy(b, needle, 8), memcpy(b + 1, needle + length - 8, 8);
        return a[0] == b[0] && a[1] == b[1];
    }
    __m128i differ = _mm_xor_si128(msrp_load16(p + length - 16), msrp_load16(needle + length - 16));
    for (size_t i = 0; i + 16 < length; i += 16)
        differ = _mm_or_si128(differ, _mm_xor_si128(msrp_load16(p + i), msrp_load16(needle + i)));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
}

/* The first of the positions of `hits`, counted from `at`, where all of the boundary stands. */
#define MSRP_FIRST_OF(at, hits)                                                                       \
    for (; hits; hits &= hits - 1) {                                                                  \
        const char *found = (at) + __builtin_ctzll(hits);                                             \
        if (msrp_same(found, needle, length) && (!line || msrp_line_follows(found + length, hay + n))) \
            return found;                                                                             \
    }

/* Both scans look at their first four vectors one by one, for most bodies end there, and from there on at
 * aligned ones: a load that crosses cache lines costs two, and of the two probes one at least need not. Four
 * vectors a turn: where nothing hits, one test is enough for all of them. */
static const char *msrp_scan_sse2(const char *hay, size_t n, const char *needle, size_t length, int line)
{
    if (n < length)
        return NULL;
    const char *p = hay, *last = hay + (n - length);
    const __m128i first = _mm_set1_epi8(needle[0]), final = _mm_set1_epi8(needle[length - 1]);
#define MSRP_BOTH(load, at) \
    _mm_and_si128(_mm_cmpeq_epi8(load(at), first), _mm_cmpeq_epi8(msrp_load16((at) + length - 1), final))
#define MSRP_CLOSER16(at, x) MSRP_CLOSER(at, msrp_mask16(x), msrp_load16, _mm_cmpeq_epi8, msrp_mask16, _mm_set1_epi8)
    if (p + 127 <= last) {
        uint64_t hits;
        for (int k = 0; k < 4; k++, p += 16) {
            hits = msrp_mask16(MSRP_BOTH(msrp_load16, p));
            MSRP_FIRST_OF(p, hits)
        }
        p -= (uintptr_t)p & 15;
        for (; p + 63 <= last; p += 64) {
            __m128i a = MSRP_BOTH(msrp_load16a, p), b = MSRP_BOTH(msrp_load16a, p + 16),
                    c = MSRP_BOTH(msrp_load16a, p + 32), d = MSRP_BOTH(msrp_load16a, p + 48);
            if (msrp_mask16(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)))) {
                hits = (uint64_t)MSRP_CLOSER16(p, a) | (uint64_t)MSRP_CLOSER16(p + 16, b) << 16
                       | (uint64_t)MSRP_CLOSER16(p + 32, c) << 32 | (uint64_t)MSRP_CLOSER16(p + 48, d) << 48;
                MSRP_FIRST_OF(p, hits)
            }
        }
    }
    for (; p + 15 <= last; p += 16) {
        uint64_t hits = msrp_mask16(MSRP_BOTH(msrp_load16, p));
        MSRP_FIRST_OF(p, hits)
    }
    return p <= last ? msrp_scan_tail(p, (size_t)(hay + n - p), needle, length, line) : NULL;
#undef MSRP_BOTH
#undef MSRP_CLOSER16
}

#define msrp_load32(p) _mm256_loadu_si256((const __m256i *)(p))
#define msrp_load32a(p) _mm256_load_si256((const __m256i *)(p))
#define msrp_mask32(x) ((uint64_t)(uint32_t)_mm256_movemask_epi8(x))

__attribute__((target("avx2"))) static const char *msrp_scan_avx2(const char *hay, size_t n,
                                                                  const char *needle, size_t length, int line)
{
    if (n < length)
        return NULL;
    const char *p = hay, *last = hay + (n - length);
    const __m256i first = _mm256_set1_epi8(needle[0]), final = _mm256_set1_epi8(needle[length - 1]);
#define MSRP_BOTH(load, at)                               \
    _mm256_and_si256(_mm256_cmpeq_epi8(load(at), first), \
                     _mm256_cmpeq_epi8(msrp_load32((at) + length - 1), final))
#define MSRP_CLOSER32(at, x) MSRP_CLOSER(at, msrp_mask32(x), msrp_load32, _mm256_cmpeq_epi8, msrp_mask32, _mm256_set1_epi8)
    if (p + 255 <= last) {
        uint64_t hits;
        for (int k = 0; k < 4; k++, p += 32) {
            hits = msrp_mask32(MSRP_BOTH(msrp_load32, p));
            MSRP_FIRST_OF(p, hits)
        }
        p -= (uintptr_t)p & 31;
        for (; p + 127 <= last; p += 128) {
            /* Ahead of the processor's own prefetching, which stops at every page. */
            __builtin_prefetch(p + 512);
            __builtin_prefetch(p + 576);
            __m256i a = MSRP_BOTH(msrp_load32a, p), b = MSRP_BOTH(msrp_load32a, p + 32),
                    c = MSRP_BOTH(msrp_load32a, p + 64), d = MSRP_BOTH(msrp_load32a, p + 96);
            __m256i any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
            if (!_mm256_testz_si256(any, any)) {
                const __m256i each[4] = {a, b, c, d};
                for (int k = 0; k < 4; k++) {
                    hits = MSRP_CLOSER32(p + 32 * k, each[k]);
                    MSRP_FIRST_OF(p + 32 * k, hits)
                }
            }
        }
    }
#undef MSRP_BOTH
#undef MSRP_CLOSER32
    return p <= last ? msrp_scan_sse2(p, (size_t)(hay + n - p), needle, length, line) : NULL;
}
#endif

#ifndef MSRP_SCAN_VECTOR
#define msrp_same(p, needle, length) (memcmp(p, needle, length) == 0)
#endif

/* The octets of a head that deserve a look, one after the other: below the space, DEL, and above
 * 0x7e. Where all is well those are the line ends; 64 octets are looked at in one go. */
typedef struct {
    const char *block, *next, *end;
    uint64_t bits;
} msrp_marks;

static inline void msrp_marks_begin(msrp_marks *marks, const char *p, const char *end)
{
    marks->block = marks->next = p;
    marks->end = end;
    marks->bits = 0;
}

static inline uint64_t msrp_marks_few(const char *p, size_t n)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)((unsigned char)p[i] < 0x20 || (unsigned char)p[i] >= 0x7f) << i;
    return bits;
}

#ifdef MSRP_SCAN_VECTOR
static inline uint64_t msrp_marks_16(const char *p)
{
    const __m128i x = _mm_loadu_si128((const __m128i *)p);
    /* Signed: what is above 0x7f counts as below the space, too. */
    return (uint64_t)(uint32_t)_mm_movemask_epi8(
        _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f))));
}

static inline int msrp_first_bit(uint64_t bits) { return __builtin_ctzll(bits); }
#else
static inline int msrp_first_bit(uint64_t bits)
{
    int i = 0;
    while (!(bits & 1)) {
        bits >>= 1;
        i++;
    }
    return i;
}
#endif

/* The next of them, or NULL. */
static inline const char *msrp_marks_next(msrp_marks *marks)
{
    while (marks->bits == 0) {
        const char *p = marks->next;
        size_t n = (size_t)(marks->end - p);
        if (n == 0)
            return NULL;
        if (n > 64)
            n = 64;
        marks->block = p;
        marks->next = p + n;
#ifdef MSRP_SCAN_VECTOR
        if (n == 64)
            marks->bits = msrp_marks_16(p) | msrp_marks_16(p + 16) << 16 | msrp_marks_16(p + 32) << 32
                          | msrp_marks_16(p + 48) << 48;
        else
#endif
            marks->bits = msrp_marks_few(p, n);
    }
    const char *found = marks->block + msrp_first_bit(marks->bits);
    marks->bits &= marks->bits - 1;
    return found;
}

/* How many octets from p on are ident-char (RFC 4975 section 9), 33 at the most. */
static inline size_t msrp_ident_span(const char *p, const char *end, const uint8_t *classes, uint8_t ident)
{
    size_t i = 0, most = (size_t)(end - p);
    if (most > 33)
        most = 33;
#ifdef MSRP_SCAN_VECTOR
    for (; most - i >= 16; i += 16) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(p + i));
        const __m128i low = _mm_or_si128(x, _mm_set1_epi8(0x20));
        /* a-z and 0-9 by range: shifted so that a signed comparison does. */
        const __m128i letter = _mm_cmplt_epi8(_mm_add_epi8(low, _mm_set1_epi8((char)(0x80 - 'a'))),
                                              _mm_set1_epi8((char)(0x80 + 26)));
        const __m128i digit = _mm_cmplt_epi8(_mm_add_epi8(x, _mm_set1_epi8((char)(0x80 - '0'))),
                                             _mm_set1_epi8((char)(0x80 + 10)));
        const __m128i sign = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('.')), _mm_cmpeq_epi8(x, _mm_set1_epi8('-'))),
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('+')), _mm_cmpeq_epi8(x, _mm_set1_epi8('%'))),
                         _mm_cmpeq_epi8(x, _mm_set1_epi8('='))));
        const unsigned other = ~(unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), sign)) & 0xffffu;
        if (other)
            return i + (size_t)__builtin_ctz(other);
    }
#endif
    while (i < most && (classes[(uint8_t)p[i]] & ident))
        i++;
    return i;
}

/* Copy, and say whether "----" stands at some multiple of four (the hint of RFC 4975 section 7.3):
 * where it does not, no seven hyphens stand anywhere, and no end-line. */
static int msrp_copy_c(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    for (size_t i = 0; i + 4 <= n; i += 4)
        if (memcmp(from + i, "----", 4) == 0)
            return 1;
    return 0;
}

#ifdef MSRP_SCAN_VECTOR
static int msrp_copy_sse2(char *to, const char *from, size_t n)
{
    const __m128i four = _mm_set1_epi8('-');
    __m128i seen = _mm_setzero_si128();
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m128i a = msrp_load16(from + i), b = msrp_load16(from + i + 16);
        _mm_storeu_si128((__m128i *)(to + i), a);
        _mm_storeu_si128((__m128i *)(to + i + 16), b);
        seen = _mm_or_si128(seen, _mm_or_si128(_mm_cmpeq_epi32(a, four), _mm_cmpeq_epi32(b, four)));
    }
    return msrp_copy_c(to + i, from + i, n - i) | (_mm_movemask_epi8(seen) != 0);
}

__attribute__((target("avx2"))) static int msrp_copy_avx2(char *to, const char *from, size_t n)
{
    const __m256i four = _mm256_set1_epi8('-');
    __m256i seen = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 128 <= n; i += 128) {
        __m256i a = msrp_load32(from + i), b = msrp_load32(from + i + 32), c = msrp_load32(from + i + 64),
                d = msrp_load32(from + i + 96);
        _mm256_storeu_si256((__m256i *)(to + i), a);
        _mm256_storeu_si256((__m256i *)(to + i + 32), b);
        _mm256_storeu_si256((__m256i *)(to + i + 64), c);
        _mm256_storeu_si256((__m256i *)(to + i + 96), d);
        seen = _mm256_or_si256(
            seen, _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi32(a, four), _mm256_cmpeq_epi32(b, four)),
                                  _mm256_or_si256(_mm256_cmpeq_epi32(c, four), _mm256_cmpeq_epi32(d, four))));
    }
    return msrp_copy_sse2(to + i, from + i, n - i) | (_mm256_movemask_epi8(seen) != 0);
}
#endif

typedef int (*msrp_copy_fn)(char *, const char *, size_t);

static msrp_copy_fn msrp_copy = msrp_copy_c;
static msrp_scan_fn msrp_scan = msrp_scan_c;
static const char *msrp_scan_chosen = "c";

/* The best this processor has, or the one asked for: 0; -1 where that one cannot run here. */
static int msrp_scan_choose(const char *wanted)
{
    int any = wanted == NULL || *wanted == 0;
#ifdef MSRP_SCAN_VECTOR
    if ((any || strcmp(wanted, "avx2") == 0) && __builtin_cpu_supports("avx2")) {
        msrp_scan = msrp_scan_avx2;
        msrp_copy = msrp_copy_avx2;
        msrp_scan_chosen = "avx2";
        return 0;
    }
    if (any || strcmp(wanted, "sse2") == 0) {
        msrp_scan = msrp_scan_sse2;
        msrp_copy = msrp_copy_sse2;
        msrp_scan_chosen = "sse2";
        return 0;
    }
#endif
    if (any || strcmp(wanted, "c") == 0) {
        msrp_scan = msrp_scan_c;
        msrp_copy = msrp_copy_c;
        msrp_scan_chosen = "c";
        return 0;
    }
    return -1;
}
#endif
