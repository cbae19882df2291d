/*
 * The name space of this task: names, the rights behind them, and user references (Mach 5.1-5.8).
 *
 * A name is {index, generation}; a stale name fails instead of aliasing (5.5). Look-up (space_hold) takes no lock and is
 * async-signal-safe; everything that changes the table takes the space's lock. In a forked child the space is empty but for
 * the task's own port and the bootstrap port, which keep their numbers; registered and special ports have no name there before they are
 * asked for (5.6).
 *
 * Rights are named by MACH_PORT_TYPE_*: SEND, RECEIVE (both may share a name), SEND_ONCE, PORT_SET, DEAD_NAME (alone).
 */
#ifndef MRING_MACH_SPACE_H
#define MRING_MACH_SPACE_H

#include "object.h"

/* This task and its name server: never freed, never sent. */
extern struct mach_object task_object;
extern struct mach_object bootstrap_object;

/*
 * Look a name up and hold its object. NULL when the name is not one (0, DEAD, unknown, stale), is a dead name, or has no
 * send right (a receive right alone); *kr then tells which: KERN_INVALID_NAME or KERN_INVALID_RIGHT.
 * The caller drops the object. Lock-free.
 */
struct mach_object *space_hold_send(mach_port_name_t name, kern_return_t *kr);

/* The same for any one right: SEND, RECEIVE, SEND_ONCE or PORT_SET. */
struct mach_object *space_hold(mach_port_name_t name, mach_port_type_t right, kern_return_t *kr);
/* The same for calls to which a dead name is a name like others, which lacks the right: KERN_INVALID_RIGHT. */
struct mach_object *space_translate(mach_port_name_t name, mach_port_type_t right, kern_return_t *kr);

/*
 * Give the task one send right to `object`: a new name with one user reference, or, when the task already holds a right to
 * the same object (same id), the same name with one more (5.1). Consumes the caller's reference, also on failure
 * (KERN_RESOURCE_SHORTAGE; KERN_UREFS_OVERFLOW never: the count pegs).
 */
kern_return_t space_insert_send(struct mach_object *object, mach_port_name_t *name);

/*
 * A new name for a RECEIVE, SEND_ONCE, PORT_SET right, or for a DEAD_NAME (object NULL); for a RECEIVE right the name of the port's
 * send rights, if there is one. Consumes the reference likewise.
 */
kern_return_t space_insert(struct mach_object *object, mach_port_type_t right, mach_port_name_t *name);

/*
 * The same for SEND and all of these, but under a name that the caller chooses. KERN_NO_SPACE, KERN_INVALID_VALUE and KERN_FAILURE
 * when the number cannot be a name, KERN_NAME_EXISTS when it is one; for SEND also KERN_INVALID_CAPABILITY when the port is dead,
 * KERN_RIGHT_EXISTS when the task knows it by another name, and one more reference when by this one.
 */
kern_return_t space_insert_as(mach_port_name_t name, struct mach_object *object, mach_port_type_t right);

/* Take one user reference of a send right away, as a move-send does (7.12): KERN_SUCCESS, INVALID_NAME, INVALID_RIGHT. */
kern_return_t space_consume_send(mach_port_name_t name);

/*
 * Is this name the calling task (mach_task_self())? KERN_SUCCESS, or what a call on a wrong target answers (0.3):
 * MACH_SEND_INVALID_DEST for NULL, DEAD and unknown names, KERN_INVALID_ARGUMENT for a live port that is no task.
 */
kern_return_t space_check_task(mach_port_name_t task);

/* mach_port_deallocate, _mod_refs, _destroy, _type and _get_refs, past the checks of their task and right arguments. */
kern_return_t space_deallocate(mach_port_name_t name);
kern_return_t space_modify(mach_port_name_t name, mach_port_type_t right, int32_t delta);
kern_return_t space_destruct(mach_port_name_t name, int32_t send_delta, uint64_t guard);
kern_return_t space_destroy(mach_port_name_t name);
kern_return_t space_type(mach_port_name_t name, mach_port_type_t *type);
bool space_is_dead(mach_port_name_t name); /* a dead name */
kern_return_t space_references(mach_port_name_t name, mach_port_type_t right, uint32_t *references);

/* Store the names and their types in arrays for `room` of each, as far as they go, and return how many there are. */
uint32_t space_list(mach_port_name_t *names, mach_port_type_t *types, uint32_t room);

/* Around fork, called by the layer's one atfork registration: first of the prepare handlers' work, last in parent and child. */
void space_fork_prepare(void);
void space_fork_parent(void);
void space_fork_child(void);

#endif
