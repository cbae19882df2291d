/* Time, and the passing of it. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include "core/ticks.h"

#include <stdint.h>
#include <time.h>

static inline int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Of this process. */
static inline int64_t now_cpu(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static inline void cpu_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

/* The processor's own clock, which is read in a few nanoseconds, where it has one; its unit is found out beside now(). */
static inline uint64_t ticks(void)
{
    const uint64_t counted = ticks_now();

    return counted != 0 ? counted : (uint64_t)now();
}

#endif
