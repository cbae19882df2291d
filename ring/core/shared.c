#include "shared.h"

#include "chain.h"
#include "group.h"
#include "lossy.h"
#include "recover.h"
#include "stage.h"
#include "stand_back.h"

/* How many members share the work now: an estimate, for the size of a batch. */
static uint64_t members_joined(const struct group_view *group)
{
    uint64_t joined = 0;

    for (unsigned word = 0; word * 64 < group->members; word++)
        joined += (unsigned)__builtin_popcountll(word_load(&group->page->occupied[word]));
    return joined != 0 ? joined : 1;
}

/* How many records a claim may take (shared.h): a quick member more, unless it asked for less. */
static uint64_t records_most(const struct consumer_core *consumer)
{
    if (consumer->batch_max < SHARED_BATCH_MAX || consumer->quick < SHARED_BATCH_MAX)
        return consumer->batch_max;
    return consumer->quick < SHARED_QUICK_MAX ? consumer->quick : SHARED_QUICK_MAX;
}

struct batch {
    uint64_t position, end;
    uint64_t records, most;
    uint64_t bytes; /* of payload */
    uint64_t share; /* bytes, of what is there: a quick member may go beyond this, */
    uint64_t limit; /* and nobody beyond this */
};

/* How far the batch may go by records of this size, behind its position. */
static uint64_t reach(const struct consumer_core *consumer, const struct batch *batch, uint64_t size)
{
    const uint64_t quick = consumer->quick < batch->most ? consumer->quick : batch->most;
    uint64_t far = batch->end - batch->position;

    if (quick > batch->records)
        far += (quick - batch->records) * size;
    if (far < batch->share)
        far = batch->share;
    return far < batch->limit ? far : batch->limit;
}

static void take_in(struct batch *batch, const struct stride *stride, uint64_t records)
{
    batch->end += records * stride->size;
    batch->records += records;
    batch->bytes += records * stride->length;
}

/*
 * Take in what is as long as the record before, as far as the batch may go: a comparison each, and the next does not wait for the one before
 * (record_stride). Nothing wraps around: that is an eighth of the data at most, which is mapped twice.
 */
static void take_alike(const struct consumer_core *consumer, const struct stride *stride, uint64_t far,
                       struct batch *batch)
{
    const unsigned char *first = (const unsigned char *)record_at(&consumer->view, batch->end);
    const bool lossy = consumer->group.terms.lossy;
    const uint64_t length = stride->length, size = stride->size;
    const uint64_t room = far - (batch->end - batch->position), most = (batch->most - batch->records) * size;
    const uint64_t end = room < most ? room : most;
    uint64_t ahead = 0;

    while (ahead + size <= end &&
           record_length(header_of((const struct word *)(const void *)(first + ahead), lossy)) == length)
        ahead += size;
    take_in(batch, stride, ahead / size);
}

/* The record behind the batch, of which there is no more than up to the tail. (A zero header has the length 2^32 - 1.) */
static bool measure(const struct consumer_core *consumer, const struct batch *batch, uint64_t tail,
                    struct stride *stride, struct trouble *trouble)
{
    const uint64_t length = record_length(consumer_core_header(consumer, batch->end));
    const uint64_t size = record_stride(stride, length, consumer->view.alignment);

    if (size > consumer->record_max)
        *trouble = (struct trouble){TROUBLE_LENGTH, batch->end, length, view_message_max(&consumer->view)};
    else if (size > tail - batch->end)
        *trouble = (struct trouble){TROUBLE_REACH, batch->end, size, tail};
    else
        return true;
    return false;
}

/* How much a claim may take of a backlog of more than one record (shared.h): of a ring of which an eighth is longer than any record, no more than that. */
static void set_bounds(const struct consumer_core *consumer, uint64_t backlog, struct batch *batch)
{
    const uint64_t eighth = consumer->view.capacity / 8;
    const uint64_t most = eighth < consumer->record_max ? eighth : consumer->record_max;

    batch->limit = backlog < most ? backlog : most;
    if (consumer->quick < batch->most)
        batch->share = backlog / (2 * members_joined(&consumer->group));
}

/* Walk records from the batch's position: one, then as many as it may have. False: what stands there is no chain of records. */
static bool walk(const struct consumer_core *consumer, uint64_t tail, struct batch *batch, struct trouble *trouble)
{
    struct stride stride = consumer->stride;
    uint64_t far;

    if (!measure(consumer, batch, tail, &stride, trouble))
        return false;
    take_in(batch, &stride, 1);
    while (batch->end != tail && batch->records < batch->most) {
        if (!measure(consumer, batch, tail, &stride, trouble))
            return false;
        if (batch->records == 1)
            set_bounds(consumer, tail - batch->position, batch);
        far = reach(consumer, batch, stride.size); /* which taking in such records does not change */
        if (batch->end + stride.size - batch->position > far)
            break;
        take_in(batch, &stride, 1);
        take_alike(consumer, &stride, far, batch);
    }
    return true;
}

/* The batch at its position, past which the stream goes up to `tail`. False: there cannot be one. */
static bool find_batch(const struct consumer_core *consumer, uint64_t tail, struct batch *batch,
                       struct trouble *trouble)
{
    const struct ring_view *view = &consumer->view;
    const uint64_t position = batch->position;

    if (position > tail || tail - position > view->capacity || position % view->alignment != 0) {
        *trouble = (struct trouble){TROUBLE_POSITION, position, tail, view->capacity};
        return false;
    }
    return walk(consumer, tail, batch, trouble);
}

/* Step 5: the claim that the word names must be on its owner's own line before the word forgets it. */
static void sign_for(const struct group_view *group, uint64_t owner_serial)
{
    uint64_t line = owner_serial >> SERIAL_BITS;

    if (line >= 1 && line <= group->members)
        word_raise(&group->line[line - 1].signed_serial, owner_serial & SERIAL_MASK); /* [SIGNED] */
}

void shared_disown(struct consumer_core *consumer)
{
    group_free_line(&consumer->group, consumer->active_index);
    consumer->active = consumer->line;
    consumer->active_index = consumer->line_index;
}

bool shared_all_released(const struct group_view *group)
{
    for (uint32_t index = 0; index < group->members; index++)
        if (word_load_acquire(&group->line[index].held) != HELD_IDLE) /* [HELD] */
            return false;
    return true;
}

void shared_look_beyond(struct consumer_core *consumer)
{
    const uint64_t end = chain_stream_end(&consumer->view);

    if (end > consumer->beyond)
        consumer->beyond = end;
}

uint64_t shared_tail(struct consumer_core *consumer, uint64_t least)
{
    uint64_t tail = consumer_core_tail(consumer);

    if (tail >= least)
        return tail;
    shared_look_beyond(consumer);
    return consumer_core_tail(consumer);
}

bool shared_move(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial, uint64_t end,
                 uint64_t serial)
{
    struct member_line *line = consumer->line;

    word_store_release(&line->intent_serial, serial); /* [PLAN] */
    word_store_release(&line->intent_end, end);       /* [PLAN]: after the serial, R4 */
    sign_for(&consumer->group, owner_serial);
    if (!pair_cas(&consumer->group.page->claim, position, owner_serial, end,
                  ((uint64_t)consumer->line_index + 1) << SERIAL_BITS | serial)) /* [CLAIM] */
        return false;
    word_store_release(&line->signed_serial, serial); /* [SIGNED] */
    return true;
}

static void work_at(struct consumer_core *consumer, const struct batch *batch)
{
    consumer->position = batch->position;
    consumer->held = batch->position;
    consumer->limit = batch->end;
    consumer->batch_end = batch->end;
    consumer->given = 1;
    word_add_own(&consumer->line->batches, 1);
    if (consumer->group.terms.lossy)
        lossy_work_at(consumer, batch->end);
}

/* Claim what is there behind the group's position. 1: done, or the codes of shared_claim; SHARED_CHANGED. */
static int claim_at(struct consumer_core *consumer, uint64_t position, uint64_t tail)
{
    const struct group_page *page = consumer->group.page;
    const bool lossy = consumer->group.terms.lossy;
    struct batch batch = {.position = position, .end = position, .most = records_most(consumer)};
    struct trouble trouble;
    uint64_t owner_serial;
    bool found;
    int code = 1;

    /* Release: what an earlier try walked at a lower position has been read by now. */
    word_store_release(&consumer->line->held, position); /* [HELD] */
    fence_full();                                        /* [HELD] [CLAIM] */
    owner_serial = word_load(&page->claim.high);
    if (word_load_acquire(&page->claim.low) != position) /* [CLAIM] */
        return SHARED_CHANGED;
    found = find_batch(consumer, tail, &batch, &trouble);
    if (lossy && !record_intact(&consumer->view, position))
        return lossy_skip(consumer, position, owner_serial);
    if (!found)
        return consumer_core_damaged(consumer, trouble);
    if (lossy)
        code = lossy_intend(consumer, position, owner_serial, batch.end, batch.records, batch.bytes);
    if (code != 1)
        return code;
    if (!shared_move(consumer, position, owner_serial, batch.end,
                     ((owner_serial & SERIAL_MASK) + batch.records) & SERIAL_MASK))
        return SHARED_CHANGED;
    work_at(consumer, &batch);
    return 1;
}

/*
 * How far the stream is published, as far as this claim needs to know: a look takes the tail's line away from the producer. A quick member works up to
 * where the tail was first, unless that cannot be true. Who has to leave most of a backlog to others must know all of it.
 */
static uint64_t published(struct consumer_core *consumer, uint64_t position)
{
    const bool known = position < consumer->published && consumer->published - position <= consumer->view.capacity;

    if (known && consumer->quick > 1)
        return consumer->published;
    consumer->published = shared_tail(consumer, position); /* [TAIL] */
    if (known || consumer->upstreams != 0)
        return consumer->published;
    if (consumer->published - position > consumer->stride.size)
        stand_back_found(consumer, consumer->published - position);
    else
        consumer->streak = 0;
    return consumer->published;
}

int shared_claim(struct consumer_core *consumer)
{
    const struct group_page *page = consumer->group.page;
    int result;

    if (consumer->position != consumer->limit) /* the batch had ended with a record, when it was walked */
        return consumer_core_vanished(consumer);
    if (word_load(&page->orphans) != 0) {
        result = recover_adopt(consumer);
        if (result != 0)
            return result;
    }
    /* Nothing is left of what it knew of. Of who comes after others stage.c knows. */
    if (consumer->upstreams == 0 && shared_position(consumer) >= consumer->published)
        stand_back(consumer);
    /* Each turn but the last is one in which the word was changed: by a claim of another member's, or a hostile one harms its own group. */
    do {
        uint64_t position = word_load_acquire(&page->claim.low); /* [CLAIM] */
        uint64_t tail = published(consumer, position);

        result = consumer->upstreams != 0 ? stage_bound(consumer, position, &tail) : 0;
        if (result == 0 && position != tail)
            result = claim_at(consumer, position, tail);
    } while (result == SHARED_CHANGED);
    if (result != 1)
        word_store_release(&consumer->line->held, HELD_IDLE); /* [HELD] */
    return result;
}
