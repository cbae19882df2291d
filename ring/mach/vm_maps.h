/*
 * What the kernel has mapped, from /proc/self/maps.
 *
 * The one source of truth on what is where, and with what current protection; the table (vm_table.h) adds what the
 * kernel does not know. The ranges our callers ask about are theirs, so that mappings other threads make meanwhile
 * elsewhere do no harm.
 */
#ifndef MRING_MACH_VM_MAPS_H
#define MRING_MACH_VM_MAPS_H

#include <mach/kern_return.h>
#include <mach/vm_prot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_mapping {
    uint64_t start, end;
    vm_prot_t protection;
    bool shared;
    bool kernels;                   /* [vdso] and the like: the place is taken, but it is nobody's memory */
    uint64_t device, inode, offset; /* inode 0: anonymous */
};

struct vm_maps {
    struct vm_mapping *mappings; /* ascending */
    size_t count, room;
};

/*
 * All mappings that touch [start, end), whole. KERN_FAILURE without /proc, KERN_RESOURCE_SHORTAGE. Freed by
 * vm_maps_free.
 */
kern_return_t vm_maps_read(struct vm_maps *maps, uint64_t start, uint64_t end);
void vm_maps_free(struct vm_maps *maps);

#endif
