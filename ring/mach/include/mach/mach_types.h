#ifndef _MACH_MACH_TYPES_H_
#define _MACH_MACH_TYPES_H_

#include <mach/boolean.h>
#include <mach/clock_types.h>
#include <mach/kern_return.h>
#include <mach/memory_object_types.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/sync_policy.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_region.h>
#include <mach/vm_statistics.h>
#include <mach/vm_types.h>

typedef mach_port_t task_t;
typedef mach_port_t task_name_t;
typedef mach_port_t task_inspect_t;
typedef mach_port_t task_read_t;
typedef mach_port_t thread_t;
typedef mach_port_t thread_act_t;
typedef mach_port_t ipc_space_t;
typedef mach_port_t ipc_space_inspect_t;
typedef mach_port_t ipc_space_read_t;
typedef mach_port_t vm_map_read_t;
typedef mach_port_t vm_map_inspect_t;
typedef mach_port_t host_t;
typedef mach_port_t semaphore_t;
typedef mach_port_t clock_serv_t;

#define TASK_NULL      ((task_t)0)
#define THREAD_NULL    ((thread_t)0)
#define HOST_NULL      ((host_t)0)
#define SEMAPHORE_NULL ((semaphore_t)0)

#endif
