/* Of a task: its special ports (TASK_KERNEL_PORT, TASK_BOOTSTRAP_PORT) and the three registered ports that its children inherit. */
#ifndef _MACH_TASK_H_
#define _MACH_TASK_H_

#include <mach/kern_return.h>
#include <mach/mach_init.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/semaphore.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>

#define TASK_PORT_REGISTER_MAX 3

/* Which registered port was for what, long ago. */
#define NAME_SERVER_SLOT      0
#define ENVIRONMENT_SLOT      1
#define SERVICE_SLOT          2
#define MACH_PORTS_SLOTS_USED 3

#ifdef __cplusplus
extern "C" {
#endif

extern kern_return_t task_get_special_port(task_inspect_t task, int which_port, mach_port_t *special_port);

/* TASK_BOOTSTRAP_PORT only; a forked child inherits it. The caller keeps its reference. */
extern kern_return_t task_set_special_port(task_t task, int which_port, mach_port_t special_port);

/* The caller keeps its references. A forked child inherits the slots as they are at the fork; an exec'ed program does not. */
extern kern_return_t mach_ports_register(task_t target_task, mach_port_array_t init_port_set,
                                         mach_msg_type_number_t init_port_setCnt);

/* MACH_TASK_BASIC_INFO and TASK_BASIC_INFO. */
extern kern_return_t task_info(task_name_t target_task, task_flavor_t flavor, task_info_t task_info_out,
                               mach_msg_type_number_t *task_info_outCnt);

/* TASK_EXC_GUARD_NONE is all there is, and all that can be set; anything else is KERN_NOT_SUPPORTED. */
extern kern_return_t task_get_exc_guard_behavior(task_inspect_t task, task_exc_guard_behavior_t *behavior);
extern kern_return_t task_set_exc_guard_behavior(task_t task, task_exc_guard_behavior_t behavior);

/* Always three names, empty slots 0. The array is the caller's to vm_deallocate, each right to deallocate. */
extern kern_return_t mach_ports_lookup(task_t target_task, mach_port_array_t *init_port_set,
                                       mach_msg_type_number_t *init_port_setCnt);

#ifdef __cplusplus
}
#endif

#endif
