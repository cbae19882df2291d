/*
 * A member of a group of many: batched claims.
 *
 * It guarantees I2 (each record is processed by one living member) and that ownership is exact at every instruction, so that a later
 * judge can tell whose a record is whoever died when.
 *
 * Words
 *   claim {position, line + 1 | serial}   one 16-byte CAS moves both halves [CLAIM]. `serial` is the number of records the group
 *                                         has claimed; it only grows.
 *   line.held                             this member [HELD]: lowest position it has not released; HELD_IDLE: nothing
 *   line.intent_serial, intent_end        this member [PLAN]: what the claim it is about to make would leave in the word
 *   line.signed_serial                    this member, and whoever helps it, as an atomic maximum [SIGNED]: the last serial known to be
 *                                         this line's
 *   tail, record headers                  read only
 *
 * The claim, steps in this order:
 *   1. read the position P and the tail; nothing between them: done.
 *   2. held = P, full fence, read the position again: still P? Else from 1. From here on nothing at or past P is overwritten: a
 *      rescan of the producer that began before this store was visible has read a position of at most P; one that begins later
 *      (it starts with a full fence) sees held. So what is walked next is whole, and no race.
 *   3. walk records from P to the end E of a batch, n' = n + records, n being the serial of A, whom the word names.
 *   4. intent_serial = n', then intent_end = E (R4: a judge that finds the serial believes the end).
 *   5. make sure n is signed for A, helping (R5): after the CAS the word no longer names A's claim, so A's line must.
 *   6. CAS (P, A|n) -> (E, me|n').
 *   7. sign n' for oneself: by a plain store, and the next claimer finds nothing left to do in step 5. That cannot take back what a helper
 *      stored: a line is signed for serials alone that it won, and n' is the last of those until this member makes its next claim.
 * A member that dies before 6 never won: the word does not name it with n', and signed has not reached n'. One that
 * dies after 6 won: the word names it until the next claimer signs for it in step 5. So at any instant a judge that reads the word's
 * high half first and the dead line's signed second finds out which.
 *
 * How much. At least one record; then a share of the backlog, as a member must not sit on work that idle ones could do: half of what is there
 * for each member. Where each message takes some nanoseconds that would be claims of a few records, each of which costs more than all its messages.
 * So a member that has lately been quick takes as many as it is done with in a moment, at its pace (`quick`: api/consumer.c): sooner than another could
 * fetch the first of them. Its pace is known from the last few milliseconds; one that meets a long message behind quick ones has made one claim too large.
 * At most batch_max records, of a quick member that did not ask for less than 64, 256, and an eighth of the ring, or what the longest record
 * takes if that is less. At the end of what it knew of to
 * be published a member of a stream stands back before it looks again, as a lone one does (lone.h).
 *
 * The tail that bounds a claim need not be the newest. What was published once stays so, and is there as long as the group's position has not passed it (2);
 * whoever claims by an older tail claims less. A quick member uses up what it knows of before it takes the tail's line from the producer again.
 *
 * What becomes of the claims of those who die or leave: recover.h.
 *
 * A failed CAS leaves held = P behind for a moment, which can only hold the gate back; it is set anew by the next try or
 * to idle.
 */
#ifndef MRING_CORE_SHARED_H
#define MRING_CORE_SHARED_H

#include "consumer.h"

enum {
    SHARED_BATCH_MAX = 64, /* unless the member asks for less */
    SHARED_QUICK_MAX = 256 /* of one that is quick, and did not */
};

/* Inside a claim: another member has changed the word, begin again. */
enum { SHARED_CHANGED = 2 };

/*
 * Adopt an orphan or else claim the next batch: 1: position .. batch_end are this member's; 0: there is nothing; -EBADMSG; -EOVERFLOW: the
 * group is a lossy one, and was lapped. Everything claimed before must have been released.
 */
int shared_claim(struct consumer_core *consumer);

/*
 * Steps 4 to 7: of a claim that goes from (position, owner_serial) to `end` and this serial. False: the word had changed.
 */
bool shared_move(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial, uint64_t end,
                 uint64_t serial);

/* An adopted line is worked up: it is free again, for any joiner. */
void shared_disown(struct consumer_core *consumer);

/* Everything of the batch below `end` goes back; the whole batch: this member is idle. */
static inline void shared_release(struct consumer_core *consumer, uint64_t end)
{
    if (end != consumer->batch_end) {
        consumer_core_release(consumer, end);
        return;
    }
    consumer->held = end;
    word_store_release(&consumer->active->held, HELD_IDLE); /* [HELD] */
    if (consumer->active != consumer->line)
        shared_disown(consumer);
}

/* Does nobody hold anything? Asked at the end of the stream, after the position. */
bool shared_all_released(const struct group_view *group);

/*
 * The producer is dead: what it committed and did not come to publish by the tail may be claimed too. A successor does the same walk
 * before anything else, so that it begins behind what was claimed (R2).
 */
void shared_look_beyond(struct consumer_core *consumer);

/* The tail, where it is known to be at `least`: if it is not, another member has had the verdict on the producer. */
uint64_t shared_tail(struct consumer_core *consumer, uint64_t least);

/* The group's position: how far it has claimed. */
static inline uint64_t shared_position(const struct consumer_core *consumer)
{
    return word_load_acquire(&consumer->group.page->claim.low); /* [CLAIM] */
}

#endif
