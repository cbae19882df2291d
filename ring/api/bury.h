/* Seeing to the dead of a group from outside of it: by its producer when that finds no room, and by mring_repair. */
#ifndef MRING_API_BURY_H
#define MRING_API_BURY_H

#include "ring.h"
#include "wakers.h"

/*
 * What dead members held goes to the living ones, one of whom is woken for it; a passing group that has none holds nobody back any more.
 * `known` has a place per line. Asks the kernel about every member that holds something. How many were woken.
 */
unsigned bury_dead(struct mring *ring, const struct held_group *held, struct known_sleeper *known,
                   struct wild_turns *turns);

#endif
