/*
 * Who sleeps, and who takes whom: the steps on the shared words (R13, R14). No semaphore is touched here.
 *
 * Words: the group's sleepers (bit m: member m sleeps; group_sleepers()) [SLEEP], doorbell.groups (bit g: group g has sleepers) [BELL], group.want and
 * want_epoch [WANT].
 *
 * A member announces: its bit in sleepers first, then its group's bit in the doorbell. A waker (producer) clears the doorbell bit
 * first, then takes one sleeper, then sets the bit again if others remain. Both words change by atomic read-modify-writes only, so: if
 * the announcement's step on the doorbell came before the clearing, the waker sees the sleeper's bit; if after, the doorbell bit
 * stands again for the next publication, and the sleeper, which looks again after it, sees what was published before the clearing.
 *
 * A producer announces by `want`, the gate it needs, in each gating group. A releaser that sees it (plain load after its store of
 * held; the producer pays the fence) takes it by CAS once the group's gate is there. So does, whatever the gate, a member that
 * leaves or goes to sleep, and a lone one that polls in vain, once for each wish: what they keep they may keep for long.
 */
#ifndef MRING_WAIT_BELL_H
#define MRING_WAIT_BELL_H

#include "core/view.h"

#include <stdbool.h>

/* The member on this line sleeps, or does no more. Withdraw: false: somebody had taken it. */
void bell_announce(const struct ring_view *view, const struct group_view *group, uint32_t line);
bool bell_withdraw(const struct group_view *group, uint32_t line);
/* Has nobody taken it? */
bool bell_sleeps(const struct group_view *group, uint32_t line);
/* Do all others of the group sleep? Who was taken, and has not come to the work yet, does not. */
bool bell_others_sleep(const struct group_view *group, uint32_t line);
/* And will the next publication ring? Who took the group's bit, to take a sleeper, may have been killed before setting it again. */
bool bell_stands(const struct ring_view *view, const struct group_view *group, uint32_t line);

/* Take one sleeper: its line, or -1. `more`: others sleep still. */
int bell_take(const struct group_view *group, bool *more);

/* The producer answers the doorbell of one group: takes one sleeper (its line, or -1), leaving the bit set if others remain. */
int bell_answer(const struct ring_view *view, const struct group_view *group);

/* A member that claimed and sees more work takes the next sleeper: -1: nobody sleeps. */
static inline bool bell_sleepers(const struct group_view *group)
{
    for (unsigned word = 0; word * 64 < group->members; word++)
        if (word_load(&group_sleepers(group)[word]) != 0)
            return true;
    return false;
}

/* The producer of this epoch wants this group's gate to reach `gate`; or no more. Withdraw: false: it was answered. */
void want_announce(const struct group_view *group, uint64_t gate, uint64_t epoch);
bool want_withdraw(const struct group_view *group);

/* The gate that the producer waits for, or 0: it does not. One plain load, after a release store of held. */
static inline uint64_t want_gate(const struct group_view *group)
{
    fence_compiler();                     /* [WANT] */
    return word_load(&group->page->want); /* [WANT] */
}

static inline bool want_pending(const struct group_view *group)
{
    return want_gate(group) != 0;
}

/*
 * Take the producer's wish if the group's gate has reached it: true for the one caller who must signal, *epoch says whom. A gate
 * of GATE_NONE takes it in any case: a group that is going to sleep or going away has nothing left to give.
 */
bool want_take(const struct group_view *group, uint64_t gate, uint64_t *epoch);

#endif
