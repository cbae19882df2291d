/* Asleep until somebody signals: announced, behind the asymmetric fence, on the sleeper's own semaphore. */
#include "fence.h"
#include "turn.h"

enum {
    COST_MOST_NS = 100 * 1000, /* a sleep that took longer was one for want of work */
    COST_LEAST_NS = 2 * 1000,
    FORGET = 8 /* how slowly a cheap one is forgotten */
};

int64_t sleep_grace = 100 * 1000 * 1000;

/* What one announced wait came to. */
struct episode {
    int found;         /* as `look` says; or negative, the wait's result */
    bool unasked;      /* it slept as long as it may without a credit, and then found something */
    unsigned consumed; /* credits */
};

/*
 * It found something by itself. What was brought is seen before the sleeper is taken, half a millisecond before where the producer has many to
 * wake, and longer where others have its processor meanwhile: who is taken now was not forgotten.
 */
static kern_return_t await_waker(const struct sleeper_state *state, const struct sleep_side *side, void *context,
                                 int64_t deadline, struct episode *episode)
{
    const int64_t longest = turn_slice(deadline, sleep_grace);
    kern_return_t kr;

    side->suspect(context);
    kr = turn_wait(state, longest);
    episode->unasked = kr == KERN_OPERATION_TIMED_OUT && longest == sleep_grace;
    return kr;
}

/*
 * Once asleep, it looks up after each slice, and sleeps on under the announcement that it has made: nothing need be done anew that still
 * stands, and nothing is paid for it. This is all that an idle one does.
 */
static kern_return_t sleep_on(struct sleeper_state *state, const struct sleep_side *side, void *context,
                              int64_t deadline, struct episode *episode)
{
    for (;;) {
        const int64_t longest = turn_slice(deadline, state->published ? SLICE_NS : UNPUBLISHED_NS);
        const kern_return_t kr = turn_wait(state, longest);
        const bool whole = kr == KERN_OPERATION_TIMED_OUT && longest == SLICE_NS;

        episode->found = side->look(context);
        if (whole && episode->found > 0)
            return await_waker(state, side, context, deadline, episode);
        if (episode->found != 0 || !whole || word_load(&state->woken) != 0)
            return kr;
        side->answer(context);
        episode->found = turn_verdict(state, side, context);
        if (episode->found != 0 || !state->published || !side->stands(context))
            return kr;
    }
}

static struct episode sleep_once(struct sleeper_state *state, const struct sleep_side *side, void *context,
                                 int64_t deadline)
{
    struct episode episode = {0, false, 0};
    /* Asked on both sides of the fence: a producer that came in between has passed a full fence of its own (R15). */
    bool reachable = side->reachable(context) && fence_others() && side->reachable(context); /* [BELL] [AWAIT] [WANT] */
    kern_return_t kr = KERN_OPERATION_TIMED_OUT;

    if (!reachable)
        fence_full(); /* [BELL] [AWAIT] [WANT] */
    episode.found = side->look(context);
    if (episode.found == 0 && turn_take_flag(state))
        episode.found = -ECANCELED;
    if (episode.found != 0)
        return episode;
    side->count_sleep(context);
    if (!reachable) {
        kr = turn_wait(state, turn_slice(deadline, FIRST_NS));
        episode.found = side->look(context);
    }
    if (kr == KERN_OPERATION_TIMED_OUT && episode.found == 0)
        kr = sleep_on(state, side, context, deadline, &episode);
    episode.consumed = kr == KERN_SUCCESS;
    episode.found = turn_outcome(state, episode.found, kr);
    return episode;
}

/*
 * How long to spin before the next sleep: as long as a sleep costs, from before the announcement to the work, when the work is just about to
 * come. So spinning and sleeping together never take more than twice what the better of the two would have. Measured where it happens:
 * the cheapest of the recent sleeps, as the others waited for work besides.
 */
static void calibrate(struct sleeper_state *state, int64_t cost)
{
    if (state->spin == 0 || cost > COST_MOST_NS)
        return;
    if (cost < COST_LEAST_NS)
        cost = COST_LEAST_NS;
    state->spin = cost < state->spin ? cost : state->spin + (cost - state->spin) / FORGET;
}

int turn_announced(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    int found = turn_own_semaphore(state);
    struct episode episode;
    int64_t began;
    unsigned taken;

    if (found != 0)
        return found;
    turn_publish(state, side, context, (mach_port_t)word_load(&state->semaphore));
    turn_absorb(state);
    began = turn_now();
    side->announce(context);
    episode = sleep_once(state, side, context, deadline);
    taken = side->withdraw(context);
    state->owed += taken;
    turn_consumed(state, episode.consumed);
    found = episode.found;
    if (found > 0 && episode.consumed != 0)
        calibrate(state, turn_now() - began);
    if (episode.unasked && taken == 0)
        side->count_rescue(context);
    if (found == 0)
        found = turn_verdict(state, side, context);
    /* Taken since it last looked: what it was taken for can be seen now, by the withdrawal's acquire [SLEEP]. */
    if (found == 0 && taken != 0)
        found = side->look(context);
    if (found == 0 && turn_now() >= deadline)
        found = -ETIMEDOUT;
    if (found < 0 && taken != 0 && side->look(context) > 0)
        side->pass_on(context);
    return found;
}
