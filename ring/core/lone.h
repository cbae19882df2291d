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

/*
 * Caught up with what it knows of the tail: poll the next header, and look at the tail again after the second hit in a row. 1: the
 * limit has moved on; 0: nothing yet; -EBADMSG.
 */
static inline int lone_refill(struct consumer_core *consumer)
{
    uint64_t position = consumer->position;
    uint64_t header = word_load_acquire(record_at(&consumer->view, position)); /* [HEADER] */
    uint64_t limit;

    if (header == 0) {
        consumer->streak = 0;
        return 0;
    }
    if (record_length(header) > consumer->message_max)
        return -EBADMSG;
    limit = position + record_size(record_length(header), consumer->view.alignment);
    if (++consumer->streak >= 2) {
        uint64_t tail;

        for (unsigned turn = 0; turn < LONE_STAND_BACK; turn++)
            pause_cpu();
        tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */
        /* A tail behind the header, or too far ahead of what it can be, is not believed: the header stands by itself. */
        if (tail > limit && tail - position <= consumer->view.capacity)
            limit = tail;
    }
    consumer->limit = limit;
    word_store(&consumer->line->claimed, limit); /* R3 */
    return 1;
}

/* The next record: 1, 0, -EBADMSG. */
static inline int lone_next(struct consumer_core *consumer, struct record *record)
{
    int code = consumer_core_take(consumer, record);

    if (code == 0) {
        code = lone_refill(consumer);
        if (code == 1)
            code = consumer_core_take(consumer, record);
    }
    return code;
}

#endif
