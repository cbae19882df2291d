/* Which processor a process runs on. */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <sched.h>
#include <unistd.h>

/* That of this turn only: 0, 1, ... and again. */
static inline void pin(unsigned turn)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(turn % (unsigned)processors, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

#endif
