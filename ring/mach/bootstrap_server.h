/*
 * The names that this process serves (bootstrap_server.c). All but the fork call and _forget enter the gate themselves; binding and
 * probing may sleep and are called outside of it, with an object that is published.
 */
#ifndef MRING_MACH_BOOTSTRAP_SERVER_H
#define MRING_MACH_BOOTSTRAP_SERVER_H

#include "bootstrap_name.h"

/*
 * Bind a name to an object, which is held for as long as the binding lasts. BOOTSTRAP_SERVICE_ACTIVE, BOOTSTRAP_NOT_PRIVILEGED,
 * BOOTSTRAP_NO_MEMORY. The caller keeps its reference. `scope` says who is served (MRING_MACH_SERVE_...).
 */
kern_return_t bootstrap_server_bind(const struct service_name *name, struct mach_object *object, int scope);

/* Is a name free? As bootstrap_server_bind would answer. */
kern_return_t bootstrap_server_probe(const struct service_name *name);

/* What this process has bound to a name, held, or NULL. */
struct mach_object *bootstrap_server_find(const struct service_name *name);

/* A port's receive right has ended: its names are free. Inside the gate. */
void bootstrap_server_forget(const struct mach_object *object);

/* In a forked child: nothing is bound, no thread serves, all descriptors are closed. */
void bootstrap_server_fork_child(void);

#endif
