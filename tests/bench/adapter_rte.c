/*
 * DPDK's rte_ring of pointers, in memory of our own, which needs none of DPDK's environment. One by one, and by bursts. For groups of
 * several members, with its usual multi-consumer dequeue, where each waits for those who began before; and with the one that it has for
 * more consumers than processors (RTS), where nobody does.
 */
#include "loops.h"
#include "values.h"

#include <rte_ring.h>
#include <stdlib.h>

struct channel {
    struct rte_ring *ring;
    struct values_pool pool;
};

struct producing {
    struct rte_ring *ring;
    struct values_out values;
};

struct consuming {
    struct rte_ring *ring;
    struct values_in values;
};

static void *make(const struct work *work, unsigned flags)
{
    const size_t slots = values_slots(work);
    const ssize_t size = rte_ring_get_memsize((unsigned)slots);
    struct channel *channel = malloc(sizeof(*channel));

    if (size < 0)
        fault("rte_ring_get_memsize: %zd", size);
    channel->ring = shared_memory((size_t)size);
    if (rte_ring_init(channel->ring, "bench", (unsigned)slots, RING_F_SP_ENQ | flags) != 0)
        fault("rte_ring_init of %zu slots", slots);
    channel->pool = values_make_pool(work, slots);
    return channel;
}

static void *create(const struct work *work, void *other)
{
    (void)other;
    return make(work, work->members > 1 ? 0 : RING_F_SC_DEQ);
}

static void *create_relaxed(const struct work *work, void *other)
{
    (void)other;
    return make(work, RING_F_MC_RTS_DEQ);
}

static void *open_producer(void *of)
{
    const struct channel *channel = of;
    struct producing *end = calloc(1, sizeof(*end));

    end->ring = channel->ring;
    end->values.pool = channel->pool;
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    const struct channel *channel = of;
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->ring = channel->ring;
    end->values = values_from(&channel->pool);
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

INLINE bool flush(void *of)
{
    struct producing *end = of;
    void *const *values = (void *const *)(void *)end->values.pending;

    if (end->values.count == 1)
        return rte_ring_sp_enqueue(end->ring, values[0]) == 0 && values_flushed(&end->values, 1);
    return values_flushed(&end->values, rte_ring_sp_enqueue_burst(end->ring, values, end->values.count, NULL));
}

INLINE void release(void *of)
{
    (void)of;
}

INLINE int next_lone(void *of, struct message *message)
{
    struct consuming *end = of;

    if (rte_ring_sc_dequeue(end->ring, (void **)(void *)end->values.taken) != 0)
        return 0;
    *message = values_message(&end->values, 0);
    return 1;
}

INLINE int hand_out(struct consuming *end, struct message *messages, unsigned count)
{
    for (unsigned at = 0; at < count; at++)
        messages[at] = values_message(&end->values, (int)at);
    return (int)count;
}

INLINE int burst_lone(void *of, struct message *messages, int most)
{
    struct consuming *end = of;
    void **into = (void **)(void *)end->values.taken;

    return hand_out(end, messages, rte_ring_sc_dequeue_burst(end->ring, into, (unsigned)most, NULL));
}

INLINE int next_shared(void *of, struct message *message)
{
    struct consuming *end = of;

    if (rte_ring_dequeue(end->ring, (void **)(void *)end->values.taken) != 0)
        return 0;
    *message = values_message(&end->values, 0);
    return 1;
}

INLINE int burst_shared(void *of, struct message *messages, int most)
{
    struct consuming *end = of;
    void **into = (void **)(void *)end->values.taken;

    return hand_out(end, messages, rte_ring_dequeue_burst(end->ring, into, (unsigned)most, NULL));
}

static const struct ops lone = {.reserve = reserve,
                                .commit = commit,
                                .flush = flush,
                                .next = next_lone,
                                .next_batch = burst_lone,
                                .release = release};

static const struct ops shared = {.reserve = reserve,
                                  .commit = commit,
                                  .flush = flush,
                                  .next = next_shared,
                                  .next_batch = burst_shared,
                                  .release = release};

LOOPS(play_shared, &shared, BORROWED)
LOOPS(play_lone, &lone, BORROWED)

static void play(struct side *side)
{
    (side->work->members > 1 ? play_shared : play_lone)(side);
}

const struct adapter adapter_rte = {.name = "rte_ring",
                                    .origin = DEBIAN,
                                    .batches = true,
                                    .mixes = true,
                                    .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                    .longest = 1 << 16,
                                    .longest_shared = sizeof(uint64_t),
                                    .create = create,
                                    .open_producer = open_producer,
                                    .open_consumer = open_consumer,
                                    .play = play};

static bool shared_alone(const struct work *work)
{
    return work->members > 1;
}

const struct adapter adapter_rte_rts = {.name = "rte_ring, RTS",
                                        .origin = DEBIAN,
                                        .batches = true,
                                        .kinds = 1 << STREAM,
                                        .can = shared_alone,
                                        .longest = sizeof(uint64_t),
                                        .longest_shared = sizeof(uint64_t),
                                        .create = create_relaxed,
                                        .open_producer = open_producer,
                                        .open_consumer = open_consumer,
                                        .play = play};
