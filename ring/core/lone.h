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
 * producer. Only when two polls in a row hit, a sign of a stream, does it read the tail again; and before that it stands back for
 * a moment, since each look takes the lines that the producer is writing away from it: a consumer on its heels slows both to the
 * pace of lines bouncing between two caches.
 */
#ifndef MRING_CORE_LONE_H
#define MRING_CORE_LONE_H

#include "consumer.h"

enum {
    LONE_STAND_BACK = 64 /* pauses: about a microsecond, a few line transfers between caches */
};

static inline void lone_stand_back(void)
{
    for (unsigned turn = 0; turn < LONE_STAND_BACK; turn++)
        pause_cpu();
}

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

/*
 * Nothing more at hand: move the limit on. 1, 0: nothing is there yet, -EBADMSG.
 *
 * Short of the limit, what stands there must be a record that ends by the tail. At the limit, the next header is polled, and the
 * tail is looked at again after the second hit in a row.
 */
static inline int lone_refill(struct consumer_core *consumer)
{
    const bool caught_up = consumer->position == consumer->limit;
    const uint64_t position = consumer->position;
    const uint64_t header = word_load_acquire(record_at(&consumer->view, position)); /* [HEADER] */
    const uint64_t size = record_size(record_length(header), consumer->view.alignment);
    uint64_t ahead = size;

    if (caught_up && header == 0) {
        consumer->streak = 0;
        return 0;
    }
    if (size > consumer->record_max)
        return consumer_core_damaged(consumer, (struct trouble){TROUBLE_LENGTH, position, record_length(header),
                                                                view_message_max(&consumer->view)});
    if (!caught_up || ++consumer->streak >= 2) {
        uint64_t tail;

        if (caught_up)
            lone_stand_back();
        tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */
        /* A tail behind the header, or too far ahead of what it can be, is not believed: a polled header stands by itself. */
        if (tail - position >= size && tail - position <= consumer->view.capacity)
            ahead = tail - position;
        else if (!caught_up)
            return consumer_core_damaged(consumer,
                                         (struct trouble){TROUBLE_TAIL, position, tail, consumer->view.capacity});
    }
    if (ahead > consumer->record_max)
        ahead = consumer->record_max;
    if (__builtin_expect(consumer->again != 0, 0))
        ahead = lone_again(consumer, ahead);
    consumer->limit = position + ahead;
    word_store(&consumer->line->claimed, consumer->limit); /* R3 */
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
