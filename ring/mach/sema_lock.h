/*
 * The lock of what this task knows of its semaphores: maps, lives, keepers. Not needed to wait or to signal.
 *
 * Held inside the gate, so that it is free in a forked child; and with all signals blocked, for the last drop of a right may happen in a
 * signal handler.
 */
#ifndef MRING_MACH_SEMA_LOCK_H
#define MRING_MACH_SEMA_LOCK_H

#include <signal.h>

void sema_lock(sigset_t *mask);
void sema_unlock(const sigset_t *mask);

#endif
