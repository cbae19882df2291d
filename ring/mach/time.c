/* Time: a tick is a nanosecond. */
#include "cancel.h"

#include <errno.h>
#include <mach/mach_time.h>
#include <time.h>

static const uint64_t SECOND = 1000000000;

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

kern_return_t mach_timebase_info(mach_timebase_info_t info)
{
    *info = (struct mach_timebase_info){1, 1};
    return KERN_SUCCESS;
}

uint64_t mach_absolute_time(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t mach_approximate_time(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t mach_continuous_time(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

/* Linux has no coarse clock that counts sleep. */
uint64_t mach_continuous_approximate_time(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

kern_return_t mach_wait_until(uint64_t deadline)
{
    struct timespec until = {(time_t)(deadline / SECOND), (long)(deadline % SECOND)};
    int cancellation = cancel_hold();
    int error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);

    cancel_release(cancellation);
    return error == EINTR ? KERN_ABORTED : KERN_SUCCESS;
}
