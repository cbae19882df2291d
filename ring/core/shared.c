#include "shared.h"

#include "chain.h"
#include "group.h"
#include "recover.h"

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
};

/*
 * Walk records from `position`: at least one, then as many as fit this member's share of the backlog. A member must not sit on
 * work that idle ones could do, so the share is half of backlog / members. 0, or -EBADMSG: what stands there is no chain of records. (A
 * zero header has the length 2^32 - 1.)
 */
static int walk(struct consumer_core *consumer, uint64_t position, uint64_t tail, struct batch *batch)
{
    uint64_t backlog = tail - position;
    uint64_t share = backlog / (2 * members_joined(&consumer->group));
    uint64_t cap = consumer->view.capacity / 8;

    if (share > cap)
        share = cap;
    batch->end = position;
    batch->records = 0;
    while (batch->end < tail && batch->records < consumer->batch_max) {
        uint64_t header = word_load(record_at(&consumer->view, batch->end));
        uint64_t size = record_size(record_length(header), consumer->view.alignment);

        if (size > consumer->record_max)
            return consumer_core_damaged(consumer, (struct trouble){TROUBLE_LENGTH, batch->end, record_length(header),
                                                                    view_message_max(&consumer->view)});
        if (size > tail - batch->end)
            return consumer_core_damaged(consumer, (struct trouble){TROUBLE_REACH, batch->end, size, tail});
        if (batch->records > 0 && batch->end + size - position > share)
            break;
        batch->end += size;
        batch->records++;
    }
    return 0;
}

/* Can a group be at this position, past which the stream goes up to `tail`? 0, -EBADMSG. */
static int check_position(struct consumer_core *consumer, uint64_t position, uint64_t tail)
{
    const struct ring_view *view = &consumer->view;

    if (position <= tail && tail - position <= view->capacity && position % view->alignment == 0)
        return 0;
    return consumer_core_damaged(consumer, (struct trouble){TROUBLE_POSITION, position, tail, view->capacity});
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
    fence_load();
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

int shared_claim(struct consumer_core *consumer)
{
    struct group_page *page = consumer->group.page;
    struct member_line *line = consumer->line;
    int result;

    if (consumer->position != consumer->limit) /* the batch had ended with a record, when it was walked */
        return consumer_core_vanished(consumer);
    if (word_load(&page->orphans) != 0) {
        result = recover_adopt(consumer);
        if (result != 0)
            return result;
    }
    /* Each turn but the last is one in which the word was changed: by a claim of another member's, or a hostile one harms its own group. */
    for (;;) {
        uint64_t position = word_load_acquire(&page->claim.low); /* [CLAIM] */
        uint64_t tail = shared_tail(consumer, position);         /* [TAIL] */
        uint64_t owner_serial, serial;
        struct batch batch;

        result = 0;
        if (position == tail)
            break;
        /* Release: what an earlier try walked at a lower position has been read by now. */
        word_store_release(&line->held, position); /* [HELD] */
        fence_full();
        owner_serial = word_load(&page->claim.high);
        if (word_load_acquire(&page->claim.low) != position) /* [CLAIM] */
            continue;
        result = check_position(consumer, position, tail);
        if (result == 0)
            result = walk(consumer, position, tail, &batch);
        if (result != 0)
            break;
        serial = ((owner_serial & SERIAL_MASK) + batch.records) & SERIAL_MASK;
        word_store_release(&line->intent_serial, serial);
        word_store_release(&line->intent_end, batch.end); /* after the serial, R4 */
        sign_for(&consumer->group, owner_serial);
        if (pair_cas(&page->claim, position, owner_serial, batch.end,
                     ((uint64_t)consumer->line_index + 1) << SERIAL_BITS | serial)) { /* [CLAIM] */
            word_raise(&line->signed_serial, serial);                                 /* [SIGNED] */
            consumer->position = position;
            consumer->held = position;
            consumer->limit = batch.end;
            consumer->batch_end = batch.end;
            consumer->given = 1;
            word_add_own(&line->batches, 1);
            return 1;
        }
    }
    word_store_release(&line->held, HELD_IDLE); /* [HELD] */
    return result;
}
