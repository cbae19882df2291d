/*
 * mach_vm_copy, _read, _read_overwrite, _write and their twins: bytes from one range to another.
 *
 * On XNU they differ in whose address space a range is in; here both are the caller's own. The source is looked at first,
 * then the destination, each in ascending order: a page that is not mapped is KERN_INVALID_ADDRESS, one that may not be read
 * or written KERN_PROTECTION_FAILURE, and then nothing has been copied. A range that overflows is KERN_INVALID_ADDRESS,
 * an empty one nothing to do. Ranges may overlap: what is copied is the source as it was.
 *
 * The copy is made at once. Where the program unmaps a page in the midst of it, by munmap, the answer is
 * KERN_MEMORY_ERROR, and a part may have been copied.
 */
#include "space.h"
#include "vm_bytes.h"
#include "vm_calls.h"
#include "vm_copy.h"
#include "vm_view.h"

#include <mach/mach_vm.h>
#include <mach/vm_map.h>
#include <sys/mman.h>

static kern_return_t check_view(const struct view *view, struct vm_range range, vm_prot_t needed)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct segment *segment = &view->segments[i];
        if (segment->region.start > range.start)
            return KERN_INVALID_ADDRESS;
        if ((segment->current & needed) != needed)
            return KERN_PROTECTION_FAILURE;
        range.start = segment->region.end;
    }
    return range.start >= range.end ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

/* May all of it be accessed so? With the lock. */
static kern_return_t check(uint64_t address, uint64_t size, vm_prot_t needed)
{
    struct vm_range range;
    struct view view;

    if (range_outward(address, size, &range) != RANGE_OK || range.end > VM_PLACE_TOP)
        return KERN_INVALID_ADDRESS;
    kern_return_t kr = view_look(&view, range.start, range.end);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = check_view(&view, range, needed);
    view_free(&view);
    return kr;
}

static kern_return_t move_overlapping(uint64_t from, uint64_t to, uint64_t size)
{
    void *between = vm_new_private(size);

    if (between == NULL)
        return KERN_RESOURCE_SHORTAGE;
    bool moved = vm_bytes_move(from, (uintptr_t)between, size) && vm_bytes_move((uintptr_t)between, to, size);
    munmap(between, size);
    return moved ? KERN_SUCCESS : KERN_MEMORY_ERROR;
}

static kern_return_t move(uint64_t from, uint64_t to, uint64_t size)
{
    if (from < to + size && to < from + size)
        return move_overlapping(from, to, size);
    return vm_bytes_move(from, to, size) ? KERN_SUCCESS : KERN_MEMORY_ERROR;
}

static kern_return_t overwrite(uint64_t from, uint64_t to, uint64_t size)
{
    if (size == 0)
        return KERN_SUCCESS;
    vm_table_lock();
    kern_return_t kr = check(from, size, VM_PROT_READ);
    if (kr == KERN_SUCCESS)
        kr = check(to, size, VM_PROT_WRITE);
    if (kr == KERN_SUCCESS)
        kr = move(from, to, size);
    vm_table_unlock();
    return kr;
}

/* ---- copy, read_overwrite, write ---- */

kern_return_t mach_vm_copy(vm_map_t target, mach_vm_address_t source, mach_vm_size_t size, mach_vm_address_t dest)
{
    kern_return_t kr = space_check_task(target);

    return kr == KERN_SUCCESS ? overwrite(source, dest, size) : kr;
}

kern_return_t mach_vm_read_overwrite(vm_map_read_t target, mach_vm_address_t address, mach_vm_size_t size,
                                     mach_vm_address_t data, mach_vm_size_t *outsize)
{
    kern_return_t kr = mach_vm_copy(target, address, size, data);

    if (kr == KERN_SUCCESS)
        *outsize = size;
    return kr;
}

/* The data is out-of-line memory of a message on XNU; so, where it cannot be read, the message cannot be sent. */
kern_return_t mach_vm_write(vm_map_t target, mach_vm_address_t address, vm_offset_t data, mach_msg_type_number_t count)
{
    kern_return_t kr = space_check_task(target);

    if (kr != KERN_SUCCESS || count == 0)
        return kr;
    vm_table_lock();
    kr = check(data, count, VM_PROT_READ) == KERN_SUCCESS ? check(address, count, VM_PROT_WRITE)
                                                          : MACH_SEND_INVALID_MEMORY;
    if (kr == KERN_SUCCESS)
        kr = move(data, address, count);
    vm_table_unlock();
    return kr;
}

/* ---- read ---- */

/* Into fresh memory, at the same place within its page. With the lock. */
static kern_return_t read_out(uint64_t address, uint64_t size, vm_offset_t *data)
{
    uint64_t skip = address & vm_page_mask;
    struct vm_request request = {.size = page_ceiling(skip + size),
                                 .flags = VM_FLAGS_ANYWHERE,
                                 .content = {.protection = VM_PROT_DEFAULT},
                                 .max = VM_PROT_ALL,
                                 .inherit = VM_INHERIT_DEFAULT};
    kern_return_t kr = check(address, size, VM_PROT_READ);

    if (kr != KERN_SUCCESS)
        return kr;
    request.content.copy = vm_new_private(request.size);
    if (request.content.copy == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kr = KERN_MEMORY_ERROR;
    if (vm_bytes_move(address, (uintptr_t)request.content.copy + skip, size))
        kr = vm_request_map(&request);
    if (kr != KERN_SUCCESS)
        munmap(request.content.copy, request.size);
    else
        *data = (vm_offset_t)(request.address + skip);
    return kr;
}

kern_return_t mach_vm_read(vm_map_read_t target, mach_vm_address_t address, mach_vm_size_t size, vm_offset_t *data,
                           mach_msg_type_number_t *count)
{
    kern_return_t kr = space_check_task(target);
    vm_offset_t read = 0;

    if (kr != KERN_SUCCESS)
        return kr;
    if (size > UINT32_MAX)
        return KERN_INVALID_ARGUMENT;
    if (size != 0) {
        vm_table_lock();
        kr = read_out(address, size, &read);
        vm_table_unlock();
    }
    if (kr == KERN_SUCCESS) {
        *data = read;
        *count = (mach_msg_type_number_t)size;
    }
    return kr;
}

/* ---- the twins ---- */

kern_return_t vm_copy(vm_map_t target, vm_address_t source, vm_size_t size, vm_address_t dest)
{
    return mach_vm_copy(target, source, size, dest);
}

kern_return_t vm_read_overwrite(vm_map_read_t target, vm_address_t address, vm_size_t size, vm_address_t data,
                                vm_size_t *outsize)
{
    kern_return_t kr = mach_vm_copy(target, address, size, data);

    if (kr == KERN_SUCCESS)
        *outsize = size;
    return kr;
}

kern_return_t vm_write(vm_map_t target, vm_address_t address, vm_offset_t data, mach_msg_type_number_t count)
{
    return mach_vm_write(target, address, data, count);
}

kern_return_t vm_read(vm_map_read_t target, vm_address_t address, vm_size_t size, vm_offset_t *data,
                      mach_msg_type_number_t *count)
{
    return mach_vm_read(target, address, size, data, count);
}
