#include "group.h"

#include "shared.h"

#include <string.h>

void group_format(const struct group_view *group, uint64_t position)
{
    word_store(&group->page->claim.low, position);
    word_store(&group->page->claim.high, 0);
    for (uint32_t index = 0; index < group->members; index++)
        word_store(&group->line[index].held, HELD_IDLE);
}

static struct word *occupied_word(const struct group_view *group, uint32_t index)
{
    return &group->page->occupied[index / 64];
}

void group_free_line(const struct group_view *group, uint32_t index)
{
    struct member_line *line = &group->line[index];

    (void)word_take_bit(occupied_word(group, index), index % 64);
    word_store_release(&line->owner, owner_next(word_load(&line->owner), 0)); /* [OWNER] */
}

void group_count_orphans(const struct group_view *group, int change)
{
    struct word *orphans = &group->page->orphans;
    uint64_t seen = word_load(orphans);

    while (!word_cas(orphans, seen, seen + (uint64_t)change))
        seen = word_load(orphans);
}

int group_occupy(const struct ring_view *view, const struct group_view *group, uint64_t life, life_verdict alive,
                 void *context)
{
    for (uint32_t index = 0; index < group->members; index++) {
        struct member_line *line = &group->line[index];
        uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */
        bool dead_lone = owner_life(owner) != 0 && group->members == 1 && !alive(context, owner_life(owner));

        if (owner_life(owner) == 0 ? word_load(&line->held) != HELD_IDLE : !dead_lone)
            continue;
        if (!word_cas(&line->owner, owner, owner_next(owner, life))) /* [OWNER] */
            continue;
        if (word_load(&line->held) == HELD_IDLE && group->members == 1)
            word_store(&line->held, group->kind == GROUP_DECLARED ? word_load(&group->page->claim.low)
                                                                  : word_load_acquire(&view->page->tail));
        (void)word_set_bit(occupied_word(group, index), index % 64); /* [JOIN] */
        return (int)index;
    }
    return -EUSERS;
}

void group_start_at_tail(const struct ring_view *view, const struct group_view *group, uint32_t line)
{
    uint64_t tail;

    fence_full();
    tail = word_load_acquire(&view->page->tail); /* [TAIL] */
    if (group->members == 1)
        word_store_release(&group->line[line].held, tail); /* [HELD] */
    else
        word_store_release(&group->page->claim.low, tail); /* [CLAIM] */
}

int group_enter(struct consumer_core *consumer, const struct ring_view *view, const struct group_view *group,
                uint32_t line)
{
    uint64_t tail = word_load_acquire(&view->page->tail);
    uint64_t position;

    memset(consumer, 0, sizeof(*consumer));
    consumer->view = *view;
    consumer->group = *group;
    consumer->line = &group->line[line];
    consumer->active = consumer->line;
    consumer->line_index = line;
    consumer->active_index = line;
    consumer->owner = word_load(&consumer->line->owner);
    consumer->record_max = view_record_max(view);
    consumer->batch_max = SHARED_BATCH_MAX;
    /* A member of many begins with an empty batch: its first call claims. */
    position = group->members == 1 ? word_load(&consumer->line->held) : word_load_acquire(&group->page->claim.low);
    /*
     * A lone member may have followed headers past the tail of a producer that died between the two (R2). The position of many moves on
     * meanwhile, and each claim checks it.
     */
    if (position % view->alignment != 0 ||
        (group->members == 1 && (position <= tail ? tail - position : position - tail) > view->capacity))
        return -EBADMSG;
    consumer->position = position;
    consumer->limit = position;
    consumer->held = position;
    consumer->batch_end = group->members == 1 ? NOWHERE : position;
    return 0;
}

bool group_has_members(const struct group_view *group)
{
    for (uint32_t index = 0; index < group->members; index++)
        if (owner_life(word_load_acquire(&group->line[index].owner)) != 0) /* [OWNER] */
            return true;
    return false;
}

static void sweep_after_last(const struct group_view *group)
{
    /* Two that leave at once must not both think that the other stays: each is gone before it looks. */
    fence_full();
    if (group->kind == GROUP_PASSING && !group_has_members(group))
        shared_sweep(group);
}

void group_give_back(const struct group_view *group, uint32_t index)
{
    struct word *held = &group->line[index].held;

    if (group->members == 1)
        word_store_release(&group->page->claim.low, word_load(held)); /* [CLAIM] */
    word_store_release(held, HELD_IDLE);                              /* [HELD] */
    group_free_line(group, index);
    if (group->members != 1)
        sweep_after_last(group);
}

void group_leave(struct consumer_core *consumer)
{
    const struct group_view *group = &consumer->group;

    if (group->members == 1) {
        word_store_release(&consumer->line->held, consumer->position); /* [HELD] */
        group_give_back(group, consumer->line_index);
        return;
    }
    if (consumer->position < consumer->limit) {
        shared_abandon(consumer);
    } else {
        shared_release(consumer, consumer->limit);
        group_free_line(group, consumer->line_index);
    }
    sweep_after_last(group);
}
