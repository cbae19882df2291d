/*
 * What the targets share: an input read as a script, and a check that ends the program.
 *
 * An input that is used up goes on as zeroes; a script ends with its input.
 */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                        \
            __builtin_trap();                                                                                          \
        }                                                                                                              \
    } while (0)

struct script {
    const uint8_t *at;
    size_t left;
};

static inline uint64_t script_take(struct script *script, size_t bytes)
{
    uint64_t value = 0;

    for (; bytes > 0 && script->left > 0; bytes--, script->left--)
        value = value << 8 | *script->at++;
    return value;
}

static inline uint32_t script_below(struct script *script, uint32_t limit)
{
    return (uint32_t)script_take(script, limit > 256 ? 2 : 1) % limit;
}

/* A word that a peer might leave where `honest` stands: near it, small, none at all, or anything. */
static inline uint64_t script_word(struct script *script, uint64_t honest)
{
    switch (script_below(script, 6)) {
    case 0:
        return honest + (uint64_t)(int64_t)(int8_t)script_take(script, 1) * 8;
    case 1:
        return honest + (uint64_t)(int64_t)(int16_t)script_take(script, 2);
    case 2:
        return script_take(script, 1);
    case 3:
        return script_take(script, 2) * 8;
    case 4:
        return UINT64_MAX - script_take(script, 1);
    default:
        return script_take(script, 8);
    }
}

#endif
