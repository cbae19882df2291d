/*
 * The files behind shared memory.
 *
 * Every piece of memory that this layer shares is a part of a memfd, sealed against growing and shrinking: whatever a
 * peer does, a page that was within it stays within it, so that touching a mapping of it never raises SIGBUS. What is made here is
 * sealed against further seals too.
 *
 * A vm_file is one descriptor of such a memfd, counted. Regions of the address space and memory entries hold it. It
 * lives in an object's cell (object.h), for the counting, and because its last holder may let go of it in a signal
 * handler; it has no name, and so, unlike an entry, it outlives a fork: the child's inherited regions go on holding it.
 *
 * A read-only file is a descriptor opened for reading, so that a peer's attempt to map it writable fails in the kernel.
 * To another user that is protection, since the memfd's mode is 0600; within one user it guards against accidents, for
 * the owner of a memfd can always reopen it through /proc.
 *
 * All of these run inside the gate (gate.h), or under the address space's lock.
 */
#ifndef MRING_MACH_VM_FILE_H
#define MRING_MACH_VM_FILE_H

#include "object.h"

#include <mach/vm_prot.h>

struct vm_file {
    struct mach_object object;
    int fd;
    bool writable;
    uint64_t size;
    uint64_t device, inode; /* what /proc/self/maps shows of its mappings */
};

/* Zeroed memory, none of it committed yet. KERN_RESOURCE_SHORTAGE: descriptors, memory, or RLIMIT_FSIZE. */
kern_return_t vm_file_create(uint64_t size, struct vm_file **file);

/* A file of these bytes, sealed so that nobody can change them. */
kern_return_t vm_file_create_constant(const void *bytes, uint64_t size, struct vm_file **file);
bool vm_file_is_constant(const struct vm_file *file);

/* Commit all of it now, so that want of memory is an error here and not a signal at first touch. */
kern_return_t vm_file_commit(struct vm_file *file);

/* A private copy of a part, as of now. */
kern_return_t vm_file_copy(struct vm_file *file, uint64_t offset, uint64_t size, struct vm_file **copy);

/* Read a part into zeroed memory, leaving holes untouched. */
bool vm_file_read(const struct vm_file *file, uint64_t offset, uint64_t size, void *to);

/* The same memory for a holder with this protection: one more reference, or a read-only file. */
kern_return_t vm_file_narrow(struct vm_file *file, vm_prot_t protection, struct vm_file **narrow);

/*
 * Take over a descriptor from a peer: NULL, and it is closed, unless it is a sealed memfd, readable, and large enough.
 */
struct vm_file *vm_file_adopt(int fd);

/* Are these the same memory? One of them may be read-only. */
static inline bool vm_file_same(const struct vm_file *one, const struct vm_file *other)
{
    return one->inode == other->inode && one->device == other->device;
}

void vm_file_hold(struct vm_file *file);
void vm_file_drop(struct vm_file *file);

#endif
