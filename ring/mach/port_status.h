/* What a receiver can ask of its port, and attach to it. Inside the gate; the port is one's own. */
#ifndef MRING_MACH_PORT_STATUS_H
#define MRING_MACH_PORT_STATUS_H

#include "object.h"

/* Does this value undo the port's guard? True if there is none. */
bool port_guard_admits(struct mach_object *port, uint64_t guard);
bool port_is_guarded(struct mach_object *port);
/* KERN_INVALID_ARGUMENT: it has a context, or a guard, already. */
kern_return_t port_guard(struct mach_object *port, uint64_t guard, bool strict);
/* KERN_INVALID_ARGUMENT: it has none, or another. */
kern_return_t port_unguard(struct mach_object *port, uint64_t guard);
/* KERN_INVALID_ARGUMENT: it has none, another, or a strict one. */
kern_return_t port_swap_guard(struct mach_object *port, uint64_t from, uint64_t to);

/* A strict guard is not told (0), nor written over (KERN_INVALID_ARGUMENT). */
uint64_t port_context(struct mach_object *port);
kern_return_t port_set_context(struct mach_object *port, uint64_t context);

void port_set_made(struct mach_object *port, mach_port_mscount_t made);
void port_set_sequence(struct mach_object *port, mach_port_seqno_t sequence);

mach_port_msgcount_t port_message_limit(struct mach_object *port);
/* Senders that wait look again. */
void port_set_message_limit(struct mach_object *port, mach_port_msgcount_t messages);

/* All but mps_pset. */
void port_status(struct mach_object *port, mach_port_status_t *status);

#endif
