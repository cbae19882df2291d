/* Port sets: receive from whichever member has something, the kernel taking them by turns. */
#ifndef MRING_MACH_PORT_SET_H
#define MRING_MACH_PORT_SET_H

#include "object.h"

extern const struct object_ops port_set_ops;

/* A new set; NULL when descriptors or memory are short. Inside the gate, until it has a name. */
struct mach_object *port_set_create(void);

/* The set's right has ended: receivers return, members leave. */
void port_set_die(struct mach_object *set);
bool port_set_is_dead(struct mach_object *set);

/* KERN_ALREADY_IN_SET, KERN_INVALID_RIGHT (the port has died), KERN_RESOURCE_SHORTAGE. `name` is what a receive reports. */
kern_return_t port_set_insert(struct mach_object *set, struct mach_object *port, mach_port_name_t name);
kern_return_t port_set_extract(struct mach_object *set, struct mach_object *port); /* KERN_NOT_IN_SET */
/* Out of all sets, and, if `set`, into that one: KERN_SUCCESS, KERN_NOT_IN_SET when it was in none and goes into none. */
kern_return_t port_set_move(struct mach_object *set, struct mach_object *port, mach_port_name_t name);
/* The port's receive right has ended. */
void port_set_forget(struct mach_object *port);

/* Store members' names in an array for `room`, as far as they go, and return how many there are. */
uint32_t port_set_members(struct mach_object *set, mach_port_name_t *names, uint32_t room);
/* Is the port in any set? */
bool port_set_any(struct mach_object *port);

/* To wait on for POLLIN. */
int port_set_queue(struct mach_object *set);
/* A member that is ready now, or MACH_PORT_NULL. */
mach_port_name_t port_set_ready(struct mach_object *set);

/* In a forked child there are no sets. */
void port_set_fork_child(void);

#endif
