/*
 * A reference, for the best queues with several consumers: fixed slots, each with a turn of its own. A consumer takes a ticket, by one atomic
 * addition, and then waits for the turn of that slot alone; it reads in place, and its turn gives the slot back. Here is one producer,
 * which needs no ticket; where it found no room it goes on when a quarter is free.
 */
#include "loops.h"

#include <stdlib.h>

enum { LINE = 64 };

struct slot {
    uint64_t turn;   /* 2 * round: to be written in this round; 2 * round + 1: to be read */
    uint64_t rest[]; /* the message; before it, if lengths differ, its length */
};

struct queue {
    _Alignas(128) uint64_t ticket; /* of the next consumer */
    _Alignas(128) size_t stride;
    size_t length;  /* of all messages; 0: each has its own */
    unsigned shift; /* the slots are 1 << shift */
    unsigned char *slots;
};

struct producing {
    struct queue *queue;
    uint64_t ticket;
    uint64_t ahead; /* the slot to look at, from the next one */
};

struct consuming {
    struct queue *queue;
    uint64_t ticket;
    bool waiting; /* it has a ticket that it has not used */
};

static void *create(const struct work *work, void *other)
{
    struct queue *queue = shared_memory(sizeof(*queue));
    const size_t needed = sizeof(struct slot) + (work->mixed ? sizeof(uint64_t) : 0) + work->length;
    const size_t unit = needed < LINE ? sizeof(uint64_t) : LINE;

    (void)other;
    queue->length = work->mixed ? 0 : work->length;
    queue->stride = (needed + unit - 1) / unit * unit;
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

INLINE bool returned(const struct producing *end, uint64_t ticket)
{
    return __atomic_load_n(&slot_of(end->queue, ticket)->turn, __ATOMIC_ACQUIRE) ==
           turn_of(end->queue, ticket); /* [RETURNED] */
}

INLINE void *message_in(const struct queue *queue, struct slot *slot)
{
    return queue->length == 0 ? slot->rest + 1 : slot->rest;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    (void)length;
    if (!returned(end, end->ticket + end->ahead) || (end->ahead != 0 && !returned(end, end->ticket))) {
        end->ahead = ((uint64_t)1 << end->queue->shift) / 4;
        return NULL;
    }
    end->ahead = 0;
    return message_in(end->queue, slot_of(end->queue, end->ticket));
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    if (end->queue->length == 0)
        slot_of(end->queue, end->ticket)->rest[0] = length;
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
    struct slot *slot;

    if (!end->waiting) {
        end->ticket = __atomic_fetch_add(&end->queue->ticket, 1, __ATOMIC_RELAXED);
        end->waiting = true;
    }
    slot = slot_of(end->queue, end->ticket);
    if (__atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE) != turn_of(end->queue, end->ticket) + 1) /* [WRITTEN] */
        return 0;
    message->data = message_in(end->queue, slot);
    message->length = end->queue->length == 0 ? slot->rest[0] : end->queue->length;
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

LOOPS(play_shared, &ops, BORROWED)
LOOPS(play_lone, &ops, COPIED)

/* What is quickest: among several consumers it loses half by ends that are local. */
static void play(struct side *side)
{
    (side->work->members > 1 ? play_shared : play_lone)(side);
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
