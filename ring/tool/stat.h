/* A snapshot of a ring's counters, read out, and its two faces. */
#ifndef MRING_TOOL_STAT_H
#define MRING_TOOL_STAT_H

#include <mring.h>
#include <stdio.h>

struct reading {
    const char *name; /* of the ring */
    double time;      /* seconds, of whichever clock */
    struct mring_ring_stats ring;
    struct mring_group_stats group[MRING_GROUPS_MAX];
    struct mring_member_stats *member; /* ring.members of them, in the order of their groups */
};

/* Take a snapshot, with *stats, and read it out; what is `reading`'s is used again. An exit code, or -errno. */
int stat_read(struct mring *ring, struct mring_stats **stats, struct reading *reading, struct mring_error *error);

/* One line, an object: groups in the ring, members in their groups. */
void stat_json(const struct reading *reading);

/*
 * For people: the ring, and for whom its producer waits; an empty line; tables, whose first columns matter most. With an earlier reading, or NULL,
 * how fast it goes.
 */
void stat_table(FILE *to, const struct reading *reading, const struct reading *before);

#endif
