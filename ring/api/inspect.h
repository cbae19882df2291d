/* Looking at the words of groups from outside: for whoever checks or counts, and must change nothing. */
#ifndef MRING_API_INSPECT_H
#define MRING_API_INSPECT_H

#include "ring.h"

/* This process comes to the ring, as any call does that may be a forked child's first. 0, or as ring_enter. Without the lock. */
int inspect_arrive(struct mring *ring, struct mring_error *error);

/* The words of the live group of this directory index: this process's own, where it has them; or else as below. */
int inspect_borrow(struct mring *ring, uint32_t index, struct held_group *held);

/*
 * Map the words of the live group of this directory index read-only, over the broker; to be dropped by held_group_drop. Any role may. Without the
 * lock. 0, -ENOENT, -EPIPE, or what mapping said. Words are loaded by halves only: a 16-byte load faults on read-only pages.
 */
int inspect_group(struct mring *ring, uint32_t index, struct held_group *held, struct mring_error *error);

#endif
