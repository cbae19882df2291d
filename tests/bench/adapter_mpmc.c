/*
 * A reference, for the best queues with several consumers: fixed slots, each with a turn of its own. A consumer takes a ticket, by one atomic
 * addition, and then waits for the turn of that slot alone; it reads in place, and its turn gives the slot back. Here is one producer,
 * which needs no ticket.
 */
#include "loops.h"

#include <stdlib.h>

struct slot {
    uint64_t turn; /* 2 * round: to be written in this round; 2 * round + 1: to be read */
    uint64_t length;
    unsigned char message[];
};

struct queue {
    _Alignas(128) uint64_t ticket; /* of the next consumer */
    _Alignas(128) size_t stride;
    unsigned shift; /* the slots are 1 << shift */
    unsigned char *slots;
};

struct producing {
    struct queue *queue;
    uint64_t ticket;
};

struct consuming {
    struct queue *queue;
    uint64_t ticket;
    bool waiting; /* it has a ticket that it has not used */
};

static void *create(const struct work *work, void *other)
{
    struct queue *queue = shared_memory(sizeof(*queue));

    (void)other;
    queue->stride = sizeof(struct slot) + (work->length + 7) / 8 * 8;
    while (queue->shift < 4 || queue->stride << (queue->shift + 1) <= work->capacity)
        queue->shift++;
    queue->slots = shared_memory(queue->stride << queue->shift);
    return queue;
}

static void *open_producer(void *of)
{
    struct producing *end = calloc(1, sizeof(*end));

    end->queue = of;
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->queue = of;
    return end;
}

INLINE struct slot *slot_of(const struct queue *queue, uint64_t ticket)
{
    const size_t at = ticket & (((uint64_t)1 << queue->shift) - 1);

    return (struct slot *)(void *)(queue->slots + at * queue->stride);
}

INLINE uint64_t turn_of(const struct queue *queue, uint64_t ticket)
{
    return 2 * (ticket >> queue->shift);
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;
    struct slot *slot = slot_of(end->queue, end->ticket);

    (void)length;
    if (__atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE) != turn_of(end->queue, end->ticket)) /* [RETURNED] */
        return NULL;
    return slot->message;
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    slot_of(end->queue, end->ticket)->length = length;
}

INLINE bool flush(void *of)
{
    struct producing *end = of;
    struct slot *slot = slot_of(end->queue, end->ticket);

    __atomic_store_n(&slot->turn, turn_of(end->queue, end->ticket) + 1, __ATOMIC_RELEASE); /* [WRITTEN] */
    end->ticket++;
    return true;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;
    const struct slot *slot;

    if (!end->waiting) {
        end->ticket = __atomic_fetch_add(&end->queue->ticket, 1, __ATOMIC_RELAXED);
        end->waiting = true;
    }
    slot = slot_of(end->queue, end->ticket);
    if (__atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE) != turn_of(end->queue, end->ticket) + 1) /* [WRITTEN] */
        return 0;
    *message = (struct message){slot->message, slot->length};
    return 1;
}

INLINE void release(void *of)
{
    struct consuming *end = of;
    struct slot *slot = slot_of(end->queue, end->ticket);

    __atomic_store_n(&slot->turn, turn_of(end->queue, end->ticket) + 2, __ATOMIC_RELEASE); /* [RETURNED] */
    end->waiting = false;
}

static const struct ops ops = {.reserve = reserve, .commit = commit, .flush = flush, .next = next, .release = release};

static void play(struct side *side)
{
    play_with(side, &ops);
}

const struct adapter adapter_mpmc = {.name = "fixed-slot MPMC",
                                     .origin = REFERENCE,
                                     .mixes = true,
                                     .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                     .longest = 1 << 16,
                                     .longest_shared = 1 << 16,
                                     .create = create,
                                     .open_producer = open_producer,
                                     .open_consumer = open_consumer,
                                     .play = play};
