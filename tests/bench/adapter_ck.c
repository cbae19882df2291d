/* Concurrency Kit's ck_ring of pointers: its single-consumer kind, and for groups of several members its multi-consumer one. */
#include "loops.h"
#include "values.h"

#include <ck_ring.h>
#include <stdlib.h>

struct channel {
    ck_ring_t ring;
    struct values_pool pool;
    ck_ring_buffer_t *buffer;
};

struct producing {
    struct channel *channel;
    struct values_out values;
};

struct consuming {
    struct channel *channel;
    struct values_in values;
};

static void *create(const struct work *work, void *other)
{
    const size_t slots = values_slots(work);
    struct channel *channel = shared_memory(sizeof(*channel));

    (void)other;
    ck_ring_init(&channel->ring, (unsigned)slots);
    channel->buffer = shared_memory(slots * sizeof(*channel->buffer));
    channel->pool = values_make_pool(work, slots);
    return channel;
}

static void *open_producer(void *of)
{
    struct producing *end = calloc(1, sizeof(*end));

    end->channel = of;
    end->values.pool = end->channel->pool;
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->channel = of;
    end->values = values_from(&end->channel->pool);
    return end;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    (void)length;
    return values_reserve(&end->values);
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    values_commit(&end->values, length);
}

INLINE void release(void *of)
{
    (void)of;
}

INLINE bool flush_lone(void *of)
{
    struct producing *end = of;
    void *value = (void *)(uintptr_t)end->values.pending[0];

    return ck_ring_enqueue_spsc(&end->channel->ring, end->channel->buffer, value) && values_flushed(&end->values, 1);
}

INLINE int next_lone(void *of, struct message *message)
{
    struct consuming *end = of;
    void *value;

    if (!ck_ring_dequeue_spsc(&end->channel->ring, end->channel->buffer, &value))
        return 0;
    end->values.taken[0] = (uintptr_t)value;
    *message = values_message(&end->values, 0);
    return 1;
}

INLINE bool flush_shared(void *of)
{
    struct producing *end = of;
    void *value = (void *)(uintptr_t)end->values.pending[0];

    return ck_ring_enqueue_spmc(&end->channel->ring, end->channel->buffer, value) && values_flushed(&end->values, 1);
}

INLINE int next_shared(void *of, struct message *message)
{
    struct consuming *end = of;
    void *value;

    if (!ck_ring_dequeue_spmc(&end->channel->ring, end->channel->buffer, &value))
        return 0;
    end->values.taken[0] = (uintptr_t)value;
    *message = values_message(&end->values, 0);
    return 1;
}

static const struct ops lone = {
    .reserve = reserve, .commit = commit, .flush = flush_lone, .next = next_lone, .release = release};

static const struct ops shared = {
    .reserve = reserve, .commit = commit, .flush = flush_shared, .next = next_shared, .release = release};

LOOPS(play_shared, &shared, BORROWED)
LOOPS(play_lone, &lone, BORROWED)

static void play(struct side *side)
{
    (side->work->members > 1 ? play_shared : play_lone)(side);
}

const struct adapter adapter_ck = {.name = "ck_ring",
                                   .origin = DEBIAN,
                                   .mixes = true,
                                   .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                   .longest = 1 << 16,
                                   .longest_shared = sizeof(uint64_t),
                                   .create = create,
                                   .open_producer = open_producer,
                                   .open_consumer = open_consumer,
                                   .play = play};
