/* The productions of RFC 4975 section 9 that the parser and the writer both ask about. */
#ifndef MSRP_GRAMMAR_H
#define MSRP_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    G_ALPHA = 1,   /* A-Z a-z */
    G_DIGIT = 2,
    G_IDENT = 4,   /* ident-char: ALPHANUM . - + % = */
    G_TOKEN = 8,   /* token */
    G_SESSION = 16, /* session-id: unreserved + = / */
    G_HOST = 32,   /* reg-name and userinfo: unreserved and sub-delims but ';' */
    G_HEX = 64,
    G_UPPER = 128
};

static uint8_t g_class[256];

static void grammar_init(void)
{
    int c;
    for (c = 0; c < 256; c++) {
        int alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'), digit = c >= '0' && c <= '9';
        int is = 0;
        if (alpha) is |= G_ALPHA;
        if (digit) is |= G_DIGIT;
        if (c >= 'A' && c <= 'Z') is |= G_UPPER;
        if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) is |= G_HEX;
        if (alpha || digit || (c && strchr(".-+%=", c))) is |= G_IDENT;
        if (c == 0x21 || (c >= 0x23 && c <= 0x27) || c == 0x2a || c == 0x2b || c == 0x2d || c == 0x2e || digit
            || (c >= 0x41 && c <= 0x5a) || (c >= 0x5e && c <= 0x7e))
            is |= G_TOKEN;
        if (alpha || digit || (c && strchr("-._~+=/", c))) is |= G_SESSION;
        if (alpha || digit || (c && strchr("-._~!$&'()*+,=", c))) is |= G_HOST;
        g_class[c] = (uint8_t)is;
    }
}

#define G_IS(c, what) (g_class[(uint8_t)(c)] & (what))

/* ident: ALPHANUM 3*31ident-char */
static inline int g_ident(const char *p, size_t n)
{
    size_t i;
    if (n < 4 || n > 32 || !G_IS(p[0], G_ALPHA | G_DIGIT))
        return 0;
    for (i = 1; i < n; i++)
        if (!G_IS(p[i], G_IDENT))
            return 0;
    return 1;
}

/* ALPHA *token */
static inline int g_name(const char *p, size_t n)
{
    size_t i;
    if (n == 0 || !G_IS(p[0], G_ALPHA))
        return 0;
    for (i = 1; i < n; i++)
        if (!G_IS(p[i], G_TOKEN))
            return 0;
    return 1;
}

/* Equal but for the case of letters; `lower` is lower-case already. */
static inline int g_same(const char *p, const char *lower, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++) {
        char c = p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c != lower[i])
            return 0;
    }
    return 1;
}

/* The headers of RFC 4975 itself, and Content-Type. */
enum {
    H_OTHER = 0,
    H_TO,
    H_FROM,
    H_MESSAGE_ID,
    H_BYTE_RANGE,
    H_CONTENT_TYPE,
    H_STATUS,
    H_SUCCESS,
    H_FAILURE
};

/* Eight octets in lower case, as one number. Only '-' and ':' have other octets that become
 * them, CR and 0x1a: a line with either never comes here. */
static inline uint64_t g_lower8(const char *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return w | 0x2020202020202020u;
}

static inline uint64_t g_eight(const char *literal)
{
    uint64_t w;
    memcpy(&w, literal, 8);
    return w;
}

/* Which of them a line of 16 octets or more, none of them odd, begins with: its number, and in
 * *size the length of its name; H_OTHER where it is another. */
static inline int g_usual(const char *p, size_t *size)
{
    const uint64_t w = g_lower8(p);
    switch (p[0] | 0x20) {
    case 't':
        *size = 7;
        return w == g_eight("to-path:") ? H_TO : H_OTHER;
    case 'f':
        *size = 9;
        if (w == g_eight("from-pat") && (p[8] | 0x20) == 'h' && p[9] == ':')
            return H_FROM;
        *size = 14;
        return w == g_eight("failure-") && g_lower8(p + 7) == g_eight("-report:") ? H_FAILURE : H_OTHER;
    case 'm':
        *size = 10;
        return w == g_eight("message-") && g_lower8(p + 3) == g_eight("sage-id:") ? H_MESSAGE_ID : H_OTHER;
    case 'b':
        *size = 10;
        return w == g_eight("byte-ran") && g_lower8(p + 3) == g_eight("e-range:") ? H_BYTE_RANGE : H_OTHER;
    case 'c':
        *size = 12;
        return w == g_eight("content-") && g_lower8(p + 5) == g_eight("nt-type:") ? H_CONTENT_TYPE : H_OTHER;
    case 's':
        *size = 14;
        if (w == g_eight("success-") && g_lower8(p + 7) == g_eight("-report:"))
            return H_SUCCESS;
        *size = 6;
        return g_same(p, "status:", 7) ? H_STATUS : H_OTHER;
    default:
        return H_OTHER;
    }
}

/* The same for any name, its length known. */
static int g_header(const char *p, size_t n)
{
    switch (n) {
    case 6:
        return g_same(p, "status", 6) ? H_STATUS : H_OTHER;
    case 7:
        return g_same(p, "to-path", 7) ? H_TO : H_OTHER;
    case 9:
        return g_same(p, "from-path", 9) ? H_FROM : H_OTHER;
    case 10:
        return g_same(p, "message-id", 10) ? H_MESSAGE_ID : g_same(p, "byte-range", 10) ? H_BYTE_RANGE : H_OTHER;
    case 12:
        return g_same(p, "content-type", 12) ? H_CONTENT_TYPE : H_OTHER;
    case 14:
        return g_same(p, "success-report", 14)   ? H_SUCCESS
               : g_same(p, "failure-report", 14) ? H_FAILURE
                                                 : H_OTHER;
    default:
        return H_OTHER;
    }
}

/* utf8text, RFC 4975's own: HTAB, %x20-7E, and sequences of up to six octets. The index of the
 * first octet that does not fit, or -1. */
static ptrdiff_t g_text(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint8_t c = (uint8_t)p[i];
        size_t more;
        if (c < 0x80) {
            if (c < 0x20 ? c != '\t' : c == 0x7f)
                return (ptrdiff_t)i;
            i++;
            continue;
        }
        more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf8 ? 3 : c < 0xfc ? 4 : c < 0xfe ? 5 : 0;
        if (more == 0 || n - i <= more)
            return (ptrdiff_t)i;
        for (size_t k = 1; k <= more; k++)
            if (((uint8_t)p[i + k] & 0xc0) != 0x80)
                return (ptrdiff_t)i;
        i += more + 1;
    }
    return -1;
}

/* media-type: type "/" subtype *( ";" gen-param ), white space around ";" tolerated. */
static int g_media_type(const char *p, size_t n)
{
    size_t i = 0, from;
    for (from = i; i < n && G_IS(p[i], G_TOKEN); i++) {}
    if (i == from || i >= n || p[i] != '/')
        return 0;
    for (from = ++i; i < n && G_IS(p[i], G_TOKEN); i++) {}
    if (i == from)
        return 0;
    for (;;) {
        while (i < n && (p[i] == ' ' || p[i] == '\t')) i++;
        if (i >= n)
            return 1;
        if (p[i++] != ';')
            return 0;
        while (i < n && (p[i] == ' ' || p[i] == '\t')) i++;
        for (from = i; i < n && G_IS(p[i], G_TOKEN); i++) {}
        if (i == from)
            return 0;
        if (i < n && p[i] == '=') {
            i++;
            if (i < n && p[i] == '"') {
                for (i++; i < n && p[i] != '"'; i++) {
                    uint8_t c = (uint8_t)p[i];
                    if (c < 0x20 ? c != '\t' : c == 0x7f)
                        return 0;
                    if (c == '\\' && (++i >= n || (p[i] != '\\' && p[i] != '"')))
                        return 0;
                }
                if (i++ >= n)
                    return 0;
            } else {
                for (from = i; i < n && G_IS(p[i], G_TOKEN); i++) {}
                if (i == from)
                    return 0;
            }
        }
    }
}

static int g_octet(const char *p, size_t n)
{
    int value = 0;
    if (n < 1 || n > 3)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!G_IS(p[i], G_DIGIT))
            return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value <= 255 ? value : -1;
}

/* IPv6address of RFC 3986, an embedded IPv4 address included. */
static int g_ipv6(const char *p, size_t n)
{
    int groups = 0, gap = 0;
    size_t i = 0;
    if (n < 2)
        return 0;
    if (p[0] == ':') {
        if (p[1] != ':')
            return 0;
    }
    while (i < n) {
        if (p[i] == ':' && i + 1 < n && p[i + 1] == ':') {
            if (gap)
                return 0;
            gap = 1;
            i += 2;
            if (i == n)
                break;
        } else if (i > 0 && p[i - 1] != ':') {
            if (p[i] != ':')
                return 0;
            i++;
        }
        size_t from = i;
        while (i < n && i - from < 5 && G_IS(p[i], G_HEX)) i++;
        if (i < n && p[i] == '.') { /* the last 32 bits as IPv4 */
            int parts = 0;
            size_t j = from;
            for (;;) {
                size_t k = j;
                while (k < n && G_IS(p[k], G_DIGIT)) k++;
                if (g_octet(p + j, k - j) < 0 || (k - j > 1 && p[j] == '0'))
                    return 0;
                parts++;
                if (k == n)
                    break;
                if (p[k] != '.' || parts == 4)
                    return 0;
                j = k + 1;
            }
            if (parts != 4)
                return 0;
            groups += 2;
            i = n;
            break;
        }
        if (i == from || i - from > 4)
            return 0;
        groups++;
    }
    return gap ? groups <= 7 : groups == 8;
}

/* MSRP-URI, its authority as RFC 3986 has it, save that ";" in it must be percent-encoded:
 * otherwise nobody could tell where the authority ends. */
static int g_uri(const char *p, size_t n)
{
    size_t i, end, at, from;
    if (n > 4096 || n < 8 || !g_same(p, "msrp", 4))
        return 0;
    i = 4;
    if (p[i] == 's' || p[i] == 'S')
        i++;
    if (n - i < 3 || memcmp(p + i, "://", 3) != 0)
        return 0;
    i += 3;
    at = 0;
    for (end = i; end < n && p[end] != '/' && p[end] != ';'; end++)
        if (p[end] == '@')
            at = end;
    if (at) {
        for (; i < at; i++) {
            if (p[i] == '%') {
                if (at - i < 3 || !G_IS(p[i + 1], G_HEX) || !G_IS(p[i + 2], G_HEX))
                    return 0;
                i += 2;
            } else if (!G_IS(p[i], G_HOST) && p[i] != ':')
                return 0;
        }
        i = at + 1;
    }
    if (i < end && p[i] == '[') {
        from = ++i;
        while (i < end && p[i] != ']') i++;
        if (i >= end || !g_ipv6(p + from, i - from))
            return 0;
        i++;
    } else {
        for (from = i; i < end && p[i] != ':'; i++) {
            if (p[i] == '%') {
                if (end - i < 3 || !G_IS(p[i + 1], G_HEX) || !G_IS(p[i + 2], G_HEX))
                    return 0;
                i += 2;
            } else if (!G_IS(p[i], G_HOST))
                return 0;
        }
        if (i == from)
            return 0;
    }
    if (i < end) {
        long port = 0;
        if (p[i++] != ':' || i == end)
            return 0;
        for (; i < end; i++) {
            if (!G_IS(p[i], G_DIGIT) || (port = port * 10 + (p[i] - '0')) > 65535)
                return 0;
        }
    }
    if (i < n && p[i] == '/') {
        for (from = ++i; i < n && G_IS(p[i], G_SESSION); i++) {}
        if (i == from)
            return 0;
    }
    if (i >= n || p[i++] != ';')
        return 0;
    for (from = i; i < n && G_IS(p[i], G_ALPHA | G_DIGIT); i++) {}
    if (i == from)
        return 0;
    while (i < n) {
        if (p[i++] != ';')
            return 0;
        for (from = i; i < n && G_IS(p[i], G_TOKEN); i++) {}
        if (i == from)
            return 0;
        if (i < n && p[i] == '=') {
            for (from = ++i; i < n && G_IS(p[i], G_TOKEN); i++) {}
            if (i == from)
                return 0;
        }
    }
    return 1;
}

/* MSRP-URI *( SP MSRP-URI ), more than one SP between two of them tolerated. */
static int g_path(const char *p, size_t n)
{
    size_t i = 0, from;
    for (;;) {
        for (from = i; i < n && p[i] != ' '; i++) {}
        if (!g_uri(p + from, i - from))
            return 0;
        while (i < n && p[i] == ' ') i++;
        if (i >= n)
            return 1;
    }
}

#endif
