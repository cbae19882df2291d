/*
 * Membership: places in a group, taken and given back.
 *
 * A place is a member line. Its owner word says who sits there (layout.h, OWNER); the bit in `occupied` makes the line count for
 * the gate. Words written here: owner (CAS), occupied (atomic or/and), and, by the one who sits there, held.
 *
 * Joining a group that is there. Its place is its position, or the held of a lone member before. A group that keeps its place always counts
 * for the gate, and a passing one while it has a member, who must have been there until the newcomer's bit was set (api/directory.c).
 *
 * Making a group (start.h; R9). It must start where the producer has not written over, and will not:
 *   the maker    (1) gives it a place that is certainly not too high: the beginning of the stream; (2) makes it live, which raises the
 *                directory's version [VERSION]; (3) a full fence; (4) reads the published gate [GATE], and the tail [TAIL]; (5) has it
 *                start anywhere from that gate on.
 *   the producer, in a rescan: (a) reads the version [VERSION], then scans; (b) publishes the gate that it found [GATE]; (c) a full fence; (d) reads the
 *                version again; if it is another, it scans once more, with the groups that came, and uses the lower of the two gates;
 *                (e) only now writes where this gate lets it.
 * Let the maker read the gate G at (4), and the producer use a gate U > G. U is at most a gate that it published at (b), and as G is less, and the
 * published gate only grows, the maker's (4) came before that (b). So did its (2), with the fence (3) in between; then (d), behind the fence (c), sees the
 * new version, and the second scan includes the group, which gates at the beginning of the stream, or where it was placed: so U
 * is no higher than that, or than a gate that was used before, to which the same applies. As G only grows from one use to the next, what is used never
 * passes where the group starts. A group of which the first scan knows is in both gates.
 * That the records from G on are there to be walked, until the group has its place, is the same argument: it gates at the beginning.
 * The published gate may be higher than what is used, after a second scan: then a group starts later than it could have.
 * (tests/model/start.pml has every interleaving of this, and what each step is for.)
 *
 * A position is not believed because somebody names it: the chain of records from the gate must meet it, and go on to the tail. The gate itself
 * is what the words of groups say, and a member that writes what is not so into its own group's could have it be no beginning of a record:
 * then, as a rule, the chain does not meet the tail, which is -EBADMSG. It is not a rule where the same somebody decides what messages contain.
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
int group_occupy(const struct group_view *group, uint64_t life, life_verdict alive, void *context);

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
 * has changed if their sum has not. Once a passing group is empty nobody comes any more: that needs one who is there (api/directory.c). True
 * may be out of date: who makes it so by leaving looks for itself.
 */
bool group_lives(const struct group_view *group, life_verdict alive, void *context);

/* The same by the owner words alone: the dead count as long as nobody has buried them. */
bool group_has_members(const struct group_view *group);

/*
 * Has everybody in the group registered for membarrier (R15)? To be asked after a full fence behind what was announced to them. Whoever is not seen
 * yet sets its bit, and passes a full fence of its own before it releases anything: it sees what was announced. And what somebody released who
 * is not seen any more, as its bit is gone, can be seen by who saw that [JOIN].
 */
bool group_fenced(const struct group_view *group);

void group_free_line(const struct group_view *group, uint32_t index);

#endif
