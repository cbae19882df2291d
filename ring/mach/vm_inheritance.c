/*
 * What a fork does with each page.
 *
 *   SHARE  Shared memory stays shared by itself. Private memory becomes shared memory when the attribute is set, not at the fork: so
 *          a fork costs nothing for it.
 *   COPY   Private memory is copied on write by the kernel's own fork. Of shared memory the child gets a copy (vm_fork.c).
 *   NONE   MADV_DONTFORK, kept in step with the table.
 *
 * Holes are no error (Mach 4.2), and neither are the kernel's own pages, which keep their ways.
 */
#include "vm_calls.h"
#include "vm_copy.h"

#include <errno.h>
#include <sys/mman.h>

static void tell_kernel(const struct region *region, vm_inherit_t inherit)
{
    int saved = errno;

    if (inherit == VM_INHERIT_NONE || region->inherit == VM_INHERIT_NONE)
        madvise((void *)(uintptr_t)region->start, region->end - region->start,
                inherit == VM_INHERIT_NONE ? MADV_DONTFORK : MADV_DOFORK);
    errno = saved;
}

kern_return_t vm_inherit_segment(const struct segment *segment, vm_inherit_t inherit)
{
    struct region region = segment->region;

    if (region.inherit == inherit)
        return KERN_SUCCESS;
    kern_return_t kr = vm_table_reserve(3);
    if (kr != KERN_SUCCESS)
        return kr;
    tell_kernel(&region, inherit);
    if (region.file != NULL)
        vm_file_hold(region.file);
    region.inherit = inherit;
    vm_table_carve(region.start, region.end);
    vm_table_insert(&region);
    return KERN_SUCCESS;
}

kern_return_t vm_set_inheritance(struct vm_range range, vm_inherit_t inherit)
{
    kern_return_t kr = KERN_SUCCESS;
    struct view view;

    if (range.start == range.end)
        return KERN_SUCCESS;
    if (inherit == VM_INHERIT_SHARE)
        kr = vm_make_shared(range.start, range.end);
    if (kr == KERN_SUCCESS)
        kr = view_look(&view, range.start, range.end);
    if (kr == KERN_SUCCESS) {
        for (size_t i = 0; i < view.count && kr == KERN_SUCCESS; i++)
            kr = vm_inherit_segment(&view.segments[i], inherit);
        view_free(&view);
    }
    return kr;
}
