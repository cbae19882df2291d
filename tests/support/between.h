/*
 * What others do between two accesses of one's own to shared words, for tests on the core with kill points (core/atomic.h). One process, no clock:
 *
 *     unsigned at = 0;
 *
 *     do {
 *         prepare(&scene);
 *         others_come(what_they_do, &scene, ++at, 0);
 *         code = the_call(&scene);
 *         ... what must hold wherever they came ...
 *     } while (others_came());
 *
 * calls once for each access that there is, with the others there just before it.
 */
#ifndef TESTS_BETWEEN_H
#define TESTS_BETWEEN_H

#include <stdbool.h>

/* From now on: before the access number `at`, and then before each `every`-th more; 0: no more. Nobody comes between what they do themselves. */
void others_come(void (*others)(void *context), void *context, unsigned at, unsigned every);

/* They come no more. Did they? */
bool others_came(void);

#endif
