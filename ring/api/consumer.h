/*
 * A consumer handle, for the files that its calls are divided into: consumer.c, the path of messages, consumer_wait.c and
 * consumer_join.c.
 */
#ifndef MRING_API_CONSUMER_H
#define MRING_API_CONSUMER_H

#include "core/recover.h"
#include "core/shared.h"
#include "followers.h"
#include "lower.h"
#include "ring.h"
#include "wait/sleep.h"
#include "wakers.h"

/* How many messages it had been handed when its pace was taken last. */
struct pace {
    int64_t at; /* of the coarse clock */
    uint64_t messages;
};

struct mring_consumer {
    struct consumer_core core;
    bool lone;
    struct pace pace;
    int64_t look_again;       /* when to look for dead peers next, of the coarse clock */
    int64_t meet_again;       /* when to look for the broker next */
    uint64_t met;             /* the ring's meetings that this handle has seen to */
    struct suspect *suspects; /* one per line */
    struct handle handle;
    struct mring *ring;
    uint64_t idle_want; /* the producer's wish as it was last answered for want of work */
    struct held_group group;
    struct known_sleeper *peers; /* one place per line */
    struct wild_turns turns;     /* on them */
    struct known_sleeper producer;
    struct sleeper_state sleep;
    struct followers followers; /* whom it wakes, of the groups after its own */
    struct held_group *before;  /* the groups that its own is after, as many as core.upstreams */
    uint64_t suspected;         /* where it, or its group, was to go on when it seemed to have been forgotten */
    uint64_t announced; /* from when it announces itself until it sleeps: to which of these, by bits; else all */
};

/* Where this member, or its group, goes on. */
static inline uint64_t consumer_position(const struct mring_consumer *consumer)
{
    return consumer->lone ? consumer->core.position : shared_position(&consumer->core);
}

static inline bool consumer_stale(const struct mring_consumer *consumer)
{
    return consumer->handle.stale;
}

/*
 * Is the ring served (ring_meet)? A broker that is new gets what it cannot have from others: this member's semaphore, and the entry of its
 * group.
 */
void consumer_meet(struct mring_consumer *consumer);

/* The producer waits for room, and this group has made some: signal it once the gate is where it wants it. */
void consumer_answer_want(struct mring_consumer *consumer, uint64_t gate);

/*
 * A member that polls, has nothing to do and keeps what it was handed may never release as much as the producer wished for to be left
 * asleep. It answers each wish once: one that comes again was met with less room than is needed.
 */
void consumer_answer_idle(struct mring_consumer *consumer);

/* It has found work without having been woken for it: the wake-up for more is another's (wait/armed.c). */
void consumer_disarm(struct mring_consumer *consumer);

/* The group has released more, perhaps: wake who waits for that in groups that are after it. */
void consumer_answer_followers(struct mring_consumer *consumer);

/* There is more to do than this member took: wake one peer, who will do the same (one wake-up per batch). */
void consumer_wake_peer(struct mring_consumer *consumer);

/*
 * Are there dead among the peers? What they held goes to the group. True: there is something to adopt. A member that is busy asks only
 * about peers that have not moved since it looked last; one that sleeps, about all that hold something.
 */
bool consumer_look_for_dead(struct mring_consumer *consumer, struct suspect *suspects);

/* Nothing was found: is it the end? -EPIPE, or else 0. */
int consumer_found_nothing(const struct mring_consumer *consumer);

/* The producer has cut the group off. -ECONNABORTED, and why. */
int consumer_cut_off(struct consumer_core *core, struct mring_error *error);

/* A member could not begin, as its core's trouble says. -EBADMSG. */
int join_damaged(const struct consumer_core *core, const char *name, struct mring_error *error);

/* Is there anything to take? 1, 0, -EPIPE, -ECONNABORTED. As a sleeper looks: of a consumer. */
int consumer_look(void *context);

#endif
