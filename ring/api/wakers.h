/*
 * Signalling a sleeper: its semaphore is fetched from the broker once, and kept for as long as the same occupant sits there.
 *
 * The owner word that names the occupant comes from shared memory: it is a key, nothing more. A right that turns out dead
 * (KERN_TERMINATED: its owner died; or it made itself a new one) is dropped and fetched once more.
 *
 * Who sleeps in an event loop gives a port in place of a semaphore, and is sent an empty message (wait/pollable.h). Nobody is waited for: a
 * full queue is as good as a message. A peer can have one sent to whatever port it has a right to itself; it says nothing.
 */
#ifndef MRING_API_WAKERS_H
#define MRING_API_WAKERS_H

#include "ring.h"

struct known_sleeper {
    uint64_t owner; /* 0: none fetched */
    semaphore_t semaphore;
};

/* Signal the sleeper `who`. False: it cannot be reached now; its own second-long look will find the work. */
bool wake_sleeper(struct meet_link *link, struct known_sleeper *known, const struct sleeper *who);

/*
 * Turns on a group's sleepers that woke nobody, of late. Each may cost a message to the broker; a hostile member announces sleepers that are
 * not there as fast as it can. After some of them, or one that took long, for the broker is stopped, whoever wakes does something else for a
 * while: what sleeps in that group looks by itself.
 */
struct wild_turns {
    unsigned count;
    int64_t since; /* when the count began, of the coarse clock */
    int64_t until; /* when to go on; 0: there were not too many yet */
};
bool wild_enough(const struct wild_turns *turns);

/*
 * Signal the sleeper of this line, which was taken; if it is dead, the next one, as the work is still there. `known` has one place per
 * line. How many were woken: 1 or 0.
 */
unsigned wake_member(struct mring *ring, const struct held_group *held, struct known_sleeper *known,
                     struct wild_turns *turns, int line);

void forget_sleeper(struct known_sleeper *known);

#endif
