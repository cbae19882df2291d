/*
 * What may become of a message, whoever is killed when: the journal of a walk (world.h) is checked against it.
 *
 *   - What was published for certain is in the end released by a living member, or set aside, or it was being released, or left, by a
 *     member that was killed in the midst of that.
 *   - It is handed out again only if a dead member may have been given it, and then it says to how many: at least to those that had claimed
 *     it for certain and died without having released it, at most to those besides that died while they were claiming, adopting, leaving or
 *     releasing.
 *   - No two living members have it; nobody is given it after it was released, or twice.
 *   - A batch is in order; what was given to nobody before is in order per member.
 *   - What was not published is never seen; what was about to be published, all of it or nothing, and as its last writer wrote it.
 *   - A message that was set aside is there once, its count as exact as above, and nobody released it.
 */
#ifndef TESTS_KILL_MODEL_H
#define TESTS_KILL_MODEL_H

#include "world.h"

/* NULL, or what is wrong. */
const char *model_check(const struct world *world);

#endif
