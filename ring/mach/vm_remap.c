/*
 * mach_vm_remap and vm_remap: a range of the task's own memory, a second time.
 *
 * Shared: what is private becomes shared memory first, in place (vm_copy.h), and then the same parts of the same files are
 * mapped again. Shared memory that the program mapped by itself has no descriptor; mremap makes a second mapping of it.
 * Copied: each part is copied at once. All parts are in hand before the place is taken, since with VM_FLAGS_OVERWRITE the
 * source may lie where the result goes.
 *
 * Without VM_FLAGS_RETURN_DATA_ADDR the size counts from the page that the source begins in, so that a range across a
 * page's end may lose its last page: XNU keeps to that, for old callers.
 */
#include "space.h"
#include "vm_calls.h"
#include "vm_copy.h"

#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <mach/vm_statistics.h>
#include <stdlib.h>
#include <sys/mman.h>

static const unsigned REMAP_FLAGS = VM_FLAGS_ANYWHERE | VM_FLAGS_RANDOM_ADDR | VM_FLAGS_OVERWRITE |
                                    VM_FLAGS_RETURN_DATA_ADDR | VM_FLAGS_RESILIENT_CODESIGN | VM_FLAGS_RESILIENT_MEDIA |
                                    VM_FLAGS_ALIAS_MASK;

/* A part of the source, ready to be put in its place. */
struct part {
    struct region source;
    struct vm_content content;
};

struct parts {
    struct part *part;
    size_t count;
    vm_prot_t current, max; /* what all of them allow */
};

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

static kern_return_t take_part(const struct segment *segment, bool copy, struct part *part)
{
    part->source = segment->region;
    part->content = (struct vm_content){.protection = segment->current};
    if (!copy && segment->region.kind == REGION_FILE) {
        part->content.file = segment->region.file;
        part->content.offset = segment->region.offset;
        vm_file_hold(part->content.file);
        return KERN_SUCCESS;
    }
    part->content.copy = copy ? vm_copy_segment(segment, segment->current) : map_again(&segment->region);
    return part->content.copy != NULL ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

static void give_back(const struct part *part)
{
    if (part->content.file != NULL)
        vm_file_drop(part->content.file);
    if (part->content.copy != NULL)
        munmap(part->content.copy, part->source.end - part->source.start);
}

static void give_back_all(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        give_back(&parts->part[i]);
    free(parts->part);
}

static kern_return_t take_segments(const struct view *view, bool copy, struct parts *parts)
{
    *parts = (struct parts){calloc(view->count, sizeof *parts->part), 0, VM_PROT_ALL, VM_PROT_ALL};
    if (parts->part == NULL)
        return KERN_RESOURCE_SHORTAGE;
    for (size_t i = 0; i < view->count; i++) {
        const struct segment *segment = &view->segments[i];
        kern_return_t kr = take_part(segment, copy, &parts->part[i]);
        if (kr != KERN_SUCCESS) {
            give_back_all(parts);
            return kr;
        }
        parts->count++;
        parts->current &= segment->current;
        parts->max &= segment->region.max;
    }
    return KERN_SUCCESS;
}

static kern_return_t take(const struct arguments *arguments, struct parts *parts)
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

static kern_return_t put_part(struct part *part, const struct arguments *arguments, uint64_t base)
{
    struct vm_request request = {.address = base + (part->source.start - arguments->source),
                                 .size = part->source.end - part->source.start,
                                 .flags = VM_FLAGS_OVERWRITE,
                                 .content = part->content,
                                 .max = part->source.max,
                                 .inherit = arguments->copy ? VM_INHERIT_DEFAULT : arguments->inherit};

    if (!arguments->copy && part->source.kind == REGION_FOREIGN)
        request.foreign = &part->source;
    kern_return_t kr = vm_request_map(&request);
    if (kr == KERN_SUCCESS)
        part->content.copy = NULL; /* moved */
    return kr;
}

static kern_return_t put(struct parts *parts, const struct arguments *arguments, struct vm_request *place)
{
    kern_return_t kr = vm_request_map(place);

    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_range range = {place->address, place->address + place->size};
    for (size_t i = 0; i < parts->count && kr == KERN_SUCCESS; i++)
        kr = put_part(&parts->part[i], arguments, range.start);
    if (kr == KERN_SUCCESS) /* of a copy that forks are to share, a file has to be made */
        kr = vm_set_inheritance(range, arguments->inherit);
    if (kr != KERN_SUCCESS)
        vm_unmap(range);
    return kr;
}

static void forbid_writing(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->part[i];
        part->source.max = part->content.protection = VM_PROT_READ;
        if (part->content.copy != NULL)
            mprotect(part->content.copy, part->source.end - part->source.start, PROT_READ);
    }
    parts->current = parts->max = VM_PROT_READ;
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
    struct parts parts;
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
                               .content = {.protection = VM_PROT_NONE},
                               .max = VM_PROT_ALL,
                               .inherit = VM_INHERIT_DEFAULT};
    vm_table_lock();
    kr = take(&arguments, &parts);
    if (kr == KERN_SUCCESS) {
        if (flags & VM_FLAGS_RESILIENT_CODESIGN)
            forbid_writing(&parts);
        kr = put(&parts, &arguments, &place);
        give_back_all(&parts);
    }
    vm_table_unlock();
    if (kr != KERN_SUCCESS)
        return kr;
    *address = place.address + skip;
    *cur_protection = parts.current;
    *max_protection = parts.max;
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
