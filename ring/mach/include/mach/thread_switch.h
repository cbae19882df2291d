#ifndef _MACH_THREAD_SWITCH_H_
#define _MACH_THREAD_SWITCH_H_

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>

#define SWITCH_OPTION_NONE    0
#define SWITCH_OPTION_DEPRESS 1
#define SWITCH_OPTION_WAIT    2

#ifdef __cplusplus
extern "C" {
#endif

/* Let others run: with SWITCH_OPTION_WAIT for so many milliseconds. The thread is a hint that has no effect. */
extern kern_return_t thread_switch(mach_port_name_t thread_name, int option, mach_msg_timeout_t option_time);

#ifdef __cplusplus
}
#endif

#endif
