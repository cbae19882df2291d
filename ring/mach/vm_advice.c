/*
 * mach_vm_behavior_set and mach_vm_msync: how memory is going to be used, and that files are to be written back.
 *
 * Mach's DONTNEED keeps the content, and so is not Linux's, which throws it away. What has no counterpart is success without
 * effect.
 */
#include "space.h"
#include "vm_bytes.h"
#include "vm_range.h"
#include "vm_view.h"

#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <sys/mman.h>

#ifndef MADV_COLD
#define MADV_COLD 20 /* Linux 5.4 */
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* Linux 5.4 */
#endif

/* -1: none. */
static int advice_of(vm_behavior_t behavior)
{
    switch (behavior) {
    case VM_BEHAVIOR_DEFAULT:
        return MADV_NORMAL;
    case VM_BEHAVIOR_RANDOM:
    case VM_BEHAVIOR_RSEQNTL:
        return MADV_RANDOM;
    case VM_BEHAVIOR_SEQUENTIAL:
        return MADV_SEQUENTIAL;
    case VM_BEHAVIOR_WILLNEED:
        return MADV_WILLNEED;
    case VM_BEHAVIOR_DONTNEED:
        return MADV_COLD;
    case VM_BEHAVIOR_PAGEOUT:
        return MADV_PAGEOUT;
    default:
        return -1;
    }
}

static kern_return_t clear(const struct view *view)
{
    static const unsigned char zeroes[4096]; /* no page is smaller */

    for (size_t i = 0; i < view->count; i++)
        if (!(view->segments[i].current & VM_PROT_WRITE))
            return KERN_PROTECTION_FAILURE;
    for (size_t i = 0; i < view->count; i++) {
        const struct region *region = &view->segments[i].region;
        for (uint64_t at = region->start; at < region->end;
             at += sizeof zeroes) /* past a file's end a store would fault */
            if (!vm_bytes_move((uintptr_t)zeroes, at, sizeof zeroes))
                return KERN_MEMORY_ERROR;
    }
    return KERN_SUCCESS;
}

static kern_return_t advise(const struct view *view, vm_behavior_t behavior)
{
    int advice = advice_of(behavior);

    if (behavior == VM_BEHAVIOR_ZERO)
        return clear(view);
    for (size_t i = 0; i < view->count && advice >= 0; i++) {
        const struct region *region = &view->segments[i].region;
        madvise((void *)(uintptr_t)region->start, region->end - region->start, advice);
    }
    return KERN_SUCCESS;
}

/* Look at a range, with the lock: KERN_INVALID_ADDRESS where it has a hole and must not. */
static kern_return_t look(struct vm_range range, bool may_have_holes, struct view *view)
{
    kern_return_t kr = view_look(view, range.start, range.end);

    if (kr == KERN_SUCCESS && !may_have_holes && !view_covers(view, range.start, range.end)) {
        view_free(view);
        kr = KERN_INVALID_ADDRESS;
    }
    return kr;
}

kern_return_t mach_vm_behavior_set(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size,
                                   vm_behavior_t new_behavior)
{
    struct vm_range range;
    struct view view;
    kern_return_t kr = space_check_task(target);

    if (kr != KERN_SUCCESS)
        return kr;
    if (new_behavior < VM_BEHAVIOR_DEFAULT || new_behavior > VM_BEHAVIOR_LAST_VALID ||
        range_outward(address, size, &range) != RANGE_OK)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (range.end > VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;
    vm_table_lock();
    kr = look(range, false, &view);
    if (kr == KERN_SUCCESS) {
        kr = advise(&view, new_behavior);
        view_free(&view);
    }
    vm_table_unlock();
    return kr;
}

static kern_return_t write_back(const struct view *view, int flags)
{
    kern_return_t kr = KERN_SUCCESS;

    for (size_t i = 0; i < view->count; i++) {
        const struct region *region = &view->segments[i].region;
        if (msync((void *)(uintptr_t)region->start, region->end - region->start, flags) != 0)
            kr = KERN_FAILURE; /* of this file; the others are written all the same */
    }
    return kr;
}

kern_return_t mach_vm_msync(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size, vm_sync_t sync_flags)
{
    struct vm_range range;
    struct view view;
    kern_return_t kr = space_check_task(target);

    if (kr != KERN_SUCCESS)
        return kr;
    if ((sync_flags & VM_SYNC_ASYNCHRONOUS && sync_flags & VM_SYNC_SYNCHRONOUS) ||
        range_outward(address, size, &range) != RANGE_OK)
        return KERN_INVALID_ARGUMENT;
    if (size == 0)
        return KERN_SUCCESS;
    if (sync_flags & VM_SYNC_CONTIGUOUS && range.end > VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;
    vm_table_lock();
    kr = look(range_clamped(range), !(sync_flags & VM_SYNC_CONTIGUOUS), &view);
    if (kr == KERN_SUCCESS) {
        kr = write_back(&view, sync_flags & VM_SYNC_SYNCHRONOUS ? MS_SYNC : MS_ASYNC);
        view_free(&view);
    }
    vm_table_unlock();
    return kr;
}

/* ---- the twins ---- */

kern_return_t vm_behavior_set(vm_map_t target, vm_address_t address, vm_size_t size, vm_behavior_t new_behavior)
{
    return mach_vm_behavior_set(target, address, size, new_behavior);
}

kern_return_t vm_msync(vm_map_t target, vm_address_t address, vm_size_t size, vm_sync_t sync_flags)
{
    return mach_vm_msync(target, address, size, sync_flags);
}
