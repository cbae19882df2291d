/*
 * The shared memory of one semaphore: a sealed memfd that each task with a right maps.
 *
 * Three kinds of words, and nothing else: how many tokens or waiters there are (`count`), who is alive (`life`), and one cell for each
 * waiter (`cell`). The protocol is in sema_queue.c; who writes the lives, in sema_keeper.c. Every word may hold anything, for a peer
 * can write them all: each is loaded once, taken apart by the functions below, and whatever is used as an index is cut to its range.
 *
 * The file is sparse: a semaphore takes one page, and up to two more once somebody has waited.
 */
#ifndef MRING_MACH_SEMA_PAGE_H
#define MRING_MACH_SEMA_PAGE_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEMA_BYTES = 65536, SEMA_LIVES = 4095, SEMA_CELLS = 1024 };

/* Life 0 is the owner's; LIFE_UNKNOWN is nobody's word, and never dead. */
enum { LIFE_OWNER = 0, LIFE_UNKNOWN = SEMA_LIVES };

struct sema_life {
    _Atomic uint32_t word; /* 0, or the thread id of a task's keeper, or, set by the kernel, FUTEX_OWNER_DIED */
    uint32_t unused;
};

struct sema_page {
    _Atomic uint64_t count;
    struct sema_life life[SEMA_LIVES];
    _Atomic uint64_t cell[SEMA_CELLS];
};
_Static_assert(sizeof(struct sema_page) <= SEMA_BYTES, "the words fit the file");
_Static_assert(offsetof(struct sema_page, cell) % 64 == 0, "cells begin a line");
_Static_assert(sizeof(void *) == 8, "futex calls take 64-bit times as they are");

/*
 * `count`. With tokens: {value 31 bits, 31 bits of head}. With a queue: {tickets 13 bits, version 18 bits, head}. The queue is the
 * tickets head, head + 1, ... The version grows when a ticket is taken back at the tail, since then the same tail comes again.
 */
static const uint64_t COUNT_TERMINATED = UINT64_C(1) << 63;
static const uint64_t COUNT_QUEUE = UINT64_C(1) << 62;
enum { VALUE_MAX = INT32_MAX, TICKET_MASK = INT32_MAX };

static inline uint32_t count_head(uint64_t count)
{
    return (uint32_t)(count >> 31) & TICKET_MASK;
}

static inline uint32_t count_value(uint64_t count)
{
    return (count & COUNT_QUEUE) ? 0 : (uint32_t)count & VALUE_MAX;
}

static inline uint32_t count_tickets(uint64_t count)
{
    return (count & COUNT_QUEUE) ? (uint32_t)count & 0x1fff : 0;
}

static inline uint32_t count_version(uint64_t count)
{
    return (uint32_t)(count >> 13) & 0x3ffff;
}

static inline uint32_t count_tail(uint64_t count)
{
    return (count_head(count) + count_tickets(count)) & TICKET_MASK;
}

static inline bool count_queues(uint64_t count, uint32_t ticket)
{
    return ((ticket - count_head(count)) & TICKET_MASK) < count_tickets(count);
}

static inline uint64_t count_tokens(uint32_t value, uint32_t head)
{
    return value | (uint64_t)(head & TICKET_MASK) << 31;
}

/* A queue without a ticket is no queue. */
static inline uint64_t count_queue(uint32_t tickets, uint32_t version, uint32_t head)
{
    if (tickets == 0)
        return count_tokens(0, head);
    return COUNT_QUEUE | tickets | (uint64_t)(version & 0x3ffff) << 13 | (uint64_t)(head & TICKET_MASK) << 31;
}

/*
 * A cell: {state 3 bits, life 12 bits, version 17 bits, ticket 31 bits}. The low half is what the waiter sleeps on; the version changes at
 * every change, so that whoever has loaded a cell long ago cannot change it any more.
 */
enum cell_state { CELL_FREE, CELL_WAITING, CELL_GRANTED, CELL_TERMINATED, CELL_AGAIN };

static inline enum cell_state cell_state(uint64_t cell)
{
    return (enum cell_state)(cell & 7);
}

static inline uint32_t cell_life(uint64_t cell)
{
    return (uint32_t)(cell >> 3) & 0xfff;
}

static inline uint32_t cell_ticket(uint64_t cell)
{
    return (uint32_t)(cell >> 32) & TICKET_MASK;
}

/* What replaces `cell`. */
static inline uint64_t cell_next(uint64_t cell, enum cell_state state, uint32_t life, uint32_t ticket)
{
    uint64_t version = ((cell >> 15) + 1) & 0x1ffff;
    return (uint64_t)state | (uint64_t)life << 3 | version << 15 | (uint64_t)ticket << 32;
}

static inline uint64_t cell_turned(uint64_t cell, enum cell_state state)
{
    return cell_next(cell, state, cell_life(cell), cell_ticket(cell));
}

static inline _Atomic uint64_t *sema_cell(struct sema_page *page, uint32_t ticket)
{
    return &page->cell[ticket % SEMA_CELLS];
}

/* The half that is a futex. */
static inline const uint32_t *cell_futex(const _Atomic uint64_t *cell)
{
    return (const uint32_t *)cell + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static inline bool life_ended(const struct sema_page *page, uint32_t life)
{
    return life < SEMA_LIVES &&
           (atomic_load_explicit(&page->life[life].word, memory_order_seq_cst) & FUTEX_OWNER_DIED) != 0;
}

#endif
