/*
 * mach_vm_remap and vm_remap: a range of the task's own memory, a second time.
 *
 * Shared: what is private becomes shared memory first, in place (vm_copy.h), and then the same parts of the same files are
 * mapped again. Shared memory that the program mapped by itself has no descriptor; mremap makes a second mapping of it.
 * Copied: each part is copied at once.
 *
 * Without VM_FLAGS_RETURN_DATA_ADDR the size counts from the page that the source begins in, so that a range across a
 * page's end may lose its last page: XNU keeps to that, for old callers.
 */
#include "space.h"
#include "vm_copy.h"
#include "vm_parts.h"

#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <mach/vm_statistics.h>
#include <sys/mman.h>

static const unsigned REMAP_FLAGS = VM_FLAGS_ANYWHERE | VM_FLAGS_RANDOM_ADDR | VM_FLAGS_OVERWRITE |
                                    VM_FLAGS_RETURN_DATA_ADDR | VM_FLAGS_RESILIENT_CODESIGN | VM_FLAGS_RESILIENT_MEDIA |
                                    VM_FLAGS_ALIAS_MASK;

struct arguments {
    uint64_t source, size; /* whole pages */
    bool copy;
    vm_inherit_t inherit;
};

/* ---- the parts ---- */

/* A second mapping of shared memory, at an address of the kernel's choice; NULL when that fails. */
static void *map_again(const struct region *region)
{
    int saved = errno;
    void *again = mremap((void *)(uintptr_t)region->start, 0, region->end - region->start, MREMAP_MAYMOVE);

    if (again != MAP_FAILED && region->inherit == VM_INHERIT_NONE)
        madvise(again, region->end - region->start, MADV_DOFORK); /* it has the first one's ways */
    errno = saved;
    return again != MAP_FAILED ? again : NULL;
}

static kern_return_t take_part(const struct segment *segment, bool copy, struct vm_part *part)
{
    const struct region *region = &segment->region;

    *part = (struct vm_part){
        .size = region->end - region->start, .content = {.protection = segment->current}, .max = region->max};
    if (!copy && region->kind == REGION_FILE) {
        part->content.file = region->file;
        part->content.offset = region->offset;
        vm_file_hold(part->content.file);
        return KERN_SUCCESS;
    }
    if (!copy)
        part->foreign = *region;
    part->content.copy = copy ? vm_copy_segment(segment, segment->current) : map_again(region);
    return part->content.copy != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

static kern_return_t take_segments(const struct view *view, bool copy, struct vm_parts *parts)
{
    kern_return_t kr = vm_parts_room(parts, view->count);

    for (size_t i = 0; i < view->count && kr == KERN_SUCCESS; i++) {
        kr = take_part(&view->segments[i], copy, &parts->part[i]);
        parts->count += kr == KERN_SUCCESS;
    }
    if (kr != KERN_SUCCESS)
        vm_parts_free(parts);
    return kr;
}

static kern_return_t take(const struct arguments *arguments, struct vm_parts *parts)
{
    uint64_t end = arguments->source + arguments->size;
    struct view view;
    kern_return_t kr = view_look(&view, arguments->source, end);

    if (kr != KERN_SUCCESS)
        return kr;
    bool covered = view_covers(&view, arguments->source, end);
    if (covered && !arguments->copy) {
        view_free(&view);
        kr = vm_make_shared(arguments->source, end);
        if (kr == KERN_SUCCESS)
            kr = view_look(&view, arguments->source, end);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    kr = covered ? take_segments(&view, arguments->copy, parts) : KERN_INVALID_ADDRESS;
    view_free(&view);
    return kr;
}

/* ---- the result ---- */

static kern_return_t put(struct vm_parts *parts, const struct arguments *arguments, struct vm_request *place)
{
    kern_return_t kr = vm_parts_put(parts, place);

    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_range range = {place->address, place->address + place->size};
    kr = vm_set_inheritance(range, arguments->inherit); /* of a copy that forks are to share, a file has to be made */
    if (kr != KERN_SUCCESS)
        vm_unmap(range);
    return kr;
}

static void forbid_writing(struct vm_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct vm_part *part = &parts->part[i];
        part->max = part->content.protection = VM_PROT_READ;
        if (part->content.copy != NULL)
            mprotect(part->content.copy, part->size, PROT_READ);
    }
}

/* What all of them allow. */
static void allowed(const struct vm_parts *parts, vm_prot_t *current, vm_prot_t *max)
{
    *current = *max = VM_PROT_ALL;
    for (size_t i = 0; i < parts->count; i++) {
        *current &= parts->part[i].content.protection;
        *max &= parts->part[i].max;
    }
}

/* ---- the call ---- */

/* The pages of the source, and how far into the first of them the data begins. */
static kern_return_t choose(struct arguments *arguments, int flags, uint64_t *skip)
{
    struct vm_range range;
    uint64_t address = arguments->source;

    if (arguments->size == 0 || range_outward(address, arguments->size, &range) != RANGE_OK)
        return KERN_INVALID_ARGUMENT;
    arguments->source = range.start;
    if (flags & VM_FLAGS_RETURN_DATA_ADDR) {
        *skip = address - range.start;
        arguments->size = range.end - range.start;
    } else {
        *skip = 0;
        arguments->size = page_ceiling(arguments->size);
    }
    return arguments->size != 0 ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

/* Unlike the target, the source is an argument: a name that is no right cannot be sent, and no task is no map. */
static kern_return_t check_source(vm_map_t source)
{
    if (!MACH_PORT_VALID(source))
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = space_check_task(source);
    return kr == MACH_SEND_INVALID_DEST ? MACH_SEND_INVALID_RIGHT : kr;
}

static kern_return_t check_flags(int flags, bool copy)
{
    if (((unsigned)flags & ~REMAP_FLAGS) != 0)
        return KERN_INVALID_ARGUMENT;
    return (flags & VM_FLAGS_RESILIENT_MEDIA) && !copy ? KERN_INVALID_ARGUMENT : KERN_SUCCESS;
}

kern_return_t mach_vm_remap(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, mach_vm_offset_t mask,
                            int flags, vm_map_t src, mach_vm_address_t src_address, boolean_t copy,
                            vm_prot_t *cur_protection, vm_prot_t *max_protection, vm_inherit_t inheritance)
{
    struct arguments arguments = {src_address, size, copy != 0, inheritance};
    struct vm_parts parts;
    vm_prot_t current = VM_PROT_NONE, max = VM_PROT_NONE;
    uint64_t skip;
    kern_return_t kr = space_check_task(target);

    if (kr == KERN_SUCCESS)
        kr = check_source(src);
    if (kr == KERN_SUCCESS)
        kr = check_flags(flags, copy != 0);
    if (kr == KERN_SUCCESS && inheritance > VM_INHERIT_LAST_VALID)
        kr = KERN_INVALID_ARGUMENT;
    if (kr == KERN_SUCCESS)
        kr = choose(&arguments, flags, &skip);
    if (kr != KERN_SUCCESS)
        return kr;
    if (arguments.source + arguments.size > VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;

    struct vm_request place = {.address = page_floor(*address),
                               .size = arguments.size,
                               .mask = mask,
                               .flags = flags & (VM_FLAGS_ANYWHERE | VM_FLAGS_OVERWRITE),
                               .inherit = copy ? VM_INHERIT_DEFAULT : inheritance};
    vm_table_lock();
    kr = take(&arguments, &parts);
    if (kr == KERN_SUCCESS) {
        if (flags & VM_FLAGS_RESILIENT_CODESIGN)
            forbid_writing(&parts);
        allowed(&parts, &current, &max);
        kr = put(&parts, &arguments, &place);
        vm_parts_free(&parts);
    }
    vm_table_unlock();
    if (kr != KERN_SUCCESS)
        return kr;
    *address = place.address + skip;
    *cur_protection = current;
    *max_protection = max;
    return KERN_SUCCESS;
}

kern_return_t vm_remap(vm_map_t target, vm_address_t *address, vm_size_t size, vm_address_t mask, int flags,
                       vm_map_t src, vm_address_t src_address, boolean_t copy, vm_prot_t *cur_protection,
                       vm_prot_t *max_protection, vm_inherit_t inheritance)
{
    mach_vm_address_t wide = *address;
    kern_return_t kr = mach_vm_remap(target, &wide, size, mask, flags, src, src_address, copy, cur_protection,
                                     max_protection, inheritance);

    if (kr == KERN_SUCCESS)
        *address = (vm_address_t)wide;
    return kr;
}
