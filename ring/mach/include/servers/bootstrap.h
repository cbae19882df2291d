/*
 * The name server. There is no daemon: the process that registers a name serves it, from a thread of its own that lives as long as the
 * process, and the name ends with it, however it dies, or with the port. A name belongs to a user (the effective uid) in a network
 * namespace; nobody else can look it up by these calls, or be taken for it (<mach/mring_mach.h> has calls that cross users).
 *
 * A name is at most 127 bytes; longer ones are cut there, as the MIG stubs do.
 */
#ifndef _BOOTSTRAP_H_
#define _BOOTSTRAP_H_

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/std_types.h>

#define BOOTSTRAP_MAX_NAME_LEN 128
#define BOOTSTRAP_MAX_CMD_LEN  512

#define BOOTSTRAP_SUCCESS         0
#define BOOTSTRAP_NOT_PRIVILEGED  1100
#define BOOTSTRAP_NAME_IN_USE     1101
#define BOOTSTRAP_UNKNOWN_SERVICE 1102
#define BOOTSTRAP_SERVICE_ACTIVE  1103
#define BOOTSTRAP_BAD_COUNT       1104
#define BOOTSTRAP_NO_MEMORY       1105
#define BOOTSTRAP_NO_CHILDREN     1106

/* As a parameter this is a pointer to a string, and is written so below: gcc would take the array's size for a promise. */
typedef char name_t[BOOTSTRAP_MAX_NAME_LEN];
typedef char cmd_t[BOOTSTRAP_MAX_CMD_LEN];
typedef int bootstrap_status_t;

#define BOOTSTRAP_STATUS_INACTIVE  0
#define BOOTSTRAP_STATUS_ACTIVE    1
#define BOOTSTRAP_STATUS_ON_DEMAND 2

#ifdef __cplusplus
extern "C" {
#endif

extern mach_port_t bootstrap_port;

/*
 * Bind a name to a send right (a port, a memory entry, a semaphore); the caller keeps its reference. Taken by this process:
 * BOOTSTRAP_SERVICE_ACTIVE; by another one: BOOTSTRAP_NOT_PRIVILEGED; a dead port: BOOTSTRAP_NO_MEMORY. With MACH_PORT_NULL nothing
 * is bound or unbound: BOOTSTRAP_SUCCESS if the name is free, and the same codes if it is not.
 */
extern kern_return_t bootstrap_register(mach_port_t bp, char *service_name, mach_port_t sp);

/* Bind a name to a new port and get its receive right: BOOTSTRAP_SERVICE_ACTIVE, _NOT_PRIVILEGED as above. */
extern kern_return_t bootstrap_check_in(mach_port_t bp, const char *service_name, mach_port_t *sp);

/*
 * Bind a name to a new port and get a send right; the receive right is for the first in this process that checks the name in.
 * BOOTSTRAP_SERVICE_ACTIVE, _NOT_PRIVILEGED as above.
 */
extern kern_return_t bootstrap_create_service(mach_port_t bp, char *service_name, mach_port_t *sp);

/* Is a name bound? Inactive: created, but not yet checked in. Unbound: BOOTSTRAP_UNKNOWN_SERVICE. */
extern kern_return_t bootstrap_status(mach_port_t bp, char *service_name, bootstrap_status_t *service_active);

/*
 * BOOTSTRAP_UNKNOWN_SERVICE: nobody serves that name, or a process of another user does, or the one that does has not
 * answered within three seconds (it is stopped, or cannot hand out descriptors).
 */
extern kern_return_t bootstrap_look_up(mach_port_t bp, const char *service_name, mach_port_t *sp);

/* There is one context: it is its own parent. */
extern kern_return_t bootstrap_parent(mach_port_t bp, mach_port_t *parent_port);

/* The same context too: names are private to the user as it is. */
extern kern_return_t bootstrap_unprivileged(mach_port_t bp, mach_port_t *unpriv_port);

extern const char *bootstrap_strerror(kern_return_t r);

#ifdef __cplusplus
}
#endif

#endif
