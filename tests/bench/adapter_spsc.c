/*
 * A reference, for the best queues of fixed slots that Debian has not: one producer, one consumer, messages written and read in place. Each
 * side has its index on lines of its own, with its copy of the other's, which it reads again only when that says full, or empty. A
 * producer that found it full goes on when a quarter is free: one that is at the consumer's heels takes its lines away one by one.
 *
 * And what is left when even that is taken away: a stream of lines from one processor to the other. There each side tells the other where it
 * is but every few KiB, so that nothing but the messages' own lines goes over. No queue can do that, as a message may lie there unseen; none can
 * be faster.
 */
#include "loops.h"

#include <stdlib.h>

struct queue {
    _Alignas(128) uint64_t tail;  /* bytes that were written, ever */
    _Alignas(128) uint64_t head;  /* and released */
    _Alignas(128) uint64_t ended; /* line stream: tail is the end */
    _Alignas(128) size_t stride;
    size_t size; /* a multiple of the stride */
    size_t header;
    unsigned char *slots;
};

struct producing {
    uint64_t tail, head; /* head: as last read */
    uint64_t told;       /* line stream: the tail that was */
    size_t at, stride, size, header;
    unsigned char *slots;
    struct queue *queue;
};

struct consuming {
    uint64_t head, tail;
    uint64_t told;
    size_t at, stride, size, header;
    unsigned char *slots;
    struct queue *queue;
};

static void *create(const struct work *work, void *other)
{
    struct queue *queue = shared_memory(sizeof(*queue));
    size_t count;

    (void)other;
    /* The length is in the slot only if it is not that of all. */
    queue->header = work->mixed ? sizeof(uint64_t) : 0;
    queue->stride = queue->header + (work->length + 7) / 8 * 8;
    count = work->capacity / queue->stride;
    queue->size = (count < 4 ? 4 : count) * queue->stride;
    queue->slots = shared_memory(queue->size);
    return queue;
}

static void *open_producer(void *of)
{
    struct queue *queue = of;
    struct producing *end = calloc(1, sizeof(*end));

    *end = (struct producing){
        .stride = queue->stride, .size = queue->size, .header = queue->header, .slots = queue->slots, .queue = queue};
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    struct queue *queue = of;
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    *end = (struct consuming){
        .stride = queue->stride, .size = queue->size, .header = queue->header, .slots = queue->slots, .queue = queue};
    return end;
}

INLINE bool flush(void *of)
{
    struct producing *end = of;

    __atomic_store_n(&end->queue->tail, end->tail, __ATOMIC_RELEASE); /* [SENT] */
    return true;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    (void)length;
    if (end->tail - end->head == end->size) {
        const uint64_t head = __atomic_load_n(&end->queue->head, __ATOMIC_ACQUIRE); /* [FREED] */

        if (head - end->head < end->size / 4) {
            (void)flush(end);
            return NULL;
        }
        end->head = head;
    }
    return end->slots + end->at + end->header;
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    if (end->header != 0)
        *(uint64_t *)(void *)(end->slots + end->at) = length;
    end->tail += end->stride;
    end->at += end->stride;
    if (end->at == end->size)
        end->at = 0;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;
    const unsigned char *slot = end->slots + end->at;

    if (end->head == end->tail) {
        end->tail = __atomic_load_n(&end->queue->tail, __ATOMIC_ACQUIRE); /* [SENT] */
        if (end->head == end->tail)
            return 0;
    }
    message->data = slot + end->header;
    message->length = end->header == 0 ? end->stride : *(const uint64_t *)(const void *)slot;
    end->head += end->stride;
    end->at += end->stride;
    if (end->at == end->size)
        end->at = 0;
    return 1;
}

INLINE int next_batch(void *of, struct message *messages, int most)
{
    int count = 0;

    while (count < most && next(of, &messages[count]) == 1)
        count++;
    return count;
}

INLINE void release(void *of)
{
    struct consuming *end = of;

    __atomic_store_n(&end->queue->head, end->head, __ATOMIC_RELEASE); /* [FREED] */
}

static const struct ops ops = {
    .reserve = reserve, .commit = commit, .flush = flush, .next = next, .next_batch = next_batch, .release = release};

LOOPS(play, &ops, COPIED)

const struct adapter adapter_spsc = {.name = "fixed-slot SPSC",
                                     .origin = REFERENCE,
                                     .batches = true,
                                     .mixes = true,
                                     .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                     .longest = 1 << 16,
                                     .create = create,
                                     .open_producer = open_producer,
                                     .open_consumer = open_consumer,
                                     .play = play};

/* ---- line stream ---- */

enum { QUANTUM = 32768 };

/* How far one may get ahead of what it has told: an eighth of a small queue. */
INLINE uint64_t quantum(size_t size)
{
    return size / 8 < QUANTUM ? size / 8 : QUANTUM;
}

INLINE bool flush_seldom(void *of)
{
    struct producing *end = of;

    if (end->tail - end->told >= quantum(end->size)) {
        end->told = end->tail;
        (void)flush(end);
    }
    return true;
}

INLINE void release_seldom(void *of)
{
    struct consuming *end = of;

    if (end->head - end->told >= quantum(end->size)) {
        end->told = end->head;
        release(end);
    }
}

INLINE int next_or_end(void *of, struct message *message)
{
    struct consuming *end = of;
    bool ended;

    if (next(end, message) == 1)
        return 1;
    ended = __atomic_load_n(&end->queue->ended, __ATOMIC_ACQUIRE) != 0; /* [ENDED] */
    if (next(end, message) == 1)
        return 1;
    return ended ? -1 : 0;
}

INLINE int next_batch_or_end(void *of, struct message *messages, int most)
{
    const int first = next_or_end(of, messages);

    return first == 1 ? 1 + next_batch(of, messages + 1, most - 1) : first;
}

INLINE void finish_lines(void *of)
{
    struct producing *end = of;

    (void)flush(end);
    __atomic_store_n(&end->queue->ended, 1, __ATOMIC_RELEASE); /* [ENDED] */
}

static const struct ops lines = {.reserve = reserve,
                                 .commit = commit,
                                 .flush = flush_seldom,
                                 .next = next_or_end,
                                 .next_batch = next_batch_or_end,
                                 .release = release_seldom,
                                 .finish = finish_lines};

LOOPS(play_lines, &lines, COPIED)

const struct adapter adapter_lines = {.name = "line stream",
                                      .origin = LIMIT,
                                      .yardstick = true,
                                      .batches = true,
                                      .kinds = 1 << STREAM,
                                      .longest = 1 << 16,
                                      .create = create,
                                      .open_producer = open_producer,
                                      .open_consumer = open_consumer,
                                      .play = play_lines};
