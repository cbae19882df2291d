/*
 * A consumer alone in its group: no claim, no read-modify-write, one store per release.
 *
 * It guarantees I3 (in order) and I7 (it reads inside the mapping, whatever stands in the ring): a record is at most half
 * the capacity, and the data is mapped twice, so a record that begins inside the first mapping ends inside the second.
 *
 * Words written, all in its own line: held (release [HELD]) gives room back; claimed bounds what it may have been handed (R3).
 * Words read: the tail (acquire [TAIL]), record headers (acquire [HEADER] where the tail was not asked).
 *
 * With a backlog it works up to its private copy of the tail. Caught up, it polls the header of the next record, which lies in
 * the line of the payload it is going to read anyway: one line per small message instead of two, and the tail's line stays with the
 * producer. When polls hit again and again, and the tail says that there is more behind, it is a stream, in which it stands back before it looks
 * (stand_back.h).
 */
#ifndef MRING_CORE_LONE_H
#define MRING_CORE_LONE_H

#include "stand_back.h"

enum { LONE_LINE = 64 }; /* bytes: what comes at once, at least */

/* What was given to a dead member before is handed out up to its end, and then no more is marked as that. How far the limit may go. */
static inline uint64_t lone_again(struct consumer_core *consumer, uint64_t ahead)
{
    if (consumer->position < consumer->again) {
        uint64_t left = consumer->again - consumer->position;

        return ahead < left ? ahead : left;
    }
    consumer->again = 0;
    consumer->given = 1;
    return ahead;
}

/* How far beyond the position the stream is published. 0: no further, or further than it can be: such a tail is not believed. */
static inline uint64_t lone_published(const struct consumer_core *consumer)
{
    const uint64_t ahead = word_load_acquire(&consumer->view.page->tail) - consumer->position; /* [TAIL] */

    return ahead <= consumer->view.capacity ? ahead : 0;
}

/* The record at the position, by its own header: its size; 0: there is none yet; -EBADMSG. */
static inline int64_t lone_poll(struct consumer_core *consumer)
{
    const uint64_t position = consumer->position;
    const uint64_t header = word_load_acquire(record_at(&consumer->view, position)); /* [HEADER] */
    const uint64_t size = record_size(record_length(header), consumer->view.alignment);

    if (consumer->position == consumer->limit && header == 0)
        return 0;
    return size <= consumer->record_max
               ? (int64_t)size
               : consumer_core_damaged(consumer, (struct trouble){TROUBLE_LENGTH, position, record_length(header),
                                                                  view_message_max(&consumer->view)});
}

/* So much more is this member's. */
static inline void lone_reach(struct consumer_core *consumer, uint64_t ahead)
{
    if (ahead > consumer->record_max)
        ahead = consumer->record_max;
    if (__builtin_expect(consumer->again != 0, 0))
        ahead = lone_again(consumer, ahead);
    consumer->limit = consumer->position + ahead;
    word_store(&consumer->line->claimed, consumer->limit); /* R3 */
}

/* Short of the limit: what stands there must be a record that ends by the tail. */
static inline int lone_extend(struct consumer_core *consumer)
{
    const int64_t size = lone_poll(consumer);
    const uint64_t tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */
    const uint64_t ahead = tail - consumer->position;

    if (size < 0)
        return (int)size;
    if (ahead < (uint64_t)size || ahead > consumer->view.capacity)
        return consumer_core_damaged(consumer,
                                     (struct trouble){TROUBLE_TAIL, consumer->position, tail, consumer->view.capacity});
    lone_reach(consumer, ahead);
    return 1;
}

/*
 * The first look in vain, after a message. What has just been stored may be the answer to it, of less than a line, and not seen yet: the looks that
 * come next would hold it up.
 */
static inline void lone_missed(struct consumer_core *consumer)
{
    if (consumer->streak == 0)
        return;
    consumer->streak = 0;
    if (consumer->stride.size < LONE_LINE)
        stores_settle();
}

/*
 * Nothing more at hand: move the limit on. 1, 0: nothing is there yet, -EBADMSG.
 *
 * It is a stream if there is more than one record behind the last one, again and again. One alone is not, however soon it came: an answer is
 * there at once when whoever asked has stood back, and would be waited for so for ever.
 */
static inline int lone_refill(struct consumer_core *consumer)
{
    uint64_t ahead;
    int64_t size;

    if (consumer->position != consumer->limit)
        return lone_extend(consumer);
    stand_back(consumer);
    size = lone_poll(consumer);
    if (size <= 0) {
        lone_missed(consumer);
        return (int)size;
    }
    ahead = consumer->streak != 0 ? lone_published(consumer) : 0;
    if (ahead > (uint64_t)size) {
        stand_back_found(consumer, ahead);
    } else {
        consumer->streak = consumer->streak == 0;
        ahead = (uint64_t)size;
    }
    lone_reach(consumer, ahead);
    return 1;
}

/*
 * The same for a member that had caught up, and takes the record as well: a round trip goes through this each way, most of it while the message is
 * already there. 1, 0; -1: lone_refill tells, as for whatever is not one record, where none was.
 */
static inline int lone_answer(struct consumer_core *consumer, struct record *record)
{
    const uint64_t position = consumer->position;
    const struct word *place = record_at(&consumer->view, position);
    uint64_t header, size;

    if ((consumer->position ^ consumer->limit) | consumer->streak | consumer->again)
        return -1;
    header = word_load_acquire(place); /* [HEADER] */
    if (header == 0)
        return 0;
    size = record_stride(&consumer->stride, record_length(header), consumer->view.alignment);
    if (size > consumer->record_max || consumer_core_cut_off(consumer))
        return -1;
    *record = (struct record){position, header, (const unsigned char *)place + LAYOUT_RECORD_HEADER};
    consumer->streak = 1;
    consumer->given = 1;
    consumer->position = consumer->limit = position + size;
    word_store(&consumer->line->claimed, position + size); /* R3 */
    return 1;
}

/* The next record: 1, 0, -EBADMSG. */
static inline int lone_next(struct consumer_core *consumer, struct record *record)
{
    int code;

    if (consumer_core_take(consumer, record))
        return 1;
    code = lone_refill(consumer);
    if (code != 1)
        return code;
    return consumer_core_take(consumer, record) ? 1 : consumer_core_vanished(consumer);
}

#endif
