/*
 * Where a group starts that a join makes. The argument for it stands in group.h (R9).
 *
 * Until it has its place `starting` says so, and that is taken back last, by a release [START]: who finds it taken back (acquire) finds the place.
 * Joins are served one after the other, so it is who serves next that may find it standing, the one before having been killed over it. Nobody
 * was told of that group: it is cleared away (api/directory.c).
 */
#ifndef MRING_CORE_START_H
#define MRING_CORE_START_H

#include "group.h"

enum start_from {
    START_NOW,      /* what is published from now on */
    START_OLDEST,   /* the oldest message that is still protected */
    START_POSITION, /* a position that the asker knows */
    START_GROUP     /* where another group is */
};

/* What a join asks for; the same in messages. */
struct start_wish {
    uint32_t from; /* enum start_from */
    uint32_t reserved;
    uint64_t position;       /* START_POSITION */
    char group[LAYOUT_NAME]; /* START_GROUP; NUL-terminated */
};

/*
 * Before the group is made live: it is about to be given its place, and `line`, its first member's, gates from the beginning of the stream.
 * As long as it says so, nobody else may join.
 */
void start_prepare(const struct group_view *group, uint32_t line);

/*
 * After: its place. `other` is the group that START_GROUP names.
 * -ERANGE: the position is not protected, past the tail, or not where a record begins; -ENOENT: the other group has no place, being a
 * passing one without members; -EBADMSG: what stands in the ring cannot be true.
 */
int start_place(const struct ring_view *view, const struct group_view *group, uint32_t line,
                const struct start_wish *wish, const struct group_view *other);

/* Is it about to be given its place? Of one whose maker may have been killed over that. */
static inline bool start_pending(const struct group_view *group)
{
    return word_load_acquire(&group->page->starting) != 0; /* [START] */
}

#endif
