/*
 * Sleeping without being missed, for both sides of a ring (I8).
 *
 * A sleeper owns the Mach semaphore it sleeps on. It spins for a moment (as long as its sleeps have turned out to cost, announced.c); then:
 * announce itself where the other side looks -> asymmetric fence (fence.h) -> look once more -> wait on the semaphore -> withdraw the
 * announcement. What is looked at and where it is announced differs between producer and consumer: that is `struct sleep_side`.
 *
 * Credits. A waker takes the announcement by an atomic step and then signals: one credit per announcement that was taken. A
 * sleeper that finds on withdrawing that it was taken, but has not consumed the credit, notes it as owed, and absorbs what is there
 * before it announces itself again. It never blocks for it: its waker may have been killed before it signalled.
 *
 * A waker spends one wake-up on one member. A member that was taken and then does not go on to the work (its time is up, a handler
 * ran) hands the wake-up on; one that does, and sees more than it takes, wakes the next (api/consumer.c). Else the work
 * would wait for somebody who is not coming while others sleep.
 *
 * No wait on the semaphore lasts longer than half a second: then it looks again, also where nobody can wake it, as its broker is gone; with
 * nothing to do it sleeps on under the same announcement, if that stands.
 * A waker may have been killed between taking and signalling. A whole wait that ends with work there, and a moment later with the same work there, the
 * announcement untouched and nobody awake who may have been called for it, is counted (rescued) and says that a wake-up was lost.
 *
 * After half a second without work, in one call or over many short ones, it asks who of the others lives, so that a death is
 * noticed, and seen to, within a second.
 *
 * Where many sleep, who is about to announce itself naps before (nap.h).
 *
 * Other ways (enum mring_waiting). Who spins, or dozes on its semaphore by the clock, announces nothing: whoever publishes or releases finds
 * nobody to wake, and has nothing to do for it. It cannot be missed, as it looks again by itself. What it keeps it may keep for long, as a
 * sleeper may: it answers the producer's wish between its looks.
 *
 * Waking from outside (mring_wake). The flag is set first [WOKEN], then the semaphore [SEMAPHORE] is signalled, or the descriptor [POLLED] made
 * readable; the sleeper publishes either before it reads the flag, both with full fences: one of the two sees the other.
 */
#ifndef MRING_WAIT_SLEEP_H
#define MRING_WAIT_SLEEP_H

#include "core/atomic.h"
#include "mring.h"
#include "pollable.h"

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

struct sleep_side {
    /* Is there something to do? 0: no. 1: yes. Negative: -errno, what the wait is to return (the stream ended...). */
    int (*look)(void *context);
    /* How long to wait by the clock first, not announced (nap.h); 0: not at all. */
    int64_t (*nap)(void *context);
    void (*announce)(void *context);
    /* Not announced, or for long, and nothing to do just now: is there somebody who waits for what this one keeps? */
    void (*answer)(void *context);
    /* Has nobody taken the announcement, and is it for what would be announced now? It need not be made again. */
    bool (*stands)(void *context);
    /* Take the announcement back. How many wakers had taken it: as many credits have come or are on their way. */
    unsigned (*withdraw)(void *context);
    /* This sleeper was taken, there is work, but its wait ends with an error: the wake-up is handed on to the next. */
    void (*pass_on)(void *context);
    /* Has every process that might have to wake this one registered for the asymmetric fence? Asked after the announcement. */
    bool (*reachable)(void *context);
    /* Give the semaphore to the broker, so that wakers can fetch it. False: nobody can wake this sleeper; it then polls. */
    bool (*publish)(void *context, semaphore_t semaphore);
    /* Half a second without work: who is dead? 0; 1: there is something to do; or the -errno that the wait is to return. */
    int (*verdict)(void *context);
    /* Nothing was there after the announcement: now it sleeps. */
    void (*count_sleep)(void *context);
    /* It has found something by itself, it seems: what is it? And nobody has come to wake it for that: if it is still so, it counts. */
    void (*suspect)(void *context);
    void (*count_rescue)(void *context);
};

struct sleeper_state;

/* One turn of a wait (turn.h). */
typedef int sleep_turn(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline);

struct sleeper_state {
    sleep_turn *turn;
    int64_t spin;          /* before each turn */
    int64_t turned_at;     /* when it last did */
    unsigned crowded;      /* turns before which it is to spin less, as the processor is not this one's alone */
    int64_t interval;      /* between looks of one that dozes */
    struct word semaphore; /* a semaphore_t; 0: never slept */
    struct word woken;     /* mring_wake was called */
    unsigned owed;         /* credits that were promised and not yet consumed */
    bool published;
    bool naps;          /* if it is told to, before it is announced */
    bool dozes;         /* never announced, woken by the clock */
    struct word polled; /* 1: the handle has a descriptor, and this: */
    struct pollable pollable;
    bool armed;            /* the caller may poll: armed.c */
    bool early;            /* a short first tick is to come */
    int64_t verdict_at;    /* when to ask for the next verdict; 0: there was something to do when it looked last */
    int64_t publish_again; /* not before then */
};

/*
 * How long a waker may take, in ns, between what it brought and the announcement, before who has found that by itself counts as not woken. For tests to
 * say, before they fork: a waker may be held up for longer than a program would bear.
 */
extern int64_t sleep_grace;

/* Before all else: how this one waits. `interval` 0: the default. */
void sleep_begin(struct sleeper_state *state, enum mring_waiting way, int64_t interval);

/* 0, -ETIMEDOUT, -EINTR, -ECANCELED, -ENOMEM, or what `look` or `verdict` said. */
int sleep_until(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t timeout);

/*
 * A descriptor to poll, the handle's own (armed.c): from now on a wait that ends with -ETIMEDOUT has armed it. The descriptor, or -errno
 * as of pollable_open.
 */
int sleep_descriptor(struct sleeper_state *state);
/* The handle takes up work: it is not idle any more. Nothing where it was not armed. */
void sleep_disarm(struct sleeper_state *state, const struct sleep_side *side, void *context);
/* Have the caller's loop come again, if there is one. */
void sleep_nudge(struct sleeper_state *state);

/* From any thread and from signal handlers. */
void sleep_wake(struct sleeper_state *state);

/* The handle goes: destroy the semaphore. `mine` false in a forked child, which has no right to it. */
void sleep_finish(struct sleeper_state *state, bool mine);

#endif
