/* The host: its port, its clocks, and a little about it. */
#ifndef _MACH_MACH_HOST_H_
#define _MACH_MACH_HOST_H_

#include <mach/clock_types.h>
#include <mach/host_info.h>
#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One more reference with each call. */
extern mach_port_t mach_host_self(void);

extern kern_return_t host_page_size(host_t host, vm_size_t *out_page_size);

/* HOST_BASIC_INFO only. */
extern kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t host_info_out,
                               mach_msg_type_number_t *host_info_outCnt);

/* SYSTEM_CLOCK, which only goes forward, and CALENDAR_CLOCK. */
extern kern_return_t host_get_clock_service(host_t host, clock_id_t clock_id, clock_serv_t *clock_serv);

#ifdef __cplusplus
}
#endif

#endif
