/* Looking at the words of groups from outside: for whoever checks or counts, and must change nothing. */
#ifndef MRING_API_INSPECT_H
#define MRING_API_INSPECT_H

#include "ring.h"

/*
 * Map the words of the live group of this directory index read-only, over the broker; to be dropped by held_group_drop. Any role may. Without the
 * lock. 0, -ENOENT, -EPIPE, or what mapping said. Words are loaded by halves only: a 16-byte load faults on read-only pages.
 */
int inspect_group(struct mring *ring, uint32_t index, struct held_group *held, struct mring_error *error);

#endif
