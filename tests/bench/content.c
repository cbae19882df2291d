#include "content.h"

void content_write_rest(content_word *words, size_t length, uint64_t number)
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

bool content_intact_rest(const content_word *words, size_t length, uint64_t number)
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
