#ifndef _clock_user_
#define _clock_user_

#include <mach/clock_types.h>
#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a clock that host_get_clock_service gave. */
extern kern_return_t clock_get_time(clock_serv_t clock_serv, mach_timespec_t *cur_time);

#ifdef __cplusplus
}
#endif

#endif
