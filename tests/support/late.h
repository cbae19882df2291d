/*
 * A waker that is held up is not one that forgot. Who has slept for half a second, and then finds something by itself, gives its waker a moment before it
 * counts as not woken (`rescued`): long for a program, short where all processors have something else to do. A test that expects that nobody was
 * forgotten has it wait for much longer. Who was is counted all the same, where the wait that it sleeps in has no limit.
 */
#ifndef TESTS_LATE_H
#define TESTS_LATE_H

#include "wait/sleep.h"

/* From now on, in this process and in those that it forks. */
static inline void wakers_may_be_late(void)
{
    sleep_grace = INT64_C(10) * 1000 * 1000 * 1000;
}

#endif
