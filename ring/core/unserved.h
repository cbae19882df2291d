/*
 * Groups that nobody serves, and that are further behind than their limit: the producer gives them up, instead of waiting for ever. It drops them,
 * or it turns them lossy.
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
 * A producer killed in between leaves the group named. It will not come to (4) any more; so whoever joins looks, behind its fence,
 * whether the producer of the epoch lives. A new one clears the word when it begins; what that one judges later, it judges after its epoch was seen, so behind a fence of
 * its own it sees who came at (a). Who finds the epoch of the dead one need not mind what is named.
 * (tests/model/unserved.pml.)
 *
 * Turned lossy, a group stays so. Nothing that it has not released is overwritten yet, so the producer can count what the stream had come to where the
 * group is, and at both ends of what each line still holds; it has the lines say that (line.h), as those of lossy members do, or of a group that
 * nobody has claimed in, `begin`. It goes by headers, from the next landmark on, for each. No lossless group uses any of these words, and nothing
 * else of the group changes: killed over it, the producer leaves it as it was. Then `turned` says so [TURN], in the place of (4). Who joins from then
 * on goes by it, and is handed what is there, told what is not, to the message. What cannot be counted, as words cannot be true, is dropped.
 *
 * So nobody is ever in a group that turns lossy under its hands: who was in it is dead, and left what the claims of the dead look like in any
 * group; who is in it now came after, or there would have been no verdict. Only who looks on (snapshot.h, inspect.h) may have seen it
 * before: that one asks unserved_lossy when it needs to know, after it has looked at what may be overwritten then.
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

/* Step 4 of a group that turns lossy. False: where it is cannot be counted. */
bool unserved_turn(const struct ring_view *view, struct group_view *group);

/* Has this incarnation of the group been turned lossy? */
static inline bool unserved_turned(const struct ring_view *view, uint32_t index, uint64_t incarnation)
{
    return incarnation != 0 && word_load_acquire(&view->page->turned[index]) == incarnation; /* [TURN] */
}

/* A group as it is described has the terms that it was made with: for who comes to it, what it is now. */
void unserved_apply(const struct ring_view *view, struct group_view *group);

/* Is it lossy by now? For who only looks on. */
static inline bool unserved_lossy(const struct ring_view *view, const struct group_view *group)
{
    return group->terms.lossy || unserved_turned(view, group->index, group->incarnation);
}

/* Was it dropped? By what cut_off[].what says of this incarnation. */
static inline bool unserved_dropped(uint64_t what, uint64_t incarnation)
{
    return cut_off_is(what, incarnation) && (what & CUT_OFF_KIND_MASK) == TROUBLE_UNSERVED;
}

#endif
