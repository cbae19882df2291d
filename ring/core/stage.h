/*
 * A group that is after others: how far its members may go (group_terms.after).
 *
 * It guarantees that a record is handed out here only when every group that this one is after has released it: whoever was given it
 * there, also after others were killed with it, has said that it is done, or left, or it was set aside there (aside.h).
 *
 * Words written: none of theirs, whose memory is read-only here. Words read, of each group before: claim position [CLAIM], occupied [JOIN], every
 * held [HELD], in the order that the producer reads them for its gate (gate.h); and behind these the tail [TAIL].
 *
 * Why that order is right for a reader behind them as it is for the producer. Let P be the position that was read. Whatever lies below P was
 * claimed; who claimed [a, b) stored held = a before the CAS that moved the position past it, so the held that is read later is a or a later
 * value of that line:
 *   - below b: what is not released of it counts;
 *   - at or past b, or idle: it was released, and what was done with it before that is seen here (release [HELD]);
 *   - its bit is gone: it was idle before (group_free_line), and read as above;
 *   - its member died, or left with something that it was not handed: the line goes on with the same held, which whoever adopts it moves
 *     (recover.h). It never lets go of a record in between;
 *   - a held below a, of a claim that is tried and fails: it holds this look back, and takes nothing away from an earlier one.
 * What is at or past P nobody there was given yet: it does not count. A group with nobody in it is at its position, and one that holds
 * nothing and has claimed all is at the tail. Of a lone group held alone counts; it stays when its member dies, and goes
 * over into the position, position first, when that leaves. So what was found released is so for good: it is kept, privately, and looked for
 * again only where it is used up.
 *
 * The record is there still, as this group gates the producer itself, and is whole, as nothing past the tail is handed out, whatever the
 * groups before say. A lone group may have released what its producer was killed over, before the tail was stored (R2): that counts
 * once the producer is known to be dead (shared_look_beyond).
 *
 * What they say is bounded like all words of others. Which cannot be true, past the tail by more than one publication can be, askew or
 * back, is -EBADMSG; the producer will cut that group off, and those after it with it (api/producer_cut.c). What can be true is believed:
 * a member before that lies says that a record is done which is not.
 *
 * Which groups may be before others, and that none is before itself, is seen to where groups are made: stage_may_lead, stage_before.
 */
#ifndef MRING_CORE_STAGE_H
#define MRING_CORE_STAGE_H

#include "consumer.h"

/*
 * May a group with these terms have others after it? One that can vanish, or lose messages, would let go of what nobody has done: so it must
 * be one that keeps its place, and gates the producer whatever happens. Whether those after it are lossless does not matter.
 */
static inline bool stage_may_lead(const struct group_terms *terms)
{
    return terms->kind == GROUP_DECLARED && terms->lossy == 0 && terms->unserved == UNSERVED_STOPS;
}

/* All the groups that one is after, directly or through others, by what each is after. Its own bit: they go in a circle. */
uint64_t stage_before(const uint64_t after[LAYOUT_GROUPS], uint32_t index);

/* Is there more than `from` that all groups before have released? 1, 0, -EBADMSG. */
int stage_look(struct consumer_core *consumer, uint64_t from);

/* The directory's bits of the groups that held `from` back when last looked at. */
uint64_t stage_held_by(const struct consumer_core *consumer, uint64_t from);

/* For a member of many that is at `from`: lower *tail to how far it may go. 0, -EBADMSG. */
int stage_bound(struct consumer_core *consumer, uint64_t from, uint64_t *tail);

/* In place of lone_refill: it asks the groups before, and polls no header. 1, 0, -EBADMSG. */
int stage_refill(struct consumer_core *consumer);

#endif
