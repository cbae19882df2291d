#include "group.h"

#include "lossy.h"
#include "recover.h"
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

    (void)word_take_bit(occupied_word(group, index), index % 64);             /* [JOIN] */
    word_store_release(&line->owner, owner_next(word_load(&line->owner), 0)); /* [OWNER] */
}

static bool is_free(const struct member_line *line, uint64_t owner)
{
    return owner_life(owner) == 0 && word_load(&line->held) == HELD_IDLE;
}

static bool take_line(const struct group_view *group, uint32_t index, uint64_t owner, uint64_t life)
{
    struct member_line *line = &group->line[index];

    if (!word_cas(&line->owner, owner, owner_next(owner, life))) /* [OWNER] */
        return false;
    if (word_load(&line->held) == HELD_IDLE && group->members == 1)
        word_store(&line->held, word_load(&group->page->claim.low));
    (void)word_set_bit(occupied_word(group, index), index % 64); /* [JOIN] */
    return true;
}

int group_occupy(const struct group_view *group, uint64_t life, life_verdict alive, void *context)
{
    for (uint32_t index = 0; index < group->members; index++) {
        uint64_t owner = word_load_acquire(&group->line[index].owner); /* [OWNER] */

        if (is_free(&group->line[index], owner) && take_line(group, index, owner, life))
            return (int)index;
    }
    for (uint32_t index = 0; index < group->members; index++) {
        uint64_t owner = word_load_acquire(&group->line[index].owner); /* [OWNER] */

        if ((owner_life(owner) == 0 || !alive(context, owner_life(owner))) && take_line(group, index, owner, life))
            return (int)index;
    }
    return -EUSERS;
}

/*
 * A lone member may have followed headers past the tail of a producer that died between the two (R2); but in a lossy group, where it may have
 * been lapped instead.
 */
static bool may_be_at(const struct ring_view *view, const struct group_view *group, uint64_t position, uint64_t tail)
{
    if (group->terms.lossy)
        return position <= tail;
    return (position <= tail ? tail - position : position - tail) <= view->capacity;
}

int group_enter(struct consumer_core *consumer, const struct ring_view *view, const struct group_view *group,
                uint32_t line, const struct judge *judge)
{
    uint64_t tail = word_load_acquire(&view->page->tail); /* [TAIL] */
    uint64_t position;
    int code;

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
    consumer->judge = *judge;
    consumer->given = 1;
    consumer->stride.length = NOWHERE;
    consumer->want = &group->page->want;
    consumer->awaited = &view->doorbell->awaited[group->index];
    consumer->cut_off = &view->page->cut_off[group->index].what;
    consumer->polls = group->members == 1 && !group->terms.lossy && group->terms.after == 0;
    /* A member of many begins with an empty batch: its first call claims. */
    position = group->members == 1 ? word_load(&consumer->line->held)
                                   : word_load_acquire(&group->page->claim.low); /* [CLAIM] */
    /* The position of many moves on meanwhile, and each claim checks it. */
    if (position % view->alignment != 0 || (group->members == 1 && !may_be_at(view, group, position, tail)))
        return consumer_core_damaged(consumer, (struct trouble){TROUBLE_POSITION, position, tail, view->capacity});
    consumer->position = position;
    consumer->limit = position;
    consumer->held = position;
    consumer->batch_end = group->members == 1 ? NOWHERE : position;
    code = group->terms.lossy ? lossy_enter(consumer) : 0;
    if (code == 0)
        code = recover_inherit(consumer);
    return code < 0 ? code : 0;
}

/* The turns of all places together. False: somebody sits there who lives. */
static bool all_empty(const struct group_view *group, life_verdict alive, void *context, uint64_t *turns)
{
    *turns = 0;
    for (uint32_t index = 0; index < group->members; index++) {
        uint64_t owner = word_load_acquire(&group->line[index].owner); /* [OWNER] */

        if (owner_life(owner) != 0 && alive(context, owner_life(owner)))
            return false;
        *turns += owner >> LIFE_BITS;
    }
    return true;
}

bool group_lives(const struct group_view *group, life_verdict alive, void *context)
{
    uint64_t first, second;

    return !all_empty(group, alive, context, &first) || !all_empty(group, alive, context, &second) || first != second;
}

/* Whoever has an owner word, for those who do not ask the kernel. */
static bool not_buried(void *context, uint64_t life)
{
    (void)context;
    (void)life;
    return true;
}

bool group_has_members(const struct group_view *group)
{
    return group_lives(group, not_buried, NULL);
}

bool group_fenced(const struct group_view *group)
{
    for (unsigned word = 0; word * 64 < group->members; word++) {
        for (uint64_t left = group_occupied(group, word); left != 0; left &= left - 1) {
            const struct member_line *line = &group->line[word * 64 + (unsigned)__builtin_ctzll(left)];
            uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */

            if (owner_life(owner) != 0 && word_load_acquire(&line->fenced) != owner) /* [FENCED] */
                return false;
        }
    }
    return true;
}

static void sweep_after_last(const struct group_view *group)
{
    /* Two that leave at once must not both think that the other stays: each is gone before it looks. */
    fence_full(); /* [OWNER] */
    if (group->terms.kind == GROUP_PASSING && !group_has_members(group))
        recover_sweep(group);
}

/*
 * A lone group's position follows its held, so that the next member goes on there; and the position goes first, so that a gate read in
 * between sees the older of the two.
 */
static void give_back_lone(const struct group_view *group, uint32_t index)
{
    struct word *held = &group->line[index].held;

    word_store_release(&group->page->claim.low, word_load(held)); /* [CLAIM] */
    word_store_release(held, HELD_IDLE);                          /* [HELD] */
    group_free_line(group, index);
}

void group_give_back(const struct group_view *group, uint32_t index, uint64_t owner, uint64_t life)
{
    struct member_line *line = &group->line[index];
    uint64_t mine = owner_next(owner, life);

    if (!word_cas(&line->owner, owner, mine)) /* [OWNER] */
        return;
    if (group->members == 1) {
        give_back_lone(group, index);
    } else if (word_load(&line->held) == HELD_IDLE) {
        group_free_line(group, index);
    } else {
        word_store_release(&line->owner, owner_next(mine, 0)); /* [OWNER] */
        word_store_release(&group->page->orphans, 1);          /* [ORPHAN] */
    }
    sweep_after_last(group);
}

void group_leave(struct consumer_core *consumer)
{
    const struct group_view *group = &consumer->group;

    if (group->terms.lossy)
        lossy_leave(consumer);
    if (group->members == 1) {
        recover_leave_lone(consumer);
        give_back_lone(group, consumer->line_index);
        return;
    }
    if (consumer->position < consumer->limit) {
        recover_abandon(consumer);
    } else {
        shared_release(consumer, consumer->limit);
        group_free_line(group, consumer->line_index);
    }
    sweep_after_last(group);
}
