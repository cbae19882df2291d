#include "lossy.h"

#include "line.h"
#include "shared.h"
#include "stage.h"

/*
 * How often the newcomer's walk from the last landmark is tried, and no further than a ring in all: it is walked by who serves the ring. Only a
 * producer's damage lets all of them fail.
 */
enum { TRIES = 100 };

/* ---- losses ---- */

/*
 * In the counters stands only what the line's `held` has passed: else who comes after one that was killed would count it once more.
 */
static void count_missed(struct consumer_core *consumer)
{
    struct lossy *lossy = &consumer->lossy;

    if (lossy->uncounted == 0)
        return;
    word_add_own(&consumer->line->missed, lossy->uncounted);
    word_add_own(&consumer->line->missed_bytes, lossy->uncounted_bytes);
    lossy->uncounted = lossy->uncounted_bytes = 0;
}

/*
 * One that was noted and not told yet grows. This one may lie before it: what was handed out first may be found to be lost after what came
 * behind.
 */
static void note_gap(struct consumer_core *consumer, struct lossy_gap gap)
{
    struct lossy *lossy = &consumer->lossy;

    lossy->uncounted += gap.messages;
    lossy->uncounted_bytes += gap.bytes;
    if (lossy->pending) {
        gap.messages += lossy->gap.messages;
        gap.bytes += lossy->gap.bytes;
        gap.from = lossy->gap.from < gap.from ? lossy->gap.from : gap.from;
        gap.resumed = lossy->gap.resumed > gap.resumed ? lossy->gap.resumed : gap.resumed;
    }
    lossy->gap = gap;
}

/* What was noted is told by the answer. */
static int tell(struct consumer_core *consumer)
{
    consumer->lossy.pending = false;
    if (consumer->lossy.count == 0)
        count_missed(consumer);
    return -EOVERFLOW;
}

/* With what was still to be told. */
static int tell_gap(struct consumer_core *consumer, struct lossy_gap gap)
{
    note_gap(consumer, gap);
    return tell(consumer);
}

/* Between two positions there is a message at least, so that a serial which grows by as many grows (R5). */
static bool goes_on(const struct fact *from, const struct fact *to)
{
    return to->position > from->position && to->messages > from->messages && to->bytes >= from->bytes;
}

static struct lossy_gap gap_between(const struct fact *from, const struct fact *to)
{
    return (struct lossy_gap){to->messages - from->messages, to->bytes - from->bytes, from->position, to->position};
}

static int miscounted(struct consumer_core *consumer, const struct fact *from, const struct fact *to)
{
    return consumer_core_damaged(consumer,
                                 (struct trouble){TROUBLE_COUNT, from->position, from->messages, to->messages});
}

/* ---- what a member holds ---- */

static void move_to(struct consumer_core *consumer, const struct fact *fact)
{
    consumer->position = fact->position;
    consumer->limit = fact->position;
    consumer->lossy.number = fact->messages;
    consumer->lossy.bytes = fact->bytes;
}

static struct fact here(const struct consumer_core *consumer)
{
    return (struct fact){consumer->position, consumer->lossy.number, consumer->lossy.bytes};
}

/* What it says of `held`, and of the end of the claim, stays. */
static void hold_from(struct consumer_core *consumer, const struct fact *fact, uint64_t end)
{
    struct member_line *line = consumer->active;

    line_say(line, fact, word_load(&line->held), end);
    consumer_core_release(consumer, fact->position);
}

/* Nothing is held: the line says where the member is. */
static void settle(struct consumer_core *consumer)
{
    const struct fact fact = here(consumer);

    if (consumer->position == consumer->batch_end)
        shared_release(consumer, consumer->batch_end);
    else
        hold_from(consumer, &fact, consumer->batch_end);
    count_missed(consumer);
}

static struct lossy_record *held_record(struct lossy *lossy, unsigned at)
{
    return &lossy->record[(lossy->first + at) % LOSSY_HELD];
}

/* ---- the group's position as a fact ---- */

/*
 * What the stream had come to at the group's position, which a word says that names this owner. False: the member has won another claim
 * meanwhile; or its line is damaged.
 */
static bool named_fact(const struct group_view *group, uint64_t owner_serial, uint64_t position, struct fact *fact)
{
    const struct line_fact *begin = &group->page->begin;
    uint64_t line = owner_serial >> SERIAL_BITS;

    if (line > group->members)
        return false;
    if (line != 0)
        return line_said(&group->line[line - 1], position, fact);
    *fact = (struct fact){position, word_load(&begin->messages), word_load(&begin->bytes)};
    return word_load(&begin->position) == position;
}

/* The group's position as a fact. 1; SHARED_CHANGED; -EBADMSG. */
static int group_fact(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial, struct fact *fact)
{
    const struct group_page *page = consumer->group.page;

    fence_load(); /* [FACT]: who is named, which was loaded relaxed, before what that one's line says */
    if (named_fact(&consumer->group, owner_serial, position, fact))
        return 1;
    if (word_load_acquire(&page->claim.low) != position || word_load(&page->claim.high) != owner_serial) /* [CLAIM] */
        return SHARED_CHANGED;
    return consumer_core_damaged(consumer,
                                 (struct trouble){TROUBLE_POSITION, position, consumer_core_tail(consumer), 0});
}

bool lossy_fact(const struct group_view *group, uint64_t position, struct fact *fact)
{
    uint64_t owner_serial = word_load_acquire(&group->page->claim.high); /* [CLAIM] */

    if (group->members > 1)
        return named_fact(group, owner_serial, position, fact) && word_load(&group->page->claim.low) == position &&
               word_load(&group->page->claim.high) == owner_serial;
    return line_said(&group->line[0], position, fact);
}

/* ---- claims ---- */

int lossy_skip(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial)
{
    struct member_line *line = consumer->line;
    struct fact from, to;
    int code = group_fact(consumer, position, owner_serial, &from);

    if (code != 1)
        return code;
    if (!landmark_resume(&consumer->view, &to))
        return 0;
    if (!goes_on(&from, &to))
        return miscounted(consumer, &from, &to);
    word_store_release(&line->held, HELD_IDLE); /* [HELD] */
    line_say(line, &to, position, NOWHERE);     /* the word may name this line for the position */
    if (!shared_move(consumer, position, owner_serial, to.position,
                     ((owner_serial & SERIAL_MASK) + to.messages - from.messages) & SERIAL_MASK))
        return SHARED_CHANGED;
    return tell_gap(consumer, gap_between(&from, &to));
}

int lossy_intend(struct consumer_core *consumer, uint64_t position, uint64_t owner_serial, uint64_t end,
                 uint64_t records, uint64_t bytes)
{
    struct fact from, to;
    int code = group_fact(consumer, position, owner_serial, &from);

    if (code != 1)
        return code;
    to = (struct fact){end, from.messages + records, from.bytes + bytes};
    line_say(consumer->line, &from, NOWHERE, NOWHERE);
    line_say(consumer->line, &to, position, NOWHERE);
    consumer->lossy.number = from.messages;
    consumer->lossy.bytes = from.bytes;
    consumer->lossy.end_number = to.messages;
    consumer->lossy.end_bytes = to.bytes;
    return 1;
}

void lossy_work_at(struct consumer_core *consumer, uint64_t end)
{
    consumer->lossy.limit = end;
    consumer->limit = consumer->position; /* so that nothing is handed out by consumer_core_take */
}

/* ---- messages ---- */

/* The member stands behind the gap now. */
static int pass_gap(struct consumer_core *consumer, struct lossy_gap gap)
{
    if (consumer->lossy.count == 0)
        settle(consumer);
    return tell_gap(consumer, gap);
}

/* A lone member goes on where there still is something. 0: that is nowhere, for this moment. */
static int jump(struct consumer_core *consumer)
{
    const struct fact from = here(consumer);
    struct fact to;

    if (!landmark_resume(&consumer->view, &to))
        return 0;
    if (!goes_on(&from, &to))
        return miscounted(consumer, &from, &to);
    move_to(consumer, &to);
    consumer->lossy.limit = to.position;
    return pass_gap(consumer, gap_between(&from, &to));
}

/* The rest of a batch is gone. */
static int lose_batch(struct consumer_core *consumer)
{
    const struct lossy *lossy = &consumer->lossy;
    const struct fact from = here(consumer), to = {lossy->limit, lossy->end_number, lossy->end_bytes};

    if (!goes_on(&from, &to))
        return miscounted(consumer, &from, &to);
    move_to(consumer, &to);
    return pass_gap(consumer, gap_between(&from, &to));
}

static int lapped(struct consumer_core *consumer)
{
    return consumer->group.members == 1 ? jump(consumer) : lose_batch(consumer);
}

int lossy_refill(struct consumer_core *consumer)
{
    uint64_t tail = word_load_acquire(&consumer->view.page->tail); /* [TAIL] */

    if (tail < consumer->position || tail > INT64_MAX)
        return consumer_core_damaged(consumer,
                                     (struct trouble){TROUBLE_TAIL, consumer->position, tail, consumer->view.capacity});
    if (consumer->upstreams != 0 && stage_bound(consumer, consumer->position, &tail) != 0)
        return -EBADMSG;
    consumer->lossy.limit = tail;
    return tail != consumer->position;
}

static void hold(struct consumer_core *consumer, const struct record *record)
{
    struct lossy *lossy = &consumer->lossy;

    lossy->number++;
    lossy->bytes += record_length(record->header);
    *held_record(lossy, lossy->count++) = (struct lossy_record){record->position,
                                                                record_length(record->header),
                                                                consumer->given > 1,
                                                                {consumer->position, lossy->number, lossy->bytes}};
}

int lossy_next(struct consumer_core *consumer, struct record *record)
{
    struct lossy *lossy = &consumer->lossy;
    const struct word *place = record_at(&consumer->view, consumer->position);
    uint64_t header, size;

    if (lossy->pending)
        return tell(consumer);
    if (lossy->count == LOSSY_HELD)
        return -EBUSY;
    if (consumer->position == lossy->limit)
        return 0;
    header = word_load_racing(place);
    size = record_size(record_length(header), consumer->view.alignment);
    if (!record_intact(&consumer->view, consumer->position))
        return lapped(consumer);
    if (size > consumer->record_max || size > lossy->limit - consumer->position)
        return consumer_core_damaged(consumer, (struct trouble){TROUBLE_REACH, consumer->position, size, lossy->limit});
    /* Of a dead one's that was not lossy, `again` may be the middle of a message that it was not handed. */
    if (consumer->position + size > consumer->again && consumer->again != 0) {
        consumer->again = 0;
        consumer->given = 1;
    }
    *record = (struct record){consumer->position, header, (const unsigned char *)place + LAYOUT_RECORD_HEADER};
    consumer->position += size;
    consumer->limit = consumer->position;
    hold(consumer, record);
    if (consumer->group.members == 1)
        word_store(&consumer->line->claimed, consumer->position); /* R3 */
    return 1;
}

void lossy_unhand(struct consumer_core *consumer)
{
    struct lossy *lossy = &consumer->lossy;
    const struct lossy_record *last = held_record(lossy, --lossy->count);
    const struct fact before = {last->position, last->end.messages - 1, last->end.bytes - last->length};

    move_to(consumer, &before);
}

/* How many of the held ones end with this record; 0: none does. */
static unsigned held_up_to(struct lossy *lossy, uint64_t position, uint32_t length)
{
    for (unsigned at = 0; at < lossy->count; at++) {
        const struct lossy_record *record = held_record(lossy, at);

        if (record->position == position)
            return record->length == length ? at + 1 : 0;
    }
    return 0;
}

int lossy_intact(struct consumer_core *consumer, uint64_t position, uint32_t length)
{
    return held_up_to(&consumer->lossy, position, length) != 0 ? record_intact(&consumer->view, position) : -EINVAL;
}

int lossy_release(struct consumer_core *consumer, uint64_t position, uint32_t length)
{
    struct lossy *lossy = &consumer->lossy;
    unsigned count = held_up_to(lossy, position, length);
    struct lossy_gap gap = {.messages = count};
    uint64_t again = 0;
    struct fact end;
    bool whole;

    if (count == 0)
        return -EINVAL;
    gap.from = held_record(lossy, 0)->position;
    for (unsigned at = 0; at < count; at++) {
        gap.bytes += held_record(lossy, at)->length;
        again += held_record(lossy, at)->again;
    }
    end = held_record(lossy, count - 1)->end;
    gap.resumed = end.position;
    whole = record_intact(&consumer->view, gap.from);
    if (whole) {
        word_add_own(&consumer->line->messages, count);
        word_add_own(&consumer->line->redelivered, again);
    }
    lossy->first = (lossy->first + count) % LOSSY_HELD;
    lossy->count -= count;
    if (lossy->count == 0)
        settle(consumer);
    else
        hold_from(consumer, &end, lossy->limit);
    return whole ? 0 : tell_gap(consumer, gap);
}

/* ---- coming and going ---- */

void lossy_begin(const struct group_view *group, uint32_t line, const struct fact *fact)
{
    word_store(&group->page->begin.position, fact->position);
    word_store(&group->page->begin.messages, fact->messages);
    word_store(&group->page->begin.bytes, fact->bytes);
    line_say(&group->line[line], fact, NOWHERE, NOWHERE);
    word_store_release(&group->page->claim.low, fact->position); /* [CLAIM] */
    if (group->members == 1)
        word_store_release(&group->line[line].held, fact->position); /* [HELD] */
}

void lossy_begin_at_tail(const struct ring_view *view, const struct group_view *group, uint32_t line)
{
    struct fact fact;
    bool counted = false;

    uint64_t left = view->capacity;

    for (unsigned turn = 0; turn < TRIES && !counted; turn++) {
        uint64_t from;

        if (!landmark_last(view, &fact))
            continue;
        from = fact.position;
        counted = landmark_count(view, &fact, word_load_acquire(&view->page->tail)); /* [TAIL] */
        if (fact.position - from >= left)
            break;
        left -= fact.position - from;
    }
    if (!counted)
        fact = (struct fact){word_load_acquire(&view->page->tail), word_load(&view->page->messages), /* [TAIL] */
                             word_load(&view->page->bytes)};
    lossy_begin(group, line, &fact);
}

int lossy_enter(struct consumer_core *consumer)
{
    struct fact fact;

    consumer->lossy.limit = consumer->position;
    if (consumer->group.members > 1)
        return 0;
    if (!line_said(consumer->line, consumer->position, &fact))
        return consumer_core_damaged(consumer, (struct trouble){TROUBLE_COUNT, consumer->position, 0, 0});
    move_to(consumer, &fact);
    return 0;
}

/* What it holds is released, whole or missed, and what it found to be lost counted, as long as the line is its own. */
void lossy_leave(struct consumer_core *consumer)
{
    struct lossy *lossy = &consumer->lossy;

    if (lossy->count != 0) {
        const struct lossy_record *last = held_record(lossy, lossy->count - 1);

        (void)lossy_release(consumer, last->position, last->length);
    } else {
        settle(consumer);
    }
    consumer->limit = lossy->limit;
}

/* ---- the dead ---- */

int lossy_adopt(struct consumer_core *consumer, uint64_t position, uint64_t end)
{
    const struct member_line *line = consumer->active;
    struct lossy *lossy = &consumer->lossy;
    struct fact from = {.position = position}, to = {.position = end};

    if (!line_said(line, position, &from) || !line_said(line, end, &to) || !goes_on(&from, &to))
        return miscounted(consumer, &from, &to);
    if (!record_intact(&consumer->view, position)) {
        note_gap(consumer, gap_between(&from, &to));
        lossy->pending = true;
        return 0;
    }
    lossy->number = from.messages;
    lossy->bytes = from.bytes;
    lossy->end_number = to.messages;
    lossy->end_bytes = to.bytes;
    return 1;
}

bool lossy_pass_over(struct consumer_core *consumer, uint64_t position, uint64_t header, uint64_t end)
{
    struct lossy *lossy = &consumer->lossy;
    uint64_t next = position + record_size(record_length(header), consumer->view.alignment);
    struct fact behind = {next, lossy->number + 1, lossy->bytes + record_length(header)};

    if (!record_intact(&consumer->view, position))
        return false;
    lossy->number = behind.messages;
    lossy->bytes = behind.bytes;
    line_say(consumer->active, &behind, position, end);
    /* Of the line alone: the member is not at work there yet, and never will be if all of it goes this way. */
    word_store_release(&consumer->active->held, next); /* [HELD] */
    note_gap(consumer, (struct lossy_gap){1, record_length(header), position, next});
    lossy->pending = true;
    return true;
}
