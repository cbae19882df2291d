/*
 * A producer handle, for the files that its calls are divided into: producer.c, the path of messages, and producer_wait.c.
 */
#ifndef MRING_API_PRODUCER_H
#define MRING_API_PRODUCER_H

#include "core/producer.h"
#include "ring.h"
#include "wait/nap.h"
#include "wait/sleep.h"
#include "wakers.h"

struct mring_producer {
    struct producer_core core;
    struct handle handle;
    struct mring *ring;
    uint64_t epoch;
    uint64_t directory_version;             /* as of the last look at the directory */
    uint64_t cut_off;                       /* bit g: group g's words were broken; it gates no more */
    uint32_t last_cut;                      /* the last of them */
    bool ended;                             /* mring_end was called: no room is found any more */
    bool behind;                            /* a live group could not be mapped: no advance until it is */
    int64_t retry;                          /* when to try that again */
    uint64_t mapped;                        /* bit g: group g is here: */
    struct held_group group[LAYOUT_GROUPS]; /* the live ones */
    struct known_sleeper *known[LAYOUT_GROUPS];
    struct gate_watch watch[LAYOUT_GROUPS];
    struct wild_turns turns[LAYOUT_GROUPS];
    int64_t meet_again; /* when to look for the broker next, of the coarse clock */
    uint64_t met;       /* the ring's meetings that this handle has seen to */
    int64_t look_again; /* when to look for dead members next; moved on by whatever gives room */
    struct sleeper_state sleep;
    uint64_t scanned;      /* what the last scan found */
    uint64_t keepers;      /* bit g: group g was what the last scan found no more than that for */
    bool awaits;           /* the last scan found anybody who holds it back, or may */
    uint64_t want;         /* the gate announced to the groups of `wanted` while it sleeps */
    uint64_t wanted;       /* bit g: group g was told, last */
    struct nap_gauge naps; /* on those whom it wakes */
    uint64_t asked_at;     /* the position for whose sake more was asked for than is needed; NOWHERE: none */
};

static inline bool producer_stale(const struct mring_producer *producer)
{
    return producer->handle.stale;
}

/* Publish what is committed and wake who sleeps. 0. */
int producer_publish(struct mring_producer *producer);

/*
 * How far all groups have released, at most the tail. Maps the groups that are new. A scan pulls the line of every member's held away
 * from it, so a producer that scans in a loop slows down those it waits for: it backs off before the next (R8).
 */
uint64_t producer_scan(struct mring_producer *producer);
void producer_back_off(const struct mring_producer *producer);

/* Scan, to make room of what was released. */
void producer_rescan(struct mring_producer *producer);

/* Bit g: group g is mapped, and served. */
static inline uint64_t producer_served(const struct mring_producer *producer)
{
    return producer->mapped & ~producer->cut_off;
}

static inline bool producer_serves(const struct mring_producer *producer, uint32_t index)
{
    return (producer_served(producer) >> index & 1) != 0;
}

/* Of a group that is served: is it one that there must be room left for? */
static inline bool producer_awaits(const struct mring_producer *producer, uint32_t index)
{
    return !producer->group[index].view.terms.lossy;
}

static inline void producer_count_wakeups(struct mring_producer *producer, unsigned sent)
{
    if (sent != 0)
        word_add_own(&producer->core.view.page->wakeups, sent);
}

/* It has woken so many in a row, since then: tell those who are about to sleep again. */
void producer_say_nap(struct mring_producer *producer, unsigned woken, int64_t began);

/* The group's words cannot be true, as its watch says: cut it off. Was it already, by a producer before this one? */
void producer_cut_off(struct mring_producer *producer, uint32_t index);
bool producer_cut_already(const struct mring_producer *producer, uint32_t index);
/* Those that are after one that was cut off would wait for ever: cut them off as well. */
void producer_cut_followers(struct mring_producer *producer);
/* Give up those groups that nobody serves and that are further behind than their limit. To be called when there is no room. */
void producer_give_up_unserved(struct mring_producer *producer);
/* Is the ring served (ring_meet)? A broker that is new gets the semaphore and the entries of passing groups from here, too. */
void producer_meet(struct mring_producer *producer);

/*
 * Members that died: what they held goes to the living, one of whom is woken for it; a passing group that has none holds nobody back
 * any more. To be called when there is no room; the second one looks at once, the first when there has been none for a while.
 */
void producer_look_for_dead(struct mring_producer *producer);
void producer_bury_dead(struct mring_producer *producer);

#endif
