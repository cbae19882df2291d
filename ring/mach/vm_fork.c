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
 * What is copied may be malloc's memory, and with it this layer's own. Malloc's state is partly there and partly in
 * memory that the kernel copies, so the two must be of one moment. Therefore copying is the last that is done before
 * the fork (vm_fork_copy), and putting the copies in their places the first that is done in the child (vm_fork_place):
 * in between nothing here calls malloc or free, and the list of copies lies in memory of its own.
 *
 * A region that cannot be copied (no memory; no read permission even in its maximum, 4.8) is absent in the child.
 *
 * vfork, clone and _Fork run no handlers: their children see shared memory as shared.
 */
#include "fork.h"
#include "vm_copy.h"
#include "vm_range.h"

#include <errno.h>
#include <sys/mman.h>

struct snapshot {
    struct segment segment;
    void *copy; /* NULL: the child does without */
};

/* Between prepare and parent or child, in the thread that forks, with the lock. */
static struct snapshot *snapshots;
static size_t snapshot_count;
static uint64_t list_size;   /* of the memory that `snapshots` is */
static bool snapshots_whole; /* every region to be copied is listed */

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

static bool list_snapshots(const struct view *view)
{
    list_size = page_ceiling(view->count * sizeof *snapshots);
    snapshots = list_size != 0 ? vm_new_private(list_size) : NULL;
    for (size_t i = 0; i < view->count && snapshots != NULL; i++)
        if (to_copy(&view->segments[i].region))
            snapshots[snapshot_count++].segment = view->segments[i];
    return snapshots != NULL || list_size == 0;
}

void vm_fork_prepare(void)
{
    struct vm_range range;
    struct view view;

    vm_table_lock();
    range = range_to_copy();
    snapshots_whole = range.end == 0;
    if (!snapshots_whole && view_look(&view, range.start, range.end) == KERN_SUCCESS) {
        snapshots_whole = list_snapshots(&view);
        view_free(&view);
    }
}

void vm_fork_copy(void)
{
    for (size_t i = 0; i < snapshot_count; i++) {
        const struct segment *segment = &snapshots[i].segment;
        if (segment->region.max & VM_PROT_READ)
            snapshots[i].copy = vm_copy_segment(segment, segment->current);
    }
}

static uint64_t size_of(const struct region *region)
{
    return region->end - region->start;
}

static void forget_snapshots(void)
{
    if (snapshots != NULL)
        munmap(snapshots, list_size);
    snapshots = NULL;
    snapshot_count = 0;
}

void vm_fork_parent(void)
{
    int saved = errno;

    for (size_t i = 0; i < snapshot_count; i++)
        if (snapshots[i].copy != NULL)
            munmap(snapshots[i].copy, size_of(&snapshots[i].segment.region));
    forget_snapshots();
    vm_table_unlock();
    errno = saved;
}

static void place(const struct snapshot *snapshot)
{
    const struct region *region = &snapshot->segment.region;
    void *at = (void *)(uintptr_t)region->start;

    if (snapshot->copy == NULL ||
        mremap(snapshot->copy, size_of(region), size_of(region), MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
        munmap(at, size_of(region));
}

/* What could not even be listed is not mapped. */
static void unmap_unlisted(void)
{
    for (struct region *region = vm_table_at(0); region != NULL; region = vm_table_next(region))
        if (to_copy(region))
            munmap((void *)(uintptr_t)region->start, size_of(region));
}

void vm_fork_place(void)
{
    int saved = errno;

    if (!snapshots_whole)
        unmap_unlisted();
    for (size_t i = 0; i < snapshot_count; i++)
        place(&snapshots[i]);
    errno = saved;
}

/* Of a region: it is the child's own memory now, or not mapped, which the next look will find. */
static void make_private(struct region *region)
{
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
