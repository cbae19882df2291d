/*
 * What becomes of the dead: whose a record is, and how it goes to the living (I2, I4, R6).
 *
 * It guarantees that what a killed member held, and nothing else, goes to another member of its group, in order and with a count of those
 * it was given to before; whoever dies while doing so, and however many do it at once. Who is dead is decided elsewhere, by the
 * kernel (member/life.h): these functions are told.
 *
 * Words: owner (CAS [OWNER]), and of a line that was won by it: held, tally, tally_serial, redelivered_to; the group's orphans and
 * deaths [ORPHAN]. Read: the claim word's high half [CLAIM], signed [SIGNED], intent [PLAN].
 *
 * Whose. A member of many holds [held, intent_end) if its last claim was won, and nothing if it was not: its intent is announced before
 * the CAS that wins (shared.h). The claim word says so as long as it names the line with that serial; the line's `signed` does from before the
 * moment it no longer does. So a judge reads the claim word *first*: if that does not name the line any more, the
 * signature was there already. `signed` is compared for equality: it never passes the last intent, which is the only one in question.
 * A held at or past intent_end was stored for a later claim that was never made: it holds nothing either.
 * A lone member holds [held, claimed).
 *
 * Taking over. (1) CAS on the owner word, from the dead one's to one's own next: of several, one wins; the dead do not write. (2) Judge.
 * (3) Nothing held: held = idle, the line is free. Else: recover_bury makes the line an orphan (life 0, held not idle), which the next
 * member between two batches adopts (shared.c), again by CAS on the owner. Killed anywhere in between, the line has a dead owner
 * again and the same words to judge by: nothing but the owner changes before (3), and a free line is idle before it is free. The line counts for the gate all
 * the while, and its held only grows.
 *
 * `orphans` spares the members a look at every line before each claim. It is set after a line has become an orphan. Who adopts
 * takes it back first, by a read-modify-write, then looks at all the lines, and sets it again if it found one. If the setter is
 * killed in between, the next look at the dead (recover_dead) sets it.
 *
 * Counting. An adopter stores the tally (layout.h) in one word, right before the first record is handed out: from then on the claim was
 * given to one more. Killed before, it has not been, and the next adopter counts the same. For the first adoption of a claim the
 * tally comes first and then tally_serial, which makes it stand.
 * Who leaves takes its own count back, for what it was not handed, only after held has said that the rest is released: killed in between,
 * nothing that it was handed is given again without saying so.
 *
 * A record whose holders died `attempts_max` times while it was the oldest one is set aside (aside.h), then held moves past it. If there
 * is no room it is handed out once more: never lost.
 *
 * Where it ends. A declared or durable group keeps its orphans, whoever is there. A passing one whose members have all died or left is gone, and its
 * lines are swept: it gates no more.
 */
#ifndef MRING_CORE_RECOVER_H
#define MRING_CORE_RECOVER_H

#include "consumer.h"

/* How a line was when it was last looked at: one that does not move may have a dead owner. */
struct suspect {
    uint64_t owner;
    uint64_t held;
};

/* What a place holds, whoever sits there: [*from, *end); of many: what is left of its last claim. False: nothing, or it was not won. */
bool recover_holds(const struct group_view *group, uint32_t index, uint64_t *from, uint64_t *end);

/*
 * Look at all lines of a group for dead owners, and bury them: what they held becomes orphaned. True: there are orphans now. With
 * `suspects`, one per line, only the lines that have not moved since they were last looked at are asked about, as asking is a
 * system call; NULL: every line that holds something or, in a passing group, gates without holding anything. The line of
 * a lone group that keeps its place is left for who joins next.
 */
bool recover_dead(const struct group_view *group, const struct judge *judge, struct suspect *suspects);

/* A passing group whose members are all gone gates no more: sweep what they left. */
void recover_sweep(const struct group_view *group);

/* Take the orphan with the oldest record, if there is one, and make it what the member works at: 1, 0, or -EBADMSG. */
int recover_adopt(struct consumer_core *consumer);

/*
 * The line of a member that just came was taken with what a dead one or a leaver left on it: work at that first. 1: there is something, 0,
 * -EBADMSG.
 */
int recover_inherit(struct consumer_core *consumer);

/* Leave [position, limit), which was claimed and not handed out, to whoever adopts it. */
void recover_abandon(struct consumer_core *consumer);

/* A lone member leaves, all it was handed released: what it was not handed again of a dead one's is still to be marked as that. */
void recover_leave_lone(struct consumer_core *consumer);

#endif
