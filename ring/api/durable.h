/*
 * What this process keeps of the ring's durable groups, so that they outlive the one who serves it (durable.c).
 */
#ifndef MRING_API_DURABLE_H
#define MRING_API_DURABLE_H

#include "ring.h"

/* Has something changed since durables_keep_up was done last? */
bool durables_behind(const struct mring *ring);

/*
 * Bring what is kept to a broker that is new; give up what is gone; get what there is that is new. By one thread at a time, without the
 * lock: messages to the broker.
 */
void durables_keep_up(struct mring *ring);

/* This one is kept no more, if it was. With the lock held. */
void durables_let_go(struct mring *ring, uint32_t index);

/* As succession.c unfolds the declared groups: have those that are kept mapped. 0 or -errno. With the lock held. */
int durables_unfold(struct mring *ring);

/* This process serves them now, by its own table. With the lock held. */
void durables_serve(struct mring *ring);

#endif
