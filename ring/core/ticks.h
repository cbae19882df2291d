/*
 * What a few hundred instructions take, or some KiB of messages, without a system call: the processor's own counter. Its unit is the processor's as well, from a third of a
 * nanosecond to forty of them, so it is good for comparing one such time with another. 0: this processor has none that a program may read. None is read
 * by tests that stop at each step either, which take the same ones each time.
 */
#ifndef MRING_CORE_TICKS_H
#define MRING_CORE_TICKS_H

#include <stdint.h>

static inline uint64_t ticks_now(void)
{
#if defined(MRING_KILL_POINTS)
    return 0;
#elif defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;

    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

#endif
