/* What becomes of a forked child's inherited rights when it joins a group. */
#ifndef MRING_API_LOWER_H
#define MRING_API_LOWER_H

#include "ring.h"

/*
 * Before a join of this group, in any process, without the lock; harmless where there is nothing to give up. In a child that consumes, and
 * does not produce: its right to write the ring ends, for good, and with it the keys that could get it back, and the words of all groups that
 * it has from its parent but for this one. 0, or what mapping said.
 */
int lower_heir(struct mring *ring, const char *group, struct mring_error *error);

#endif
