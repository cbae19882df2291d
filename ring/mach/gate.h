/*
 * The gate between the calls of this layer and fork().
 *
 * A call that has descriptors in its own hands (received but not yet in an object, made but not yet stored), holds one of
 * the layer's locks, or takes an object down, does so between gate_enter() and gate_leave(). fork() closes the gate and waits
 * until nobody is inside. So at the instant of fork every lock is free, every table is whole, and every descriptor
 * belongs to an object, where the child finds and closes it.
 *
 * A thread inside never waits for a peer: it makes non-blocking system calls only. Entering nests, and is
 * async-signal-safe, since the last drop of an object may happen in a signal handler.
 */
#ifndef MRING_MACH_GATE_H
#define MRING_MACH_GATE_H

void gate_enter(void);
void gate_leave(void);

/* Around fork, in the thread that forks: closed by prepare, opened again in the parent and, all others gone, in the child. */
void gate_close(void);
void gate_open(void);

#endif
