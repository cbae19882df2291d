/*
 * The turns that a wait is made of, one kind for each way to wait (sleep.h), and what they have in common. Internal to this room.
 *
 * A turn waits once, as its way says, and looks. 0: nothing has come of it; else what the wait is to return, with 1 for "there is something".
 */
#ifndef MRING_WAIT_TURN_H
#define MRING_WAIT_TURN_H

#include "sleep.h"

#include <errno.h>
#include <time.h>

enum {
    SLICE_NS = 500 * 1000 * 1000,      /* the longest uninterrupted wait */
    FIRST_NS = 1000 * 1000,            /* the short first wait without the asymmetric fence */
    UNPUBLISHED_NS = 10 * 1000 * 1000, /* between looks of a sleeper that nobody can wake */
    /* Between a sleeper's tries to be one that can be woken: many such may ask the one process that is short of something. */
    PUBLISH_AGAIN_NS = 1000 * 1000 * 1000
};

static inline int64_t turn_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What is left until the deadline, at most `most`. */
static inline int64_t turn_slice(int64_t deadline, int64_t most)
{
    int64_t left = deadline - turn_now();

    if (left < 0)
        left = 0;
    return left < most ? left : most;
}

/* Whoever set the flag signals too, if there is a semaphore: that credit is owed like a waker's. */
static inline bool turn_take_flag(struct sleeper_state *state)
{
    if (word_load(&state->woken) == 0 || !word_cas(&state->woken, 1, 0)) /* [WOKEN] */
        return false;
    if (word_load(&state->semaphore) != 0)
        state->owed++;
    return true;
}

/* What to make of a look that found this, and of a wait that ended so. */
static inline int turn_outcome(struct sleeper_state *state, int found, kern_return_t kr)
{
    if (found == 0 && turn_take_flag(state))
        return -ECANCELED;
    if (found == 0 && kr == KERN_ABORTED)
        return -EINTR;
    if (found == 0 && kr != KERN_SUCCESS && kr != KERN_OPERATION_TIMED_OUT)
        return -EIO;
    return found;
}

/* The semaphore to sleep on. 0, -ENOMEM. */
int turn_own_semaphore(struct sleeper_state *state);
void sleep_drop_semaphore(struct sleeper_state *state, bool mine);
kern_return_t turn_wait(const struct sleeper_state *state, int64_t nanoseconds);
/* Credits of earlier turns, as far as they have come, before the next is waited for; and one that a wait has consumed. */
void turn_absorb(struct sleeper_state *state);
void turn_consumed(struct sleeper_state *state, unsigned credits);

/* Tell the broker what this sleeper is woken by, where it has not been told, or not lately. */
void turn_publish(struct sleeper_state *state, const struct sleep_side *side, void *context, mach_port_t right);

/* Who is dead? Not by the slices: they are short where the caller's waits are, or where nobody can wake this one. */
int turn_verdict(struct sleeper_state *state, const struct sleep_side *side, void *context);

/* The kinds. */
sleep_turn turn_announced, turn_spinning, turn_dozing, turn_armed;

#endif
