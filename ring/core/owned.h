/*
 * How the producer takes lines over.
 *
 * What limits a stream is how soon the producer owns the lines that its consumers have read. Each is asked for by the first store to it, and that waits
 * in the processor's queue of stores, with all that come behind it, a dozen for each message: so but few lines are on their way at once. And a fetch for
 * writing does nothing where the producer still has a copy to read. So its limit moves on by OWNED_STEP, and lines are owned as it does: a store
 * to each, one right behind the other; of a long record as many as a cache close to the processor may hold, whatever else is in it. They lie where nobody
 * may read and nothing was handed out, below gate and intent as all that is written.
 *
 * Two things are measured, by the processor's own counter (ticks.h), and only what is done depends on them, not what is right:
 *   whether it is of use. A ring that no cache close to a processor holds has left the consumers' when its turn comes again: its lines are here as soon as
 *   they are stored to, where the processors are near each other, and to store twice is all that would come of it. Where they are far it is
 *   still four times as quick. So there the time it took is compared with that for lines that are here for certain.
 *   whether there is time. Who asks for many lines at once holds up the message that comes next. Where they last for long, it asks for few.
 */
#ifndef MRING_CORE_OWNED_H
#define MRING_CORE_OWNED_H

#include "ticks.h"
#include "view.h"

enum {
    OWNED_LINE = 64,
    OWNED_STEP = 1 << 13, /* bytes of lines that are taken over at once */
    OWNED_FEW = 1 << 10,  /* where there is time */
    OWNED_MOST = 1 << 16  /* for a long record */
};

/* The producer's. Times are of ticks.h. */
struct owned {
    bool timed;        /* there is a counter: else lines are always taken over, and all at once */
    uint64_t took;     /* for OWNED_STEP, the last time it was measured */
    uint64_t here;     /* the same for lines that are here */
    uint64_t since;    /* when it was done last, or the gate was looked at */
    uint64_t position; /* of the producer, when it was done last */
    unsigned quick;    /* how often in a row the lines were here */
    unsigned spared;   /* how often more they need not be asked for */
};

void owned_begin(struct owned *owned);

/* How far the limit is to move on, from this position of the producer's, where there is to be room for a record of this size: for another one, too. */
uint64_t owned_step(struct owned *owned, uint64_t position, uint64_t size);

/* Take over what lies between, which is the producer's to write. Right behind owned_step. */
void owned_take(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end);

/* It had to look at the gate: what it waited for is no time that it had. */
static inline void owned_waited(struct owned *owned)
{
    owned->since = ticks_now();
}

#endif
