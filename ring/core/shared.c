#include "shared.h"

#include "group.h"

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
 * work that idle ones could do, so the share is half of backlog / members. False: what stands there is no chain of records. (A zero
 * header has the length 2^32 - 1.)
 */
static bool walk(const struct consumer_core *consumer, uint64_t position, uint64_t tail, struct batch *batch)
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

        if (size > consumer->record_max || size > tail - batch->end)
            return false;
        if (batch->records > 0 && batch->end + size - position > share)
            break;
        batch->end += size;
        batch->records++;
    }
    return true;
}

/* Step 5: the claim that the word names must be on its owner's own line before the word forgets it. */
static void sign_for(const struct group_view *group, uint64_t owner_serial)
{
    uint64_t line = owner_serial >> SERIAL_BITS;

    if (line >= 1 && line <= group->members)
        word_raise(&group->line[line - 1].signed_serial, owner_serial & SERIAL_MASK);
}

/* What an orphan line holds, bounded: a line is written by members. */
static bool orphan_range(const struct consumer_core *consumer, const struct member_line *line, uint64_t *from,
                         uint64_t *end)
{
    uint64_t held = word_load_acquire(&line->held);
    uint64_t tail = word_load_acquire(&consumer->view.page->tail);

    *from = held;
    *end = word_load(&line->intent_end);
    return held < *end && *end <= tail && tail - held <= consumer->view.capacity &&
           *end - held <= consumer->record_max && held % consumer->view.alignment == 0 &&
           *end % consumer->view.alignment == 0;
}

/* Take one orphan line, if there is one: 1, 0, or -EBADMSG. */
static int adopt(struct consumer_core *consumer)
{
    const struct group_view *group = &consumer->group;

    for (uint32_t index = 0; index < group->members; index++) {
        struct member_line *line = &group->line[index];
        uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */
        uint64_t from, end;

        if (owner == 0 || owner_life(owner) != 0 || word_load(&line->held) == HELD_IDLE ||
            !word_cas(&line->owner, owner, owner_next(owner, owner_life(consumer->owner)))) /* [OWNER] */
            continue;
        group_count_orphans(group, -1);
        if (!orphan_range(consumer, line, &from, &end)) {
            word_store_release(&line->held, HELD_IDLE);
            group_free_line(group, index);
            return -EBADMSG;
        }
        consumer->active = line;
        consumer->active_index = index;
        consumer->position = from;
        consumer->held = consumer->position;
        consumer->limit = end;
        consumer->batch_end = end;
        return 1;
    }
    return 0;
}

void shared_disown(struct consumer_core *consumer)
{
    group_free_line(&consumer->group, consumer->active_index);
    consumer->active = consumer->line;
    consumer->active_index = consumer->line_index;
}

void shared_abandon(struct consumer_core *consumer)
{
    struct member_line *line = consumer->active;
    uint64_t owner = word_load(&line->owner);

    word_store(&line->held, consumer->position);
    word_store(&line->intent_end, consumer->limit);
    group_count_orphans(&consumer->group, 1);
    word_store_release(&line->owner, owner_next(owner, 0)); /* [OWNER] */
    if (line != consumer->line)
        group_free_line(&consumer->group, consumer->line_index);
}

void shared_sweep(const struct group_view *group)
{
    for (uint32_t index = 0; index < group->members; index++) {
        struct member_line *line = &group->line[index];
        uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */

        if (owner == 0 || owner_life(owner) != 0 || word_load(&line->held) == HELD_IDLE ||
            !word_cas(&line->owner, owner, owner_next(owner, LIFE_MASK)))
            continue;
        word_store_release(&line->held, HELD_IDLE);
        group_count_orphans(group, -1);
        group_free_line(group, index);
    }
}

int shared_claim(struct consumer_core *consumer)
{
    struct group_page *page = consumer->group.page;
    struct member_line *line = consumer->line;
    int result;

    if (consumer->position != consumer->limit) /* the batch had ended with a record, when it was walked */
        return -EBADMSG;
    if (word_load(&page->orphans) != 0) {
        result = adopt(consumer);
        if (result != 0)
            return result;
    }
    for (;;) {
        uint64_t position = word_load_acquire(&page->claim.low);       /* [CLAIM] */
        uint64_t tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */
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
        result = -EBADMSG;
        if (position > tail || tail - position > consumer->view.capacity || position % consumer->view.alignment != 0 ||
            !walk(consumer, position, tail, &batch))
            break;
        serial = ((owner_serial & SERIAL_MASK) + batch.records) & SERIAL_MASK;
        word_store_release(&line->intent_serial, serial);
        word_store_release(&line->intent_end, batch.end); /* after the serial, R4 */
        sign_for(&consumer->group, owner_serial);
        if (pair_cas(&page->claim, position, owner_serial, batch.end,
                     ((uint64_t)consumer->line_index + 1) << SERIAL_BITS | serial)) { /* [CLAIM] */
            word_raise(&line->signed_serial, serial);
            consumer->position = position;
            consumer->held = position;
            consumer->limit = batch.end;
            consumer->batch_end = batch.end;
            word_add_own(&line->batches, 1);
            return 1;
        }
    }
    word_store_release(&line->held, HELD_IDLE); /* [HELD] */
    return result;
}
