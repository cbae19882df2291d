/* The calls that are traps on macOS, as far as they are here. */
#ifndef _MACH_MACH_TRAPS_H_
#define _MACH_MACH_TRAPS_H_

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/port.h>
#include <mach/vm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

extern mach_port_name_t mach_reply_port(void);
extern mach_port_name_t host_self_trap(void);
extern mach_port_name_t task_self_trap(void);

extern kern_return_t pid_for_task(mach_port_name_t t, int *x);
extern kern_return_t task_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *t);

extern boolean_t swtch_pri(int pri);
extern boolean_t swtch(void);

#ifdef __cplusplus
}
#endif

#endif
