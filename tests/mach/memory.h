/*
 * What the tests of virtual memory share. "Faults" means that an access would raise a signal; here the kernel tries it
 * for us.
 */
#ifndef TESTS_MACH_MEMORY_H
#define TESTS_MACH_MEMORY_H

#include "support/child.h"

#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SELF mach_task_self()
#define PAGE ((uint64_t)vm_page_size)
#define RW   (VM_PROT_READ | VM_PROT_WRITE)

static const uint64_t TOP = 0x7ffffffff000; /* of the address space */
static const uint64_t HIGHEST = UINT64_MAX; /* its page is the last that has an address at all */

static inline uint64_t last_page(void)
{
    return HIGHEST - PAGE + 1;
}

static inline volatile unsigned char *at(uint64_t address)
{
    return (volatile unsigned char *)(uintptr_t)address;
}

static inline bool can_read(uint64_t address)
{
    int ends[2];
    bool can = pipe(ends) == 0 && write(ends[1], (const void *)(uintptr_t)address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return can;
}

/* Writes back what is there. */
static inline bool can_write(uint64_t address)
{
    int ends[2];
    bool can = pipe(ends) == 0 && write(ends[1], (const void *)(uintptr_t)address, 1) == 1 &&
               read(ends[0], (void *)(uintptr_t)address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return can;
}

static inline bool is_filled(uint64_t address, uint64_t size, unsigned char value)
{
    for (uint64_t i = 0; i < size; i++)
        if (at(address)[i] != value)
            return false;
    return true;
}

static inline void fill(uint64_t address, uint64_t size, int value)
{
    memset((void *)(uintptr_t)address, value, size);
}

/* The following have no assertions in them, so that children can use them: 0 or MACH_PORT_NULL is a failure. */
static inline uint64_t allocate(uint64_t pages)
{
    mach_vm_address_t address = 0;
    return mach_vm_allocate(SELF, &address, pages * PAGE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS ? address : 0;
}

static inline kern_return_t allocate_at(uint64_t address, uint64_t size, int flags)
{
    mach_vm_address_t where = address;
    return mach_vm_allocate(SELF, &where, size, flags);
}

static inline kern_return_t release(uint64_t address, uint64_t pages)
{
    return mach_vm_deallocate(SELF, address, pages * PAGE);
}

static inline kern_return_t protect(uint64_t address, uint64_t pages, vm_prot_t protection)
{
    return mach_vm_protect(SELF, address, pages * PAGE, FALSE, protection);
}

static inline kern_return_t protect_max(uint64_t address, uint64_t pages, vm_prot_t protection)
{
    return mach_vm_protect(SELF, address, pages * PAGE, TRUE, protection);
}

static inline kern_return_t set_inherit(uint64_t address, uint64_t pages, vm_inherit_t inherit)
{
    return mach_vm_inherit(SELF, address, pages * PAGE, inherit);
}

/* Ask for an entry of `size` bytes at `offset`: *entry and *covered keep their old values when that fails. */
static inline kern_return_t make_entry(uint64_t offset, uint64_t size, vm_prot_t permission, mach_port_t parent,
                                       mach_port_t *entry, uint64_t *covered)
{
    memory_object_size_t asked = size;
    kern_return_t kr = mach_make_memory_entry_64(SELF, &asked, offset, permission, entry, parent);
    *covered = asked;
    return kr;
}

static inline mach_port_t entry_over(uint64_t address, uint64_t pages, vm_prot_t permission)
{
    mach_port_t entry = MACH_PORT_NULL;
    uint64_t covered;
    kern_return_t kr = make_entry(address, pages * PAGE, permission, MACH_PORT_NULL, &entry, &covered);
    return kr == KERN_SUCCESS && covered == pages * PAGE ? entry : MACH_PORT_NULL;
}

static inline mach_port_t fresh_entry(uint64_t pages, vm_prot_t permission)
{
    return entry_over(0, pages, MAP_MEM_NAMED_CREATE | permission);
}

static inline kern_return_t map_at(uint64_t *address, int flags, mach_port_t entry, uint64_t offset, uint64_t size,
                                   boolean_t copy, vm_prot_t current, vm_prot_t max, vm_inherit_t inherit)
{
    mach_vm_address_t where = *address;
    kern_return_t kr = mach_vm_map(SELF, &where, size, 0, flags, entry, offset, copy, current, max, inherit);
    *address = where;
    return kr;
}

/* Map pages of an entry anywhere, shared, with this protection as current and maximum. */
static inline uint64_t map_pages(mach_port_t entry, uint64_t first, uint64_t pages, vm_prot_t protection)
{
    uint64_t address = 0;
    kern_return_t kr = map_at(&address, VM_FLAGS_ANYWHERE, entry, first * PAGE, pages * PAGE, FALSE, protection,
                              protection, VM_INHERIT_SHARE);
    return kr == KERN_SUCCESS ? address : 0;
}

static inline kern_return_t drop(mach_port_t port)
{
    return mach_port_deallocate(SELF, port);
}

#endif
