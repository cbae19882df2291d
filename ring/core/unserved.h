/*
 * Groups that nobody serves, and that are further behind than their limit: the producer gives them up, instead of waiting for ever.
 *
 * It guarantees that no group is given up while a living process is in it, stopped or not (a verdict of the kernel), or comes to it just
 * then and is told that it has a place.
 *
 * The producer, short of room, of a group that keeps its place: (1) `judged` names the group; (2) a full fence; (3) do all its places say that nobody
 * is there, or one who is dead? (4) if so, the word that says what becomes of it [CUT]; (5) `judged` names none (release [JUDGED]).
 * Who joins: (a) takes a place; (b) a full fence; (c) reads `judged` (acquire [JUDGED]): does it name the group, the place is given back, and
 * the join tried again; (d) reads what became of the group [CUT].
 * Either (3) sees who came at (a), who lives; or (a) was after the fence (2), with (b) before (c): then (c) sees what (1) stored, or a later value,
 * which is (5) or what came after, and with it (d) sees (4).
 *
 * A producer killed in between leaves the group named. It will not come to (4) any more; so whoever joins looks whether the producer lives: its
 * epoch is read after `judged`. A new one clears the word when it begins; what that one judges later, it judges after its epoch was seen, so behind a fence of
 * its own it sees who came at (a). Who finds the epoch of the dead one need not mind what is named.
 */
#ifndef MRING_CORE_UNSERVED_H
#define MRING_CORE_UNSERVED_H

#include "group.h"

/* Is this group to be given up when it is so far behind, and nobody serves it? */
static inline bool unserved_has_limit(const struct group_terms *terms, uint64_t behind)
{
    return terms_keep_place(terms) && !terms->lossy && terms->unserved != UNSERVED_STOPS && terms->limit != 0 &&
           behind > terms->limit;
}

/* Steps 1 to 3. True: nobody serves it. Then, or not, unserved_done, after what becomes of it was stored. */
bool unserved_judge(const struct ring_view *view, const struct group_view *group, life_verdict alive, void *context);
void unserved_done(const struct ring_view *view);

/* Steps b to d, after a place was taken: is the place to be given back, and the join tried again, as the group is judged or was dropped? */
bool unserved_turns_away(const struct ring_view *view, const struct group_view *group, life_verdict alive,
                         void *context);

/* Was it dropped? By what cut_off[].what says of this incarnation. */
static inline bool unserved_dropped(uint64_t what, uint64_t incarnation)
{
    return cut_off_is(what, incarnation) && (what & CUT_OFF_KIND_MASK) == TROUBLE_UNSERVED;
}

#endif
