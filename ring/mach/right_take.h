/* A right taken out of a name by its disposition, as the kernel does when a call or a message carries it away. */
#ifndef MRING_MACH_RIGHT_TAKE_H
#define MRING_MACH_RIGHT_TAKE_H

#include "object.h"

#include <mach/message.h>

struct taken_right {
    struct mach_object *object; /* the caller drops it; NULL: the name is dead, and so is what it gives */
    mach_port_type_t right;     /* MACH_PORT_TYPE_SEND or _SEND_ONCE */
};

/*
 * KERN_INVALID_VALUE (no disposition), KERN_INVALID_NAME, KERN_INVALID_RIGHT, KERN_INVALID_CAPABILITY (a receive right, which does not
 * move, or the last reference of a pinned name), KERN_RESOURCE_SHORTAGE. On success a reference that moves has left its name.
 */
kern_return_t right_take(mach_port_name_t name, mach_msg_type_name_t disposition, struct taken_right *taken);

#endif
