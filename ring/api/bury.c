#include "bury.h"

#include "core/group.h"
#include "core/recover.h"
#include "wait/bell.h"

static bool alive(void *context, uint64_t number)
{
    return life_alive(((struct mring *)context)->life, number);
}

unsigned bury_dead(struct mring *ring, const struct held_group *held, struct known_sleeper *known,
                   struct wild_turns *turns)
{
    const struct group_view *group = &held->view;
    const struct judge judge = {alive, ring, life_number(ring->life)};
    bool orphans = recover_dead(group, &judge, NULL);
    bool more;

    if (group->terms.kind == GROUP_PASSING && !group_has_members(group))
        recover_sweep(group);
    else if (orphans)
        return wake_member(ring, held, known, turns, bell_take(group, &more));
    return 0;
}
