/*
 * What a member keeps in private, and what it hands out.
 *
 * Records between `position` and `limit` are this member's to hand out, whichever way they became so: lone_refill and shared_claim
 * (lone.h, shared.h) move the limit on when the position has reached it.
 */
#ifndef MRING_CORE_CONSUMER_H
#define MRING_CORE_CONSUMER_H

#include "gate.h"
#include "landmark.h"

#include <errno.h>

/* A record as it was found: the header is a copy, read once and bounded. */
struct record {
    uint64_t position;
    uint64_t header;
    const void *data; /* the payload, in place */
};

/* Has the life of this number ended? See member/life.h. */
typedef bool (*life_verdict)(void *context, uint64_t number);

/* Who asks for verdicts, and how. */
struct judge {
    life_verdict alive;
    void *context;
    uint64_t life; /* its own */
};

/* How many messages a member of a lossy group may hold: for each it must know what to count if it turns out to be gone. */
enum { LOSSY_HELD = 64 };

/* One that was handed out and not released. */
struct lossy_record {
    uint64_t position;
    uint32_t length;
    bool again;      /* it was given to others before */
    struct fact end; /* the stream up to its end */
};

/* What was lost: so many messages, the first of which began at `from`; those at hand go on at `resumed`. */
struct lossy_gap {
    uint64_t messages, bytes;
    uint64_t from, resumed;
};

/* What a member of a lossy group has besides (lossy.h). */
struct lossy {
    uint64_t limit;         /* what begins at the position and ends by here is this member's, as long as it is there */
    uint64_t number, bytes; /* of the stream before the position */
    uint64_t end_number, end_bytes;      /* of many: before the end of the batch */
    bool pending;                        /* the gap is still to be told */
    struct lossy_gap gap;                /* the last */
    uint64_t uncounted, uncounted_bytes; /* missed, and not in the line's counters yet */
    unsigned first, count;
    struct lossy_record record[LOSSY_HELD];
};

/* A group that this member's is after. */
struct upstream {
    struct group_view group; /* read-only memory, as a rule */
    struct gate_watch watch;
    uint64_t released; /* by it, as last looked: only grows, and never past the tail */
};

/* How long the record handed out last was, and the size that goes with that: record_stride. */
struct stride {
    uint64_t length;
    uint64_t size;
};

struct consumer_core {
    /* What mring_inline.h knows by its place: see api/inline.c. */
    struct ring_view view;
    uint64_t position; /* of the next record to hand out */
    /*
     * What begins at the position and ends by here is this member's: the end of what it claimed (of many), the tail as seen (lone). At
     * most record_max ahead, so that one comparison bounds a record both to what is published and to the longest there is. For a lone
     * member it need not be where a record ends. In a lossy group it is the position, so that all is taken by lossy_next.
     */
    uint64_t limit;
    struct stride stride;
    uint64_t held; /* everything below was released; mirrors active->held while something is held */
    /* The end of what a member of many claimed or adopted, where its held goes idle. NOWHERE for a lone one. */
    uint64_t batch_end;
    uint64_t given;             /* to how many members what it hands out was given, itself included */
    struct member_line *line;   /* its own */
    struct member_line *active; /* whose held moves as it releases: its own, or one that it adopted (recover.h) */
    const struct word *want;    /* what the producer waits for of this group [WANT] */
    const struct word *awaited; /* which groups wait for this one to release [AWAIT] */
    const struct word *cut_off; /* not 0: has the producer cut its group off? consumer_core_cut_off [CUT] */
    uint64_t polls;      /* 1: alone, in a group that is neither lossy nor after others, and not stale (lone_answer) */
    uint64_t record_max; /* bytes */
    uint64_t streak;     /* refills, or looks at the tail, in a row that found more than one record (stand_back.h) */
    uint64_t again;      /* lone: records that begin below this were given to a dead member before; 0: none */

    struct group_view group;
    uint32_t line_index;
    uint32_t active_index;
    uint64_t pauses;    /* for which it stands back in a stream (stand_back.h) */
    uint64_t owner;     /* what its own line's owner word says while it is a member */
    uint64_t batch_max; /* of many: records claimed at once, at most */
    uint64_t quick;     /* of many: records that it is done with in a moment, by its pace lately; 0: not known */
    uint64_t published; /* of many: the tail as last read */
    uint64_t
        beyond; /* a tail that a dead producer did not come to store; 0: none. Not of a lone one that polls headers */
    struct upstream
        *upstream; /* the groups that its own is after (stage.h), `upstreams` of them; whose they are is the caller's */
    uint32_t upstreams;
    uint64_t released; /* by all of them */
    struct judge judge;
    struct trouble trouble; /* the last that it met */
    struct lossy lossy;
};

/* Something cannot be true: noted and counted. -EBADMSG, for the calls that end with it. */
__attribute__((noinline, cold)) int consumer_core_damaged(struct consumer_core *consumer, struct trouble trouble);

/*
 * Has the producer cut this group off, for words that cannot be true? Then it may have overwritten what it had not released. Ask after a header
 * was loaded [HEADER] or the tail [TAIL], so that one that was stored after the cut is not taken for the group's.
 */
static inline bool consumer_core_cut_off(const struct consumer_core *consumer)
{
    return cut_off_is(word_load_acquire(consumer->cut_off), consumer->group.incarnation); /* [CUT] */
}

/* How far the stream is published, as one who goes by the tail sees it. */
static inline uint64_t consumer_core_tail(const struct consumer_core *consumer)
{
    uint64_t tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */

    return tail < consumer->beyond ? consumer->beyond : tail;
}

/*
 * The size of a record of this length. Where that is the length of the record before, the size is not computed from it, but known by a
 * comparison, whose outcome the processor guesses: so it goes on to the next record without waiting for the header of this one.
 */
static inline uint64_t record_stride(struct stride *stride, uint64_t length, uint64_t alignment)
{
    if (__builtin_expect(length != stride->length, 0))
        *stride = (struct stride){length, record_size(length, alignment)};
    return stride->size;
}

/* The header of a record that is published; in a lossy group it may be overwritten meanwhile. */
static inline uint64_t header_of(const struct word *place, bool lossy)
{
    return lossy ? word_load_racing(place) : word_load(place);
}

static inline uint64_t consumer_core_header(const struct consumer_core *consumer, uint64_t position)
{
    return header_of(record_at(&consumer->view, position), consumer->group.terms.lossy);
}

/* The record at `position`, where there is one that ends by `limit`: returns its end, or else `position`. */
static inline uint64_t record_take(const struct ring_view *view, uint64_t position, uint64_t limit,
                                   struct stride *stride, struct record *record)
{
    const struct word *place = record_at(view, position);
    uint64_t header, size;

    if (__builtin_expect(position >= limit, 0))
        return position;
    header = word_load(place);
    size = record_stride(stride, record_length(header), view->alignment);
    /* A zero header has the length 2^32 - 1. By differences: a hostile tail may be near the end of all positions. */
    if (__builtin_expect(size > limit - position, 0))
        return position;
    *record = (struct record){position, header, (const unsigned char *)place + LAYOUT_RECORD_HEADER};
    return position + size;
}

/*
 * The next record at hand. False: there is none that ends by the limit. Where the limit was reached, a refill or a claim finds the
 * next; else they tell whether the record is longer than it can be (I7).
 */
static inline bool consumer_core_take(struct consumer_core *consumer, struct record *record)
{
    const uint64_t position = consumer->position;
    const uint64_t end = record_take(&consumer->view, position, consumer->limit, &consumer->stride, record);

    if (__builtin_expect(end == position, 0))
        return false;
    consumer->position = end;
    return true;
}

/* There was one a moment ago, up to the limit, and now its header says otherwise. */
static inline int consumer_core_vanished(struct consumer_core *consumer)
{
    uint64_t header = word_load(record_at(&consumer->view, consumer->position));

    return consumer_core_damaged(
        consumer, (struct trouble){TROUBLE_REACH, consumer->position,
                                   record_size(record_length(header), consumer->view.alignment), consumer->limit});
}

/* Everything below `end` goes back to the producer; not for the end of a batch (shared_release). */
static inline void consumer_core_release(struct consumer_core *consumer, uint64_t end)
{
    consumer->held = end;
    word_store_release(&consumer->active->held, end); /* [HELD] */
}

/* So many more messages are this member's, all of them given to as many before. */
static inline void consumer_core_count(const struct consumer_core *consumer, uint64_t messages)
{
    word_add_own(&consumer->line->messages, messages);
    if (__builtin_expect(consumer->given > 1, 0))
        word_add_own(&consumer->line->redelivered, messages);
}

/* Does it hold a record that it was handed? */
static inline bool consumer_core_holds(const struct consumer_core *consumer)
{
    return consumer->held < consumer->position;
}

/*
 * Has the stream ended at this position? Ask only after nothing was found there: `ended` is stored after the last tail, so when it
 * says so (acquire [END]), that tail and the records before it can be seen as well.
 */
static inline bool consumer_core_ended(const struct consumer_core *consumer, uint64_t position)
{
    uint64_t ended = word_load_acquire(&consumer->view.page->ended); /* [END] */

    return ended != 0 && position == ended - 1;
}

#endif
