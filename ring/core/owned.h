/*
 * How the producer takes lines over.
 *
 * What limits a stream is how soon the producer owns the lines that its consumers have read. Each is asked for by the first store to it, and that waits
 * in the processor's queue of stores, with all that come behind it, a dozen for each message: so but few lines are on their way at once. And a fetch for
 * writing does nothing where the producer still has a copy to read. So its limit moves on by OWNED_STEP, and lines are owned as it does: a store
 * to each, one right behind the other; of a long record as many as a cache close to the processor may hold, whatever else is in it. They lie where nobody
 * may read and nothing was handed out, below gate and intent as all that is written.
 *
 * Where consumers wait for each message, as in a round trip, this would hold up the next one; and of what is owned long before it is needed a consumer's
 * processor takes back what it guesses that will be read. There each publication takes over the lines of the next record, if that is as long, and no
 * others. Consumers wait if all but a message or two was released whenever the gate was looked at lately.
 *
 * A ring that no cache close to a processor holds has left the consumers' when its turn comes again: its lines are here as soon as they are stored to,
 * where the processors are near each other, and to store twice is all that would come of it. Where they are far it is still four times as
 * quick. So the time it takes, by the processor's own counter (ticks.h), is compared with that for lines that are here for certain. Only what is done
 * depends on that, not what is right.
 */
#ifndef MRING_CORE_OWNED_H
#define MRING_CORE_OWNED_H

#include "ticks.h"
#include "view.h"

enum {
    OWNED_LINE = 64,
    OWNED_STEP = 1 << 13, /* bytes of lines that are taken over at once */
    OWNED_MOST = 1 << 16, /* for a long record */
    OWNED_OFTEN = 2       /* the gate was hardly behind */
};

#define OWNED_NOBODY UINT64_MAX

/* The producer's. */
struct owned {
    bool timed;        /* there is a counter: else lines are always taken over */
    uint64_t here;     /* what OWNED_STEP of lines that are here takes, by that counter */
    unsigned followed; /* how often in a row the gate was hardly behind when it was looked at */
    unsigned quick;    /* how often in a row the lines were here */
    unsigned spared;   /* how often more they need not be asked for */
};

void owned_begin(struct owned *owned);

/* Take over what lies between, which is the producer's to write. */
void owned_take(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end);

/* The same between two records' places, the first of which has a zero header by now; and a zero header is at the second's then. */
void owned_next(const struct ring_view *view, uint64_t from, uint64_t end);

/* The gate was looked at, and is so far behind. OWNED_NOBODY: nobody is waited for. */
void owned_followed(struct owned *owned, uint64_t behind);

/* Do consumers wait for each message? */
static inline bool owned_awaited(const struct owned *owned)
{
    return owned->followed >= OWNED_OFTEN;
}

#endif
