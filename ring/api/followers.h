/*
 * The members of groups that are after this consumer's: woken when this one's has released what they wait for (wait/await.h).
 *
 * Such a group is looked at when the first of its sleepers is to be woken: its words, read-only, and the key that fetches the semaphores
 * of its members come from the broker, with one message, and are kept. Who serves the ring has them already.
 */
#ifndef MRING_API_FOLLOWERS_H
#define MRING_API_FOLLOWERS_H

#include "wakers.h"

struct mring_consumer;

/* A group that is after the consumer's. */
struct follower {
    struct held_group group;
    struct known_sleeper *known; /* one place per line */
    struct wild_turns turns;
};

struct followers {
    struct follower *of[LAYOUT_GROUPS]; /* by directory index; NULL: not had yet */
    int64_t retry;                      /* one could not be had: when to try again */
};

/* How far a group before has released. */
struct released {
    const struct group_view *group;
    uint64_t gate;
    bool alone; /* nobody but the caller releases there */
};

/* Wake a sleeper of this group, if it waits for that, and others for what has been released since. How many were woken. */
unsigned follower_wake(struct mring *ring, struct released released, const struct held_group *group,
                       struct known_sleeper *known, struct wild_turns *turns);

/* Somebody in these groups, by bits, waits for the consumer's to release, which has come to `gate`. How many were woken. */
unsigned followers_answer(struct mring_consumer *consumer, uint64_t awaited, uint64_t gate);

/* Let go of them. `mine` false in a forked child, whose parent's they are. */
void followers_drop(struct followers *followers, bool mine);

#endif
