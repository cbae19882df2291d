/*
 * Mapping and unmapping, in memory and table.
 *
 * VM_FLAGS_PERMANENT: such a region stays for the life of the task. Deallocating it, or mapping over it, takes all
 * access away and leaves it in place (Mach 1.7, 1.12).
 *
 * Shared inheritance of zeroed memory needs a file from the start, so that a fork has nothing to convert.
 */
#include "vm_calls.h"

#include <mach/vm_statistics.h>
#include <sys/mman.h>

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

/* The first permanent region that touches [start, end), or NULL. */
static struct region *find_permanent(uint64_t start, uint64_t end)
{
    struct region *region = vm_table_at(start);

    while (region != NULL && region->start < end && !region->permanent)
        region = vm_table_next(region);
    return region != NULL && region->start < end ? region : NULL;
}

/*
 * Before permanent regions are looked for: one that the program itself has unmapped is none any more, which a look at what
 * is mapped finds out.
 */
static kern_return_t heal_permanent(uint64_t start, uint64_t end)
{
    struct view view;

    if (find_permanent(start, end) == NULL)
        return KERN_SUCCESS;
    kern_return_t kr = view_look(&view, start, end);
    if (kr == KERN_SUCCESS)
        view_free(&view);
    return kr;
}

static kern_return_t lock_out(uint64_t start, uint64_t end)
{
    struct region *region = vm_table_at(start);
    struct region dead = *region;

    dead.offset += start - dead.start;
    dead.start = start;
    dead.end = end;
    dead.max = VM_PROT_NONE;
    if (mprotect(at(start), end - start, PROT_NONE) != 0)
        return KERN_RESOURCE_SHORTAGE;
    if (dead.file != NULL)
        vm_file_hold(dead.file);
    vm_table_carve(start, end);
    vm_table_insert(&dead);
    return KERN_SUCCESS;
}

static kern_return_t unmap_part(uint64_t start, uint64_t end)
{
    if (start >= end)
        return KERN_SUCCESS;
    if (munmap(at(start), end - start) != 0)
        return KERN_RESOURCE_SHORTAGE;
    vm_table_carve(start, end);
    return KERN_SUCCESS;
}

kern_return_t vm_unmap(struct vm_range range)
{
    uint64_t start = range.start;
    kern_return_t kr = heal_permanent(range.start, range.end);

    if (kr != KERN_SUCCESS)
        return kr;
    for (;;) {
        struct region *permanent = find_permanent(start, range.end);
        uint64_t until = permanent == NULL ? range.end : permanent->start > start ? permanent->start : start;
        uint64_t next = permanent == NULL ? range.end : permanent->end < range.end ? permanent->end : range.end;

        kr = vm_table_reserve(vm_table_cuts(start, until) + (until < next ? 3 : 0));
        if (kr == KERN_SUCCESS)
            kr = unmap_part(start, until);
        if (kr == KERN_SUCCESS && until < next)
            kr = lock_out(until, next);
        if (kr != KERN_SUCCESS || next == range.end)
            return kr;
        start = next;
    }
}

/* Is there such an address at all? Asked before memory is made for it, of which there may be less. */
static kern_return_t check_bounds(const struct vm_request *request)
{
    uint64_t end = request->address + request->size;

    if (request->flags & VM_FLAGS_ANYWHERE)
        return request->size < VM_PLACE_TOP ? KERN_SUCCESS : KERN_NO_SPACE;
    if (request->address < VM_PLACE_MIN || end > VM_PLACE_TOP || end <= request->address)
        return KERN_INVALID_ADDRESS;
    return KERN_SUCCESS;
}

static kern_return_t place(struct vm_request *request)
{
    uint64_t end = request->address + request->size;

    if (request->flags & VM_FLAGS_ANYWHERE)
        return vm_place_anywhere(&request->address, request->size, request->mask, &request->content);
    if ((request->address & request->mask) != 0)
        return KERN_NO_SPACE;
    if (!(request->flags & VM_FLAGS_OVERWRITE))
        return vm_place_free(request->address, request->size, &request->content);
    kern_return_t kr = heal_permanent(request->address, end);
    if (kr == KERN_SUCCESS)
        kr = vm_table_reserve(3); /* healing may have taken what there was */
    if (kr != KERN_SUCCESS)
        return kr;
    if (find_permanent(request->address, end) != NULL) {
        for (struct region *region; (region = find_permanent(request->address, end)) != NULL;) {
            uint64_t from = region->start > request->address ? region->start : request->address;
            uint64_t to = region->end < end ? region->end : end;
            kr = vm_table_reserve(3);
            if (kr == KERN_SUCCESS)
                kr = lock_out(from, to);
            if (kr != KERN_SUCCESS)
                return kr;
            request->address = to;
        }
        return KERN_NO_SPACE;
    }
    return vm_place_over(request->address, request->size, &request->content);
}

static void record(const struct vm_request *request)
{
    const struct vm_file *file = request->content.file;
    struct region region = {.start = request->address,
                            .end = request->address + request->size,
                            .kind = file != NULL ? REGION_FILE : REGION_PRIVATE,
                            .file = request->content.file,
                            .offset = request->content.offset,
                            .max = request->max,
                            .inherit = request->inherit,
                            .permanent = request->flags & VM_FLAGS_PERMANENT};

    if (file != NULL) {
        region.device = file->device;
        region.inode = file->inode;
        vm_file_hold(region.file);
    } else if (request->foreign != NULL) {
        region.kind = REGION_FOREIGN;
        region.device = request->foreign->device;
        region.inode = request->foreign->inode;
        region.offset = request->foreign->offset;
    }
    if (region.inherit == VM_INHERIT_NONE)
        madvise(at(region.start), request->size, MADV_DONTFORK);
    vm_table_carve(region.start, region.end);
    vm_table_insert(&region);
}

/* Fresh memory that forks are to share. */
static bool wants_file(const struct vm_request *request)
{
    return request->inherit == VM_INHERIT_SHARE && request->content.file == NULL && request->content.copy == NULL;
}

kern_return_t vm_request_map(struct vm_request *request)
{
    struct vm_file *made = NULL;
    kern_return_t kr = check_bounds(request);

    if (kr == KERN_SUCCESS)
        kr = vm_table_reserve(3);
    if (kr == KERN_SUCCESS && wants_file(request)) {
        kr = vm_file_create(request->size, &made);
        request->content.file = made;
    }
    if (kr == KERN_SUCCESS)
        kr = place(request);
    if (kr == KERN_SUCCESS)
        record(request);
    if (made != NULL) {
        vm_file_drop(made);
        request->content.file = NULL;
    }
    return kr;
}
