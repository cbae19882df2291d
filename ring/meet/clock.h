/* Deadlines, in nanoseconds of the monotonic clock. */
#ifndef MRING_MEET_CLOCK_H
#define MRING_MEET_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(CLOCK_MONOTONIC_COARSE)
#define CLOCK_COARSE CLOCK_MONOTONIC_COARSE
#elif defined(CLOCK_MONOTONIC_RAW_APPROX)
#define CLOCK_COARSE CLOCK_MONOTONIC_RAW_APPROX
#endif

static inline int64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Some milliseconds late, and never a system call. */
static inline int64_t clock_coarse(void)
{
    struct timespec now;

    clock_gettime(CLOCK_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* `timeout` nanoseconds from now; a negative one (MRING_FOREVER), or one past the clock's range, never comes. */
static inline int64_t clock_deadline(int64_t timeout)
{
    int64_t now = clock_now();

    return timeout < 0 || timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
}

/* Nanoseconds until then; 0: it has come. */
static inline int64_t clock_left(int64_t deadline)
{
    int64_t now = clock_now();

    return deadline > now ? deadline - now : 0;
}

#endif
