/* How a right leaves and enters the task: the kinds' pack and unpack, chosen by kind and checked against the disposition. */
#ifndef MRING_MACH_RIGHT_H
#define MRING_MACH_RIGHT_H

#include "object.h"

#include <mach/message.h>

/* Describe a held object. The descriptors are the object's own. False: rights of this kind do not travel. */
bool right_pack(struct mach_object *object, struct wire_right *wire, int fds[WIRE_FDS]);

/* Can a right to it be sent at all? */
bool right_travels(struct mach_object *object);

/*
 * Make an object of a received right, `disposition` being MACH_MSG_TYPE_PORT_SEND or _SEND_ONCE, whose descriptors are taken
 * over, also on failure. NULL: refused.
 */
struct mach_object *right_unpack(const struct wire_right *wire, mach_msg_type_name_t disposition,
                                 const int fds[WIRE_FDS]);

/* Unpack and insert: the right's new name, MACH_PORT_NULL when refused; a KERN_ code only when names or memory are short. */
kern_return_t right_receive(const struct wire_right *wire, mach_msg_type_name_t disposition, const int fds[WIRE_FDS],
                            mach_port_name_t *name);

#endif
