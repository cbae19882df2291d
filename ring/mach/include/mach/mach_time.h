/* Time, in ticks that mach_timebase_info explains; here a tick is a nanosecond. */
#ifndef _MACH_MACH_TIME_H_
#define _MACH_MACH_TIME_H_

#include <mach/mach_types.h>
#include <stdint.h>

struct mach_timebase_info {
    uint32_t numer;
    uint32_t denom;
};
typedef struct mach_timebase_info *mach_timebase_info_t;
typedef struct mach_timebase_info mach_timebase_info_data_t;

#ifdef __cplusplus
extern "C" {
#endif

/* ticks * numer / denom are nanoseconds. */
kern_return_t mach_timebase_info(mach_timebase_info_t info);

/* Does not go on while the system sleeps; mach_continuous_time does. */
uint64_t mach_absolute_time(void);
uint64_t mach_approximate_time(void);
uint64_t mach_continuous_time(void);
uint64_t mach_continuous_approximate_time(void);

/* KERN_ABORTED: a signal handler ran before `deadline`, which is in absolute time. */
kern_return_t mach_wait_until(uint64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
