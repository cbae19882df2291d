/* mach_vm_remap: shared and copied, of every kind of memory. */
#include "mach/memory.h"

#include <sys/mman.h>

struct result {
    mach_vm_address_t address;
    vm_prot_t current, max;
};

static kern_return_t remap(struct result *result, uint64_t source, uint64_t size, int flags, boolean_t copy,
                           vm_inherit_t inherit)
{
    return mach_vm_remap(SELF, &result->address, size, 0, flags, SELF, source, copy, &result->current, &result->max,
                         inherit);
}

static uint64_t remapped(uint64_t source, uint64_t pages, boolean_t copy, vm_inherit_t inherit)
{
    struct result result = {0, -1, -1};

    assert_int_equal(remap(&result, source, pages * PAGE, VM_FLAGS_ANYWHERE, copy, inherit), KERN_SUCCESS);
    return result.address;
}

static uint64_t lettered(uint64_t pages)
{
    uint64_t address = allocate(pages);

    for (uint64_t i = 0; i < pages; i++)
        fill(address + i * PAGE, PAGE, 'a' + (int)i);
    return address;
}

/* Writes on either side show on the other, or do not. */
static void check_sharing(uint64_t one, uint64_t other, bool shared)
{
    unsigned char before = *at(one);

    assert_true(one != other);
    assert_int_equal(*at(other), before);
    *at(one) = 'x';
    assert_int_equal(*at(other), shared ? 'x' : before);
    *at(other) = 'y';
    assert_int_equal(*at(one), shared ? 'y' : 'x');
}

static void private_memory_is_shared(void **state)
{
    uint64_t pages = lettered(3), again = remapped(pages, 3, FALSE, VM_INHERIT_DEFAULT);

    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        check_sharing(pages + i * PAGE, again + i * PAGE, true);
    release(pages, 3);
    assert_int_equal(*at(again), 'y'); /* it needs the first no more */
    release(again, 3);
}

static void a_copy_is_as_of_now(void **state)
{
    uint64_t pages = lettered(2), copy = remapped(pages, 2, TRUE, VM_INHERIT_DEFAULT);

    (void)state;
    fill(pages + PAGE, PAGE, 'z');
    assert_true(is_filled(copy + PAGE, PAGE, 'b'));
    check_sharing(pages, copy, false);
    release(pages, 2);
    release(copy, 2);
}

static void the_programs_own_shared_memory(void **state)
{
    void *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t source = (uintptr_t)memory;

    (void)state;
    memset(memory, 'a', 2 * PAGE);
    uint64_t again = remapped(source, 2, FALSE, VM_INHERIT_NONE), copy = remapped(source, 2, TRUE, VM_INHERIT_DEFAULT);
    check_sharing(source + PAGE, copy + PAGE, false);
    check_sharing(source, again, true);
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_address_t address = again;
    mach_vm_size_t size;
    mach_port_t object;
    assert_int_equal(
        mach_vm_region(SELF, &address, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count, &object),
        KERN_SUCCESS);
    assert_int_equal(info.inheritance, VM_INHERIT_NONE);
    munmap(memory, 2 * PAGE);
    assert_int_equal(*at(again), 'y');
    release(again, 2);
    release(copy, 2);
}

static int write_in_child(void *address)
{
    *(volatile unsigned char *)address = 'C';
    return 0;
}

/* The second mapping has its own rule, not the first one's. */
/* A file of one and a half pages, mapped over three: its last page reads zeroes, and so does what is past it in a copy. */
static void a_mapping_longer_than_its_file(void **state)
{
    const int flags[] = {MAP_SHARED, MAP_PRIVATE};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = memfd_create("test", MFD_CLOEXEC);
        assert_true(fd >= 0 && ftruncate(fd, (off_t)(PAGE + PAGE / 2)) == 0);
        uint64_t mapped = (uintptr_t)mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, flags[i], fd, 0);
        assert_true((void *)(uintptr_t)mapped != MAP_FAILED);
        fill(mapped, PAGE + PAGE / 2, 'f');
        uint64_t copy = remapped(mapped, 3, TRUE, VM_INHERIT_DEFAULT);
        assert_true(is_filled(copy, PAGE + PAGE / 2, 'f'));
        assert_true(is_filled(copy + PAGE + PAGE / 2, PAGE + PAGE / 2, 0));
        check_sharing(mapped, copy, false);
        assert_false(can_read(mapped + 2 * PAGE));
        release(copy, 3);
        munmap((void *)(uintptr_t)mapped, 3 * PAGE);
        close(fd);
    }
}

static void the_programs_own_that_is_not_inherited(void **state)
{
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t source = (uintptr_t)memory;

    (void)state;
    assert_int_equal(set_inherit(source, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    uint64_t shared = remapped(source, 1, FALSE, VM_INHERIT_SHARE),
             copied = remapped(source, 1, FALSE, VM_INHERIT_COPY);
    assert_int_equal(child_run(write_in_child, memory), -SIGSEGV);
    assert_int_equal(child_run(write_in_child, (void *)(uintptr_t)copied), 0);
    assert_int_equal(*at(source), 0);
    assert_int_equal(child_run(write_in_child, (void *)(uintptr_t)shared), 0);
    assert_int_equal(*at(source), 'C');
    munmap(memory, PAGE);
    release(shared, 1);
    release(copied, 1);
}

/* Several objects in one range, one of them a mapping of an entry, each with its own protection. */
static void many_objects(void **state)
{
    uint64_t pages = lettered(4), address = pages + PAGE;
    mach_port_t entry = fresh_entry(1, RW);
    struct result result = {0, -1, -1};

    (void)state;
    assert_int_equal(
        map_at(&address, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, entry, 0, PAGE, FALSE, RW, RW, VM_INHERIT_DEFAULT),
        KERN_SUCCESS);
    assert_int_equal(protect(pages + 3 * PAGE, 1, VM_PROT_READ), KERN_SUCCESS);
    assert_int_equal(remap(&result, pages, 4 * PAGE, VM_FLAGS_ANYWHERE, FALSE, VM_INHERIT_DEFAULT), KERN_SUCCESS);
    assert_int_equal(result.current, VM_PROT_READ);
    assert_int_equal(result.max, RW);
    for (uint64_t i = 0; i < 3; i++)
        check_sharing(pages + i * PAGE, result.address + i * PAGE, true);
    assert_true(is_filled(result.address + 3 * PAGE, PAGE, 'd') && !can_write(result.address + 3 * PAGE));
    release(result.address, 4);
    release(pages, 4);
    drop(entry);
}

/* A ring buffer's second half: the page behind the buffer is the buffer's beginning. */
static void a_mirror(void **state)
{
    uint64_t pages = lettered(2);
    struct result result = {pages + PAGE, -1, -1};

    (void)state;
    release(pages + PAGE, 1);
    assert_int_equal(remap(&result, pages, PAGE, VM_FLAGS_FIXED, FALSE, VM_INHERIT_DEFAULT), KERN_SUCCESS);
    assert_int_equal(result.address, pages + PAGE);
    assert_true(result.current == RW && result.max == VM_PROT_ALL);
    check_sharing(pages, pages + PAGE, true);
    release(pages, 2);
}

static void over_live_memory(void **state)
{
    uint64_t pages = lettered(3);
    struct result result = {pages + PAGE, -1, -1};

    (void)state;
    assert_int_equal(remap(&result, pages, PAGE, VM_FLAGS_FIXED, FALSE, VM_INHERIT_DEFAULT), KERN_NO_SPACE);
    assert_true(result.address == pages + PAGE && result.current == -1 && result.max == -1);
    assert_true(is_filled(pages + PAGE, PAGE, 'b'));
    /* Onto a part of the source itself. */
    assert_int_equal(remap(&result, pages, 2 * PAGE, VM_FLAGS_OVERWRITE, TRUE, VM_INHERIT_DEFAULT), KERN_SUCCESS);
    assert_true(is_filled(pages, PAGE, 'a') && is_filled(pages + PAGE, PAGE, 'a') &&
                is_filled(pages + 2 * PAGE, PAGE, 'b'));
    release(pages, 3);
}

static void addresses_within_a_page(void **state)
{
    uint64_t pages = lettered(2);
    struct result result = {0, -1, -1};

    (void)state;
    assert_int_equal(remap(&result, pages + PAGE - 16, 32, VM_FLAGS_ANYWHERE, FALSE, VM_INHERIT_DEFAULT), KERN_SUCCESS);
    assert_int_equal(result.address % PAGE, 0);
    assert_int_equal(*at(result.address), 'a');
    release(result.address, 1);
    assert_int_equal(
        remap(&result, pages + PAGE - 16, 32, VM_FLAGS_ANYWHERE | VM_FLAGS_RETURN_DATA_ADDR, FALSE, VM_INHERIT_DEFAULT),
        KERN_SUCCESS);
    assert_int_equal(result.address % PAGE, PAGE - 16);
    assert_true(*at(result.address) == 'a' && *at(result.address + 16) == 'b');
    release(result.address & ~(PAGE - 1), 2);
    release(pages, 2);
}

static void unreadable_memory(void **state)
{
    uint64_t page = lettered(1);

    (void)state;
    assert_int_equal(protect(page, 1, VM_PROT_NONE), KERN_SUCCESS);
    uint64_t copy = remapped(page, 1, TRUE, VM_INHERIT_DEFAULT), again = remapped(page, 1, FALSE, VM_INHERIT_DEFAULT);
    assert_true(!can_read(copy) && !can_read(again));
    assert_int_equal(protect(copy, 1, RW), KERN_SUCCESS);
    assert_int_equal(protect(again, 1, RW), KERN_SUCCESS);
    assert_true(is_filled(copy, PAGE, 'a') && is_filled(again, PAGE, 'a'));
    release(page, 1);
    release(copy, 1);
    release(again, 1);
}

static void read_only_for_code(void **state)
{
    uint64_t page = lettered(1);
    struct result result = {0, -1, -1};

    (void)state;
    assert_int_equal(
        remap(&result, page, PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_RESILIENT_CODESIGN, FALSE, VM_INHERIT_DEFAULT),
        KERN_SUCCESS);
    assert_true(result.current == VM_PROT_READ && result.max == VM_PROT_READ && !can_write(result.address));
    assert_int_equal(protect(result.address, 1, RW), KERN_PROTECTION_FAILURE);
    release(result.address, 1);
    release(page, 1);
}

static void inherited_by_its_rule(void **state)
{
    uint64_t page = lettered(1), shared = remapped(page, 1, TRUE, VM_INHERIT_SHARE),
             copied = remapped(page, 1, FALSE, VM_INHERIT_COPY), absent = remapped(page, 1, FALSE, VM_INHERIT_NONE);

    (void)state;
    assert_int_equal(child_run(write_in_child, (void *)(uintptr_t)shared), 0);
    assert_int_equal(*at(shared), 'C');
    assert_int_equal(child_run(write_in_child, (void *)(uintptr_t)copied), 0);
    assert_int_equal(*at(copied), 'a');
    assert_int_equal(child_run(write_in_child, (void *)(uintptr_t)absent), -SIGSEGV);
    release(page, 1);
    release(shared, 1);
    release(copied, 1);
    release(absent, 1);
}

static void refused(kern_return_t expected, mach_port_t target, mach_port_t source_task, uint64_t source, uint64_t size,
                    int flags, vm_inherit_t inherit)
{
    struct result result = {0x4321, 77, 78};

    assert_int_equal(mach_vm_remap(target, &result.address, size, 0, flags, source_task, source, FALSE, &result.current,
                                   &result.max, inherit),
                     expected);
    assert_true(result.address == 0x4321 && result.current == 77 && result.max == 78);
}

static void bad_arguments_are_refused(void **state)
{
    uint64_t pages = lettered(3);
    mach_port_t entry = fresh_entry(1, RW);

    (void)state;
    refused(MACH_SEND_INVALID_DEST, MACH_PORT_NULL, SELF, pages, PAGE, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, MACH_PORT_NULL, pages, PAGE, VM_FLAGS_ANYWHERE, 0);
    refused(MACH_SEND_INVALID_RIGHT, SELF, 0x12340003, pages, PAGE, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, entry, pages, PAGE, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, SELF, pages, PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_NO_CACHE, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, SELF, pages, PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_RESILIENT_MEDIA, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, SELF, pages, PAGE, VM_FLAGS_ANYWHERE, VM_INHERIT_DONATE_COPY);
    refused(KERN_INVALID_ARGUMENT, SELF, SELF, pages, 0, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, SELF, pages, HIGHEST, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ARGUMENT, SELF, SELF, last_page(), 2 * PAGE, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ADDRESS, SELF, SELF, TOP, PAGE, VM_FLAGS_ANYWHERE, 0);
    refused(KERN_INVALID_ADDRESS, SELF, SELF, pages, PAGE, VM_FLAGS_FIXED, 0);
    release(pages + PAGE, 1);
    refused(KERN_INVALID_ADDRESS, SELF, SELF, pages, 3 * PAGE, VM_FLAGS_ANYWHERE, 0);
    release(pages, 3);
    drop(entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_memory_is_shared),
        cmocka_unit_test(a_copy_is_as_of_now),
        cmocka_unit_test(the_programs_own_shared_memory),
        cmocka_unit_test(a_mapping_longer_than_its_file),
        cmocka_unit_test(the_programs_own_that_is_not_inherited),
        cmocka_unit_test(many_objects),
        cmocka_unit_test(a_mirror),
        cmocka_unit_test(over_live_memory),
        cmocka_unit_test(addresses_within_a_page),
        cmocka_unit_test(unreadable_memory),
        cmocka_unit_test(read_only_for_code),
        cmocka_unit_test(inherited_by_its_rule),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
