#include "recover.h"

#include "aside.h"
#include "group.h"
#include "lossy.h"
#include "shared.h"

/* What is left of a claim, and to how many it was given. */
struct remains {
    uint64_t from, end;
    uint64_t given; /* the one who is to get it not included */
    uint64_t front;
};

/* Is there anything left of the line's last claim? Asked by who has won the line; the order of the two loads is the point. */
static bool judge_line(const struct group_view *group, uint32_t index, struct remains *remains)
{
    struct member_line *line = &group->line[index];
    uint64_t named = word_load_acquire(&group->page->claim.high);     /* [CLAIM] */
    uint64_t signed_serial = word_load_acquire(&line->signed_serial); /* [SIGNED] */
    uint64_t serial = word_load(&line->intent_serial);                /* [PLAN] */
    uint64_t tally = word_load(&line->tally);
    bool counted = word_load(&line->tally_serial) == serial + 1;

    remains->from = word_load_acquire(&line->held); /* [HELD] */
    remains->end = word_load(&line->intent_end);    /* [PLAN] */
    remains->given = counted ? tally_given(tally) : 1;
    remains->front = counted ? tally_front(tally, remains->from) : 1;
    if (signed_serial != serial && named != (((uint64_t)index + 1) << SERIAL_BITS | serial))
        return false;
    return remains->from < remains->end;
}

bool recover_holds(const struct group_view *group, uint32_t index, uint64_t *from, uint64_t *end)
{
    const struct member_line *line = &group->line[index];
    struct remains remains = {.from = 0};
    bool won = true;

    if (group->members > 1) {
        won = judge_line(group, index, &remains);
    } else {
        remains.from = word_load_acquire(&line->held); /* [HELD] */
        remains.end = word_load(&line->claimed);
    }
    *from = remains.from;
    *end = remains.end;
    return won && remains.from < remains.end;
}

static void free_idle(const struct group_view *group, uint32_t index)
{
    word_store_release(&group->line[index].held, HELD_IDLE); /* [HELD] */
    group_free_line(group, index);
}

/* The line's owner, as it was seen, is dead. True: it left something, an orphan now. */
static bool bury(const struct group_view *group, uint32_t index, uint64_t owner, uint64_t life)
{
    struct member_line *line = &group->line[index];
    struct remains remains;
    uint64_t mine = owner_next(owner, life);

    if (!word_cas(&line->owner, owner, mine)) /* [OWNER] */
        return false;
    word_count(&group->page->deaths);
    (void)word_take_bit(&group_sleepers(group)[index / 64], index % 64); /* [SLEEP] */
    if (group->members == 1 || !judge_line(group, index, &remains)) {
        free_idle(group, index);
        return false;
    }
    word_store_release(&line->owner, owner_next(mine, 0)); /* [OWNER] */
    return true;
}

static bool is_orphan(const struct member_line *line, uint64_t owner)
{
    return owner_life(owner) == 0 && word_load(&line->held) != HELD_IDLE;
}

/* Nobody asks the kernel about a line that moves. */
static bool moved(const struct member_line *line, uint64_t owner, struct suspect *suspect)
{
    struct suspect now = {owner, word_load(&line->held)};
    bool same = now.owner == suspect->owner && now.held == suspect->held && now.held != HELD_IDLE;

    *suspect = now;
    return !same;
}

/* Where the place is kept, what a lone member left is for who joins next; a line that holds nothing matters only where it gates all the same. */
static bool left_alone(const struct group_view *group, const struct member_line *line)
{
    return terms_keep_place(&group->terms) && (group->members == 1 || word_load(&line->held) == HELD_IDLE);
}

bool recover_dead(const struct group_view *group, const struct judge *judge, struct suspect *suspects)
{
    bool orphans = false;

    for (uint32_t index = 0; index < group->members; index++) {
        const struct member_line *line = &group->line[index];
        uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */
        uint64_t life = owner_life(owner);

        if (life == 0) {
            orphans |= is_orphan(line, owner);
            continue;
        }
        if (life == judge->life || left_alone(group, line) ||
            (suspects != NULL && moved(line, owner, &suspects[index])) || judge->alive(judge->context, life))
            continue;
        orphans |= bury(group, index, owner, judge->life);
    }
    if (orphans)
        word_store_release(&group->page->orphans, 1); /* [ORPHAN] */
    return orphans;
}

void recover_sweep(const struct group_view *group)
{
    for (uint32_t index = 0; index < group->members; index++) {
        struct member_line *line = &group->line[index];
        uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */

        if (is_orphan(line, owner) && word_cas(&line->owner, owner, owner_next(owner, LIFE_MASK))) /* [OWNER] */
            free_idle(group, index);
    }
}

/* ---- taking over ---- */

/* A line is written by members, so what it says is bounded before it is believed. 0, -EBADMSG. */
static int check_remains(struct consumer_core *consumer, const struct remains *remains)
{
    uint64_t tail = shared_tail(consumer, remains->end);
    uint64_t alignment = consumer->view.alignment;

    if (remains->end <= tail && (tail - remains->from <= consumer->view.capacity || consumer->group.terms.lossy) &&
        remains->end - remains->from <= consumer->record_max && remains->from % alignment == 0 &&
        remains->end % alignment == 0)
        return 0;
    return consumer_core_damaged(consumer, (struct trouble){TROUBLE_REMAINS, remains->from, remains->end, tail});
}

/* The oldest record killed too many: set it aside. 1: done, 0: there is no room for it, -EBADMSG: there is no record. */
static int set_aside(struct consumer_core *consumer, struct remains *remains)
{
    const struct word *place = record_at(&consumer->view, remains->from);
    uint64_t header = word_load_acquire(place); /* [HEADER] */
    uint64_t size = record_size(record_length(header), consumer->view.alignment);

    if (size > consumer->record_max || size > remains->end - remains->from)
        return consumer_core_damaged(consumer, (struct trouble){TROUBLE_REACH, remains->from, size, remains->end});
    if (!aside_put(&consumer->group, &consumer->judge, remains->from, header,
                   (const unsigned char *)place + LAYOUT_RECORD_HEADER, remains->given))
        return 0;
    remains->from += size;
    remains->front = 0;
    word_store_release(&consumer->active->held, remains->from); /* [HELD] */
    return 1;
}

/* The same in a lossy group, where it counts as missed. 0: it is overwritten, which is found out when it is to be handed out. */
static int pass_over(struct consumer_core *consumer, struct remains *remains)
{
    uint64_t header = word_load_racing(record_at(&consumer->view, remains->from));
    uint64_t size = record_size(record_length(header), consumer->view.alignment);

    if (size > consumer->record_max || size > remains->end - remains->from ||
        !lossy_pass_over(consumer, remains->from, header, remains->end))
        return 0;
    remains->from += size;
    remains->front = 0;
    return 1;
}

/* The remains are this member's, on the line it works at. 1; 0: all was set aside; -EBADMSG. */
static int take_over(struct consumer_core *consumer, struct remains *remains)
{
    while (remains->front >= consumer->view.attempts_max && remains->from < remains->end) {
        int code = consumer->group.terms.lossy ? pass_over(consumer, remains) : set_aside(consumer, remains);

        if (code < 0)
            return code;
        if (code == 0)
            break;
    }
    if (remains->from >= remains->end)
        return 0;
    consumer->given = remains->given + 1;
    word_store(&consumer->active->tally, tally_of(remains->from, remains->front + 1, consumer->given));
    consumer->position = remains->from;
    consumer->held = remains->from;
    return 1;
}

/* A line of a group of many, won. */
static int take_over_line(struct consumer_core *consumer, uint32_t index)
{
    struct remains remains;
    int code = 0;

    consumer->active = &consumer->group.line[index];
    consumer->active_index = index;
    if (judge_line(&consumer->group, index, &remains)) {
        code = check_remains(consumer, &remains);
        if (code == 0)
            code = consumer->group.terms.lossy ? lossy_adopt(consumer, remains.from, remains.end) : 1;
        if (code == 1)
            code = take_over(consumer, &remains);
    }
    if (code == 1) {
        word_store(&consumer->active->tally_serial, word_load(&consumer->active->intent_serial) + 1);
        consumer->batch_end = remains.end;
        if (consumer->group.terms.lossy)
            lossy_work_at(consumer, remains.end);
        else
            consumer->limit = remains.end;
        return 1;
    }
    word_store_release(&consumer->active->held, HELD_IDLE); /* [HELD] */
    if (consumer->active != consumer->line)
        shared_disown(consumer);
    return code;
}

/* The orphan that holds the oldest record, or -1. */
static int oldest_orphan(const struct group_view *group, uint64_t *owner)
{
    uint64_t lowest = HELD_IDLE;
    int oldest = -1;

    for (uint32_t index = 0; index < group->members; index++) {
        const struct member_line *line = &group->line[index];
        uint64_t seen = word_load_acquire(&line->owner); /* [OWNER] */
        uint64_t held = word_load(&line->held);

        if (is_orphan(line, seen) && held < lowest) {
            lowest = held;
            oldest = (int)index;
            *owner = seen;
        }
    }
    return oldest;
}

int recover_adopt(struct consumer_core *consumer)
{
    const struct group_view *group = &consumer->group;
    uint64_t owner;
    int index, code = 0;

    (void)word_swap(&group->page->orphans, 0); /* [ORPHAN] */
    fence_full();                              /* [ORPHAN] */
    for (uint32_t left = group->members; code == 0 && left > 0; left--) {
        index = oldest_orphan(group, &owner);
        if (index < 0)
            return 0;
        if (word_cas(&group->line[index].owner, owner, owner_next(owner, consumer->judge.life))) /* [OWNER] */
            code = take_over_line(consumer, (uint32_t)index);
    }
    /* One that was taken may have had others behind it; and so many that came to nothing were made while it looked. */
    word_store_release(&group->page->orphans, 1); /* [ORPHAN] */
    return code;
}

/* ---- coming and going ---- */

/* A lone member claims as far as it looks ahead: where the last record that ends by `end` does. */
static uint64_t whole_records(const struct consumer_core *consumer, uint64_t from, uint64_t end)
{
    uint64_t at = from;

    while (at < end) {
        uint64_t header = word_load_acquire(record_at(&consumer->view, at)); /* [HEADER] */
        uint64_t size = record_size(record_length(header), consumer->view.alignment);

        if (size > end - at)
            break;
        at += size;
    }
    return at;
}

/* A lone member goes on where the one before was, and marks what that one may have been handed. */
static int inherit_lone(struct consumer_core *consumer)
{
    struct member_line *line = consumer->line;
    uint64_t before = word_load(&line->redelivered_to);
    uint64_t claimed = word_load(&line->claimed);
    uint64_t tally = word_load(&line->tally);
    bool counted = before > consumer->position;
    struct remains remains = {.from = consumer->position,
                              .end = claimed > before ? claimed : before,
                              .given = counted ? tally_given(tally) : 1,
                              .front = counted ? tally_front(tally, consumer->position) : 1};
    int code;

    if (remains.end <= remains.from)
        return 0;
    /* In a lossy group it is what was handed out, and may be overwritten and more than a ring. */
    if (!consumer->group.terms.lossy) {
        if (remains.end - remains.from > consumer->view.capacity)
            return 0;
        remains.end = whole_records(consumer, remains.from, remains.end);
    }
    code = take_over(consumer, &remains);
    consumer->position = remains.from;
    consumer->held = remains.from;
    lossy_work_at(consumer, remains.from);
    if (code == 1) {
        word_store(&line->redelivered_to, remains.end);
        consumer->again = remains.end;
    }
    return code;
}

int recover_inherit(struct consumer_core *consumer)
{
    if (consumer->group.members == 1)
        return inherit_lone(consumer);
    return word_load(&consumer->line->held) != HELD_IDLE ? take_over_line(consumer, consumer->line_index) : 0;
}

/*
 * What it was handed is released: held has said so before, since whoever finds the leaver killed believes the tally. What it was not handed is
 * given to those who come next in its stead.
 */
static void uncount(const struct consumer_core *consumer, bool counted)
{
    struct word *tally = &consumer->active->tally;
    uint64_t front = counted ? tally_front(word_load(tally), consumer->position) : 0;

    word_store(tally, tally_of(consumer->position, front != 0 ? front - 1 : 0, consumer->given - 1));
}

void recover_abandon(struct consumer_core *consumer)
{
    struct member_line *line = consumer->active;
    uint64_t owner = word_load(&line->owner);
    uint64_t claim = word_load(&line->intent_serial) + 1;

    word_store_release(&line->held, consumer->position); /* [HELD] */
    uncount(consumer, word_load(&line->tally_serial) == claim);
    word_store(&line->tally_serial, claim);
    word_store_release(&line->owner, owner_next(owner, 0)); /* [OWNER] */
    word_store_release(&consumer->group.page->orphans, 1);  /* [ORPHAN] */
    if (line != consumer->line)
        group_free_line(&consumer->group, consumer->line_index);
}

void recover_leave_lone(struct consumer_core *consumer)
{
    word_store(&consumer->line->claimed, consumer->position);      /* what it was not handed nobody was */
    word_store_release(&consumer->line->held, consumer->position); /* [HELD] */
    if (consumer->again > consumer->position)
        uncount(consumer, true);
}
