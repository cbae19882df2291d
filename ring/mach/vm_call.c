/*
 * mach_vm_allocate, _deallocate, _protect, _inherit and their vm_* twins, which are the same on a 64-bit system (Mach
 * 0.6).
 *
 * The order of the checks, and what each answers, is XNU's: the target task, then flags and protections, sizes,
 * addresses (Mach 1 and 4). Out arguments are written on success only.
 *
 * Flags that only advise are taken and have no effect: PURGABLE (the memory is never purged), 4GB_CHUNK, RANDOM_ADDR,
 * NO_CACHE, TPRO, and the tag. SUPERPAGE is refused, as on arm64.
 *
 * An access that the current protection forbids raises SIGSEGV on Linux, where macOS raises SIGBUS.
 */
#include "space.h"
#include "vm_calls.h"
#include "vm_copy.h"

#include <errno.h>
#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <sys/mman.h>

enum {
    ALLOCATE_FLAGS = VM_FLAGS_ANYWHERE | VM_FLAGS_PURGABLE | VM_FLAGS_4GB_CHUNK | VM_FLAGS_RANDOM_ADDR |
                     VM_FLAGS_NO_CACHE | VM_FLAGS_PERMANENT | VM_FLAGS_TPRO | VM_FLAGS_OVERWRITE
};
static const unsigned TAG = VM_FLAGS_ALIAS_MASK;

/* ---- allocate ---- */

/* The whole pages of an allocation, counted from the page its address is in (Mach 1.6). */
static kern_return_t fixed_range(mach_vm_address_t address, mach_vm_size_t size, struct vm_request *request)
{
    uint64_t start = page_floor(address), end = page_ceiling(start + size);

    if (start + size < start || end <= start)
        return page_ceiling(size) != 0 ? KERN_INVALID_ADDRESS : KERN_INVALID_ARGUMENT;
    request->address = start;
    request->size = end - start;
    return KERN_SUCCESS;
}

static kern_return_t allocate(mach_vm_address_t *address, mach_vm_size_t size, int flags)
{
    struct vm_request request = {.flags = flags,
                                 .content = {.protection = VM_PROT_DEFAULT},
                                 .size = page_ceiling(size),
                                 .max = VM_PROT_ALL,
                                 .inherit = VM_INHERIT_DEFAULT};
    kern_return_t kr = KERN_SUCCESS;

    if (((unsigned)flags & ~TAG & ~(unsigned)ALLOCATE_FLAGS) != 0)
        return KERN_INVALID_ARGUMENT;
    if (size == 0) {
        *address = 0;
        return KERN_SUCCESS;
    }
    if (!(flags & VM_FLAGS_ANYWHERE))
        kr = fixed_range(*address, size, &request);
    else if (request.size == 0)
        kr = KERN_INVALID_ARGUMENT;
    if (kr != KERN_SUCCESS)
        return kr;
    vm_table_lock();
    kr = vm_request_map(&request);
    vm_table_unlock();
    if (kr == KERN_SUCCESS)
        *address = request.address;
    return kr;
}

kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, int flags)
{
    kern_return_t kr = space_check_task(target);

    return kr == KERN_SUCCESS ? allocate(address, size, flags) : kr;
}

kern_return_t vm_allocate(vm_map_t target, vm_address_t *address, vm_size_t size, int flags)
{
    mach_vm_address_t wide = *address;
    kern_return_t kr = mach_vm_allocate(target, &wide, size, flags);

    if (kr == KERN_SUCCESS)
        *address = (vm_address_t)wide;
    return kr;
}

/* ---- deallocate ---- */

static kern_return_t deallocate(mach_vm_address_t address, mach_vm_size_t size)
{
    struct vm_range range;

    if (size == 0)
        return KERN_SUCCESS;
    if (range_outward(address, size, &range) != RANGE_OK)
        return KERN_INVALID_ARGUMENT;
    range = range_clamped(range);
    if (range.start == range.end)
        return KERN_SUCCESS;
    vm_table_lock();
    kern_return_t kr = vm_unmap(range);
    vm_table_unlock();
    return kr;
}

kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size)
{
    kern_return_t kr = space_check_task(target);

    return kr == KERN_SUCCESS ? deallocate(address, size) : kr;
}

kern_return_t vm_deallocate(vm_map_t target, vm_address_t address, vm_size_t size)
{
    return mach_vm_deallocate(target, address, size);
}

/* ---- protect ---- */

static kern_return_t code_of_mprotect(int error)
{
    return error == EACCES ? KERN_PROTECTION_FAILURE : KERN_RESOURCE_SHORTAGE;
}

static kern_return_t set_protection(const struct segment *segment, vm_prot_t protection)
{
    const struct region *region = &segment->region;
    int saved = errno;
    kern_return_t kr = KERN_SUCCESS;

    if (mprotect((void *)(uintptr_t)region->start, region->end - region->start, protection) != 0)
        kr = code_of_mprotect(errno);
    errno = saved;
    return kr;
}

/*
 * Write access is given up for good: another mapping of the same memory, of a descriptor that cannot write, takes the place of this one, so
 * that mprotect cannot bring it back, and the descriptor that can goes with the last region that holds it. Not possible in a child that
 * has become another user than the memory's: there this layer's own calls refuse, and no more (false).
 */
static bool renounce_writing(struct region *region, vm_prot_t protection)
{
    struct vm_file *narrow;
    int saved = errno;
    bool done;

    if (vm_file_narrow(region->file, VM_PROT_READ, &narrow) != KERN_SUCCESS)
        return false;
    done = mmap((void *)(uintptr_t)region->start, region->end - region->start, protection & ~VM_PROT_WRITE,
                MAP_SHARED | MAP_FIXED, narrow->fd, (off_t)region->offset) != MAP_FAILED;
    errno = saved;
    if (done)
        region->file = narrow; /* with its reference; the table holds the other one's */
    else
        vm_file_drop(narrow);
    return done;
}

static kern_return_t set_both(const struct segment *segment, vm_prot_t max, vm_prot_t protection)
{
    struct region region = segment->region;
    kern_return_t kr = set_protection(segment, protection);

    if (kr == KERN_SUCCESS && max == region.max)
        return KERN_SUCCESS;
    if (kr == KERN_SUCCESS)
        kr = vm_table_reserve(3);
    if (kr != KERN_SUCCESS)
        return kr;
    bool writing_ends = region.file != NULL && region.file->writable && !(max & VM_PROT_WRITE);
    if (region.file != NULL && !(writing_ends && renounce_writing(&region, protection)))
        vm_file_hold(region.file);
    region.max = max;
    vm_table_carve(region.start, region.end);
    vm_table_insert(&region);
    return KERN_SUCCESS;
}

/*
 * VM_PROT_COPY: a private copy takes the place of what is shared (Mach 1.16). It is new memory, and is inherited as such; what is
 * private already becomes that by its inheritance alone. Nothing takes the place of what is permanent: as when it is mapped over, it
 * loses all access.
 */
static kern_return_t protect_copy(const struct segment *segment, vm_prot_t max, vm_prot_t protection)
{
    struct segment private = *segment;

    if (segment->region.permanent) {
        kern_return_t kr = vm_unmap((struct vm_range){segment->region.start, segment->region.end});
        return kr == KERN_SUCCESS ? KERN_NO_SPACE : kr;
    }
    if (segment->region.kind != REGION_PRIVATE)
        return vm_make_private(segment, max, protection);
    kern_return_t kr = vm_inherit_segment(segment, VM_INHERIT_DEFAULT);
    private.region.inherit = VM_INHERIT_DEFAULT;
    return kr == KERN_SUCCESS ? set_both(&private, max, protection) : kr;
}

static kern_return_t protect_segments(const struct view *view, boolean_t set_maximum, vm_prot_t protection)
{
    vm_prot_t extra = protection & VM_PROT_COPY ? VM_PROT_WRITE : VM_PROT_NONE;
    vm_prot_t wanted = protection & VM_PROT_ALL;

    for (size_t i = 0; i < view->count; i++)
        if ((wanted & ~(view->segments[i].region.max | extra)) != 0)
            return KERN_PROTECTION_FAILURE;
    for (size_t i = 0; i < view->count; i++) {
        const struct segment *segment = &view->segments[i];
        vm_prot_t max = set_maximum ? wanted : segment->region.max | extra;
        vm_prot_t current = set_maximum ? wanted & segment->current : wanted;
        kern_return_t kr =
            protection & VM_PROT_COPY ? protect_copy(segment, max, current) : set_both(segment, max, current);
        if (kr != KERN_SUCCESS)
            return kr;
    }
    return KERN_SUCCESS;
}

static kern_return_t protect(mach_vm_address_t address, mach_vm_size_t size, boolean_t set_maximum,
                             vm_prot_t protection)
{
    struct vm_range range;
    struct view view;

    if (size == 0)
        return KERN_SUCCESS;
    if ((protection & ~(VM_PROT_ALL | VM_PROT_COPY)) != 0)
        return KERN_INVALID_ARGUMENT;
    switch (range_outward(address, size, &range)) {
    case RANGE_OVERFLOWS:
        return KERN_INVALID_ARGUMENT;
    case RANGE_END_WRAPS: /* XNU keeps an old answer for the page at 0 alone */
        return range.start == 0 ? KERN_INVALID_ADDRESS : KERN_INVALID_ARGUMENT;
    case RANGE_OK:
        break;
    }
    if (range.end > VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;
    vm_table_lock();
    kern_return_t kr = view_look(&view, range.start, range.end);
    if (kr == KERN_SUCCESS) {
        kr = view_covers(&view, range.start, range.end) ? protect_segments(&view, set_maximum, protection)
                                                        : KERN_INVALID_ADDRESS;
        view_free(&view);
    }
    vm_table_unlock();
    return kr;
}

kern_return_t mach_vm_protect(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size, boolean_t set_maximum,
                              vm_prot_t new_protection)
{
    kern_return_t kr = space_check_task(target);

    return kr == KERN_SUCCESS ? protect(address, size, set_maximum, new_protection) : kr;
}

kern_return_t vm_protect(vm_map_t target, vm_address_t address, vm_size_t size, boolean_t set_maximum,
                         vm_prot_t new_protection)
{
    return mach_vm_protect(target, address, size, set_maximum, new_protection);
}

/* ---- inherit ---- */

static kern_return_t inherit(mach_vm_address_t address, mach_vm_size_t size, vm_inherit_t inheritance)
{
    struct vm_range range;

    if (size == 0)
        return KERN_SUCCESS;
    if (inheritance > VM_INHERIT_LAST_VALID || range_outward(address, size, &range) != RANGE_OK)
        return KERN_INVALID_ARGUMENT;
    vm_table_lock();
    kern_return_t kr = vm_set_inheritance(range_clamped(range), inheritance);
    vm_table_unlock();
    return kr;
}

kern_return_t mach_vm_inherit(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size,
                              vm_inherit_t new_inheritance)
{
    kern_return_t kr = space_check_task(target);

    return kr == KERN_SUCCESS ? inherit(address, size, new_inheritance) : kr;
}

kern_return_t vm_inherit(vm_map_t target, vm_address_t address, vm_size_t size, vm_inherit_t new_inheritance)
{
    return mach_vm_inherit(target, address, size, new_inheritance);
}

/* Unlike the Mach call it looks at the value first (Mach 4.3). */
int minherit(void *address, size_t length, int inheritance)
{
    kern_return_t kr = KERN_INVALID_ARGUMENT;

    if (inheritance >= 0 && (vm_inherit_t)inheritance <= VM_INHERIT_LAST_VALID)
        kr = inherit((uintptr_t)address, length, (vm_inherit_t)inheritance);
    if (kr == KERN_SUCCESS)
        return 0;
    errno = kr == KERN_PROTECTION_FAILURE ? EACCES : kr == KERN_RESOURCE_SHORTAGE ? ENOMEM : EINVAL;
    return -1;
}
