/*
 * How the producer takes lines over.
 *
 * What limits a stream is how soon the producer owns the lines that its consumers have read. Each is asked for by the first store to it, and that waits
 * in the processor's queue of stores, with all that come behind it, a dozen for each message: so but few lines are on their way at once. And a fetch for
 * writing does nothing where the producer still has a copy to read. So its limit moves on by OWNED_STEP, and lines are owned as it does, where that is quicker: a
 * store to each, one right behind the other; of a long record as many as a cache close to the processor may hold, whatever else is in it. They lie where nobody
 * may read and nothing was handed out, below gate and intent as all that is written.
 *
 * Where consumers wait for each message, as in a round trip, this would hold up the next one; and of what is owned long before it is needed a consumer's
 * processor takes back what it guesses that will be read. There each publication takes over the lines of the next record, if that is as long, and no
 * others. Consumers wait if all but a message or two was released whenever the gate was looked at lately.
 *
 * Whether lines are worth owning depends on where the processors are, and on the ring: where those share a cache, a line is there as soon as it is stored
 * to, and all that comes of it is to store twice. No single time tells that apart from a stream that is slow for want of owning its lines. So some steps are
 * made without, and what two steps took, one behind the other, that were made in different ways is compared, by the processor's own counter (ticks.h): the quicker
 * way wins a point. Once one way is ahead by OWNED_SURE, the other is only tried now and then; until then they take turns, in an order that no
 * period of the stream's own falls in with. A step in which the gate was looked at says nothing, as it may have been waited for, and is made again; nor does
 * one that is short, as all are in the smallest rings, where lines are always owned. Only what is done depends on times, not what is right.
 *
 * What is left alone needs no small steps: then the limit moves on by OWNED_MOST.
 */
#ifndef MRING_CORE_OWNED_H
#define MRING_CORE_OWNED_H

#include "ticks.h"
#include "view.h"

enum {
    OWNED_LINE = 64,
    OWNED_STEP = 1 << 13,            /* bytes of lines that are taken over at once, */
    OWNED_MOST = 1 << 16,            /* or of a long record */
    OWNED_MEASURED = OWNED_STEP / 8, /* a shorter step says nothing */
    OWNED_OFTEN = 2,                 /* the gate was hardly behind */
    OWNED_SURE = 16,                 /* points, at most */
    OWNED_TRIAL = 31,                /* steps that are left alone for one that is not, */
    OWNED_RARE = 127                 /* and the other way round: those far apart cost most */
};

#define OWNED_NOBODY UINT64_MAX

/* The producer's. */
struct owned {
    bool timed;        /* there is a counter: else lines are always taken over */
    unsigned followed; /* how often in a row the gate was hardly behind when it was looked at */
    int favour;        /* points: above 0 lines are taken over */
    unsigned turn;     /* steps that were measured */
    /* The step under way, and the last one that was measured: */
    bool taken, before_taken;
    uint64_t began, bytes; /* 0: it says nothing */
    uint64_t before_pace;  /* ticks for OWNED_STEP; 0: not known */
};

void owned_begin(struct owned *owned);

/* The step under way is not to be compared. */
static inline void owned_disregard(struct owned *owned)
{
    owned->bytes = 0;
}

/* A step ends, and the next begins: so far ahead, in bytes, if there is room. */
uint64_t owned_step(struct owned *owned, uint64_t now);

/* What lies between is the producer's to write: take it over, if this is such a step. */
void owned_take(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end);

/* Take over what lies between two records' places, the first of which has a zero header by now; and a zero header is at the second's then. */
void owned_next(const struct ring_view *view, uint64_t from, uint64_t end);

/* The gate was looked at, and is so far behind. OWNED_NOBODY: nobody is waited for. */
void owned_followed(struct owned *owned, uint64_t behind);

/* Do consumers wait for each message? */
static inline bool owned_awaited(const struct owned *owned)
{
    return owned->followed >= OWNED_OFTEN;
}

#endif
