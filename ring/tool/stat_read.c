#include "stat.h"

#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int read_members(const struct mring_stats *stats, struct reading *reading)
{
    struct mring_member_stats *member = realloc(reading->member, (reading->ring.members + 1) * sizeof(*member));

    if (member == NULL)
        return -ENOMEM;
    reading->member = member;
    for (unsigned at = 0; at < reading->ring.members; at++) {
        member[at] = (struct mring_member_stats)MRING_MEMBER_STATS_INIT;
        (void)mring_stats_member(stats, at, &member[at]);
    }
    return 0;
}

static double seconds(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int stat_read(struct mring *ring, struct mring_stats **stats, struct reading *reading, struct mring_error *error)
{
    bool cut_off = false;
    int code = mring_stats(ring, stats, error);

    if (code != 0)
        return code;
    reading->time = seconds();
    reading->ring = (struct mring_ring_stats)MRING_RING_STATS_INIT;
    (void)mring_stats_ring(*stats, &reading->ring);
    for (unsigned at = 0; at < reading->ring.groups; at++) {
        reading->group[at] = (struct mring_group_stats)MRING_GROUP_STATS_INIT;
        (void)mring_stats_group(*stats, at, &reading->group[at]);
        cut_off |= reading->group[at].cut_off != 0;
    }
    code = read_members(*stats, reading);
    if (code != 0)
        return code;
    return cut_off || reading->ring.unreached > 0 ? EXIT_TROUBLE : EXIT_DONE;
}
