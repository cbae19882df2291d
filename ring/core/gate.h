/*
 * The gate of a group: the lowest position it may still read. The producer never writes a byte at or past gate + capacity.
 *
 * Words read: claim position, occupied, each occupied line's held. All are written by members, so all are hostile to the producer:
 * each is read once and bounded by the caller's [floor, tail].
 *
 * Why the order is position, then the list of lines, then every held (R8): a member that claims stores held = P before the
 * CAS that moves the position beyond P. So if the position that was read includes the claim (acquire [CLAIM]), the held
 * that is read afterwards is that member's P or a later value; and if it does not, the position itself is at most P. Either
 * way the result is at most what any living member may still read. In the other order a claim could fall between the
 * two reads and be missed by both.
 *
 * What a look costs: the position, a word for each 64 places, and a held for each member there is; of a passing group that is over, nothing.
 *
 * A line that is just being occupied cannot lower the gate below what was cached: a joiner starts at the group's position, or at
 * a tail it reads after it became visible (see group.c), and the caller keeps the larger of the old and the new gate.
 */
#ifndef MRING_CORE_GATE_H
#define MRING_CORE_GATE_H

#include "trouble.h"
#include "view.h"

/* The group holds nobody back: it is a passing one and has no member. */
#define GATE_NONE UINT64_MAX

/* The group's words cannot be true: past `tail`, not aligned, or behind where the group was. */
#define GATE_BROKEN (UINT64_MAX - 1)

/* What is known of a group from one look to the next; zero before the first. */
struct gate_watch {
    uint64_t position;      /* the group's: it never goes back */
    bool over;              /* a passing one that had no member: nobody comes to it any more (group_lives) */
    struct trouble trouble; /* with GATE_BROKEN */
};

/*
 * `tail` is the published tail, as its owner knows it; a held below `floor`, the gate already known, is a stale leftover and counts as
 * `floor`.
 */
uint64_t gate_look(const struct ring_view *view, const struct group_view *group, uint64_t floor, uint64_t tail,
                   struct gate_watch *watch);

/* For one who looks once. */
static inline uint64_t gate_of_group(const struct ring_view *view, const struct group_view *group, uint64_t floor,
                                     uint64_t tail)
{
    return gate_look(view, group, floor, tail, &(struct gate_watch){0});
}

#endif
