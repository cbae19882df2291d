/*
 * Keepers: the threads by whose lives the kernel tells other tasks that this one lives, and that see to it that waiters of this
 * task learn of the deaths of others.
 */
#ifndef MRING_MACH_SEMA_KEEPER_H
#define MRING_MACH_SEMA_KEEPER_H

#include "sema_map.h"

/* Take a mapping into a keeper's care, and hold a life word of its page; false: no thread can be made. Under the lock. */
bool keeper_take(struct sema_map *map);
/* The page may be unmapped after this. Under the lock. */
void keeper_release(struct sema_map *map);

void keeper_fork_child(void);

#endif
