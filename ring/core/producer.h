/*
 * The producer's side: room, records, publication.
 *
 * It guarantees I1 (a message is seen whole or not at all) and I10 (no system call here at all), whatever the moment at which this
 * process is killed.
 *
 * Words written: record headers and payload, the tail, its counters. Nobody else writes these (the pages are read-only to
 * consumers). Words read: the groups' words, through gate.h, when short of room; the doorbell after each publication.
 *
 * A record becomes visible in this order, per publication of one or several records:
 *   1. payload of every record; the headers of all but the first; a zero header behind the last, if none was written there before;
 *   2. the first record's header, release [HEADER]: from here on a lone consumer that polls it may follow the chain;
 *   3. the tail, release [TAIL]: from here on everybody may.
 * Killed before 2: the header at the tail is still zero (L4), so nothing was published. Killed between 2 and 3: the chain from the
 * tail is whole, and a successor takes it in (R2). Later headers of a batch that never got its first one are out of
 * reach: a successor overwrites them, and clears the header behind each record of its own.
 *
 * The zero header behind the last record is why room is counted for the record plus 8 bytes (R1, L3): it is written before the
 * publication, and must not fall onto a record that a consumer still reads.
 *
 * Where consumers wait for each message, that zero is written ahead of the next one that is published alone, right after the one before was, for a record as
 * long as that; and that record's other lines are taken over with it (owned.h). It stands if nothing longer was reserved since, as nobody else
 * writes there. In a stream it would be one more line to wait for, out of turn.
 *
 * The gate is cached and only grows. A rescan starts with a full fence, and tells what it found before that is used: so groups can be made
 * meanwhile (group.h).
 *
 * Lossy groups, which the gate does not wait for, must be able to tell what was overwritten under their eyes. So no byte is written at or past
 * `intent` before that says so: it is raised in large steps, first the word, then a store fence, then what it covers [INTENT]; and about each
 * step a landmark says how much of the stream lies before (landmark.h). The path of a message pays nothing for this: the one limit that it
 * checks is the lower of gate and intent. A successor never lowers the intent, since its predecessor may have written that far (R11), but
 * goes by steps and landmarks of its own from the first: one that did not would leave those who were lapped by the other without any.
 * What is committed and not published may be a whole ring, and overwrite all that is: then one landmark is kept at the tail, or near it, so that
 * who was lapped has a place to go on, whenever the producer comes to publish.
 *
 * The limit moves on in steps, and with each, as a rule, the lines up to it are taken over (owned.h).
 */
#ifndef MRING_CORE_PRODUCER_H
#define MRING_CORE_PRODUCER_H

#include "gate.h"
#include "landmark.h"
#include "owned.h"

#include <errno.h>

enum {
    PRODUCER_STEPS = 16, /* of the intent, in a ring; and no more than PRODUCER_STEP_MOST bytes each */
    PRODUCER_STEP_MOST = 1 << 24
};

struct producer_core {
    /* What mring_inline.h knows by its place: see api/inline.c. */
    struct ring_view view;
    uint64_t position;     /* where the next record begins: the tail + what is committed and not published */
    uint64_t limit;        /* no record may end beyond this: of gate + capacity and intent the lower one, less 8 */
    uint64_t first_header; /* of the first record committed since the last publication; 0: none was */
    uint64_t message_max;
    uint64_t first;                         /* where it begins */
    uint64_t staged_messages, staged_bytes; /* committed since the last publication */
    uint64_t
        cleared; /* a zero header stands there already, if a record ends there and nothing longer was reserved before it; NOWHERE */
    uint64_t awaited; /* 1: consumers wait for each message (owned.h) */

    uint64_t reserved_at;    /* where room was reserved: good while the position has not moved */
    uint32_t reserved;       /* payload bytes, at most */
    uint64_t gate;           /* as last scanned: nobody reads below it; only grows */
    uint64_t intent;         /* how far it means to write itself; the page's may be a predecessor's, and higher */
    unsigned landmark, kept; /* places: of the last one, and of the last that is not past the tail */
    uint64_t landmark_at, kept_at;
    uint64_t refused;   /* the end of the record that found no room; 0: none was refused */
    uint64_t last_gain; /* what the last rescan freed, for its back-off */
    struct owned owned;
};

/* The tail: only what is staged lies beyond it. */
static inline uint64_t producer_core_tail(const struct producer_core *producer)
{
    return producer->first_header != 0 ? producer->first : producer->position;
}

/* Start at the published tail, taking in what a dead predecessor committed beyond it (R2). -EBADMSG: the chain there is damaged. */
int producer_core_start(struct producer_core *producer, const struct ring_view *view);

/* A rescan found this gate. It never goes back. */
static inline void producer_core_advance(struct producer_core *producer, uint64_t gate)
{
    producer->last_gain = gate > producer->gate ? gate - producer->gate : 0;
    producer->gate += producer->last_gain;
}

/* What a rescan found is told before it is used, to those who make groups meanwhile; then look whether somebody did (R9, group.h). */
static inline void producer_core_tell_gate(const struct producer_core *producer, uint64_t gate)
{
    struct word *told = &producer->view.page->gate;

    if (gate > word_load(told))
        word_store_release(told, gate); /* [GATE] */
    fence_full();                       /* [GATE] [VERSION] */
}

/* Would the gate let a record end there? */
static inline bool producer_core_has_room(const struct producer_core *producer, uint64_t next)
{
    return next + LAYOUT_RECORD_HEADER <= producer->gate + producer->view.capacity;
}

/* Raise the limit, and the intent with it, so that a record may end there, as far as the gate lets it. */
void producer_core_raise(struct producer_core *producer, uint64_t next);

/* Where a record of this payload goes: its header, the header behind it, the position behind it. */
struct place {
    struct word *header;
    struct word *behind; /* in the second mapping of the data, where the record reaches into it */
    uint64_t next;
};

static inline struct place producer_core_place(const struct producer_core *producer, uint64_t length)
{
    uint64_t position = producer->position;
    uint64_t size = record_size(length, producer->view.alignment);
    struct word *header = record_at(&producer->view, position);

    /* As a number: this comes before the check of the length, which may be such that no memory is so long. */
    return (struct place){header, (struct word *)((uintptr_t)header + size), position + size};
}

/* May a record end there? If not, there may be room all the same. */
static inline bool producer_core_fits(const struct producer_core *producer, uint64_t next)
{
    return next <= producer->limit;
}

/* The same, raising the intent where that is all it takes. */
static inline bool producer_core_finds_room(struct producer_core *producer, uint64_t next)
{
    if (!producer_core_fits(producer, next) && producer_core_has_room(producer, next))
        producer_core_raise(producer, next);
    return producer_core_fits(producer, next);
}

static inline void *place_payload(struct place place)
{
    return (unsigned char *)place.header + LAYOUT_RECORD_HEADER;
}

/*
 * Every store below is a barrier to the compiler, which would reload each field after it: what these functions need is read into
 * locals first.
 */

/* Room for a record that ends there. All of it may be written to, even if less is committed then: so no zero is counted upon below. */
static inline void producer_core_reserve(struct producer_core *producer, uint64_t next, uint32_t length)
{
    producer->reserved_at = producer->position;
    producer->reserved = length;
    if (__builtin_expect(next > producer->cleared, 0))
        producer->cleared = NOWHERE;
}

/* Steps 2 and 3, the counters, and the doorbell: which groups have sleepers. */
static inline uint64_t producer_core_show(const struct producer_core *producer, struct word *first, uint64_t header,
                                          uint64_t tail, uint64_t messages, uint64_t bytes)
{
    struct producer_page *page = producer->view.page;
    const struct word *doorbell = &producer->view.doorbell->groups;

    word_store_release(first, header);     /* [HEADER] */
    word_store_release(&page->tail, tail); /* [TAIL] */
    word_add_own(&page->messages, messages);
    word_add_own(&page->bytes, bytes);
    /*
     * Tail before doorbell, for the compiler. For the machine this order is a fence too dear to pay here; the sleeper pays it
     * instead, for both (wait/fence.h) [BELL].
     */
    fence_compiler();           /* [BELL] */
    return word_load(doorbell); /* [BELL] */
}

/* The record at its place is complete; it is seen at the next publication. */
static inline void producer_core_commit(struct producer_core *producer, struct place place, uint32_t length,
                                        uint32_t tag)
{
    uint64_t header = record_header(length, tag);

    if (producer->first_header == 0) {
        producer->first_header = header;
        producer->first = producer->position;
    } else {
        word_store(place.header, header);
    }
    producer->position = place.next;
    producer->staged_messages++;
    producer->staged_bytes += length;
    word_store(place.behind, 0); /* the last of step 1 */
}

/*
 * The zero header behind the next record, if that will be as long as this one; and that record's lines. If there is room for it, which is then nobody's
 * else. Not behind a flush, which leaves a place alone that was reserved before, and may have been written to.
 */
__attribute__((noinline, cold)) void producer_core_take_next(struct producer_core *producer, uint64_t size);

/* Publish what is committed, if anything is. Returns the doorbell. */
static inline uint64_t producer_core_publish(struct producer_core *producer)
{
    uint64_t header = producer->first_header;
    uint64_t messages = producer->staged_messages;
    uint64_t bytes = producer->staged_bytes;

    if (header == 0)
        return word_load(&producer->view.doorbell->groups);
    producer->first_header = 0;
    producer->staged_messages = 0;
    producer->staged_bytes = 0;
    return producer_core_show(producer, record_at(&producer->view, producer->first), header, producer->position,
                              messages, bytes);
}

/*
 * Commit and publish in one, where nothing is staged: the same steps, without keeping the header in between. Where consumers wait for each
 * message, the zero behind was written with the record before: here it would be one more line to take from a consumer, which looks there next, before
 * the header can be seen.
 */
static inline uint64_t producer_core_send_alone(struct producer_core *producer, struct place place, uint32_t length,
                                                uint32_t tag)
{
    const uint64_t size = place.next - producer->position;
    uint64_t doorbell;

    if (place.next != producer->cleared)
        word_store(place.behind, 0); /* the last of step 1 */
    producer->position = place.next;
    doorbell = producer_core_show(producer, place.header, record_header(length, tag), place.next, 1, length);
    if (__builtin_expect(producer->awaited != 0 && doorbell == 0, 0)) /* who sleeps is woken first */
        producer_core_take_next(producer, size);
    return doorbell;
}

/* Commit this record, and publish it with all that is staged. */
static inline uint64_t producer_core_send(struct producer_core *producer, struct place place, uint32_t length,
                                          uint32_t tag)
{
    if (producer->first_header == 0)
        return producer_core_send_alone(producer, place, length, tag);
    producer_core_commit(producer, place, length, tag);
    return producer_core_publish(producer);
}

#endif
