#include "shared.h"

#include "chain.h"
#include "group.h"
#include "lossy.h"
#include "recover.h"
#include "stage.h"

/* How many members share the work now: an estimate, for the size of a batch. */
static uint64_t members_joined(const struct group_view *group)
{
    uint64_t joined = 0;

    for (unsigned word = 0; word * 64 < group->members; word++)
        joined += (unsigned)__builtin_popcountll(word_load(&group->page->occupied[word]));
    return joined != 0 ? joined : 1;
}

struct batch {
    uint64_t end;
    uint64_t records;
    uint64_t bytes; /* of payload */
};

/*
 * Walk records from `position`: at least one, then as many as fit this member's share of the backlog. A member must not sit on
 * work that idle ones could do, so the share is half of backlog / members. Trouble: what stands there is no chain of records. (A
 * zero header has the length 2^32 - 1.)
 */
static struct trouble walk(const struct consumer_core *consumer, uint64_t position, uint64_t tail, struct batch *batch)
{
    uint64_t backlog = tail - position;
    uint64_t share = backlog / (2 * members_joined(&consumer->group));
    uint64_t cap = consumer->view.capacity / 8;
    struct stride stride = consumer->stride;

    if (share > cap)
        share = cap;
    *batch = (struct batch){.end = position};
    while (batch->end < tail && batch->records < consumer->batch_max) {
        uint64_t length = record_length(consumer_core_header(consumer, batch->end));
        uint64_t size = record_stride(&stride, length, consumer->view.alignment);

        if (size > consumer->record_max)
            return (struct trouble){TROUBLE_LENGTH, batch->end, length, view_message_max(&consumer->view)};
        if (size > tail - batch->end)
            return (struct trouble){TROUBLE_REACH, batch->end, size, tail};
        if (batch->records > 0 && batch->end + size - position > share)
            break;
        batch->end += size;
        batch->records++;
        batch->bytes += length;
    }
    return (struct trouble){.kind = TROUBLE_NONE};
}

/* The batch at this position, past which the stream goes up to `tail`; or why there cannot be one. */
static struct trouble find_batch(const struct consumer_core *consumer, uint64_t position, uint64_t tail,
                                 struct batch *batch)
{
    const struct ring_view *view = &consumer->view;

    if (position > tail || tail - position > view->capacity || position % view->alignment != 0)
        return (struct trouble){TROUBLE_POSITION, position, tail, view->capacity};
    return walk(consumer, position, tail, batch);
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
    const struct word *tail = &consumer->view.page->tail;
    uint64_t seen = word_load_acquire(tail); /* [TAIL] */
    struct chain chain;

    if (!chain_walk(&consumer->view, seen, &chain))
        return;
    /* As long as the tail stands there nothing behind it was overwritten. Else a successor has taken it all in. */
    fence_load(); /* [TAIL] */
    if (word_load(tail) == seen)
        consumer->beyond = chain.end;
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

static void work_at(struct consumer_core *consumer, uint64_t position, const struct batch *batch)
{
    consumer->position = position;
    consumer->held = position;
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
    struct trouble trouble;
    struct batch batch;
    uint64_t owner_serial;
    int code = 1;

    /* Release: what an earlier try walked at a lower position has been read by now. */
    word_store_release(&consumer->line->held, position); /* [HELD] */
    fence_full();                                        /* [HELD] [CLAIM] */
    owner_serial = word_load(&page->claim.high);
    if (word_load_acquire(&page->claim.low) != position) /* [CLAIM] */
        return SHARED_CHANGED;
    trouble = find_batch(consumer, position, tail, &batch);
    if (lossy && !record_intact(&consumer->view, position))
        return lossy_skip(consumer, position, owner_serial);
    if (trouble.kind != TROUBLE_NONE)
        return consumer_core_damaged(consumer, trouble);
    if (lossy)
        code = lossy_intend(consumer, position, owner_serial, batch.end, batch.records, batch.bytes);
    if (code != 1)
        return code;
    if (!shared_move(consumer, position, owner_serial, batch.end,
                     ((owner_serial & SERIAL_MASK) + batch.records) & SERIAL_MASK))
        return SHARED_CHANGED;
    work_at(consumer, position, &batch);
    return 1;
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
    /* Each turn but the last is one in which the word was changed: by a claim of another member's, or a hostile one harms its own group. */
    do {
        uint64_t position = word_load_acquire(&page->claim.low); /* [CLAIM] */
        uint64_t tail = shared_tail(consumer, position);         /* [TAIL] */

        result = consumer->upstreams != 0 ? stage_bound(consumer, position, &tail) : 0;
        if (result == 0 && position != tail)
            result = claim_at(consumer, position, tail);
    } while (result == SHARED_CHANGED);
    if (result != 1)
        word_store_release(&consumer->line->held, HELD_IDLE); /* [HELD] */
    return result;
}
