/* Shared memory made private, and private memory shared, in place. With the address space's lock. */
#ifndef MRING_MACH_VM_COPY_H
#define MRING_MACH_VM_COPY_H

#include "vm_view.h"

/* Zeroes in private memory at an address of the kernel's choice; NULL: no memory. */
void *vm_new_private(uint64_t size);

/* A copy of a part of a file, as of now, in private memory at an address of the kernel's choice; NULL: no memory. */
void *vm_copy_file(const struct vm_file *file, uint64_t offset, uint64_t size, vm_prot_t protection);

/* The same of a mapped segment. */
void *vm_copy_segment(const struct segment *segment, vm_prot_t protection);

/*
 * In place of a shared segment, a private copy of it, in memory and table, with this maximum and current protection, and
 * inherited as a copy. KERN_FAILURE: the caller's stack, errno, or thread.
 */
kern_return_t vm_make_private(const struct segment *segment, vm_prot_t max, vm_prot_t protection);

/* A file with a copy of these readable segments, which follow each other without a gap. */
kern_return_t vm_copy_out(const struct segment *segments, size_t count, struct vm_file **file);

/*
 * Let all private memory in [start, end) be shared memory from now on, with the same content, protection and attributes
 * (Mach 3.8, 4.6). What other threads write meanwhile is not lost, if the kernel offers userfaultfd (vm_hold.h).
 * KERN_FAILURE: the caller's stack, errno, or thread, or this layer's own
 * variables.
 */
kern_return_t vm_make_shared(uint64_t start, uint64_t end);

#endif
