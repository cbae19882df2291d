/* The task's own ports, as libSystem keeps them. */
#ifndef _MACH_MACH_INIT_H_
#define _MACH_MACH_INIT_H_

#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/vm_page_size.h>

#ifdef __cplusplus
extern "C" {
#endif

extern mach_port_t mach_task_self_;
extern mach_port_t bootstrap_port;

/* A function too, for languages that do not see the macro. */
extern mach_port_t mach_task_self(void);
#define mach_task_self() mach_task_self_
#define current_task()   mach_task_self()

/* A new receive right, for replies; MACH_PORT_NULL when descriptors or memory are short. */
extern mach_port_name_t mach_reply_port(void);

#ifdef __cplusplus
}
#endif

#endif
