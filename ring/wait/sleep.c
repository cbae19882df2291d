#include "turn.h"

#include <sched.h>
#include <unistd.h>

enum {
    SPIN_NS = 20 * 1000,      /* looking, before the first announcement, until it is known what a sleep costs */
    KEEP_NS = 2 * 1000,       /* of that, the time that the processor is kept */
    LATE_NS = 100 * 1000,     /* an offer of the processor that was taken up */
    CROWDED = 256,            /* waits before it is offered again after that, or */
    QUICK_NS = 150 * 1000,    /* one that comes so soon after the one before */
    INTERVAL_NS = 1000 * 1000 /* between the looks of one that dozes, if it is not said */
};

/* ---- what the turns have in common ---- */

kern_return_t turn_wait(const struct sleeper_state *state, int64_t nanoseconds)
{
    mach_timespec_t time = {(unsigned)(nanoseconds / 1000000000), (int)(nanoseconds % 1000000000)};

    return semaphore_timedwait((semaphore_t)word_load(&state->semaphore), time);
}

int turn_own_semaphore(struct sleeper_state *state)
{
    semaphore_t semaphore;

    if (word_load(&state->semaphore) != 0)
        return 0;
    if (semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, 0) != KERN_SUCCESS)
        return -ENOMEM;
    word_store_release(&state->semaphore, semaphore); /* [SEMAPHORE] */
    fence_full();                                     /* [SEMAPHORE] [WOKEN] */
    return 0;
}

void turn_publish(struct sleeper_state *state, const struct sleep_side *side, void *context, mach_port_t right)
{
    if (state->published || turn_now() < state->publish_again)
        return;
    state->published = side->publish(context, right);
    state->publish_again = turn_now() + PUBLISH_AGAIN_NS;
}

void turn_absorb(struct sleeper_state *state)
{
    while (state->owed > 0 && turn_wait(state, 0) == KERN_SUCCESS)
        state->owed--;
}

void turn_consumed(struct sleeper_state *state, unsigned credits)
{
    state->owed -= credits < state->owed ? credits : state->owed;
}

int turn_verdict(struct sleeper_state *state, const struct sleep_side *side, void *context)
{
    int64_t time = turn_now();

    if (time < state->verdict_at)
        return 0;
    state->verdict_at = time + SLICE_NS;
    return side->verdict(context);
}

/* ---- looking ---- */

/*
 * Offer the processor. Who gets it back late shares it with others who have work: it is they who would be looked for by more of this. For
 * some time the spinning is then as short as it was before the first offer: who sleeps is given a processor at once when it is woken
 * (spin_bound). What time it is.
 */
static int64_t offer_processor(struct sleeper_state *state, int64_t before)
{
    int64_t time;

    (void)sched_yield();
    time = turn_now();
    if (time - before > LATE_NS)
        state->crowded = CROWDED;
    return time;
}

/*
 * By time, not by turns: a producer's look scans every member and pauses before, a consumer's is one load. Where there are more
 * processes than processors, what is waited for may need this very one: after the first moments it is offered between looks.
 */
static int spin(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t keep, int64_t end)
{
    int64_t time = turn_now();

    while (time < end) {
        int found = side->look(context);

        if (found != 0)
            return found;
        if (turn_take_flag(state))
            return -ECANCELED;
        if (time < keep) {
            pause_cpu();
            time = turn_now();
        } else {
            time = offer_processor(state, time);
        }
    }
    return 0;
}

/*
 * How long to spin before the next turn. Where one turn comes right after the other there is so much to do that to be called for each bit of
 * it, and to call others, costs more than coming late: those who take up the processor are then mostly the ring's own, and what
 * they do meanwhile is found in one go.
 */
static int64_t spin_bound(struct sleeper_state *state, int64_t time)
{
    if (time - state->turned_at < QUICK_NS)
        state->crowded = 0;
    state->turned_at = time;
    if (state->crowded == 0)
        return state->spin;
    state->crowded--;
    return state->spin < KEEP_NS ? state->spin : KEEP_NS;
}

/* What a turn ends with that was not announced: nobody hands anything to it, nor it on. */
static int look_round(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    int found;

    side->answer(context);
    found = turn_verdict(state, side, context);
    return found == 0 && turn_now() >= deadline ? -ETIMEDOUT : found;
}

/* A wish that was announced while this one spins is answered within a moment. */
int turn_spinning(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    int64_t end = turn_now() + turn_slice(deadline, SPIN_NS);
    int found = spin(state, side, context, end, end);

    return found != 0 ? found : look_round(state, side, context, deadline);
}

static int doze(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline,
                int64_t interval)
{
    int found = turn_own_semaphore(state);
    kern_return_t kr;

    if (found != 0)
        return found;
    turn_absorb(state);
    if (turn_take_flag(
            state)) /* set before there was a semaphore; or its credit was absorbed in place of one that is owed */
        return -ECANCELED;
    side->count_sleep(context);
    kr = turn_wait(state, turn_slice(deadline, interval));
    found = turn_outcome(state, side->look(context), kr);
    turn_consumed(state, kr == KERN_SUCCESS);
    return found != 0 ? found : look_round(state, side, context, deadline);
}

int turn_dozing(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    return doze(state, side, context, deadline, state->interval);
}

/* ---- waiting ---- */

static bool one_processor(void)
{
    int saved = errno;
    bool one = sysconf(_SC_NPROCESSORS_ONLN) == 1;

    errno = saved;
    return one;
}

void sleep_begin(struct sleeper_state *state, enum mring_waiting way, int64_t interval)
{
    static sleep_turn *const turns[] = {[MRING_SPIN_THEN_SLEEP] = turn_announced,
                                        [MRING_SPIN] = turn_spinning,
                                        [MRING_SLEEP] = turn_announced,
                                        [MRING_DOZE] = turn_dozing};

    state->turn = turns[way];
    state->naps = way == MRING_SPIN_THEN_SLEEP;
    state->dozes = way == MRING_DOZE;
    state->spin = way == MRING_SPIN_THEN_SLEEP && !one_processor() ? SPIN_NS : 0;
    state->interval = interval == 0 ? INTERVAL_NS : interval < SLICE_NS ? interval : SLICE_NS;
}

/*
 * In place of most of the spinning: who is told to nap is one of many, and the processors have a lot to do. A credit that comes late for an
 * announcement that is over does not end it.
 */
static int nap(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    const int64_t length = side->nap(context);
    int64_t time = turn_now();
    const int64_t end = time + length;
    int found;

    if (length == 0)
        return 0;
    found = spin(state, side, context, time + KEEP_NS, time + turn_slice(deadline, KEEP_NS));
    while (found == 0 && (time = turn_now()) < end)
        found = doze(state, side, context, deadline, end - time);
    return found;
}

int sleep_until(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t timeout)
{
    int64_t deadline = INT64_MAX;
    int found = turn_take_flag(state) ? -ECANCELED : side->look(context);

    if (found == 0 && timeout == 0 && word_load(&state->polled) == 0)
        found = -ETIMEDOUT;
    if (found == 0) {
        int64_t time = turn_now();

        if (timeout >= 0 && timeout < INT64_MAX - time)
            deadline = time + timeout;
        if (state->verdict_at == 0)
            state->verdict_at = time + SLICE_NS;
    }
    if (found == 0 && state->naps)
        found = nap(state, side, context, deadline);
    while (found == 0) {
        int64_t time = turn_now();

        found = spin(state, side, context, time + KEEP_NS, time + turn_slice(deadline, spin_bound(state, time)));
        if (found == 0)
            found = state->turn(state, side, context, deadline);
    }
    if (found != -ETIMEDOUT)
        sleep_disarm(state, side, context);
    if (found > 0)
        state->verdict_at = 0;
    return found > 0 ? 0 : found;
}

void sleep_wake(struct sleeper_state *state)
{
    semaphore_t semaphore;

    if (!word_cas(&state->woken, 0, 1))           /* [WOKEN] */
        return;                                   /* one credit per flag: this wait, or the next, will end anyway */
    fence_full();                                 /* [WOKEN] [SEMAPHORE] [POLLED] */
    if (word_load_acquire(&state->polled) != 0) { /* [POLLED] */
        pollable_ring(&state->pollable);
        return;
    }
    semaphore = (semaphore_t)word_load_acquire(&state->semaphore); /* [SEMAPHORE] */
    if (semaphore != 0)
        (void)semaphore_signal(semaphore);
}

void sleep_drop_semaphore(struct sleeper_state *state, bool mine)
{
    semaphore_t semaphore = (semaphore_t)word_load(&state->semaphore);

    word_store(&state->semaphore, 0);
    if (semaphore != 0 && mine)
        (void)semaphore_destroy(mach_task_self(), semaphore);
}

void sleep_finish(struct sleeper_state *state, bool mine)
{
    sleep_drop_semaphore(state, mine);
    if (word_load(&state->polled) != 0)
        pollable_close(&state->pollable, mine);
}
