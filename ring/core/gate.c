#include "gate.h"

static uint64_t lowest_held(const struct group_view *group, uint64_t lowest, bool *anybody)
{
    for (unsigned word = 0; word * 64 < group->members; word++) {
        uint64_t occupied = word_load_acquire(&group->page->occupied[word]); /* [JOIN] */

        for (; occupied != 0; occupied &= occupied - 1) {
            unsigned line = word * 64 + (unsigned)__builtin_ctzll(occupied);
            uint64_t held;

            if (line >= group->members)
                break;
            *anybody = true;
            held = word_load_acquire(&group->line[line].held); /* [HELD] */
            /* A lone group's position moves only when its member leaves: there held alone counts while it is set. */
            if (held != HELD_IDLE && (held < lowest || group->members == 1))
                lowest = held;
        }
    }
    return lowest;
}

uint64_t gate_of_group(const struct ring_view *view, const struct group_view *group, uint64_t floor, uint64_t tail)
{
    uint64_t position = word_load_acquire(&group->page->claim.low); /* [CLAIM] */
    bool anybody = false;
    uint64_t gate = lowest_held(group, position, &anybody);

    if (!anybody && group->kind == GROUP_PASSING)
        return GATE_NONE;
    if (position > tail || gate > tail || gate % view->alignment != 0)
        return GATE_BROKEN;
    return gate < floor ? floor : gate;
}
