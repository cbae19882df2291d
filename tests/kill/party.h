/*
 * One party's act, on a stack of its own, until it is through, or is killed or stopped at one of its steps.
 *
 * A process that is killed leaves the memory that it shared, and of its own nothing. All that an act works on is the world's, its private side
 * too (world.h), and the step is a call, before which each store of the act's was made: so to kill it is never to come back to its stack, and
 * to stop it is to come back later. That is what a forked process would leave for others, for a hundredth of what a fork takes. Real processes
 * are killed at every step of the public calls (trial.h).
 */
#ifndef TESTS_KILL_PARTY_H
#define TESTS_KILL_PARTY_H

#include "world.h"

typedef void (*act)(struct world *world, unsigned who);

/* So many can be between begin and end at once: one who is stopped, and one who goes on meanwhile. */
enum { PARTIES = 2 };

enum { NEVER = 0 };
enum outcome { THROUGH, KILLED, STOPPED };

/*
 * The act of actor `who`, as party 0 or 1, from its beginning; whatever that party was at is forgotten. It is killed before its store number
 * `kill_at` to shared words, or stopped before its access, load or store, number `stop_at`.
 */
enum outcome party_begin(unsigned party, act what, struct world *world, unsigned who, unsigned kill_at,
                         unsigned stop_at);

/* One that was stopped goes on to its end. */
enum outcome party_go_on(unsigned party);

#endif
