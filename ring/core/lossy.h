/*
 * Members of a lossy group: the producer never waits for them, and they learn what they missed (I5).
 *
 * It guarantees that what is handed out as whole is whole, though the producer may write over it at any moment, and that every message
 * of the stream is either handed out to one member of the group or counted as missed by one, exactly, in messages and bytes. (If a member is killed,
 * what it had found to be lost and did not come to say is in the group's words: its position, and what is said of that, tell all; only its
 * own counters miss it.)
 *
 * What may be believed. The producer stores `intent` before it writes up to there [INTENT] (producer.h). A reader loads what it wants, then a
 * load fence, then intent: is that no more than a ring past the position, nothing it loaded had been overwritten (record_intact). Until then
 * it acts on none of it: a header's length is bounded by what is there before a pointer is made of it, no position moves on. Headers and payload
 * are the same in this. Lossy members read up to the tail alone, never headers past it (R2).
 *
 * How a loss is counted. A member knows its position's number and bytes: how much of the stream lies before. Lapped, it goes on at a landmark
 * (landmark.h), and the difference is what it missed. A lone one carries both along from record to record. In a group of many they are not
 * in the claim word, but with whom it names: each member says what the end of a claim comes to, before it makes it. Nobody named: `begin` of the
 * group. The word's serial grows by what is claimed and by what is lost (R5).
 *
 * What a line says (line.h). Needed are, of a claim that was won: the facts of its `held`, and of its end, as long as the word names it or
 * it is not worked up; before a claim is won: of the position, if the word names this line for it. So one of three places is free
 * whenever something is to be said, and it is said before the word or `held` move there: whenever a member is killed, what is needed stands there.
 *
 * A group of many that was lapped is moved on by a claim of no records: one CAS from (P, A|n) to (landmark, me|its number), as any other
 * claim (shared.h), by a member whose held is idle; so it holds nothing if it is killed then. Then the next claim is made there.
 *
 * What is handed out and not released is kept in private, at most LOSSY_HELD: a release looks once more, at the oldest of what it releases, since
 * that is the first to be overwritten. If it is gone, all that this call releases counts as missed, though some of it may have been read whole.
 *
 * A dead member's claim goes to others, flagged, as in any group (recover.h), if it is still there; else the rest of it, from its `held` on, is missed. A
 * message that killed too many is not set aside, but counts as missed.
 */
#ifndef MRING_CORE_LOSSY_H
#define MRING_CORE_LOSSY_H

#include "consumer.h"
#include "landmark.h"

/* A new group begins where this fact is about. */
void lossy_begin(const struct group_view *group, uint32_t line, const struct fact *fact);

/* A new group begins at the tail: of which number that is, is counted from the last landmark on. */
void lossy_begin_at_tail(const struct ring_view *view, const struct group_view *group, uint32_t line);

/* The private side of a member that sits on its line (group_enter). 0, -EBADMSG. */
int lossy_enter(struct consumer_core *consumer);

/*
 * The next record at hand: 1; 0: there is none, a refill (alone) or a claim (shared.h) may give some; -EOVERFLOW: some were missed, as
 * consumer->lossy.gap says; -EBUSY: it holds as many as it may; -EBADMSG.
 */
int lossy_next(struct consumer_core *consumer, struct record *record);

/* Is there something at hand, or to be told? */
static inline bool lossy_has_more(const struct consumer_core *consumer)
{
    return consumer->group.terms.lossy && (consumer->lossy.pending || consumer->position != consumer->lossy.limit);
}

/* Alone: is there more by now? 1, 0, -EBADMSG. */
int lossy_refill(struct consumer_core *consumer);

/* Take the last record that was handed out back: it is the next one again. */
void lossy_unhand(struct consumer_core *consumer);

/* Was this record whole up to now? 1, 0; -EINVAL: it is none that it holds. */
int lossy_intact(struct consumer_core *consumer, uint64_t position, uint32_t length);

/*
 * Release the record at `position`, of this length, and all that was handed out before it. 0: they were whole until now; -EOVERFLOW: they
 * count as missed, as consumer->lossy.gap says; -EINVAL: it holds no such record.
 */
int lossy_release(struct consumer_core *consumer, uint64_t position, uint32_t length);

/* Give up what it holds and has claimed, before it leaves. */
void lossy_leave(struct consumer_core *consumer);

/*
 * For who only looks: what there is before the group's position, by its own words; the position may be lapped. Of a lone one: before what it has
 * not released. False: the group is at another position by now.
 */
bool lossy_fact(const struct group_view *group, uint64_t position, struct fact *fact);

/* ---- for shared.c and recover.c ---- */

/* The group's position was lapped: move it on. -EOVERFLOW: done; SHARED_CHANGED; 0: there is nowhere to go for this moment; -EBADMSG. */
int lossy_skip(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial);

/* Write down what a claim of so many records and bytes, up to `end`, comes to, before it is made. 1; SHARED_CHANGED; -EBADMSG. */
int lossy_intend(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial, uint64_t end,
                 uint64_t records, uint64_t bytes);

/* What a dead member left on the line that it works at is this member's now: 1; 0: it is lost, and counted; -EBADMSG. */
int lossy_adopt(struct consumer_core *consumer, uint64_t position, uint64_t end);

/* What begins at the position and ends by `end` is this member's. */
void lossy_work_at(struct consumer_core *consumer, uint64_t end);

/* The record at hand, of a claim up to `end`, has killed too many: it counts as missed. False: it is overwritten, which will be found out. */
bool lossy_pass_over(struct consumer_core *consumer, uint64_t position, uint64_t header, uint64_t end);

#endif
