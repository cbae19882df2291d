/*
 * The queue in a semaphore's shared memory: tokens, waiters in order, hand-off. Knows the page and nothing else.
 *
 * All of these may be called by any thread of any task that maps the page, at any time, whatever the page holds. None takes a lock or
 * allocates; only sema_finish sleeps. sema_signal and sema_try are async-signal-safe, and make no system call unless somebody is to be woken.
 */
#ifndef MRING_MACH_SEMA_QUEUE_H
#define MRING_MACH_SEMA_QUEUE_H

#include "sema_page.h"

#include <mach/kern_return.h>
#include <time.h>

enum sema_order { SEMA_FIFO, SEMA_LIFO };

/* A task's view of a semaphore. */
struct sema {
    struct sema_page *page;
    enum sema_order order;
    _Atomic uint32_t life; /* the task's index in page->life; nobody of it may wait before that is known */
};

/* Where an arriving waiter stands. */
enum sema_step {
    SEMA_TAKEN,     /* it has a token */
    SEMA_QUEUED,    /* it has a ticket */
    SEMA_CROWDED,   /* no cell is free: again a little later */
    SEMA_TERMINATED /* there is nothing to wait for */
};

struct sema_place {
    enum sema_step step;
    uint32_t life, ticket;
};

/* The first contents of a zeroed page. */
void sema_init(struct sema_page *page, uint32_t value);

/* Take a token if there is one: KERN_SUCCESS, KERN_OPERATION_TIMED_OUT, KERN_TERMINATED. */
kern_return_t sema_try(const struct sema *sema);

/* Take a token, or a place in the queue. */
struct sema_place sema_enter(const struct sema *sema);
/* Wait there: KERN_SUCCESS, KERN_TERMINATED, KERN_OPERATION_TIMED_OUT, or KERN_ABORTED when a handler ran. */
kern_return_t sema_finish(const struct sema *sema, struct sema_place place, const struct timespec *limit);
/* Give up what sema_enter gave. */
void sema_leave(const struct sema *sema, struct sema_place place);

/* Hand a token to the waiter whose turn it is, or keep it: KERN_SUCCESS, KERN_TERMINATED; KERN_FAILURE on a damaged page. */
kern_return_t sema_signal(const struct sema *sema);
/* Only to a waiter: KERN_NOT_WAITING when there is none. */
kern_return_t sema_signal_waiter(const struct sema *sema);
/* One token to every waiter, none to keep. */
kern_return_t sema_signal_all(const struct sema *sema);

/* End every wait, now and later. */
void sema_terminate(const struct sema *sema);
/* Has that happened, or did the owner die? Terminates in the second case. */
bool sema_ended(const struct sema *sema);

/* Free the cells of a life that has ended, before its word is given to somebody else. */
void sema_bury(const struct sema *sema, uint32_t life);

/*
 * Put right what the deaths of others have left behind; about once a second while this task has waiters. *passed is the caller's
 * memory from one call to the next, 0 at first.
 */
void sema_repair(const struct sema *sema, uint64_t *passed);

#endif
