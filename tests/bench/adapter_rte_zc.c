/* DPDK's rte_ring with messages for elements, which are written and read in place ("zero copy"): of one length, and for one consumer. */
#include "loops.h"
#include "values.h"

#include <rte_ring.h>
#include <rte_ring_peek_zc.h>
#include <stdlib.h>

struct channel {
    struct rte_ring *ring;
    unsigned length, batch;
};

/* Elements that were asked for: the first of them used. They lie in one piece, or in two. */
struct end {
    struct rte_ring *ring;
    unsigned length, batch;
    struct rte_ring_zc_data place;
    unsigned count, used;
};

static void *create(const struct work *work, void *other)
{
    const size_t slots = values_slots(work);
    const ssize_t size = rte_ring_get_memsize_elem((unsigned)work->length, (unsigned)slots);
    struct channel *channel = malloc(sizeof(*channel));

    (void)other;
    if (size < 0)
        fault("rte_ring_get_memsize_elem: %zd", size);
    *channel = (struct channel){shared_memory((size_t)size), (unsigned)work->length, work->batch};
    if (rte_ring_init(channel->ring, "bench", (unsigned)slots, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
        fault("rte_ring_init of %zu slots", slots);
    return channel;
}

static void *open_end(void *of)
{
    const struct channel *channel = of;
    struct end *end = calloc(1, sizeof(*end));

    *end = (struct end){.ring = channel->ring, .length = channel->length, .batch = channel->batch};
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    (void)group;
    (void)member;
    return open_end(of);
}

INLINE void *element(const struct end *end, unsigned at)
{
    return at < end->place.n1 ? (char *)end->place.ptr1 + (size_t)at * end->length
                              : (char *)end->place.ptr2 + (size_t)(at - end->place.n1) * end->length;
}

INLINE bool flush(void *of)
{
    struct end *end = of;

    rte_ring_enqueue_zc_elem_finish(end->ring, end->used);
    end->count = end->used = 0;
    return true;
}

INLINE void *reserve(void *of, size_t length)
{
    struct end *end = of;

    (void)length;
    if (end->used == end->count) {
        if (end->used > 0)
            (void)flush(end);
        end->count = rte_ring_enqueue_zc_burst_elem_start(end->ring, end->length, end->batch, &end->place, NULL);
        if (end->count == 0)
            return NULL;
    }
    return element(end, end->used);
}

INLINE void commit(void *of, size_t length)
{
    struct end *end = of;

    (void)length;
    end->used++;
}

INLINE int next_batch(void *of, struct message *messages, int most)
{
    struct end *end = of;

    end->count = rte_ring_dequeue_zc_burst_elem_start(end->ring, end->length, (unsigned)most, &end->place, NULL);
    for (unsigned at = 0; at < end->count; at++)
        messages[at] = (struct message){element(end, at), end->length};
    return (int)end->count;
}

INLINE int next(void *of, struct message *message)
{
    return next_batch(of, message, 1);
}

INLINE void release(void *of)
{
    struct end *end = of;

    rte_ring_dequeue_zc_elem_finish(end->ring, end->count);
}

static const struct ops ops = {
    .reserve = reserve, .commit = commit, .flush = flush, .next = next, .next_batch = next_batch, .release = release};

LOOPS(play, &ops, BORROWED)

const struct adapter adapter_rte_zc = {.name = "rte_ring, in place",
                                       .origin = DEBIAN,
                                       .batches = true,
                                       .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                       .longest = 1 << 16,
                                       .create = create,
                                       .open_producer = open_end,
                                       .open_consumer = open_consumer,
                                       .play = play};
