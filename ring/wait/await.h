/*
 * Sleepers of a group that is after others, and who wakes them (R12): the steps on the shared words.
 *
 * A publication has nothing for them: what they wait for is that a member of a group before releases. So they are announced to these.
 * Words, all in the doorbell, the one memory that both sides can write: its sleepers (in place of those in the group's page) [SLEEP]; and,
 * for each group u before, awaited[u], bit g: group g has sleepers whom u holds back [AWAIT].
 *
 * A member of u that has released looks at awaited[u], a plain load after its store of held; the sleeper pays the fence (fence.h), for which
 * each member of u has its registered bit. If a bit is set, it asks whether u, all its members together, has now released
 * more than that group had taken when it went to sleep: a full fence, then u's gate, so that of several who release at once the last sees
 * all. If not, the bit stays, and another one's release will answer it. If so it takes the bit, then one sleeper, and sets the bit again
 * if others remain: as the producer does with its bell, and for the same reason (bell.h).
 *
 * But here there are several who may find it taken. One that releases just then wakes nobody, and its store may not be seen yet when the sleeper
 * that was taken has woken, and looks for more. So whoever has set the bit again, and is not the only one who releases there, makes the fence of
 * all, too, and looks at u's gate once more: if it has grown, the next is taken for that (api/followers.c; tests/model/stages.pml). Where there is
 * no such fence the next may be late, by half a second.
 *
 * Who is held back by one group before, and not by another, is announced to the one alone: else each release of the other, far ahead, would
 * wake it in vain. Which groups these are changes as other members of the group claim. Before the last look that is found out by who is about to
 * sleep, and it does not (api/consumer_wait.c); later by who claims: it looks at the sleepers after its claim, and at the bit of each group that holds
 * back what is left. Where one was not told, it wakes a sleeper, which announces itself anew (api/consumer.c). Of the sleeper's bit and the claim one
 * is seen by the other side, as the sleeper's fence is between.
 *
 * What strangers write there has sleepers woken late, by half a second, or in vain.
 */
#ifndef MRING_WAIT_AWAIT_H
#define MRING_WAIT_AWAIT_H

#include "core/view.h"

#include <stdbool.h>

/* The member on this line sleeps until one of these groups, by bits, has released. It withdraws by bell_withdraw. */
void await_announce(const struct ring_view *view, const struct group_view *group, uint32_t line, uint64_t upstreams);

/*
 * Has each of these groups been told that somebody of this one sleeps? Who took the bit of the group, to take a sleeper, may have been killed before
 * setting it again.
 */
bool await_told(const struct ring_view *view, const struct group_view *group, uint64_t upstreams);

/* Bit g: group g awaits that this one releases. One plain load, after a release store of held. */
static inline uint64_t await_pending(const struct ring_view *view, uint32_t upstream)
{
    fence_compiler();                                     /* [AWAIT] */
    return word_load(&view->doorbell->awaited[upstream]); /* [AWAIT] */
}

/*
 * Group `upstream` has released up to `gate`: the line of a sleeper of this group that was taken for it, or -1. Nothing of the group's is written.
 * `others`: the bit was set again for those who remain, so the gate is to be looked at once more, behind fence_others().
 */
int await_answer(const struct ring_view *view, uint32_t upstream, uint64_t gate, const struct group_view *group,
                 bool *others);

/* What stands there is not this group's: not one that is after that other. */
void await_refuse(const struct ring_view *view, uint32_t upstream, uint32_t group);

/* Is there no such group any more, whose members were killed asleep before it was taken out of the directory? Then nobody awaits this one. */
bool await_forget_gone(const struct ring_view *view, uint32_t upstream, uint32_t group);

#endif
