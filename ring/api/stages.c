#include "stages.h"

#include "check.h"
#include "core/shared.h"
#include "core/stage.h"
#include "inspect.h"
#include "wait/await.h"
#include "wait/bell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- by name ---- */

/* Who makes the group looks for itself (directory.c). */
static int find_one(struct mring *ring, const char *group, const char *name, uint64_t *after, struct mring_error *error)
{
    int code = check_name(name, "group", error);
    struct group_terms terms;
    int index;

    if (code != 0)
        return code;
    if (strcmp(name, group) == 0)
        return failure(error, -EINVAL, 0, "group \"%s\" cannot be after itself", group);
    index = ring_find_group(ring, name);
    if (index < 0)
        return failure(error, -ENOENT, 0, "group \"%s\" cannot be after \"%s\": there is no such group", group, name);
    terms = entry_terms(&ring->region.view.directory[index]);
    if (!stage_may_lead(&terms))
        return failure(error, -EINVAL, 0,
                       "group \"%s\" cannot be after \"%s\": that one may end, or lose messages; only a group that was "
                       "declared, and always holds the producer, can be before others",
                       group, name);
    *after |= UINT64_C(1) << index;
    return 0;
}

int stages_find(struct mring *ring, const char *group, const char *const *names, size_t count, uint64_t *after,
                struct mring_error *error)
{
    int code = 0;

    *after = 0;
    if (count != 0 && names == NULL)
        return failure(error, -EINVAL, 0, "after_count is %zu but after is NULL", count);
    for (size_t at = 0; at < count && code == 0; at++)
        code = find_one(ring, group, names[at], after, error);
    return code;
}

/* ---- their words ---- */

/* A parent's mapping, which has been made read-only already: that is good for nothing but this. */
static bool take_inherited(struct mring *ring, struct inherited *inherited, uint32_t index, struct held_group *held)
{
    struct region_group *kept = inherited != NULL ? &inherited->group[index] : NULL;

    if (kept == NULL || kept->view.page == NULL)
        return false;
    memset(held, 0, sizeof(*held));
    held->own = *kept;
    held->view = held->own.view;
    group_view_place_sleepers(&ring->region.view, &held->view);
    memset(kept, 0, sizeof(*kept));
    return true;
}

/*
 * The broker's entry is read-only whatever is done with it. What is inherited is so only for who could open it anew (lower.c), but needs no
 * broker.
 */
static int open_one(struct mring *ring, struct inherited *inherited, uint32_t index, struct held_group *held,
                    struct mring_error *error)
{
    int64_t deadline = ring_deadline();
    int code;

    if (geteuid() == ring->owner && take_inherited(ring, inherited, index, held))
        return 0;
    if (held_group_borrow(ring, index, held))
        return 0;
    do
        code = inspect_group(ring, index, held, error);
    while (code != 0 && !take_inherited(ring, inherited, index, held) && code == -EPIPE &&
           ring_try_again(ring, deadline));
    return held->view.page != NULL ? 0 : code;
}

int stages_open(struct mring_consumer *consumer, struct inherited *inherited, struct mring_error *error)
{
    const struct group_view *own = &consumer->group.view;
    uint64_t after = own->terms.after;
    unsigned count = (unsigned)__builtin_popcountll(after);
    struct upstream *upstream;

    if (after == 0)
        return 0;
    upstream = calloc(count, sizeof(*upstream));
    consumer->before = calloc(count, sizeof(*consumer->before));
    consumer->core.upstream = upstream;
    if (upstream == NULL || consumer->before == NULL)
        return failure(error, -ENOMEM, 0, "no memory for the %u groups that this one is after", count);
    for (; after != 0; after &= after - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(after);
        struct held_group *held = &consumer->before[consumer->core.upstreams];
        int code = open_one(consumer->ring, inherited, index, held, error);

        if (code != 0)
            return failure(error, code, 0, "the words of group number %u, which this one is after, cannot be had: %s",
                           index, code == -EPIPE ? "nobody serves the ring" : mring_strerror(code));
        consumer->core.upstream[consumer->core.upstreams++].group = held->view;
        if (index == own->index || !stage_may_lead(&held->view.terms))
            return failure(error, -EPROTO, 0, "damaged ring: a group is said to be after number %u", index);
    }
    return 0;
}

void stages_close(struct mring_consumer *consumer, bool mine)
{
    for (uint32_t at = 0; at < consumer->core.upstreams; at++) {
        if (!mine)
            region_group_forked(&consumer->before[at].own);
        held_group_drop(&consumer->before[at]);
    }
    free(consumer->before);
    free(consumer->core.upstream);
}

/* ---- waiting ---- */

bool stages_worth_looking(struct mring_consumer *consumer)
{
    uint64_t from = consumer_position(consumer);

    if (stage_look(&consumer->core, from) != 0)
        return true;
    return (stage_held_by(&consumer->core, from) & ~consumer->announced) != 0;
}

void stages_announce(struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;

    consumer->announced = stage_held_by(core, consumer_position(consumer));
    await_announce(&core->view, &core->group, core->line_index, consumer->announced);
}

bool stages_told(const struct mring_consumer *consumer)
{
    const struct consumer_core *core = &consumer->core;

    return await_told(&core->view, &core->group, stage_held_by(core, consumer_position(consumer)));
}

bool stages_announced(const struct mring_consumer *consumer)
{
    return stages_told(consumer) && bell_sleeps(&consumer->core.group, consumer->core.line_index);
}

bool stages_reachable(const struct mring_consumer *consumer)
{
    for (uint32_t at = 0; at < consumer->core.upstreams; at++)
        if (!group_fenced(&consumer->core.upstream[at].group))
            return false;
    return consumer->lone || group_fenced(&consumer->core.group);
}
