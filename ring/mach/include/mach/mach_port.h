/*
 * Names and rights. Each returns KERN_SUCCESS, KERN_INVALID_NAME, KERN_INVALID_RIGHT, KERN_INVALID_VALUE and so on as XNU does, and
 * MACH_SEND_INVALID_DEST when `task` is not a live port. Out arguments are written on success only.
 *
 * What differs here: receive rights are immovable; a task has at most 262,141 names beside its own (KERN_NO_SPACE).
 */
#ifndef _MACH_MACH_PORT_H_
#define _MACH_MACH_PORT_H_

#include <mach/kern_return.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* MACH_PORT_RIGHT_RECEIVE, _PORT_SET or _DEAD_NAME. */
extern kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name);

/* The same under a name of the caller's choice: an index below 262,144, and low bits as MACH_PORT_MAKE(index, 3 << 24) has. */
extern kern_return_t mach_port_allocate_name(ipc_space_t task, mach_port_right_t right, mach_port_name_t name);

/* A send right goes under the port's name, if it has one; a send-once right under a new one. Receive rights do not move. */
extern kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_name_t name, mach_port_t poly,
                                            mach_msg_type_name_t polyPoly);

/* Where the right is a send right to a port that has a name here, it gets that name. */
extern kern_return_t mach_port_extract_right(ipc_space_t task, mach_port_name_t name, mach_msg_type_name_t msgt_name,
                                             mach_port_t *poly, mach_msg_type_name_t *polyPoly);

extern kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name);
extern kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                        mach_port_delta_t delta);
extern kern_return_t mach_port_get_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                        mach_port_urefs_t *refs);
extern kern_return_t mach_port_destroy(ipc_space_t task, mach_port_name_t name);
extern kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name, mach_port_type_t *ptype);

/* Port sets. A port may be in several; move_member takes it out of all, and into `after` unless that is MACH_PORT_NULL. */
extern kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset);
extern kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset);
extern kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after);

/* The members' names, ascending, in an array to be given back with vm_deallocate. */
extern kern_return_t mach_port_get_set_status(ipc_space_t task, mach_port_name_t name, mach_port_name_array_t *members,
                                              mach_msg_type_number_t *membersCnt);

/* Every name and its mach_port_type, in two arrays to be given back with vm_deallocate. */
extern kern_return_t mach_port_names(ipc_space_t task, mach_port_name_array_t *names, mach_msg_type_number_t *namesCnt,
                                     mach_port_type_array_t *types, mach_msg_type_number_t *typesCnt);

/* ---- of receive rights ---- */

/*
 * A new port, with MPO_INSERT_SEND_RIGHT, _QLIMIT, _CONTEXT_AS_GUARD, _STRICT; importance and reply port flags have no effect. Without
 * _CONTEXT_AS_GUARD `context` is just the port's context. What only launchd and the window server may ask for is KERN_DENIED.
 */
extern kern_return_t mach_port_construct(ipc_space_t task, mach_port_options_ptr_t options, mach_port_context_t context,
                                         mach_port_name_t *name);
/* End the receive right, and `srdelta` (not above 0) references of the send right; `guard` if it is guarded. */
extern kern_return_t mach_port_destruct(ipc_space_t task, mach_port_name_t name, mach_port_delta_t srdelta,
                                        mach_port_context_t guard);

/*
 * A guarded port ends by mach_port_destruct alone; mod_refs and destroy answer KERN_INVALID_RIGHT. A wrong guard is
 * KERN_INVALID_ARGUMENT; nothing here raises an exception.
 */
extern kern_return_t mach_port_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard,
                                     boolean_t strict);
extern kern_return_t mach_port_guard_with_flags(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard,
                                                uint64_t flags);
extern kern_return_t mach_port_unguard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard);
extern kern_return_t mach_port_swap_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t old_guard,
                                          mach_port_context_t new_guard);
extern kern_return_t mach_port_get_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t *context);
extern kern_return_t mach_port_set_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t context);

extern kern_return_t mach_port_get_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                              mach_port_info_t port_info_out, mach_msg_type_number_t *port_info_outCnt);
extern kern_return_t mach_port_set_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                              mach_port_info_t port_info, mach_msg_type_number_t port_infoCnt);
extern kern_return_t mach_port_set_mscount(ipc_space_t task, mach_port_name_t name, mach_port_mscount_t mscount);
extern kern_return_t mach_port_set_seqno(ipc_space_t task, mach_port_name_t name, mach_port_seqno_t seqno);

#ifdef __cplusplus
}
#endif

#endif
