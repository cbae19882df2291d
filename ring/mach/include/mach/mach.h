/* The umbrella, as on macOS. */
#ifndef _MACH_H_
#define _MACH_H_

#include <mach/clock.h>
#include <mach/mach_error.h>
#include <mach/mach_host.h>
#include <mach/mach_init.h>
#include <mach/mach_port.h>
#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/notify.h>
#include <mach/semaphore.h>
#include <mach/task.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>
#include <mach/thread_switch.h>
#include <mach/vm_map.h>
#include <mach/vm_page_size.h>
#include <mach/vm_param.h>
#include <mach/vm_region.h>

#include <stdbool.h>
#include <string.h> /* Apple's comes with it, and programs rely on that */

#endif
