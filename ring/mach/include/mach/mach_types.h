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
#include <mach/vm_sync.h>
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
typedef mach_port_t clock_ctrl_t;
typedef mach_port_t thread_inspect_t;
typedef mach_port_t thread_read_t;
typedef mach_port_t host_priv_t;
typedef mach_port_t host_name_t;
typedef mach_port_t host_name_port_t;
typedef mach_port_t processor_t;
typedef mach_port_t processor_set_t;
typedef mach_port_t processor_set_control_t;
typedef mach_port_t ledger_t;
typedef mach_port_t bootstrap_t;
typedef mach_port_t vm_task_entry_t;
typedef mach_port_t vm_named_entry_t;
typedef mach_port_t memory_object_control_t;
typedef mach_port_t memory_object_default_t;
typedef task_t task_port_t;
typedef thread_t thread_port_t;
typedef semaphore_t semaphore_port_t;
typedef task_t *task_array_t;
typedef thread_t *thread_array_t;
typedef thread_act_t *thread_act_array_t;

#define TASK_NULL      ((task_t)0)
#define THREAD_NULL    ((thread_t)0)
#define HOST_NULL      ((host_t)0)
#define SEMAPHORE_NULL ((semaphore_t)0)

#define TASK_NAME_NULL     ((task_name_t)0)
#define TASK_INSPECT_NULL  ((task_inspect_t)0)
#define TASK_READ_NULL     ((task_read_t)0)
#define THR_ACT_NULL       ((thread_act_t)0)
#define THREAD_ACT_NULL    THR_ACT_NULL
#define IPC_SPACE_NULL     ((ipc_space_t)0)
#define CLOCK_NULL         ((clock_serv_t)0)
#define PROCESSOR_NULL     ((processor_t)0)
#define PROCESSOR_SET_NULL ((processor_set_t)0)
#define HOST_PRIV_NULL     ((host_priv_t)0)
#define LEDGER_NULL        ((ledger_t)0)
#define MEMORY_OBJECT_NULL ((memory_object_t)0)

#endif
