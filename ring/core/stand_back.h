/*
 * Not being on the producer's heels.
 *
 * Each look of a consumer takes a line that the producer is writing, or is about to, away from it. One that is as quick as its producer, and looks as soon as
 * it has nothing more, slows both to the pace of lines that go back and forth: the ring is never full, and a stream has half the speed, or a fourth.
 * So who finds more than one record, look after look, is in a stream, and leaves the producer alone for a moment before it looks again: 32 pauses
 * at first, then 64, 128 and 256, and up to 1024 where it finds much and not enough. How long a pause is depends on the processor (6 to 27 ns); how far
 * away the producer is decides how much is enough: so it goes by what was found. Who finds more than it can read meanwhile is slower than its
 * producer, and waits for less and less. And in a small ring it is less, which would be full by then: 64 pauses in one of 64 KiB.
 */
#ifndef MRING_CORE_STAND_BACK_H
#define MRING_CORE_STAND_BACK_H

#include "consumer.h"

enum {
    STAND_BACK_STREAM = 2,         /* looks in a row that found more than one record */
    STAND_BACK_FIRST = 32,         /* pauses: a few line transfers between caches */
    STAND_BACK_LATER = 256,        /* where it goes on, */
    STAND_BACK_MOST = 1024,        /* and is quick: there is, in bytes, */
    STAND_BACK_MUCH = 1 << 12,     /* so much each time, */
    STAND_BACK_ENOUGH = 1 << 15,   /* or so much that to wait for longer brings nothing; */
    STAND_BACK_TOO_MUCH = 1 << 16, /* or more, and it may wait for less */
    STAND_BACK_PAUSE = 1024        /* bytes of the ring for each pause, at least: all are a tenth of a lap, or so */
};

/* For how many pauses, before the next look. */
static inline uint64_t stand_back_pauses(const struct consumer_core *consumer)
{
    const uint64_t most = consumer->view.capacity / STAND_BACK_PAUSE;

    if (consumer->streak < STAND_BACK_STREAM)
        return 0;
    return consumer->pauses < most ? consumer->pauses : most;
}

static inline void stand_back(const struct consumer_core *consumer)
{
    for (uint64_t pauses = stand_back_pauses(consumer); pauses > 0; pauses--)
        pause_cpu();
}

/* A look found more than one record, so many bytes. */
static inline void stand_back_found(struct consumer_core *consumer, uint64_t bytes)
{
    uint64_t pauses = consumer->pauses;

    if (++consumer->streak <= STAND_BACK_STREAM)
        pauses = STAND_BACK_FIRST;
    else if (bytes >= STAND_BACK_TOO_MUCH)
        pauses /= 2;
    else if (pauses < STAND_BACK_LATER || (bytes >= STAND_BACK_MUCH && bytes < STAND_BACK_ENOUGH))
        pauses *= 2;
    else if (bytes < STAND_BACK_MUCH)
        pauses = STAND_BACK_LATER;
    if (pauses < STAND_BACK_FIRST)
        pauses = STAND_BACK_FIRST;
    consumer->pauses = pauses < STAND_BACK_MOST ? pauses : STAND_BACK_MOST;
}

#endif
