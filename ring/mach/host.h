#ifndef MRING_MACH_HOST_H
#define MRING_MACH_HOST_H

#include "object.h"

enum host_port { HOST_SELF, HOST_TASK_NAME, HOST_SYSTEM_CLOCK, HOST_CALENDAR_CLOCK };

/* A reference to one of these ports' objects, for space_insert_send; NULL when memory is short. */
struct mach_object *host_object(enum host_port which);

/*
 * Is this name the calling task's own port, or its name port, with which one may only ask? Otherwise what
 * space_check_task answers.
 */
kern_return_t host_check_task_name(mach_port_name_t name);

#endif
