/* Of a task: its special ports (TASK_KERNEL_PORT, TASK_BOOTSTRAP_PORT) and the three registered ports that its children inherit. */
#ifndef _MACH_TASK_H_
#define _MACH_TASK_H_

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/task_special_ports.h>

#define TASK_PORT_REGISTER_MAX 3

#ifdef __cplusplus
extern "C" {
#endif

extern kern_return_t task_get_special_port(task_inspect_t task, int which_port, mach_port_t *special_port);

/* TASK_BOOTSTRAP_PORT only; a forked child inherits it. The caller keeps its reference. */
extern kern_return_t task_set_special_port(task_t task, int which_port, mach_port_t special_port);

/* The caller keeps its references. A forked child inherits the slots as they are at the fork; an exec'ed program does not. */
extern kern_return_t mach_ports_register(task_t target_task, mach_port_array_t init_port_set,
                                         mach_msg_type_number_t init_port_setCnt);

/* Always three names, empty slots 0. The array is the caller's to vm_deallocate, each right to deallocate. */
extern kern_return_t mach_ports_lookup(task_t target_task, mach_port_array_t *init_port_set,
                                       mach_msg_type_number_t *init_port_setCnt);

#ifdef __cplusplus
}
#endif

#endif
