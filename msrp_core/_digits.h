/* How long a number is as text. */
#ifndef MSRP_DIGITS_H
#define MSRP_DIGITS_H

#include <stdint.h>

/* Decimal digits of a number; one, for the "*", of less than none. */
static inline int msrp_digits(long long number)
{
    static const uint64_t power[] = {
        1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u, 1000000000u,
        10000000000u, 100000000000u, 1000000000000u, 10000000000000u, 100000000000000u,
        1000000000000000u, 10000000000000000u, 100000000000000000u, 1000000000000000000u,
    };
    uint64_t n = number < 0 ? 1 : (uint64_t)number | 1; /* powers of ten are even, but for the first */
    int count = 0;
#if defined(__GNUC__) || defined(__clang__)
    count = (64 - __builtin_clzll(n)) * 1233 >> 12; /* by log10(2): right, or one too few */
#endif
    while (count < 19 && n >= power[count])
        count++;
    return count;
}
#endif
