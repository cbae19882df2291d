#include "sleep.h"

#include "fence.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

enum {
    SPIN_NS = 20 * 1000,               /* looking, before the first announcement */
    KEEP_NS = 2 * 1000,                /* of that, the time that the processor is kept */
    SLICE_NS = 500 * 1000 * 1000,      /* the longest uninterrupted wait */
    FIRST_NS = 1000 * 1000,            /* the short first wait without the asymmetric fence */
    UNPUBLISHED_NS = 10 * 1000 * 1000, /* between looks of a sleeper that nobody can wake */
    /* Between a sleeper's tries to be one that can be woken: many such may ask the one process that is short of something. */
    PUBLISH_AGAIN_NS = 1000 * 1000 * 1000
};

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What is left until the deadline, at most `most`. */
static int64_t slice(int64_t deadline, int64_t most)
{
    int64_t left = deadline - now();

    if (left < 0)
        left = 0;
    return left < most ? left : most;
}

static kern_return_t wait_for(semaphore_t semaphore, int64_t nanoseconds)
{
    mach_timespec_t time = {(unsigned)(nanoseconds / 1000000000), (int)(nanoseconds % 1000000000)};

    return semaphore_timedwait(semaphore, time);
}

/* Whoever set the flag signals too, if there is a semaphore: that credit is owed like a waker's. */
static bool take_flag(struct sleeper_state *state)
{
    if (word_load(&state->woken) == 0 || !word_cas(&state->woken, 1, 0))
        return false;
    if (word_load(&state->semaphore) != 0)
        state->owed++;
    return true;
}

/*
 * By time, not by turns: a producer's look scans every member and pauses before, a consumer's is one load. Where there are more
 * processes than processors, what is waited for may need this very one: after the first moments it is offered between looks.
 */
static int spin(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    int64_t time = now();
    int64_t keep = time + KEEP_NS;
    int64_t end = time + slice(deadline, SPIN_NS);

    for (; time < end; time = now()) {
        int found = side->look(context);

        if (found != 0)
            return found;
        if (take_flag(state))
            return -ECANCELED;
        if (time < keep)
            pause_cpu();
        else
            (void)sched_yield();
    }
    return 0;
}

static int own_semaphore(struct sleeper_state *state, const struct sleep_side *side, void *context)
{
    if (word_load(&state->semaphore) == 0) {
        semaphore_t semaphore;

        if (semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0) != KERN_SUCCESS)
            return -ENOMEM;
        word_store_release(&state->semaphore, semaphore);
        fence_full();
    }
    if (!state->published && now() >= state->publish_again) {
        state->published = side->publish(context, (semaphore_t)word_load(&state->semaphore));
        state->publish_again = now() + PUBLISH_AGAIN_NS;
    }
    return 0;
}

/* What one announced wait came to. */
struct episode {
    int found;         /* as `look` says; or negative, the wait's result */
    bool whole_slice;  /* it slept as long as it may, without a credit */
    unsigned consumed; /* credits */
};

static struct episode sleep_once(struct sleeper_state *state, const struct sleep_side *side, void *context,
                                 int64_t deadline)
{
    semaphore_t semaphore = (semaphore_t)word_load(&state->semaphore);
    struct episode episode = {0, false, 0};
    /* Asked on both sides of the fence: a producer that came in between has passed a full fence of its own (R15). */
    bool reachable = side->reachable(context) && fence_others() && side->reachable(context);
    int64_t longest = slice(deadline, state->published ? SLICE_NS : UNPUBLISHED_NS);
    kern_return_t kr = KERN_OPERATION_TIMED_OUT;

    if (!reachable)
        fence_full();
    episode.found = side->look(context);
    if (episode.found == 0 && take_flag(state))
        episode.found = -ECANCELED;
    if (episode.found != 0)
        return episode;
    side->count_sleep(context);
    if (!reachable) {
        kr = wait_for(semaphore, slice(deadline, FIRST_NS));
        episode.found = side->look(context);
    }
    if (kr == KERN_OPERATION_TIMED_OUT && episode.found == 0) {
        kr = wait_for(semaphore, longest);
        episode.whole_slice = kr == KERN_OPERATION_TIMED_OUT && longest == SLICE_NS;
        episode.found = side->look(context);
    }
    episode.consumed = kr == KERN_SUCCESS;
    if (episode.found == 0 && take_flag(state))
        episode.found = -ECANCELED;
    if (episode.found == 0 && kr == KERN_ABORTED)
        episode.found = -EINTR;
    else if (episode.found == 0 && kr != KERN_SUCCESS && kr != KERN_OPERATION_TIMED_OUT)
        episode.found = -EIO;
    return episode;
}

/* Credits of earlier episodes, as far as they have come. */
static void absorb(struct sleeper_state *state)
{
    while (state->owed > 0 && wait_for((semaphore_t)word_load(&state->semaphore), 0) == KERN_SUCCESS)
        state->owed--;
}

/* Not by the slices: they are short where the caller's waits are, or where nobody can wake this one. */
static int ask_now_and_then(struct sleeper_state *state, const struct sleep_side *side, void *context)
{
    int64_t time = now();

    if (time < state->verdict_at)
        return 0;
    state->verdict_at = time + SLICE_NS;
    return side->verdict(context);
}

/* One announcement from beginning to end. 0: nothing has come of it. */
static int sleep_announced(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    int found = own_semaphore(state, side, context);
    struct episode episode;
    unsigned taken;

    if (found != 0)
        return found;
    absorb(state);
    side->announce(context);
    episode = sleep_once(state, side, context, deadline);
    taken = side->withdraw(context);
    state->owed += taken;
    state->owed -= episode.consumed < state->owed ? episode.consumed : state->owed;
    found = episode.found;
    if (found > 0 && episode.whole_slice && taken == 0)
        side->count_rescue(context);
    if (found == 0)
        found = ask_now_and_then(state, side, context);
    /* Taken since it last looked: what it was taken for can be seen now, by the withdrawal's acquire [SLEEP]. */
    if (found == 0 && taken != 0)
        found = side->look(context);
    if (found == 0 && now() >= deadline)
        found = -ETIMEDOUT;
    if (found < 0 && taken != 0 && side->look(context) > 0)
        side->pass_on(context);
    return found;
}

int sleep_until(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t timeout)
{
    int64_t deadline = INT64_MAX;
    int found = take_flag(state) ? -ECANCELED : side->look(context);

    if (found == 0 && timeout == 0)
        found = -ETIMEDOUT;
    if (found == 0) {
        if (timeout > 0 && timeout < INT64_MAX - now())
            deadline = now() + timeout;
        found = spin(state, side, context, deadline);
    }
    if (found == 0 && state->verdict_at == 0)
        state->verdict_at = now() + SLICE_NS;
    while (found == 0)
        found = sleep_announced(state, side, context, deadline);
    if (found > 0)
        state->verdict_at = 0;
    return found > 0 ? 0 : found;
}

void sleep_wake(struct sleeper_state *state)
{
    semaphore_t semaphore;

    if (!word_cas(&state->woken, 0, 1))
        return; /* one credit per flag: this wait, or the next, will end anyway */
    fence_full();
    semaphore = (semaphore_t)word_load_acquire(&state->semaphore);
    if (semaphore != 0)
        (void)semaphore_signal(semaphore);
}

void sleep_finish(struct sleeper_state *state, bool mine)
{
    semaphore_t semaphore = (semaphore_t)word_load(&state->semaphore);

    if (semaphore != 0 && mine)
        (void)semaphore_destroy(mach_task_self(), semaphore);
    word_store(&state->semaphore, 0);
}
