/*
 * Forking.
 *
 * Guarantee: the child's memory is what the table said at the instant the lock was taken for the fork, and its table
 * describes it.
 *
 * Shared memory that is inherited as a copy is the hard part (Mach 4.7): the child needs it as it was at the fork,
 * though the parent, and any other process that maps it, go on writing. Mapping the same file privately is no copy,
 * since untouched pages keep following the file, and copying in the child is too late. So the parent copies, before the
 * fork, into private memory; the child, which gets that by the kernel's own copy on write, moves it into place, and the
 * parent unmaps it. This costs the copying of those regions, and nothing for all others. Pages are copied one by one
 * while others may write: what is within a store is whole, but there is no order between pages (4.10).
 *
 * A region that cannot be copied (no memory; no read permission even in its maximum, 4.8) is absent in the child.
 *
 * vfork, clone and _Fork run no handlers: their children see shared memory as shared.
 */
#include "fork.h"
#include "vm_copy.h"
#include "vm_range.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct snapshot {
    uint64_t start, size;
    void *copy; /* NULL: the child does without */
};

/* Between prepare and parent or child, in the thread that forks, with the lock. */
static struct snapshot *snapshots;
static size_t snapshot_count;
static bool snapshots_whole; /* every region to be copied has its snapshots */

static bool to_copy(const struct region *region)
{
    return region->kind != REGION_PRIVATE && region->inherit == VM_INHERIT_COPY;
}

/* The range that holds all regions to be copied; empty when there is none. */
static struct vm_range range_to_copy(void)
{
    struct vm_range range = {0, 0};

    for (struct region *region = vm_table_at(0); region != NULL; region = vm_table_next(region)) {
        if (!to_copy(region))
            continue;
        if (range.end == 0)
            range.start = region->start;
        range.end = region->end;
    }
    return range;
}

static void take_snapshots(const struct view *view)
{
    snapshots = malloc(view->count * sizeof *snapshots);
    snapshots_whole = snapshots != NULL || view->count == 0;
    for (size_t i = 0; i < view->count && snapshots != NULL; i++) {
        const struct segment *segment = &view->segments[i];
        const struct region *region = &segment->region;
        if (!to_copy(region))
            continue;
        snapshots[snapshot_count++] =
            (struct snapshot){region->start, region->end - region->start,
                              region->max & VM_PROT_READ ? vm_copy_segment(segment, segment->current) : NULL};
    }
}

void vm_fork_prepare(void)
{
    struct vm_range range;
    struct view view;

    vm_table_lock();
    range = range_to_copy();
    snapshots_whole = range.end == 0;
    if (!snapshots_whole && view_look(&view, range.start, range.end) == KERN_SUCCESS) {
        take_snapshots(&view);
        view_free(&view);
    }
}

static void forget_snapshots(void)
{
    free(snapshots);
    snapshots = NULL;
    snapshot_count = 0;
}

void vm_fork_parent(void)
{
    int saved = errno;

    for (size_t i = 0; i < snapshot_count; i++)
        if (snapshots[i].copy != NULL)
            munmap(snapshots[i].copy, snapshots[i].size);
    forget_snapshots();
    vm_table_unlock();
    errno = saved;
}

/* Put the copies where the shared memory is. */
static void place_snapshots(void)
{
    for (size_t i = 0; i < snapshot_count; i++) {
        void *at = (void *)(uintptr_t)snapshots[i].start;
        if (snapshots[i].copy == NULL || mremap(snapshots[i].copy, snapshots[i].size, snapshots[i].size,
                                                MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
            munmap(at, snapshots[i].size);
    }
}

/*
 * Of a region: it is the child's own memory now. What could not be copied is not mapped, which the next look will find.
 */
static void make_private(struct region *region)
{
    if (!snapshots_whole)
        munmap((void *)(uintptr_t)region->start, region->end - region->start);
    if (region->file != NULL)
        vm_file_drop(region->file);
    region->kind = REGION_PRIVATE;
    region->file = NULL;
    region->device = region->inode = region->offset = 0;
}

void vm_fork_child(void)
{
    int saved = errno;
    struct region *region;

    place_snapshots();
    for (uint64_t address = 0; (region = vm_table_at(address)) != NULL;) {
        address = region->end;
        if (region->inherit == VM_INHERIT_NONE)
            vm_table_carve(region->start, region->end);
        else if (to_copy(region))
            make_private(region);
    }
    forget_snapshots();
    vm_table_unlock();
    errno = saved;
}
