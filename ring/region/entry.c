#include "region/entry.h"

#include "api/failure.h"
#include "api/shortage.h"

#include <errno.h>
#include <inttypes.h>

int entry_make(mem_entry_name_port_t *entry, uint64_t size, const char *what, struct mring_error *error)
{
    memory_object_size_t covered = size;
    mach_port_t made = MACH_PORT_NULL;
    kern_return_t kr = mach_make_memory_entry_64(
        mach_task_self(), &covered, 0, MAP_MEM_NAMED_CREATE | VM_PROT_READ | VM_PROT_WRITE, &made, MACH_PORT_NULL);

    if (kr != KERN_SUCCESS)
        return failure(error, kr == KERN_RESOURCE_SHORTAGE ? shortage_code(size) : failure_code(kr), kr,
                       "cannot make the %s entry of %" PRIu64 " bytes", what, size);
    if (covered != size) {
        entry_drop(&made);
        return failure(error, -ENOMEM, 0, "the %s entry covers %" PRIu64 " of %" PRIu64 " bytes", what,
                       (uint64_t)covered, size);
    }
    *entry = made;
    return 0;
}

int entry_narrow(mem_entry_name_port_t *narrow, mem_entry_name_port_t entry, uint64_t size, const char *what,
                 struct mring_error *error)
{
    memory_object_size_t covered = size;
    mach_port_t made = MACH_PORT_NULL;
    kern_return_t kr = mach_make_memory_entry_64(mach_task_self(), &covered, 0, VM_PROT_READ, &made, entry);

    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "cannot make a read-only %s entry", what);
    if (covered != size) {
        entry_drop(&made);
        return failure(error, -ENOMEM, 0, "the read-only %s entry covers %" PRIu64 " of %" PRIu64 " bytes", what,
                       (uint64_t)covered, size);
    }
    *narrow = made;
    return 0;
}

static int map(mem_entry_name_port_t entry, uint64_t offset, uint64_t size, vm_prot_t protection, int flags,
               mach_vm_address_t *address, const char *what, struct mring_error *error)
{
    mach_vm_address_t at = *address;
    kern_return_t kr;

    /* A null or dead right would be mapped as plain private memory, with success (Mach 2.5). */
    if (!MACH_PORT_VALID(entry))
        return failure(error, -EPROTO, 0, "there is no right to the %s entry", what);
    kr = mach_vm_map(mach_task_self(), &at, size, 0, flags, entry, offset, FALSE, protection, protection,
                     VM_INHERIT_SHARE);
    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "cannot map %" PRIu64 " bytes at %" PRIu64 " of the %s entry", size,
                       offset, what);
    *address = at;
    return 0;
}

int entry_map_anywhere(mem_entry_name_port_t entry, uint64_t offset, uint64_t size, vm_prot_t protection,
                       mach_vm_address_t *address, const char *what, struct mring_error *error)
{
    mach_vm_address_t at = 0; /* the search goes upward from here (Mach 2.12) */
    int result = map(entry, offset, size, protection, VM_FLAGS_ANYWHERE, &at, what, error);

    if (result == 0)
        *address = at;
    return result;
}

int entry_map_over(mem_entry_name_port_t entry, uint64_t offset, uint64_t size, vm_prot_t protection,
                   mach_vm_address_t address, const char *what, struct mring_error *error)
{
    return map(entry, offset, size, protection, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, &address, what, error);
}

int entry_reserve(uint64_t size, mach_vm_address_t *address, const char *what, struct mring_error *error)
{
    mach_vm_address_t at = 0;
    kern_return_t kr = mach_vm_map(mach_task_self(), &at, size, 0, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, FALSE,
                                   VM_PROT_NONE, VM_PROT_NONE, VM_INHERIT_NONE);

    if (kr != KERN_SUCCESS)
        return failure(error, failure_code(kr), kr, "no %" PRIu64 " bytes of address space for the %s", size, what);
    *address = at;
    return 0;
}

void entry_unmap(mach_vm_address_t address, uint64_t size)
{
    mach_vm_deallocate(mach_task_self(), address, size);
}

void entry_drop(mem_entry_name_port_t *entry)
{
    if (MACH_PORT_VALID(*entry))
        mach_port_deallocate(mach_task_self(), *entry);
    *entry = MACH_PORT_NULL;
}

void entry_touch_write(mach_vm_address_t address, uint64_t size)
{
    volatile unsigned char *at = (volatile unsigned char *)address;

    for (uint64_t offset = 0; offset < size; offset += vm_page_size)
        at[offset] = 0;
}

void entry_touch_read(mach_vm_address_t address, uint64_t size)
{
    const volatile unsigned char *at = (const volatile unsigned char *)address;

    for (uint64_t offset = 0; offset < size; offset += vm_page_size)
        (void)at[offset];
}
