/*
 * What the kernel does not know about this task's memory: maximum protection, inheritance, and which file is behind
 * shared memory.
 *
 * A region is one allocation, one mapping, or a part of one that was given other attributes. Memory that has no region
 * here (made by mmap, malloc, the loader) has the defaults: everything allowed that the kernel allows; private memory
 * is inherited as a copy, shared memory shared. Regions never overlap. Two neighbours are never merged: that they were
 * allocated apart is what a plain memory entry goes by (Mach 3.5).
 *
 * One lock protects the table and, more than that, the address space as far as this layer changes it: a call that looks
 * and then acts holds it throughout, and so does fork, so that a child finds table and memory in step. It is the
 * outermost lock of the layer (fork.h). It does not keep the program from calling munmap or mmap itself; a region is
 * therefore only believed after a look at what is really mapped (vm_view.h), and forgotten where they disagree.
 */
#ifndef MRING_MACH_VM_TABLE_H
#define MRING_MACH_VM_TABLE_H

#include "vm_file.h"

#include <mach/vm_inherit.h>
#include <stddef.h>

enum region_kind {
    REGION_PRIVATE, /* this task's alone, until a fork or an entry */
    REGION_FILE,    /* shared, a part of `file` */
    REGION_FOREIGN  /* shared by an mmap of the program's own; recognised by its inode */
};

struct region {
    uint64_t start, end;
    enum region_kind kind;
    struct vm_file *file;           /* REGION_FILE; the region holds it */
    uint64_t device, inode, offset; /* of what is shared; the offset is that of `start` */
    vm_prot_t max;
    vm_inherit_t inherit;
    bool permanent;
};

/* Mach calls are no cancellation points and leave errno alone; so it is while the lock is held, and after. */
void vm_table_lock(void);
void vm_table_unlock(void);

/* All that follows: with the lock held. */

/* Make room for so many regions, so that no call below can fail. A carve or split needs two. */
kern_return_t vm_table_reserve(size_t more);

/* How many regions more a carve will leave than there are: 0, 1 or 2. Whole regions can so be given back when memory is short. */
size_t vm_table_cuts(uint64_t start, uint64_t end);

/* Forget what lies in [start, end); a region that sticks out keeps its outer parts. */
void vm_table_carve(uint64_t start, uint64_t end);

/* Add a region where there is none; its file reference becomes the table's. */
void vm_table_insert(const struct region *region);

/* The first region that ends after `address`, or NULL; and the one after it. Good until the table changes. */
struct region *vm_table_at(uint64_t address);
struct region *vm_table_next(struct region *region);

#endif
