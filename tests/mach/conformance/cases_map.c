/* mach_vm_map without an object: cases 32 to 45. */
#include "mach/conformance/conformance.h"

#include <limits.h>

#define CASES(X)                                                                                                       \
    X(32, "size 0")                                                                                                    \
    X(33, "a hint above which there is no room")                                                                       \
    X(34, "a hint in live memory")                                                                                     \
    X(35, "a hint that is free")                                                                                       \
    X(36, "a hint within a free page")                                                                                 \
    X(37, "a hint below the map")                                                                                      \
    X(38, "a mask, anywhere")                                                                                          \
    X(39, "a mask, and a fixed address that violates it")                                                              \
    X(40, "a mask that overflows")                                                                                     \
    X(41, "unknown protections and inheritances")                                                                      \
    X(42, "the maximum cuts the current protection")                                                                   \
    X(43, "a dead object is none")                                                                                     \
    X(44, "a name never held, as object")                                                                              \
    X(45, "a semaphore, as object")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_map[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

static kern_return_t map(mach_vm_address_t *address, uint64_t size, uint64_t mask, int flags)
{
    return mach_vm_map(SELF, address, size, mask, flags, MACH_PORT_NULL, 0, FALSE, RW, VM_PROT_ALL, VM_INHERIT_DEFAULT);
}

static void refused(kern_return_t expected, uint64_t address, uint64_t size, uint64_t mask, int flags)
{
    mach_vm_address_t where = address;

    GIVES(expected, map(&where, size, mask, flags));
    HOLDS("address untouched", where == address);
}

static void case_32(void)
{
    refused(KERN_INVALID_ARGUMENT, 0, 0, 0, VM_FLAGS_ANYWHERE);
}

static void case_33(void)
{
    refused(KERN_NO_SPACE, last_page(), PAGE, 0, VM_FLAGS_ANYWHERE);
    refused(KERN_NO_SPACE, 0xdeadbeefdeadbeef, PAGE, 0, VM_FLAGS_ANYWHERE);
}

static void case_34(void)
{
    uint64_t pages = allocate(3);
    mach_vm_address_t address = pages;

    GIVES(KERN_SUCCESS, release(pages + PAGE, 1));
    GIVES(KERN_SUCCESS, map(&address, PAGE, 0, VM_FLAGS_ANYWHERE));
    HOLDS("the first gap above", address == pages + PAGE);
}

static void case_35(void)
{
    uint64_t page = allocate(1);
    mach_vm_address_t address = page;

    GIVES(KERN_SUCCESS, release(page, 1));
    GIVES(KERN_SUCCESS, map(&address, PAGE, 0, VM_FLAGS_ANYWHERE));
    HOLDS("that page", address == page);
}

static void case_36(void)
{
    uint64_t page = allocate(1);
    mach_vm_address_t address = page + 123;

    GIVES(KERN_SUCCESS, release(page, 1));
    GIVES(KERN_SUCCESS, map(&address, PAGE, 0, VM_FLAGS_ANYWHERE));
    HOLDS("that page", address == page);
}

static void case_37(void)
{
    mach_vm_address_t address = 1;

    GIVES(KERN_SUCCESS, map(&address, PAGE, 0, VM_FLAGS_ANYWHERE));
    HOLDS("above page zero", address >= UINT64_C(1) << 32);
}

static void case_38(void)
{
    mach_vm_address_t address = allocate(1) + PAGE; /* a hint that is not aligned so itself */

    address += (address & 0x1fffff) == 0 ? PAGE : 0;
    GIVES(KERN_SUCCESS, map(&address, PAGE, 0x1fffff, VM_FLAGS_ANYWHERE));
    HOLDS("no bit of the mask is set", (address & 0x1fffff) == 0);
}

static void case_39(void)
{
    mach_vm_address_t free = 0;

    GIVES(KERN_SUCCESS, map(&free, 2 * PAGE, 0x1fffff, VM_FLAGS_ANYWHERE));
    GIVES(KERN_SUCCESS, release(free, 2));
    refused(KERN_NO_SPACE, free + PAGE, PAGE, 0x1fffff, VM_FLAGS_FIXED);
}

static void case_40(void)
{
    refused(KERN_NO_SPACE, 1, PAGE, HIGHEST, VM_FLAGS_ANYWHERE);
}

static void case_41(void)
{
    const vm_prot_t protections[] = {VM_PROT_ALL + 1, ~VM_PROT_IS_MASK, INT_MAX};
    const vm_inherit_t inheritances[] = {VM_INHERIT_LAST_VALID + 1, UINT_MAX};
    uint64_t address = 0;

    for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
        GIVES(KERN_INVALID_ARGUMENT, map_at(&address, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, PAGE, FALSE, protections[i],
                                            VM_PROT_ALL, VM_INHERIT_DEFAULT));
        GIVES(KERN_INVALID_ARGUMENT, map_at(&address, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, PAGE, FALSE, VM_PROT_NONE,
                                            protections[i], VM_INHERIT_DEFAULT));
    }
    for (size_t i = 0; i < sizeof inheritances / sizeof *inheritances; i++)
        GIVES(KERN_INVALID_ARGUMENT,
              map_at(&address, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, PAGE, FALSE, RW, VM_PROT_ALL, inheritances[i]));
    HOLDS("address untouched", address == 0);
}

static void case_42(void)
{
    uint64_t address = 0;

    GIVES(KERN_SUCCESS,
          map_at(&address, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, PAGE, FALSE, RW, VM_PROT_READ, VM_INHERIT_DEFAULT));
    HOLDS("a load does not fault", !load_faults(address));
    HOLDS("a store faults", store_faults(address));
    GIVES(KERN_PROTECTION_FAILURE, protect(address, 1, RW));
}

static int write_to(void *address)
{
    fill(*(uint64_t *)address, PAGE, 'C');
    HOLDS("the child has its own write", is_filled(*(uint64_t *)address, PAGE, 'C'));
    return 0;
}

static void case_43(void)
{
    uint64_t address = 0;

    GIVES(KERN_SUCCESS,
          map_at(&address, VM_FLAGS_ANYWHERE, MACH_PORT_DEAD, 12345, PAGE, TRUE, RW, VM_PROT_ALL, VM_INHERIT_DEFAULT));
    HOLDS("zeroes", is_filled(address, PAGE, 0));
    HOLDS("writable", !store_faults(address));
    HOLDS("the child ends well", child_run(write_to, &address) == 0);
    HOLDS("private: a child's write does not show", is_filled(address, PAGE, 0));
    mach_port_t dead = MACH_PORT_NULL;
    uint64_t other = 0;
    GIVES(KERN_SUCCESS, mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead));
    GIVES(KERN_SUCCESS, map_at(&other, VM_FLAGS_ANYWHERE, dead, 0, PAGE, FALSE, RW, RW, VM_INHERIT_DEFAULT));
    fill(other, PAGE, 'x');
    HOLDS("nor is it memory that another mapping sees", is_filled(address, PAGE, 0));
}

static void case_44(void)
{
    uint64_t address = 0;

    GIVES(MACH_SEND_INVALID_RIGHT,
          map_at(&address, VM_FLAGS_ANYWHERE, 0x12340003, 0, PAGE, FALSE, RW, VM_PROT_ALL, VM_INHERIT_DEFAULT));
    HOLDS("address untouched", address == 0);
}

static void case_45(void)
{
    semaphore_t semaphore = MACH_PORT_NULL;
    uint64_t address = 0;

    GIVES(KERN_SUCCESS, semaphore_create(SELF, &semaphore, SYNC_POLICY_FIFO, 0));
    GIVES(KERN_INVALID_OBJECT,
          map_at(&address, VM_FLAGS_ANYWHERE, semaphore, 0, PAGE, FALSE, RW, VM_PROT_ALL, VM_INHERIT_DEFAULT));
    HOLDS("address untouched", address == 0);
}
