#include "await.h"

#include "bell.h"

void await_announce(const struct ring_view *view, const struct group_view *group, uint32_t line, uint64_t upstreams)
{
    (void)word_set_bit(&group_sleepers(group)[line / 64], line % 64); /* [SLEEP] */
    for (; upstreams != 0; upstreams &= upstreams - 1)
        (void)word_set_bit(&view->doorbell->awaited[__builtin_ctzll(upstreams)], group->index); /* [AWAIT] */
}

bool await_told(const struct ring_view *view, const struct group_view *group, uint64_t upstreams)
{
    for (; upstreams != 0; upstreams &= upstreams - 1) {
        const struct word *awaited = &view->doorbell->awaited[__builtin_ctzll(upstreams)];

        if ((word_load(awaited) >> group->index & 1) == 0)
            return false;
    }
    return true;
}

/* How far the group has taken what there was: of many their position, of a lone one what it may have been handed (R3). */
static uint64_t taken_up_to(const struct group_view *group)
{
    uint64_t held, claimed;

    if (group->members != 1)
        return word_load_acquire(&group->page->claim.low); /* [CLAIM] */
    held = word_load_acquire(&group->line[0].held);        /* [HELD] */
    claimed = word_load(&group->line[0].claimed);
    return held > claimed ? held : claimed;
}

int await_answer(const struct ring_view *view, uint32_t upstream, uint64_t gate, const struct group_view *group,
                 bool *others)
{
    struct word *awaited = &view->doorbell->awaited[upstream];
    int taken;

    *others = false;
    if (gate <= taken_up_to(group))
        return -1;
    (void)word_take_bit(awaited, group->index); /* [AWAIT] */
    taken = bell_take(group, others);
    if (*others)
        (void)word_set_bit(awaited, group->index); /* [AWAIT] */
    return taken;
}

void await_refuse(const struct ring_view *view, uint32_t upstream, uint32_t group)
{
    (void)word_take_bit(&view->doorbell->awaited[upstream], group); /* [AWAIT] */
}

static bool is_live(const struct ring_view *view, uint32_t group)
{
    return (word_load_acquire(&view->page->groups) >> group & 1) != 0; /* [GROUP] */
}

bool await_forget_gone(const struct ring_view *view, uint32_t upstream, uint32_t group)
{
    struct word *awaited = &view->doorbell->awaited[upstream];

    if (is_live(view, group))
        return false;
    /* Its place may be another's by now: whose sleepers were announced before this is seen to be live after it. */
    (void)word_take_bit(awaited, group); /* [AWAIT] */
    if (is_live(view, group))
        (void)word_set_bit(awaited, group); /* [AWAIT] */
    return true;
}
