/*
 * A part of the address space as it is: what the kernel has mapped there, joined with what the table knows of it.
 *
 * Looking heals the table: where a region is recorded but something else, or nothing, is mapped, because the program
 * called munmap or mmap behind this layer's back, the record goes. (Private memory put in the place of private memory
 * cannot be told apart; it inherits the old attributes.)
 */
#ifndef MRING_MACH_VM_VIEW_H
#define MRING_MACH_VM_VIEW_H

#include "vm_maps.h"
#include "vm_table.h"

/* A stretch with the same attributes throughout. `region.start` and `.end` are the stretch's own. */
struct segment {
    struct region region; /* borrows the table's reference to its file */
    uint64_t origin;      /* where the recorded region that it belongs to begins, or, unrecorded, the mapping */
    vm_prot_t current;
    bool recorded;
    bool anonymous;
};

struct view {
    struct segment *segments; /* ascending; what is not covered is not mapped */
    size_t count, room;
};

/* What is in [start, end), clipped to it. With the table's lock. Freed by view_free. */
kern_return_t view_look(struct view *view, uint64_t start, uint64_t end);
void view_free(struct view *view);

/* Is every page of [start, end) mapped? */
bool view_covers(const struct view *view, uint64_t start, uint64_t end);

/*
 * Does `next` go on where `segment` ends, in the same object and with the same attributes, as one map entry does on
 * XNU?
 */
bool segment_continues(const struct segment *segment, const struct segment *next);

#endif
