/* How scenarios end: the living do what is left to do, and then nothing may be left. */
#ifndef TESTS_KILL_FINISH_H
#define TESTS_KILL_FINISH_H

#include "world.h"

/* The living members, or one who comes for that, are handed and release all there is; then they leave, and every place can be taken. */
void finish_members(struct world *world);

/* The same of a group that may be gone with its last member. */
void finish_passing(struct world *world);

#endif
