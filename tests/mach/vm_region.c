/* mach_vm_region and mach_vm_region_recurse: which regions there are, and what is told of them. */
#include "mach/memory.h"

#include <sys/mman.h>

struct region {
    mach_vm_address_t address;
    mach_vm_size_t size;
    vm_region_basic_info_data_64_t info;
};

static kern_return_t look(uint64_t address, struct region *region)
{
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t object = 77;

    region->address = address;
    kern_return_t kr = mach_vm_region(SELF, &region->address, &region->size, VM_REGION_BASIC_INFO_64,
                                      (vm_region_info_t)&region->info, &count, &object);
    if (kr == KERN_SUCCESS) {
        assert_int_equal(count, VM_REGION_BASIC_INFO_COUNT_64);
        assert_int_equal(object, MACH_PORT_NULL);
    }
    return kr;
}

static void check(uint64_t address, uint64_t start, uint64_t pages, vm_prot_t current, vm_prot_t max,
                  vm_inherit_t inherit, bool shared)
{
    struct region region;

    assert_int_equal(look(address, &region), KERN_SUCCESS);
    assert_int_equal(region.address, start);
    assert_int_equal(region.size, pages * PAGE);
    assert_int_equal(region.info.protection, current);
    assert_int_equal(region.info.max_protection, max);
    assert_int_equal(region.info.inheritance, inherit);
    assert_int_equal(region.info.shared, shared);
    assert_int_equal(region.info.reserved, FALSE);
    assert_int_equal(region.info.behavior, VM_BEHAVIOR_DEFAULT);
    assert_int_equal(region.info.user_wired_count, 0);
}

static void sizes_are_apples(void **state)
{
    (void)state;
    assert_int_equal(VM_REGION_BASIC_INFO_COUNT_64, 9);
    assert_int_equal(VM_REGION_BASIC_INFO_COUNT, 8);
    assert_int_equal(VM_REGION_EXTENDED_INFO_COUNT, 9);
    assert_int_equal(VM_REGION_TOP_INFO_COUNT, 5);
    assert_int_equal(VM_REGION_SUBMAP_SHORT_INFO_COUNT_64, 12);
    assert_int_equal(VM_REGION_SUBMAP_INFO_V0_COUNT_64, 16);
    assert_int_equal(VM_REGION_SUBMAP_INFO_COUNT_64, 19);
}

static void an_allocation_is_a_region(void **state)
{
    uint64_t pages = allocate(3);

    (void)state;
    check(pages, pages, 3, RW, VM_PROT_ALL, VM_INHERIT_COPY, false);
    check(pages + 2 * PAGE + 1, pages, 3, RW, VM_PROT_ALL, VM_INHERIT_COPY, false);
    release(pages, 3);
}

static void attributes_divide_it(void **state)
{
    uint64_t pages = allocate(3);

    (void)state;
    assert_int_equal(protect_max(pages + PAGE, 1, VM_PROT_READ), KERN_SUCCESS);
    check(pages, pages, 1, RW, VM_PROT_ALL, VM_INHERIT_COPY, false);
    check(pages + PAGE, pages + PAGE, 1, VM_PROT_READ, VM_PROT_READ, VM_INHERIT_COPY, false);
    assert_int_equal(set_inherit(pages, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    check(pages, pages, 1, RW, VM_PROT_ALL, VM_INHERIT_NONE, false);
    check(pages + 2 * PAGE, pages + 2 * PAGE, 1, RW, VM_PROT_ALL, VM_INHERIT_COPY, false);
    release(pages, 3);
}

static void a_gap_leads_to_the_next(void **state)
{
    uint64_t pages = allocate(3);

    (void)state;
    release(pages, 2);
    check(pages, pages + 2 * PAGE, 1, RW, VM_PROT_ALL, VM_INHERIT_COPY, false);
    release(pages, 3);
}

static void shared_memory_says_so(void **state)
{
    mach_port_t entry = fresh_entry(2, RW);
    uint64_t second = map_pages(entry, 1, 1, RW), page = allocate(1);
    struct region region;
    void *foreign = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    check(second, second, 1, RW, RW, VM_INHERIT_SHARE, true);
    assert_int_equal(look(second, &region), KERN_SUCCESS);
    assert_int_equal(region.info.offset, PAGE);
    drop(entry_over(page, 1, RW));
    check(page, page, 1, RW, VM_PROT_ALL, VM_INHERIT_COPY, true);
    check((uintptr_t)foreign, (uintptr_t)foreign, 1, VM_PROT_READ, VM_PROT_ALL, VM_INHERIT_SHARE, true);
    munmap(foreign, PAGE);
    release(second, 1);
    release(page, 1);
    drop(entry);
}

/*
 * From the bottom to the top, always upward, and this function's code and stack are among what is seen. To look takes
 * memory, so that the region just seen may have grown: what is found then begins below where the walk has come to.
 */
static void a_walk_sees_everything(void **state)
{
    uint64_t code = (uintptr_t)a_walk_sees_everything, stack = (uintptr_t)&code, address = 0;
    bool saw_code = false, saw_stack = false;
    struct region region;
    int count = 0;

    (void)state;
    while (look(address, &region) == KERN_SUCCESS) {
        assert_true(region.address % PAGE == 0 && region.size % PAGE == 0);
        assert_true(region.address + region.size > address);
        bool has_code = code >= region.address && code - region.address < region.size;
        bool has_stack = stack >= region.address && stack - region.address < region.size;
        if (has_code)
            assert_int_equal(region.info.protection, VM_PROT_READ | VM_PROT_EXECUTE);
        if (has_stack)
            assert_int_equal(region.info.protection, RW);
        saw_code = saw_code || has_code;
        saw_stack = saw_stack || has_stack;
        address = region.address + region.size;
        count++;
    }
    assert_true(saw_code && saw_stack && count > 5);
}

static void refused(kern_return_t expected, mach_port_t task, uint64_t where, vm_region_flavor_t flavor,
                    mach_msg_type_number_t room)
{
    mach_vm_address_t address = where;
    mach_vm_size_t size = 77;
    mach_msg_type_number_t count = room;
    mach_port_t object = 77;
    int info[32];

    memset(info, 0x5a, sizeof info);
    assert_int_equal(mach_vm_region(task, &address, &size, flavor, info, &count, &object), expected);
    assert_true(address == where && size == 77 && count == room && object == 77);
    for (size_t i = 0; i < sizeof info / sizeof *info; i++)
        assert_int_equal(info[i], 0x5a5a5a5a);
}

static void bad_arguments_are_refused(void **state)
{
    uint64_t page = allocate(1);
    const mach_msg_type_number_t room = VM_REGION_BASIC_INFO_COUNT_64;

    (void)state;
    refused(MACH_SEND_INVALID_DEST, MACH_PORT_NULL, page, VM_REGION_BASIC_INFO_64, room);
    refused(KERN_INVALID_ARGUMENT, SELF, page, VM_REGION_BASIC_INFO_64, room - 1);
    refused(KERN_INVALID_ARGUMENT, SELF, page, VM_REGION_EXTENDED_INFO, VM_REGION_EXTENDED_INFO_COUNT - 1);
    refused(KERN_INVALID_ARGUMENT, SELF, page, VM_REGION_TOP_INFO, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, page, 0, 32);
    refused(KERN_INVALID_ARGUMENT, SELF, page, -1, 32);
    refused(KERN_INVALID_ADDRESS, SELF, TOP, VM_REGION_BASIC_INFO_64, room);
    refused(KERN_INVALID_ADDRESS, SELF, HIGHEST, VM_REGION_BASIC_INFO_64, room);
    release(page, 1);
}

static void other_flavors(void **state)
{
    uint64_t pages = allocate(4);
    mach_vm_address_t address = pages;
    mach_vm_size_t size;
    mach_port_t object;
    vm_region_extended_info_data_t extended;
    vm_region_top_info_data_t top;
    vm_region_basic_info_data_64_t basic;
    mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;

    (void)state;
    assert_int_equal(
        mach_vm_region(SELF, &address, &size, VM_REGION_EXTENDED_INFO, (vm_region_info_t)&extended, &count, &object),
        KERN_SUCCESS);
    assert_int_equal(extended.share_mode, SM_EMPTY);
    assert_int_equal(extended.pages_resident, 0);
    fill(pages, 2 * PAGE, 1);
    assert_int_equal(
        mach_vm_region(SELF, &address, &size, VM_REGION_EXTENDED_INFO, (vm_region_info_t)&extended, &count, &object),
        KERN_SUCCESS);
    assert_int_equal(extended.protection, RW);
    assert_int_equal(extended.share_mode, SM_PRIVATE);
    assert_int_equal(extended.pages_resident, 2);
    count = VM_REGION_TOP_INFO_COUNT;
    assert_int_equal(mach_vm_region(SELF, &address, &size, VM_REGION_TOP_INFO, (vm_region_info_t)&top, &count, &object),
                     KERN_SUCCESS);
    assert_int_equal(top.private_pages_resident, 2);
    assert_int_equal(top.shared_pages_resident, 0);
    count = VM_REGION_BASIC_INFO_COUNT_64;
    assert_int_equal(
        mach_vm_region(SELF, &address, &size, VM_REGION_BASIC_INFO, (vm_region_info_t)&basic, &count, &object),
        KERN_SUCCESS);
    assert_int_equal(basic.max_protection, VM_PROT_ALL);
    release(pages, 4);
}

static void the_recursive_one(void **state)
{
    uint64_t pages = allocate(2);
    vm_address_t address = pages + PAGE;
    vm_size_t size = 77;
    natural_t depth = 99999;
    vm_region_submap_info_data_64_t info;
    vm_region_submap_short_info_data_64_t brief;
    mach_msg_type_number_t count = VM_REGION_SUBMAP_INFO_COUNT_64;

    (void)state;
    fill(pages, PAGE, 1);
    assert_int_equal(vm_region_recurse_64(SELF, &address, &size, &depth, (vm_region_recurse_info_64_t)&info, &count),
                     KERN_SUCCESS);
    assert_true(address == pages && size == 2 * PAGE && depth == 0 && count == VM_REGION_SUBMAP_INFO_COUNT_64);
    assert_true(info.protection == RW && info.max_protection == VM_PROT_ALL && info.inheritance == VM_INHERIT_COPY);
    assert_true(info.share_mode == SM_PRIVATE && info.is_submap == FALSE && info.pages_resident == 1);
    count = VM_REGION_SUBMAP_INFO_COUNT_64 - 1; /* room for the version before */
    assert_int_equal(vm_region_recurse_64(SELF, &address, &size, &depth, (vm_region_recurse_info_64_t)&info, &count),
                     KERN_SUCCESS);
    assert_int_equal(count, VM_REGION_SUBMAP_INFO_V1_COUNT_64);
    count = VM_REGION_SUBMAP_SHORT_INFO_COUNT_64;
    assert_int_equal(vm_region_recurse_64(SELF, &address, &size, &depth, (vm_region_recurse_info_64_t)&brief, &count),
                     KERN_SUCCESS);
    assert_true(brief.protection == RW && brief.share_mode == SM_PRIVATE && brief.inheritance == VM_INHERIT_COPY);
    count = VM_REGION_SUBMAP_SHORT_INFO_COUNT_64 - 1;
    assert_int_equal(vm_region_recurse_64(SELF, &address, &size, &depth, (vm_region_recurse_info_64_t)&brief, &count),
                     KERN_INVALID_ARGUMENT);
    address = TOP;
    count = VM_REGION_SUBMAP_INFO_COUNT_64;
    assert_int_equal(vm_region_recurse_64(SELF, &address, &size, &depth, (vm_region_recurse_info_64_t)&info, &count),
                     KERN_INVALID_ADDRESS);
    assert_true(address == TOP && size == 2 * PAGE);
    release(pages, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_apples),          cmocka_unit_test(an_allocation_is_a_region),
        cmocka_unit_test(attributes_divide_it),      cmocka_unit_test(a_gap_leads_to_the_next),
        cmocka_unit_test(shared_memory_says_so),     cmocka_unit_test(a_walk_sees_everything),
        cmocka_unit_test(bad_arguments_are_refused), cmocka_unit_test(other_flavors),
        cmocka_unit_test(the_recursive_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
