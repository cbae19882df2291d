/*
 * For queues whose elements are words: a message of 8 bytes is the element; a longer one lies in a pool in shared memory, and the element points
 * to it (the processes are forked, so that it lies at the same address in all).
 *
 * The pool goes round. A place is written again when so many later messages were put into the queue that the one consumer must have taken, and
 * released, what lay there: those in the queue, those it may hold, and those not yet put in. So messages in a pool are for one consumer alone.
 */
#ifndef BENCH_VALUES_H
#define BENCH_VALUES_H

#include "bench.h"

#include <string.h>

struct values_pool {
    unsigned char *memory; /* NULL: none */
    size_t length;         /* of each message; if it has one of its own: 0, and that goes before it */
    size_t header;
    size_t stride;
    size_t size; /* bytes, a multiple of the stride */
};

struct values_out {
    struct values_pool pool;
    size_t at;      /* in the pool */
    uint64_t alone; /* a message of 8 bytes is written here */
    uint64_t pending[BATCH_MOST];
    unsigned count; /* of these */
};

struct values_in {
    bool pooled;
    size_t length, header; /* as in the pool */
    uint64_t taken[BATCH_MOST];
};

#define VALUES_LINE ((size_t)64)

/* For a queue of `slots` elements. A message that is as long as a line, or longer, begins with one. */
static inline struct values_pool values_make_pool(const struct work *work, size_t slots)
{
    struct values_pool pool = {NULL, 0, 0, 0, 0};

    if (work->length > sizeof(uint64_t)) {
        const size_t unit = work->length < VALUES_LINE || work->mixed ? sizeof(uint64_t) : VALUES_LINE;

        pool.length = work->mixed ? 0 : work->length;
        pool.header = work->mixed ? sizeof(uint64_t) : 0;
        pool.stride = pool.header + (work->length + unit - 1) / unit * unit;
        pool.size = pool.stride * (slots + 2 * work->batch + 2);
        pool.memory = (unsigned char *)shared_memory(pool.size);
    }
    return pool;
}

static inline struct values_in values_from(const struct values_pool *pool)
{
    struct values_in in = {pool->memory != NULL, pool->length, pool->header, {0}};

    return in;
}

/* How many elements a queue has whose messages take up `capacity` bytes. */
static inline size_t values_slots(const struct work *work)
{
    const size_t slots = floor_power(work->capacity / ((work->length + 7) / 8 * 8));

    return slots < 4 ? 4 : slots;
}

static inline void *values_reserve(struct values_out *out)
{
    return out->pool.memory == NULL ? (void *)&out->alone : out->pool.memory + out->at + out->pool.header;
}

static inline void values_commit(struct values_out *out, size_t length)
{
    if (out->pool.memory == NULL) {
        out->pending[out->count++] = out->alone;
        return;
    }
    if (out->pool.header != 0)
        *(uint64_t *)(void *)(out->pool.memory + out->at) = length;
    out->pending[out->count++] = (uint64_t)(uintptr_t)(out->pool.memory + out->at);
    out->at += out->pool.stride;
    if (out->at == out->pool.size)
        out->at = 0;
}

/* The first `done` were put into the queue. True: none is left. */
static inline bool values_flushed(struct values_out *out, unsigned done)
{
    out->count -= done;
    if (out->count == 0)
        return true;
    memmove(out->pending, out->pending + done, out->count * sizeof(out->pending[0]));
    return false;
}

/* The message that element `index` of those just taken is. */
static inline struct message values_message(const struct values_in *in, int index)
{
    struct message message = {&in->taken[index], sizeof(uint64_t)};

    if (in->pooled) {
        const uint64_t *slot = (const uint64_t *)(uintptr_t)in->taken[index];

        message.data = (const unsigned char *)slot + in->header;
        message.length = in->header == 0 ? in->length : *slot;
    }
    return message;
}

#endif
