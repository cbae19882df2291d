#include "content.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void write_words(content_word *words, size_t count, uint64_t base)
{
    for (size_t at = 1; at < count; at++)
        words[at] = base + at;
}

/* 0: they are what they were written as. */
INLINE uint64_t compare_words(const content_word *words, size_t count, uint64_t base)
{
    uint64_t wrong = 0;

    for (size_t at = 1; at < count; at++)
        wrong |= words[at] ^ (base + at);
    return wrong;
}

/* Of so few words, those of 56 and 64 bytes, a loop takes longer than what it does: a compiler that knows how many needs none. */
enum { SEVEN = 7, EIGHT = 8 };

void content_write_rest(content_word *words, size_t length, uint64_t number)
{
    const uint64_t base = content_scramble(number);
    const size_t whole = length / sizeof(*words);

    if (whole == SEVEN)
        write_words(words, SEVEN, base);
    else if (whole == EIGHT)
        write_words(words, EIGHT, base);
    else
        write_words(words, whole, base);
    if (length % sizeof(*words) != 0) {
        const uint64_t last = base + whole;

        memcpy((char *)words + whole * sizeof(*words), &last, length % sizeof(*words));
    }
}

bool content_intact_rest(const content_word *words, size_t length, uint64_t number)
{
    const uint64_t base = content_scramble(number);
    const size_t whole = length / sizeof(*words);
    uint64_t wrong;

    if (whole == SEVEN)
        wrong = compare_words(words, SEVEN, base);
    else if (whole == EIGHT)
        wrong = compare_words(words, EIGHT, base);
    else
        wrong = compare_words(words, whole, base);
    if (length % sizeof(*words) != 0) {
        const uint64_t last = base + whole;

        wrong |= (uint64_t)(memcmp((const char *)words + whole * sizeof(*words), &last, length % sizeof(*words)) != 0);
    }
    return wrong == 0;
}
