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
 * Caught up with what it knows of the tail: poll the next header, and look at the tail again after the second hit in a row. 1: there
 * is a record at the position, whose header is *header; 0: nothing yet; -EBADMSG.
 */
static inline int lone_poll(struct consumer_core *consumer, uint64_t position, uint64_t *header)
{
    uint64_t claimed;

    *header = word_load_acquire(record_at(&consumer->view, position)); /* [HEADER] */
    if (*header == 0) {
        consumer->streak = 0;
        return 0;
    }
    if (record_length(*header) > consumer->message_max)
        return -EBADMSG;
    claimed = position + record_size(record_length(*header), consumer->view.alignment);
    if (++consumer->streak >= 2) {
        uint64_t tail;

        for (unsigned turn = 0; turn < LONE_STAND_BACK; turn++)
            pause_cpu();
        tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */

        /* A tail behind the header, or too far ahead of what it can be, is not believed: the header stands by itself. */
        if (tail > claimed && tail - position <= consumer->view.capacity)
            claimed = consumer->limit = tail;
    }
    word_store(&consumer->line->claimed, claimed);
    return 1;
}

/* 1 and the record, 0: nothing yet, -EBADMSG. */
static inline int lone_next(struct consumer_core *consumer, struct record *record)
{
    uint64_t position = consumer->position;
    uint64_t limit = consumer->limit;
    uint64_t message_max = consumer->message_max;
    uint64_t alignment = consumer->view.alignment;
    uint64_t header, end;

    if (position < limit) {
        header = word_load(record_at(&consumer->view, position));
        end = position + record_size(record_length(header), alignment);
        if (header == 0 || record_length(header) > message_max || end > limit)
            return -EBADMSG;
    } else {
        int code = lone_poll(consumer, position, &header);

        if (code != 1)
            return code;
        end = position + record_size(record_length(header), alignment);
    }
    record->position = position;
    record->header = header;
    consumer->position = end;
    return 1;
}

/* Everything below `end` goes back to the producer. */
static inline void lone_release(struct consumer_core *consumer, uint64_t end)
{
    consumer->held = end;
    word_store_release(&consumer->line->held, end); /* [HELD] */
}

#endif
