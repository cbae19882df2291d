/* What becomes of a forked child's inherited rights when it joins a group. */
#ifndef MRING_API_LOWER_H
#define MRING_API_LOWER_H

#include "ring.h"

/* Groups that a child has from its parent, and may look at still: mapped read-only now, by directory index. */
struct inherited {
    struct region_group group[LAYOUT_GROUPS];
};
/* Unmap them. NULL is allowed. */
void inherited_close(struct inherited *inherited);

/*
 * Before a join of this group, in any process, without the lock; harmless where there is nothing to give up. In a child that has no handle
 * open, of a producer, or of a member that came beside one: its right to write the ring ends, for good, and with it the keys that could get it back, and the words of all groups that
 * it has from its parent but for this one. Those that this one is after go into *inherited, read-only, the caller's; NULL: there are none. 0,
 * -ENOMEM, or what mapping said.
 */
int lower_heir(struct mring *ring, const char *group, struct inherited **inherited, struct mring_error *error);

#endif
