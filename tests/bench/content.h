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

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What is behind the number. One function for all queues, so that none has it better aligned, or more of it unrolled; and none of which a message that is a
 * number alone must keep registers free for.
 */
void content_write_rest(content_word *words, size_t length, uint64_t number);
bool content_intact_rest(const content_word *words, size_t length, uint64_t number);

#ifdef __cplusplus
}
#endif

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

static inline bool content_intact(const void *data, size_t length, uint64_t number)
{
    const content_word *words = (const content_word *)data;

    return words[0] == number && (length == sizeof(*words) || content_intact_rest(words, length, number));
}

#endif
