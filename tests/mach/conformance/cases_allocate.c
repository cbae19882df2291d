/* mach_vm_allocate: cases 1 to 20. */
#include "mach/conformance/conformance.h"

#define CASES(X)                                                                                                       \
    X(1, "one page, anywhere")                                                                                         \
    X(2, "odd sizes are rounded up to pages")                                                                          \
    X(3, "size 0, anywhere: no address")                                                                               \
    X(4, "size 0, fixed at 0")                                                                                         \
    X(5, "a page fixed at 0")                                                                                          \
    X(6, "a size that rounds to 0")                                                                                    \
    X(7, "a size that nothing can hold")                                                                               \
    X(8, "anywhere: the address on entry is no hint")                                                                  \
    X(9, "first fit rises")                                                                                            \
    X(10, "fixed at a page freed just before")                                                                         \
    X(11, "fixed within a page counts from its beginning")                                                             \
    X(12, "fixed over live memory")                                                                                    \
    X(13, "overwriting a page clears it")                                                                              \
    X(14, "overwriting half live, half free")                                                                          \
    X(15, "fixed, with overflow")                                                                                      \
    X(16, "fixed above the top")                                                                                       \
    X(17, "flags that are not the user's")                                                                             \
    X(18, "no task")                                                                                                   \
    X(19, "fresh memory: executing is allowed, but not given")                                                         \
    X(20, "permanent memory")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_allocate[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

/* An allocation that is refused leaves the address alone (Mach 0.5). */
static void refused(kern_return_t expected, uint64_t address, uint64_t size, int flags)
{
    mach_vm_address_t where = address;

    GIVES(expected, mach_vm_allocate(SELF, &where, size, flags));
    HOLDS("address untouched", where == address);
}

static void case_1(void)
{
    mach_vm_address_t address = 0;

    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &address, PAGE, VM_FLAGS_ANYWHERE));
    HOLDS("an address", address != 0);
    HOLDS("page aligned", address % PAGE == 0);
    HOLDS("zeroes", is_filled(address, PAGE, 0));
    GIVES(KERN_SUCCESS, release(address, 1));
}

static void case_2(void)
{
    const uint64_t sizes[] = {1, PAGE - 1, PAGE + 1, UINT64_C(4) << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mach_vm_address_t address = 0;
        uint64_t rounded = mach_vm_round_page(sizes[i]);
        GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &address, sizes[i], VM_FLAGS_ANYWHERE));
        fill(address, rounded, 'x');
        HOLDS("usable to the end of its last page", is_filled(address, rounded, 'x'));
        GIVES(KERN_SUCCESS, mach_vm_deallocate(SELF, address, sizes[i]));
    }
}

static void case_3(void)
{
    mach_vm_address_t address = 0x1234;

    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &address, 0, VM_FLAGS_ANYWHERE));
    HOLDS("address 0", address == 0);
}

static void case_4(void)
{
    mach_vm_address_t address = 0;

    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &address, 0, VM_FLAGS_FIXED));
    HOLDS("address 0", address == 0);
}

static void case_5(void)
{
    refused(KERN_INVALID_ADDRESS, 0, PAGE, VM_FLAGS_FIXED);
}

static void case_6(void)
{
    refused(KERN_INVALID_ARGUMENT, 0, HIGHEST, VM_FLAGS_ANYWHERE);
}

static void case_7(void)
{
    refused(KERN_NO_SPACE, 0, last_page(), VM_FLAGS_ANYWHERE);
}

static void case_8(void)
{
    mach_vm_address_t address = last_page();

    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &address, PAGE, VM_FLAGS_ANYWHERE));
    HOLDS("page aligned", address % PAGE == 0);
    HOLDS("low", address != 0 && address < TOP);
}

static void case_9(void)
{
    uint64_t first = allocate(1), second = allocate(1);
    bool any = false;

    HOLDS("the second address is higher", first != 0 && second > first);
    for (uint64_t page = first; page <= second; page += PAGE)
        any = any || allocate_at(page, PAGE, VM_FLAGS_FIXED) == KERN_SUCCESS;
    HOLDS("no page from the one to the other is free", !any);
}

static void case_10(void)
{
    uint64_t address = allocate(1);
    mach_vm_address_t again = address;

    fill(address, PAGE, 'x');
    GIVES(KERN_SUCCESS, release(address, 1));
    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &again, PAGE, VM_FLAGS_FIXED));
    HOLDS("that address", again == address);
    HOLDS("zeroes", is_filled(address, PAGE, 0));
}

static void case_11(void)
{
    uint64_t pages = allocate(2);
    mach_vm_address_t address = pages + 1;

    GIVES(KERN_SUCCESS, release(pages, 2));
    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &address, PAGE, VM_FLAGS_FIXED));
    HOLDS("address cut to the page", address == pages);
    GIVES(KERN_SUCCESS, allocate_at(pages + PAGE, PAGE, VM_FLAGS_FIXED));
}

static void case_12(void)
{
    uint64_t pages = allocate(3);

    fill(pages, 3 * PAGE, 'x');
    for (uint64_t i = 0; i < 3; i++)
        refused(KERN_NO_SPACE, pages + i * PAGE, PAGE, VM_FLAGS_FIXED);
    HOLDS("content unchanged", is_filled(pages, 3 * PAGE, 'x'));
}

static void case_13(void)
{
    uint64_t page = allocate(1);

    fill(page, PAGE, 'x');
    GIVES(KERN_SUCCESS, allocate_at(page, PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE));
    HOLDS("zeroes", is_filled(page, PAGE, 0));
}

static void case_14(void)
{
    uint64_t pages = allocate(2);

    fill(pages, PAGE, 'x');
    GIVES(KERN_SUCCESS, release(pages + PAGE, 1));
    GIVES(KERN_SUCCESS, allocate_at(pages, 2 * PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE));
    HOLDS("zeroes", is_filled(pages, 2 * PAGE, 0));
}

static void case_15(void)
{
    refused(KERN_INVALID_ADDRESS, last_page(), 2 * PAGE, VM_FLAGS_FIXED);
}

static void case_16(void)
{
    refused(KERN_INVALID_ADDRESS, TOP + (UINT64_C(1) << 30), PAGE, VM_FLAGS_FIXED);
}

static void case_17(void)
{
    const int flags[] = {0x20,   0x40,    0x100,    0x200,    0x400,    0x800,   0x2000,
                         0x8000, 0x80000, 0x100000, 0x200000, 0x400000, 0x800000};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        refused(KERN_INVALID_ARGUMENT, 0, PAGE, VM_FLAGS_ANYWHERE | flags[i]);
}

static void case_18(void)
{
    const uint64_t sizes[] = {0, 1, PAGE, last_page(), HIGHEST};
    const int flags[] = {VM_FLAGS_ANYWHERE, VM_FLAGS_FIXED};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < 2; j++) {
            mach_vm_address_t address = 0x1234;
            vm_address_t narrow = 0x1234;
            GIVES(MACH_SEND_INVALID_DEST, mach_vm_allocate(MACH_PORT_NULL, &address, sizes[i], flags[j]));
            GIVES(MACH_SEND_INVALID_DEST, vm_allocate(MACH_PORT_NULL, &narrow, sizes[i], flags[j]));
            GIVES(MACH_SEND_INVALID_DEST, mach_vm_map(MACH_PORT_NULL, &address, sizes[i], 0, flags[j], MACH_PORT_NULL,
                                                      0, FALSE, RW, VM_PROT_ALL, VM_INHERIT_DEFAULT));
            HOLDS("address untouched", address == 0x1234 && narrow == 0x1234);
        }
}

static void case_19(void)
{
    uint64_t page = allocate(1);
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_address_t address = page;
    mach_vm_size_t size;
    mach_port_t object;

    GIVES(KERN_SUCCESS,
          mach_vm_region(SELF, &address, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count, &object));
    HOLDS("currently read and write", info.protection == RW);
    HOLDS("at most everything", info.max_protection == VM_PROT_ALL);
    HOLDS("writable", !store_faults(page));
    GIVES(KERN_SUCCESS, protect(page, 1, VM_PROT_ALL));
}

static void case_20(void)
{
    mach_vm_address_t page = 0;

    GIVES(KERN_SUCCESS, mach_vm_allocate(SELF, &page, PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_PERMANENT));
    refused(KERN_NO_SPACE, page, PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE);
    GIVES(KERN_SUCCESS, release(page, 1));
    HOLDS("access faults", load_faults(page));
    refused(KERN_NO_SPACE, page, PAGE, VM_FLAGS_FIXED);
}
