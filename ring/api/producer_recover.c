/*
 * A producer that finds no room looks whether those who keep it are alive (core/recover.h): so a dead member holds it up for less than a
 * second, whether it sleeps or asks again and again.
 */
#include "producer.h"

#include "core/group.h"
#include "core/recover.h"
#include "meet/clock.h"
#include "wait/bell.h"

enum { LOOK_EVERY = 250 * 1000 * 1000 /* ns */ };

static bool alive(void *context, uint64_t number)
{
    return life_alive(((struct mring *)context)->life, number);
}

static void look_at_group(struct mring_producer *producer, uint32_t index)
{
    const struct group_view *group = &producer->group[index].view;
    const struct judge judge = {alive, producer->ring, life_number(producer->ring->life)};
    bool orphans = recover_dead(group, &judge, NULL);
    bool more;

    if (group->kind == GROUP_PASSING && !group_has_members(group))
        recover_sweep(group);
    else if (orphans)
        wake_member(producer->ring, group, producer->known[index], bell_take(group, &more));
}

void producer_bury_dead(struct mring_producer *producer)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (producer->group[index].view.page != NULL)
            look_at_group(producer, index);
}

void producer_look_for_dead(struct mring_producer *producer)
{
    int64_t now = clock_coarse();

    if (producer->core.last_gain != 0 || producer->look_again == 0)
        producer->look_again = now + LOOK_EVERY;
    if (now < producer->look_again)
        return;
    producer->look_again = now + LOOK_EVERY;
    producer_bury_dead(producer);
}
