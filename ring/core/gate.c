#include "gate.h"

#include "group.h"

static uint64_t lowest_held(const struct group_view *group, uint64_t lowest, bool *anybody)
{
    for (unsigned word = 0; word * 64 < group->members; word++) {
        for (uint64_t left = group_occupied(group, word); left != 0; left &= left - 1) {
            unsigned line = word * 64 + (unsigned)__builtin_ctzll(left);
            uint64_t held;

            *anybody = true;
            held = word_load_acquire(&group->line[line].held); /* [HELD] */
            /* A lone group's position moves only when its member leaves: there held alone counts while it is set. */
            if (held != HELD_IDLE && (held < lowest || group->members == 1))
                lowest = held;
        }
    }
    return lowest;
}

static enum trouble_kind judge_gate(uint64_t position, uint64_t gate, uint64_t tail, uint64_t alignment,
                                    uint64_t before)
{
    if (position > tail || gate > tail)
        return TROUBLE_PAST_TAIL;
    if (((position | gate) & (alignment - 1)) != 0) /* it is a power of two, and this is on the way of each rescan */
        return TROUBLE_ASKEW;
    return position < before ? TROUBLE_BACK : TROUBLE_NONE;
}

uint64_t gate_look(const struct ring_view *view, const struct group_view *group, uint64_t floor, uint64_t tail,
                   struct gate_watch *watch)
{
    uint64_t before = watch->position;
    bool anybody = false;
    uint64_t position, gate;
    enum trouble_kind kind;

    if (watch->over)
        return GATE_NONE;
    position = word_load_acquire(&group->page->claim.low); /* [CLAIM] */
    gate = lowest_held(group, position, &anybody);

    /* A joiner's bit and a leaver's may stand in different words, and both be missed; then the position counts. */
    if (!anybody && group->terms.kind == GROUP_PASSING && !group_has_members(group)) {
        watch->over = true;
        return GATE_NONE;
    }
    kind = judge_gate(position, gate, tail, view->alignment, before);
    if (kind != TROUBLE_NONE) {
        watch->trouble = kind == TROUBLE_BACK    ? (struct trouble){kind, position, before, tail}
                         : kind == TROUBLE_ASKEW ? (struct trouble){kind, position, gate, view->alignment}
                                                 : (struct trouble){kind, position, gate, tail};
        return GATE_BROKEN;
    }
    watch->position = position;
    return gate < floor ? floor : gate;
}
