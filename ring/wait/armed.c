/*
 * Asleep in an event loop: the caller waits, on the descriptor of pollable.h.
 *
 * The steps are those of every sleeper (sleep.h), but divided: a call that finds nothing leaves the announcement standing and returns; the
 * next call goes on from there. In between the handle is *armed*, and this holds, on which the caller's loop relies (E1):
 *
 *   The descriptor is drained only by a call that arms: first drained, then announced, behind the asymmetric fence looked once more. A handle
 *   that is not armed is readable; one that is armed becomes so when somebody has taken the announcement, by his message.
 *
 * So a call that drained it, and then found something, makes it readable again. So does a member that takes work uninvited, while armed:
 * it gives its announcement up, as the wake-up for the next message should go to one who is idle. A message that
 * comes late, for an announcement that is over, is a turn of the loop in vain.
 *
 * Ticks take the place of the slices of a blocking sleep: after each the caller calls, looks, meets the broker and asks for the dead. The
 * short first wait of one that has no fence is a short first tick. No rescue is counted: the caller looks whenever it likes, so what it finds
 * unasked says nothing of who was to wake it.
 */
#include "fence.h"
#include "turn.h"

enum {
    TICK_NS = 250 * 1000 * 1000 /* so that what is due each half second is done within one, however the ticks fall */
};

static void announce(struct sleeper_state *state, const struct sleep_side *side, void *context)
{
    if (state->armed)
        (void)side->withdraw(context); /* what came of it, if anything, is one message more */
    side->announce(context);
    if (side->reachable(context) && fence_others() && side->reachable(context)) /* [BELL] [AWAIT] [WANT] */
        return;
    fence_full(); /* [BELL] [AWAIT] [WANT] */
    pollable_tick(&state->pollable, FIRST_NS);
    state->early = true;
}

static void set_ticks(struct sleeper_state *state)
{
    int64_t period = state->dozes       ? state->interval
                     : state->early     ? FIRST_NS
                     : state->published ? TICK_NS
                                        : UNPUBLISHED_NS;

    if (period != state->pollable.period)
        pollable_tick(&state->pollable, period);
}

/* Drain, and arm unless that stands. What a look finds then. */
static int arm(struct sleeper_state *state, const struct sleep_side *side, void *context)
{
    bool tick = pollable_drain(&state->pollable);
    bool stood = state->dozes || (state->armed && side->stands(context));
    int found;

    if (tick)
        state->early = false;
    if (state->dozes)
        side->answer(context);
    else
        turn_publish(state, side, context, state->pollable.port);
    if (!stood)
        announce(state, side, context);
    state->armed = true;
    set_ticks(state);
    found = turn_outcome(state, side->look(context), KERN_OPERATION_TIMED_OUT);
    if (found == 0 && !stood)
        side->count_sleep(context);
    return found;
}

int turn_armed(struct sleeper_state *state, const struct sleep_side *side, void *context, int64_t deadline)
{
    int found = arm(state, side, context);

    if (found == 0)
        found = turn_verdict(state, side, context);
    if (found == 0 && turn_now() >= deadline)
        return -ETIMEDOUT;
    return found != 0 ? found : turn_outcome(state, 0, pollable_wait(&state->pollable, turn_slice(deadline, SLICE_NS)));
}

void sleep_disarm(struct sleeper_state *state, const struct sleep_side *side, void *context)
{
    if (!state->armed)
        return;
    state->armed = false;
    if (state->dozes || side->withdraw(context) == 0) /* else a message is there, or on its way */
        pollable_ring(&state->pollable);
}

/* The semaphore goes first: whoever has a right to it finds it dead, and asks for what there is instead. */
int sleep_descriptor(struct sleeper_state *state)
{
    int code;

    if (word_load(&state->polled) != 0)
        return state->pollable.descriptor;
    code = pollable_open(&state->pollable);
    if (code != 0)
        return code;
    pollable_ring(&state->pollable);
    word_store_release(&state->polled, 1); /* [POLLED] */
    fence_full(); /* [POLLED] [WOKEN]: sleep_wake sees this, or its flag is seen by the next call that waits */
    sleep_drop_semaphore(state, true);
    state->owed = 0;
    state->published = false;
    state->publish_again = 0;
    state->turn = turn_armed;
    state->naps = false;
    return state->pollable.descriptor;
}

void sleep_nudge(struct sleeper_state *state)
{
    if (word_load(&state->polled) != 0)
        pollable_ring(&state->pollable);
}
