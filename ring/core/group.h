/*
 * Membership: places in a group, taken and given back.
 *
 * A place is a member line. Its owner word says who sits there (layout.h, OWNER); the bit in `occupied` makes the line count for
 * the gate. Words written here: owner (CAS), occupied (atomic or/and), and, by the one who sits there, held.
 *
 * Joining a lossless group. The bit is the visibility: (1) held is set to a position that is certainly not too high, (2) the bit is
 * set [JOIN], (3) a full fence, (4) the tail is read and the member starts there. The producer's rescan is: full fence, then
 * read the bits. Either the rescan sees the bit, and with it held; or the bit came after the rescan's fence, then step 4 reads
 * a tail at least as new as the one that the rescan used as its upper bound, so that what the producer may overwrite by that
 * rescan, below gate + capacity <= tail + capacity, is nothing the member will read.
 * A declared group, and a durable one once it is made, always counts, at its position if nobody is there: its members begin at that position
 * and need none of this.
 */
#ifndef MRING_CORE_GROUP_H
#define MRING_CORE_GROUP_H

#include "consumer.h"

/* Lines of a fresh group entry: all free, all idle; the claim position where the group begins. */
void group_format(const struct group_view *group, uint64_t position);

/*
 * Take a free line for this life: its index, or -EUSERS. If there is none, one whose owner is dead, or that nobody has adopted yet, is
 * taken as it stands: the new member begins with what was left on it (recover_inherit).
 */
int group_occupy(const struct ring_view *view, const struct group_view *group, uint64_t life, life_verdict alive,
                 void *context);

/* A passing group's first member, or a lone passing one, starts at the tail: step 3 and 4 above. */
void group_start_at_tail(const struct ring_view *view, const struct group_view *group, uint32_t line);

/* Set up the private side of a member that sits on this line. -EBADMSG: the line or the claim word cannot be true. */
int group_enter(struct consumer_core *consumer, const struct ring_view *view, const struct group_view *group,
                uint32_t line, const struct judge *judge);

/* Give the place back. What was handed out counts as released; what was not goes to others. */
void group_leave(struct consumer_core *consumer);

/*
 * Give back the place of somebody who was handed nothing; what others left on it stays for others. `owner` is what the line's owner word
 * said of it: the place is taken over first, for this life, as a recoverer does, since who was to sit there may be dead, and others at it.
 */
void group_give_back(const struct group_view *group, uint32_t line, uint64_t owner, uint64_t life);

/*
 * Has the group living members? False is true of one moment, all places together: one may come to a place that was looked at already, beside
 * one who leaves another before that is looked at. So they are looked at twice. Each change of an owner word makes its turn grow; none
 * has changed if their sum has not. Once a passing group is empty nobody comes any more: that needs one who is there (api/serve.c). True
 * may be out of date: who makes it so by leaving looks for itself.
 */
bool group_lives(const struct group_view *group, life_verdict alive, void *context);

/* The same by the owner words alone: the dead count as long as nobody has buried them. */
bool group_has_members(const struct group_view *group);

void group_free_line(const struct group_view *group, uint32_t index);

#endif
