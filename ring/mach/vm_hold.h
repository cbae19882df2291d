/*
 * Keep other threads from writing to private memory while it is moved to a file.
 *
 * userfaultfd write-protects the range: whoever writes there stops in the page fault, unnoticed, until the hold ends,
 * and then writes to what has been mapped there meanwhile. Reading goes on. The holder itself must not write there.
 *
 * It is not to be had when the kernel lacks it, a seccomp filter forbids it, or the range is a private mapping of a
 * file. Then a write by another thread between the copy and the exchange is lost; a program that wants to be safe there
 * makes its entries before it starts its threads, or with MAP_MEM_NAMED_CREATE. An unprivileged process may only hold
 * faults of user mode: a system call of another thread that stores to the range meanwhile (read(2) into it) fails with
 * EFAULT.
 */
#ifndef MRING_MACH_VM_HOLD_H
#define MRING_MACH_VM_HOLD_H

#include <stdint.h>

/* A hold; -1: none. The range is readable. */
int vm_hold_writers(uint64_t start, uint64_t size);
void vm_hold_end(int hold);

#endif
