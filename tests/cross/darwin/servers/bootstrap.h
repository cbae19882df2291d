/*
 * What mring uses of macOS's <servers/bootstrap.h>, with Apple's prototypes, for the cross check alone: the headers that come
 * with zig lack this one.
 */
#ifndef MRING_CROSS_BOOTSTRAP_H
#define MRING_CROSS_BOOTSTRAP_H

#include <mach/mach.h>

#define BOOTSTRAP_MAX_NAME_LEN    128
#define BOOTSTRAP_SUCCESS         0
#define BOOTSTRAP_NOT_PRIVILEGED  1100
#define BOOTSTRAP_NAME_IN_USE     1101
#define BOOTSTRAP_UNKNOWN_SERVICE 1102
#define BOOTSTRAP_SERVICE_ACTIVE  1103
#define BOOTSTRAP_BAD_COUNT       1104
#define BOOTSTRAP_NO_MEMORY       1105
#define BOOTSTRAP_NO_CHILDREN     1106

typedef char name_t[BOOTSTRAP_MAX_NAME_LEN];

extern mach_port_t bootstrap_port;

/* Deprecated since 10.5, but there, and the only way to name a port that is not a fresh receive right. */
__attribute__((deprecated)) extern kern_return_t bootstrap_register(mach_port_t bp, name_t service_name,
                                                                    mach_port_t sp);
extern kern_return_t bootstrap_check_in(mach_port_t bp, const name_t service_name, mach_port_t *sp);
extern kern_return_t bootstrap_look_up(mach_port_t bp, const name_t service_name, mach_port_t *sp);
extern kern_return_t bootstrap_parent(mach_port_t bp, mach_port_t *parent_port);
extern const char *bootstrap_strerror(kern_return_t r);

#endif
