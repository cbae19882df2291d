/*
 * Killing at every step: the walk over a scenario's kill points.
 *
 * The library is built with MRING_KILL_POINTS for these tests: before every store to a shared word it calls mring_kill_point (core/atomic.h),
 * which counts, and before every load mring_look_point. An act is what one party of a scenario does (party.h); the walk has it killed at its
 * step 1, 2, ... until it runs through, and goes on with the others from the memory that it left. No clock decides anything: who is dead is
 * told to the core as the world's word, and who must wait is stopped.
 *
 *   alone       the first act is killed at every step k, or runs through; then those who are left finish
 *   in pairs    the first is killed at every k, the second at every j
 *   at once     the first is stopped before every access, loads too; the second is killed at every j, or runs through; then the first goes on
 *   three       the first is killed at every k, the second stopped before every access, the third runs through; then the second goes on
 *
 * Each time, after all of it, the scenario's `finish` brings everything to an end and the journal is checked (model.h). How many points there
 * were is printed: a scenario without any is a failure. Each scenario is walked in a process of its own: whatever ends it, where the walk was is told.
 */
#ifndef TESTS_KILL_WALK_H
#define TESTS_KILL_WALK_H

#include "party.h"

struct scenario {
    const char *name;
    uint32_t members[2]; /* of group 0 and, if not 0, of group 1 */
    uint32_t kind;
    uint32_t attempts;
    void (*prepare)(struct world *world);
    act first, second, third; /* of the actors 0, 1 and 2; a third one only where `three` is to be walked */
    void (*finish)(struct world *world);
    bool apart; /* the first two are never there at once: the second comes only when the first is dead or done */
};

/* A program of scenarios: PROGRAM walks all, PROGRAM NAME... those, PROGRAM lossy [NAME...] with groups that are lossy. */
int walk_main(int argc, char **argv, const struct scenario *scenarios, size_t count);

#endif
