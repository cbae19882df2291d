/*
 * What is committed: the chain of records from the tail on (R2). The last publication of a producer that died between its first header and
 * the tail is there, whole, and nothing behind it.
 *
 * A producer's successor walks it. Who only looks does so beside a producer that may be on its next lap: what was a header may be part of a message
 * meanwhile, written by plain stores. So it loads headers as what may be written meanwhile, and believes them once a second look at the tail,
 * behind the walk, has shown that they were not. So does a member who knows that the producer is dead, as a successor may have come since.
 *
 * Why the second look is enough. A header at the tail, or behind it in the chain, was stored by a publication that is whole (R2). What comes to stand
 * there later is a lap further, so its writer has stored a tail past it before; and between the two it has scanned the groups, which begins with a full
 * fence (api/producer.c), a successor too: it starts without room for that. Who has loaded such a word, and then, behind a fence, the tail, so finds that it moved.
 * Where nothing was committed the successor's first publication comes to the tail itself, and is whole as soon as its header is there.
 */
#ifndef MRING_CORE_CHAIN_H
#define MRING_CORE_CHAIN_H

#include "view.h"

/* Past the record at *at, which has this header; false: none can be there, or not one that ends before `end`. */
static inline bool chain_pass(const struct ring_view *view, uint64_t *at, uint64_t end, uint64_t header)
{
    uint64_t size = record_size(record_length(header), view->alignment);

    /* A zero header has the length 2^32 - 1. */
    if (size > view_record_max(view) || size > end - *at)
        return false;
    *at += size;
    return true;
}

/* From a place where a record begins to one, or to the tail, which the chain must meet exactly. False: at *at it does not go on. */
static inline bool chain_reaches(const struct ring_view *view, uint64_t *at, uint64_t end)
{
    while (*at < end)
        if (!chain_pass(view, at, end, word_load(record_at(view, *at))))
            return false;
    return true;
}

struct chain {
    uint64_t end;
    uint64_t messages, bytes;
};

static inline bool chain_begin(const struct ring_view *view, uint64_t tail, struct chain *chain)
{
    *chain = (struct chain){tail, 0, 0};
    /* No stream gets that far; a tail that says so would have positions wrap. */
    return tail % view->alignment == 0 && tail <= INT64_MAX;
}

/* One more record of the chain from `tail` on; false: it cannot be one. */
static inline bool chain_add(const struct ring_view *view, uint64_t tail, struct chain *chain, uint64_t header)
{
    uint64_t size = record_size(record_length(header), view->alignment);

    /* One publication never exceeds the ring, so a chain that does is not one. */
    if (size > view_record_max(view) || chain->end + size - tail > view->capacity)
        return false;
    chain->end += size;
    chain->messages++;
    chain->bytes += record_length(header);
    return true;
}

/* The records from `tail` on; false: damaged, they cannot be one publication. */
static inline bool chain_walk(const struct ring_view *view, uint64_t tail, struct chain *chain)
{
    bool whole = chain_begin(view, tail, chain);
    uint64_t header;

    while (whole && (header = word_load_acquire(record_at(view, chain->end))) != 0) /* [HEADER] */
        whole = chain_add(view, tail, chain, header);
    return whole;
}

/* The same, for who only looks. */
static inline bool chain_look(const struct ring_view *view, uint64_t tail, struct chain *chain)
{
    bool whole = chain_begin(view, tail, chain);
    uint64_t header;

    while (whole && (header = word_load_racing(record_at(view, chain->end))) != 0) {
        fence_load(); /* [HEADER] */
        whole = chain_add(view, tail, chain, header);
    }
    return whole;
}

/*
 * How far positions that were loaded before may go, for who only looks, or knows the producer to be dead. A publication that has its first header and
 * not yet its tail, by a producer that is just there, was stopped or died there, can be followed already. If the tail has moved it includes that one.
 */
static inline uint64_t chain_stream_end(const struct ring_view *view)
{
    const struct word *word = &view->page->tail;
    uint64_t tail = word_load_acquire(word); /* [TAIL] */
    struct chain chain;
    bool whole = chain_look(view, tail, &chain);
    uint64_t now;

    fence_load();                  /* [TAIL] */
    now = word_load_acquire(word); /* [TAIL] */
    return whole && now == tail ? chain.end : now;
}

#endif
