/* What is in a message follows from its tag: so one that is another's, or not whole, is seen. */
#ifndef TESTS_REFERENCE_PAYLOAD_H
#define TESTS_REFERENCE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t payload_piece(uint32_t tag, size_t at)
{
    return (tag + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15) + at * UINT64_C(0xd6e8feb86659fd93);
}

static inline size_t payload_piece_size(size_t at, size_t length)
{
    return length - at < 8 ? length - at : 8;
}

static inline void payload_fill(void *where, size_t length, uint32_t tag)
{
    for (size_t at = 0; at < length; at += 8) {
        uint64_t piece = payload_piece(tag, at);

        memcpy((unsigned char *)where + at, &piece, payload_piece_size(at, length));
    }
}

static inline bool payload_is(const void *data, size_t length, uint32_t tag)
{
    for (size_t at = 0; at < length; at += 8) {
        uint64_t piece = payload_piece(tag, at);

        if (memcmp((const unsigned char *)data + at, &piece, payload_piece_size(at, length)) != 0)
            return false;
    }
    return true;
}

#endif
