/*
 * What is in a message: its number in the first 8 bytes, and after that words that follow from the number and the place, so that a
 * message that is torn, mixed of two, or shifted, is none. The last word may be cut short.
 */
#ifndef BENCH_CONTENT_H
#define BENCH_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number of the message that says to one consumer that no more will come. */
#define CONTENT_END UINT64_MAX

/* Messages lie anywhere: in memory that has other types, at any alignment. */
typedef uint64_t __attribute__((aligned(1), may_alias)) content_word;

/* Of a number: what no small error in another number gives. */
static inline uint64_t content_scramble(uint64_t number)
{
    return (number ^ number >> 29) * UINT64_C(0x9e3779b97f4a7c15);
}

/* What is behind the number. Not inlined: a message that is a number alone must not pay for it, even in registers. */
static __attribute__((noinline, unused)) void content_write_rest(content_word *words, size_t length, uint64_t number)
{
    const uint64_t base = content_scramble(number);
    const size_t whole = length / sizeof(*words);

    for (size_t at = 1; at < whole; at++)
        words[at] = base + at;
    if (length % sizeof(*words) != 0) {
        const uint64_t last = base + whole;

        memcpy((char *)words + whole * sizeof(*words), &last, length % sizeof(*words));
    }
}

static inline void content_write(void *data, size_t length, uint64_t number)
{
    content_word *words = (content_word *)data;

    words[0] = number;
    if (length > sizeof(*words))
        content_write_rest(words, length, number);
}

static inline uint64_t content_number(const void *data)
{
    return *(const content_word *)data;
}

static __attribute__((noinline, unused)) bool content_intact_rest(const content_word *words, size_t length,
                                                                  uint64_t number)
{
    const uint64_t base = content_scramble(number);
    const size_t whole = length / sizeof(*words);
    uint64_t wrong = 0;

    for (size_t at = 1; at < whole; at++)
        wrong |= words[at] ^ (base + at);
    if (length % sizeof(*words) != 0) {
        const uint64_t last = base + whole;

        wrong |= (uint64_t)(memcmp((const char *)words + whole * sizeof(*words), &last, length % sizeof(*words)) != 0);
    }
    return wrong == 0;
}

static inline bool content_intact(const void *data, size_t length, uint64_t number)
{
    const content_word *words = (const content_word *)data;

    return words[0] == number && (length == sizeof(*words) || content_intact_rest(words, length, number));
}

#endif
