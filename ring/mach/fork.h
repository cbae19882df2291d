/*
 * The layer's one registration with pthread_atfork.
 *
 * Three rooms have something to do around a fork. Their order is the order of their locks: before the fork address
 * space, name space, semaphores; after it the reverse. So whoever holds the lock of the address space may enter the
 * gate or the name space, never the other way round.
 */
#ifndef MRING_MACH_FORK_H
#define MRING_MACH_FORK_H

/* Register, once. Runs as a constructor too: calling it is only needed to have it linked in from the static library. */
void mach_layer_init(void);

/* The address space: the table's lock, and a list of what is to be copied. */
void vm_fork_prepare(void);
void vm_fork_parent(void);
void vm_fork_child(void);

/* The copies: made when all else is prepared, put in their places before the child does anything else. */
void vm_fork_copy(void);
void vm_fork_place(void);

/*
 * The semaphores: their lock is held only inside the name space's gate, so it is free. The name space declares its
 * three in space.h.
 */
void semaphore_fork_child(void);

/* The forking thread's reply port has no name in the child. */
void mig_fork_child(void);

#endif
