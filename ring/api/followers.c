#include "followers.h"

#include "consumer.h"
#include "core/gate.h"
#include "meet/clock.h"
#include "wait/await.h"
#include "wait/fence.h"

#include <stdlib.h>

enum { RETRY_AFTER = 10 * 1000 * 1000 /* ns; and ten times as long as the last try took */ };

static void drop(struct follower *follower, bool mine)
{
    for (uint32_t line = 0; mine && line < follower->group.view.members; line++)
        forget_sleeper(&follower->known[line]);
    if (!mine)
        region_group_forked(&follower->group.own);
    held_group_drop(&follower->group);
    free(follower->known);
    free(follower);
}

void followers_drop(struct followers *followers, bool mine)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (followers->of[index] != NULL)
            drop(followers->of[index], mine);
}

/* From this process's own table, or as a member of a group before. */
static bool get_group(const struct mring_consumer *consumer, uint32_t index, struct held_group *group)
{
    struct mring *ring = consumer->ring;
    struct sleeper member = held_group_sleeper(&consumer->group, consumer->core.line_index, consumer->core.owner);
    struct group_reply reply;

    return held_group_borrow(ring, index, group) || (meet_follower(ring->link, &member, index, &reply) == 0 &&
                                                     held_group_inspect(&ring->region.view, &reply, group, NULL) == 0);
}

static struct follower *make(struct mring_consumer *consumer, uint32_t index)
{
    struct follower *made = calloc(1, sizeof(*made));

    if (made == NULL || !get_group(consumer, index, &made->group)) {
        free(made);
        return NULL;
    }
    made->known = calloc(made->group.view.members, sizeof(*made->known));
    if (made->known == NULL) {
        drop(made, true);
        return NULL;
    }
    return made;
}

/* The group of this index as it is now, or NULL. */
static struct follower *get(struct mring_consumer *consumer, uint32_t index)
{
    struct followers *followers = &consumer->followers;
    struct follower **of = &followers->of[index];
    int64_t began;

    /* Made anew meanwhile. */
    if (*of != NULL && word_load(&consumer->core.view.directory[index].incarnation) != (*of)->group.view.incarnation) {
        drop(*of, true);
        *of = NULL;
    }
    began = clock_coarse();
    if (*of == NULL && began >= followers->retry) {
        *of = make(consumer, index);
        if (*of == NULL)
            followers->retry = clock_coarse() + RETRY_AFTER + 10 * (clock_coarse() - began);
    }
    return *of;
}

/* Has more been released by now, that can be seen behind a fence of all who release there? */
static bool grown(const struct ring_view *view, struct released *released)
{
    const uint64_t before = released->gate;

    if (released->alone)
        return false;
    (void)fence_others(); /* [AWAIT] */
    released->gate = gate_of_group(view, released->group, 0, UINT64_MAX / 2);
    return released->gate > before;
}

unsigned follower_wake(struct mring *ring, struct released released, const struct held_group *group,
                       struct known_sleeper *known, struct wild_turns *turns)
{
    const struct ring_view *view = &ring->region.view;
    unsigned woken = 0;
    bool others = true;

    /* Each at most once: sleepers that are not there could be announced for ever. */
    for (uint32_t left = group->view.members; others && left > 0 && !wild_enough(turns); left--) {
        int line = await_answer(view, released.group->index, released.gate, &group->view, &others);

        if (line >= 0)
            woken += wake_member(ring, group, known, turns, line);
        others = others && grown(view, &released);
    }
    return woken;
}

unsigned followers_answer(struct mring_consumer *consumer, uint64_t awaited, uint64_t gate)
{
    const struct consumer_core *core = &consumer->core;
    const struct released released = {.group = &core->group, .gate = gate, .alone = consumer->lone};
    uint32_t upstream = core->group.index;
    unsigned woken = 0;

    for (; awaited != 0; awaited &= awaited - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(awaited);
        struct follower *follower;

        if (await_forget_gone(&core->view, upstream, index))
            continue;
        follower = get(consumer, index);
        if (follower == NULL)
            continue;
        if ((follower->group.view.terms.after >> upstream & 1) == 0)
            await_refuse(&core->view, upstream, index);
        else
            woken += follower_wake(consumer->ring, released, &follower->group, follower->known, &follower->turns);
    }
    return woken;
}
