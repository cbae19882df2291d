/*
 * A producer short of room gives up the groups that nobody serves, as far as their terms say so (core/unserved.h). How far one is behind
 * counts the message that finds no room as well: so a limit of the ring's capacity is passed when the ring is full.
 *
 * Turned lossy: it is awaited no more, by this producer and by those after it.
 *
 * Dropped: it is cut off, as a group is whose words cannot be true, with another reason. Whoever serves the ring clears its entry away when the next
 * one joins, if a join had made it (directory.c); a declared one stays, and its members are told.
 */
#include "producer.h"

#include "core/unserved.h"

static bool alive(void *context, uint64_t number)
{
    return life_alive(((struct mring *)context)->life, number);
}

/* Is the group further behind than its limit? */
static bool exceeds(const struct mring_producer *producer, uint32_t index, struct trouble *trouble)
{
    const struct producer_core *core = &producer->core;
    const struct group_view *group = &producer->group[index].view;
    uint64_t tail = producer_core_tail(core);
    uint64_t end = core->refused != 0 ? core->refused + LAYOUT_RECORD_HEADER : core->position;
    uint64_t gate = gate_of_group(&core->view, group, core->gate, tail);

    *trouble = (struct trouble){TROUBLE_UNSERVED, gate, end, group->terms.limit};
    return gate <= tail && unserved_has_limit(&group->terms, end - gate);
}

/* Before nobody was there somebody may have been, and have read on. */
static void judge(struct mring_producer *producer, uint32_t index)
{
    const struct ring_view *ring = &producer->core.view;
    struct group_view *group = &producer->group[index].view;
    struct trouble *trouble = &producer->watch[index].trouble;

    if (unserved_judge(ring, group, alive, producer->ring) && exceeds(producer, index, trouble) &&
        (group->terms.unserved != UNSERVED_LOSES || !unserved_turn(ring, group)))
        producer_cut_off(producer, index);
    unserved_done(ring);
}

void producer_give_up_unserved(struct mring_producer *producer)
{
    struct trouble trouble;

    for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
        const uint32_t index = (uint32_t)__builtin_ctzll(left);

        if (producer_awaits(producer, index) && exceeds(producer, index, &trouble))
            judge(producer, index);
    }
}
