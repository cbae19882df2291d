/* Memory entries, beyond the conformance cases 46 to 76. */
#include "mach/memory.h"

#include <sys/resource.h>

static kern_return_t map_rw(mach_port_t entry, uint64_t offset, uint64_t size)
{
    uint64_t address = 0;
    kern_return_t kr = map_at(&address, VM_FLAGS_ANYWHERE, entry, offset, size, FALSE, RW, RW, VM_INHERIT_NONE);
    if (kr == KERN_SUCCESS)
        mach_vm_deallocate(SELF, address, size);
    return kr;
}

/* make_entry has to fail, and to leave its out arguments alone. */
static void refused(uint64_t offset, uint64_t size, vm_prot_t permission, mach_port_t parent, kern_return_t expected)
{
    mach_port_t entry = 77;
    uint64_t covered;
    assert_int_equal(make_entry(offset, size, permission, parent, &entry, &covered), expected);
    assert_int_equal(entry, 77);
    assert_int_equal(covered, size);
}

static void covers(uint64_t offset, uint64_t size, uint64_t expected)
{
    mach_port_t entry = MACH_PORT_NULL;
    uint64_t covered;
    assert_int_equal(make_entry(offset, size, RW, MACH_PORT_NULL, &entry, &covered), KERN_SUCCESS);
    assert_int_equal(covered, expected);
    assert_int_equal(map_rw(entry, 0, expected), KERN_SUCCESS);
    drop(entry);
}

/* Cases 50, 56, and overflows */
static void bad_arguments_are_refused(void **state)
{
    uint64_t page = allocate(1);
    (void)state;
    refused(0, PAGE, RW, MACH_PORT_NULL, KERN_INVALID_ADDRESS);
    refused(TOP, PAGE, RW, MACH_PORT_NULL, KERN_INVALID_ADDRESS);
    refused(last_page(), 2 * PAGE, RW, MACH_PORT_NULL, KERN_INVALID_ARGUMENT);
    refused(page, HIGHEST, RW, MACH_PORT_NULL, KERN_INVALID_ARGUMENT);
    refused(0, HIGHEST, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL, KERN_INVALID_ARGUMENT);
    refused(0, PAGE << 32, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL, KERN_FAILURE);
    refused(0, UINT64_C(1) << 43, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL, KERN_RESOURCE_SHORTAGE);
    refused(page, PAGE, RW | 0x100, MACH_PORT_NULL, KERN_INVALID_VALUE);
    refused(page, PAGE, RW | 0x1000, MACH_PORT_NULL, KERN_INVALID_VALUE);
    refused(page, PAGE, RW | MAP_MEM_ONLY, MACH_PORT_NULL, KERN_INVALID_ARGUMENT);
    refused(page, PAGE, RW, 0xabcd00, MACH_SEND_INVALID_RIGHT);
    mach_port_t entry = 77;
    memory_object_size_t size = PAGE;
    assert_int_equal(mach_make_memory_entry_64(MACH_PORT_NULL, &size, page, RW, &entry, MACH_PORT_NULL),
                     MACH_SEND_INVALID_DEST);
    release(page, 1);
}

/* Mach 3.5: two allocations are two objects. */
static void an_entry_covers_one_allocation(void **state)
{
    uint64_t pages = allocate(4);
    (void)state;
    release(pages, 4);
    assert_int_equal(allocate_at(pages, 2 * PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(allocate_at(pages + 2 * PAGE, 2 * PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    covers(pages + PAGE, 3 * PAGE, PAGE);
    covers(pages, 4 * PAGE, 2 * PAGE);
    release(pages, 4);
}

/* An entry over a part, then one over all: one object (Mach 3.8). */
static void entries_over_parts_are_over_one_object(void **state)
{
    uint64_t pages = allocate(3), part, all;
    mach_port_t middle, whole;
    (void)state;
    fill(pages, 3 * PAGE, 'a');
    middle = entry_over(pages + PAGE, 1, RW);
    whole = entry_over(pages, 3, RW);
    part = map_pages(middle, 0, 1, RW);
    all = map_pages(whole, 0, 3, RW);
    assert_true(part != 0 && all != 0);
    *at(part) = 'b';
    assert_int_equal(at(all)[PAGE], 'b');
    assert_int_equal(at(pages)[PAGE], 'b');
    drop(middle);
    drop(whole);
    release(pages, 3);
    release(part, 1);
    release(all, 3);
}

/* Case 53 */
static void rights_are_those_of_the_memory(void **state)
{
    uint64_t page = allocate(1), covered;
    mach_port_t entry = MACH_PORT_NULL;
    (void)state;
    protect(page, 1, VM_PROT_READ);
    refused(page, PAGE, RW, MACH_PORT_NULL, KERN_PROTECTION_FAILURE);
    assert_int_equal(make_entry(page, PAGE, RW | VM_PROT_IS_MASK, MACH_PORT_NULL, &entry, &covered), KERN_SUCCESS);
    assert_int_equal(map_rw(entry, 0, PAGE), KERN_INVALID_RIGHT);
    drop(entry);
    protect(page, 1, VM_PROT_NONE);
    refused(page, PAGE, RW | VM_PROT_IS_MASK, MACH_PORT_NULL, KERN_PROTECTION_FAILURE);
    assert_int_equal(make_entry(page, PAGE, VM_PROT_NONE, MACH_PORT_NULL, &entry, &covered), KERN_SUCCESS);
    drop(entry);
    release(page, 1);
}

/* Case 55: one allocation is one entry here, whatever its size. */
static void large_memory_is_covered(void **state)
{
    const uint64_t large = (UINT64_C(200) << 20) / PAGE;
    uint64_t pages = allocate(large);
    mach_port_t entry;
    (void)state;
    at(pages)[large * PAGE - 1] = 'x';
    entry = entry_over(pages, large, RW);
    assert_int_not_equal(entry, MACH_PORT_NULL);
    uint64_t last = map_pages(entry, large - 1, 1, RW);
    assert_int_equal(at(last)[PAGE - 1], 'x');
    release(last, 1);
    drop(entry);
    entry = entry_over(pages, large, RW | MAP_MEM_VM_SHARE);
    assert_int_not_equal(entry, MACH_PORT_NULL);
    drop(entry);
    release(pages, large);
    entry = fresh_entry(large, RW);
    assert_int_not_equal(entry, MACH_PORT_NULL);
    drop(entry);
}

/* Cases 57, 58 */
static void fresh_memory_outlives_its_entry(void **state)
{
    mach_port_t entry = fresh_entry(3, RW);
    uint64_t one = map_pages(entry, 0, 3, RW), two = map_pages(entry, 0, 3, RW);
    (void)state;
    assert_true(one != 0 && two != 0 && one != two);
    assert_true(is_filled(one, 3 * PAGE, 0));
    fill(one, 3 * PAGE, 'x');
    assert_true(is_filled(two, 3 * PAGE, 'x'));
    release(one, 3);
    assert_int_equal(drop(entry), KERN_SUCCESS);
    assert_true(is_filled(two, 3 * PAGE, 'x'));
    assert_int_equal(map_rw(entry, 0, PAGE), MACH_SEND_INVALID_RIGHT);
    release(two, 3);
}

/* Cases 60, 61, 62, 63 */
static void parts_are_within_and_aligned(void **state)
{
    uint64_t pages = allocate(3);
    mach_port_t entries[2];
    (void)state;
    entries[0] = entry_over(pages, 3, RW);
    entries[1] = fresh_entry(3, RW);
    for (int i = 0; i < 2; i++) {
        mach_port_t entry = entries[i];
        uint64_t all = map_pages(entry, 0, 3, RW), second = map_pages(entry, 1, 1, RW);
        at(all)[PAGE] = 's';
        assert_int_equal(*at(second), 's');
        assert_int_equal(map_rw(entry, 2 * PAGE, 2 * PAGE), KERN_INVALID_ARGUMENT);
        assert_int_equal(map_rw(entry, 3 * PAGE, 1), KERN_INVALID_ARGUMENT);
        assert_int_equal(map_rw(entry, 2 * PAGE, PAGE + 1), KERN_INVALID_ARGUMENT);
        assert_int_equal(map_rw(entry, 2 * PAGE, 1), KERN_SUCCESS);
        assert_int_equal(map_rw(entry, 100, PAGE), KERN_INVALID_ARGUMENT);
        assert_int_equal(map_rw(entry, HIGHEST, PAGE), KERN_INVALID_ARGUMENT);
        assert_int_equal(map_rw(entry, 0, HIGHEST), KERN_INVALID_ARGUMENT);
        release(all, 3);
        release(second, 1);
        drop(entry);
    }
    release(pages, 3);
}

/* Mach 2.9 */
static void the_data_address_keeps_the_offset(void **state)
{
    mach_port_t entry = fresh_entry(2, RW);
    uint64_t all = map_pages(entry, 0, 2, RW), data = 0;
    (void)state;
    at(all)[100] = 'd';
    assert_int_equal(map_at(&data, VM_FLAGS_ANYWHERE | VM_FLAGS_RETURN_DATA_ADDR, entry, 100, PAGE, FALSE, RW, RW, 1),
                     0);
    assert_int_equal(data % PAGE, 100);
    assert_int_equal(*at(data), 'd');
    assert_true(can_read(data + PAGE - 1));
    release(data - 100, 2);
    release(all, 2);
    drop(entry);
}

/*
 * An entry made with USE_DATA_ADDR knows where in its first page the data begins: a mapping with RETURN_DATA_ADDR counts from there
 * and returns that address; any other counts from the page, as ever.
 */
static void the_entry_keeps_the_offset(void **state)
{
    const vm_prot_t kinds[] = {0, MAP_MEM_VM_SHARE, MAP_MEM_VM_COPY};
    const int by_data = VM_FLAGS_ANYWHERE | VM_FLAGS_RETURN_DATA_ADDR;
    uint64_t pages = allocate(3);

    (void)state;
    at(pages)[PAGE - 100] = 'd';
    at(pages)[PAGE] = 'e';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        mach_port_t entry = MACH_PORT_NULL;
        uint64_t covered, data = 0, base = 0;
        assert_int_equal(make_entry(pages + PAGE - 100, PAGE, RW | MAP_MEM_USE_DATA_ADDR | kinds[i], MACH_PORT_NULL,
                                    &entry, &covered),
                         KERN_SUCCESS);
        assert_int_equal(covered, 2 * PAGE - (PAGE - 100)); /* from the data on */
        assert_int_equal(map_at(&data, by_data, entry, 0, PAGE, FALSE, RW, RW, 1), KERN_SUCCESS);
        assert_int_equal(data % PAGE, PAGE - 100);
        assert_int_equal(*at(data), 'd');
        release(data - (PAGE - 100), 2);
        data = 0;
        assert_int_equal(map_at(&data, by_data, entry, 100, 16, FALSE, RW, RW, 1), KERN_SUCCESS);
        assert_int_equal(data % PAGE, 0);
        assert_int_equal(*at(data), kinds[i] == 0 ? 'e' : *at(pages)); /* of a whole entry, its first page */
        assert_int_equal(map_at(&base, VM_FLAGS_ANYWHERE, entry, 0, 2 * PAGE, FALSE, RW, RW, 1), KERN_SUCCESS);
        assert_true(base % PAGE == 0 && at(base)[PAGE - 100] == 'd');
        release(base, 2);
        /* The same memory, but its beginning: another entry. */
        if (kinds[i] == 0) {
            mach_port_t again = MACH_PORT_NULL;
            assert_int_equal(make_entry(pages, 2 * PAGE, RW | MAP_MEM_NAMED_REUSE, entry, &again, &covered),
                             KERN_SUCCESS);
            assert_int_not_equal(again, entry);
            drop(again);
        }
        /* From the data on there is less than two pages. */
        assert_int_equal(map_at(&base, by_data, entry, 0, 2 * PAGE, FALSE, RW, RW, 1), KERN_INVALID_ARGUMENT);
        assert_int_equal(map_at(&base, by_data, entry, HIGHEST - PAGE + 100, PAGE, FALSE, RW, RW, 1),
                         KERN_INVALID_ARGUMENT);
        drop(entry);
    }
    release(pages, 3);
}

/* Cases 65, 66 */
static void a_copy_entry_is_a_snapshot(void **state)
{
    uint64_t pages = allocate(2), one, two;
    mach_port_t entry;
    (void)state;
    fill(pages, PAGE, 'a');
    protect(pages, 2, VM_PROT_READ);
    entry = entry_over(pages, 2, RW | MAP_MEM_VM_COPY);
    assert_int_not_equal(entry, MACH_PORT_NULL);
    protect(pages, 2, RW);
    fill(pages, 2 * PAGE, 'b');
    one = map_pages(entry, 0, 2, RW);
    two = map_pages(entry, 0, 2, RW);
    assert_true(is_filled(one, PAGE, 'a'));
    assert_true(is_filled(one + PAGE, PAGE, 0));
    *at(one) = 'c';
    assert_int_equal(*at(two), 'c');
    assert_int_equal(*at(pages), 'b');
    protect(pages, 1, VM_PROT_NONE);
    refused(pages, PAGE, VM_PROT_READ | MAP_MEM_VM_COPY, MACH_PORT_NULL, KERN_PROTECTION_FAILURE);
    release(pages, 2);
    release(one, 2);
    release(two, 2);
    drop(entry);
}

/* Case 67 */
static void a_copied_mapping_is_a_snapshot(void **state)
{
    const vm_inherit_t inherit[] = {VM_INHERIT_SHARE, VM_INHERIT_COPY, VM_INHERIT_NONE};
    (void)state;
    for (int i = 0; i < 3; i++) {
        uint64_t pages = allocate(3), copy = 0;
        mach_port_t entry;
        fill(pages, 2 * PAGE, 'a');
        entry = entry_over(pages, 3, RW);
        assert_int_equal(map_at(&copy, 1, entry, PAGE, 2 * PAGE, TRUE, RW, VM_PROT_READ, inherit[i]), KERN_SUCCESS);
        assert_false(can_write(copy));
        release(copy, 2);
        copy = 0;
        assert_int_equal(map_at(&copy, 1, entry, 0, 3 * PAGE, TRUE, RW, RW, inherit[i]), KERN_SUCCESS);
        *at(copy) = 'c';
        fill(pages + PAGE, 2 * PAGE, 'b');
        assert_int_equal(*at(pages), 'a');
        assert_true(is_filled(copy + PAGE, PAGE, 'a')); /* never touched before */
        assert_true(is_filled(copy + 2 * PAGE, PAGE, 0));
        release(copy, 3);
        release(pages, 3);
        drop(entry);
    }
}

/* Cases 68, 69, 70, 76 */
static void a_read_only_entry_stays_so(void **state)
{
    uint64_t page = allocate(1), covered, address = 77;
    mach_port_t entry = MACH_PORT_NULL, again = MACH_PORT_NULL;
    (void)state;
    assert_int_equal(make_entry(page, PAGE, VM_PROT_READ, MACH_PORT_NULL, &entry, &covered), KERN_SUCCESS);
    assert_int_equal(map_at(&address, 1, entry, 0, PAGE, FALSE, RW, RW, 1), KERN_INVALID_RIGHT);
    assert_int_equal(map_at(&address, 1, entry, 0, PAGE, FALSE, VM_PROT_READ, RW, 1), KERN_INVALID_RIGHT);
    assert_int_equal(map_at(&address, 1, entry, 0, PAGE, TRUE, RW, RW, 1), KERN_INVALID_RIGHT);
    assert_int_equal(map_at(&address, 1, entry, 0, PAGE, FALSE, VM_PROT_READ, VM_PROT_READ, 3), KERN_INVALID_ARGUMENT);
    assert_int_equal(map_at(&address, 1, entry, 0, PAGE, FALSE, 0x100, RW, 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(address, 77);
    address = 0;
    assert_int_equal(map_at(&address, 1, entry, 0, PAGE, FALSE, RW | VM_PROT_IS_MASK, RW | VM_PROT_IS_MASK, 1), 0);
    assert_true(can_read(address));
    assert_false(can_write(address));
    assert_int_equal(protect(address, 1, RW), KERN_PROTECTION_FAILURE);
    *at(page) = 'x';
    assert_int_equal(*at(address), 'x');
    refused(address, PAGE, RW, MACH_PORT_NULL, KERN_PROTECTION_FAILURE);
    assert_int_equal(make_entry(address, PAGE, VM_PROT_READ, MACH_PORT_NULL, &again, &covered), KERN_SUCCESS);
    assert_int_equal(map_rw(again, 0, PAGE), KERN_INVALID_RIGHT);
    uint64_t third = map_pages(again, 0, 1, VM_PROT_READ);
    assert_int_equal(*at(third), 'x');
    release(third, 1);
    release(address, 1);
    release(page, 1);
    drop(entry);
    drop(again);
}

/* Mach 3.18: a read-only mapping of a writable entry gives a read-only entry. */
static void a_read_only_mapping_gives_a_read_only_entry(void **state)
{
    mach_port_t entry = fresh_entry(1, RW), narrow = MACH_PORT_NULL;
    uint64_t view = map_pages(entry, 0, 1, VM_PROT_READ), covered;
    (void)state;
    refused(view, PAGE, RW, MACH_PORT_NULL, KERN_PROTECTION_FAILURE);
    assert_int_equal(make_entry(view, PAGE, VM_PROT_READ, MACH_PORT_NULL, &narrow, &covered), KERN_SUCCESS);
    assert_int_equal(map_rw(narrow, 0, PAGE), KERN_INVALID_RIGHT);
    drop(entry);
    drop(narrow);
    release(view, 1);
}

/* Cases 71, 72 */
static void children_are_views_of_their_parent(void **state)
{
    uint64_t pages = allocate(4), covered, view;
    mach_port_t parent, child = MACH_PORT_NULL, narrow = MACH_PORT_NULL;
    (void)state;
    for (int i = 0; i < 4; i++)
        fill(pages + (uint64_t)i * PAGE, PAGE, 'a' + i);
    parent = entry_over(pages, 4, RW);
    assert_int_equal(make_entry(PAGE, PAGE, VM_PROT_READ, parent, &child, &covered), KERN_SUCCESS);
    assert_int_equal(covered, PAGE);
    refused(4 * PAGE, PAGE, VM_PROT_READ, parent, KERN_INVALID_ARGUMENT);
    refused(3 * PAGE, PAGE + 1, VM_PROT_READ, parent, KERN_INVALID_ARGUMENT);
    refused(0, PAGE, RW, child, KERN_PROTECTION_FAILURE);
    assert_int_equal(make_entry(0, PAGE, RW | VM_PROT_IS_MASK, child, &narrow, &covered), KERN_SUCCESS);
    assert_int_equal(drop(parent), KERN_SUCCESS);
    assert_int_equal(map_rw(child, 0, PAGE), KERN_INVALID_RIGHT);
    assert_int_equal(map_rw(narrow, 0, PAGE), KERN_INVALID_RIGHT);
    view = map_pages(child, 0, 1, VM_PROT_READ);
    assert_true(is_filled(view, PAGE, 'b'));
    assert_int_equal(drop(child), KERN_SUCCESS);
    release(view, 1);
    view = map_pages(narrow, 0, 1, VM_PROT_READ);
    assert_true(is_filled(view, PAGE, 'b'));
    release(view, 1);
    drop(narrow);
    release(pages, 4);
}

/* Mach 3.4 */
static void every_entry_has_a_name_of_its_own(void **state)
{
    uint64_t page = allocate(1);
    mach_port_t one = entry_over(page, 1, RW), two = entry_over(page, 1, RW);
    (void)state;
    assert_int_not_equal(one, two);
    assert_int_equal(drop(one), KERN_SUCCESS);
    assert_int_equal(map_rw(two, 0, PAGE), KERN_SUCCESS);
    drop(two);
    release(page, 1);
}

/* Case 75 */
static void entries_are_mapped_over_nothing_or_by_force(void **state)
{
    uint64_t pages = allocate(2), where = pages;
    mach_port_t entry = fresh_entry(1, RW);
    (void)state;
    fill(pages, 2 * PAGE, 'x');
    assert_int_equal(map_at(&where, VM_FLAGS_FIXED, entry, 0, PAGE, FALSE, RW, RW, 1), KERN_NO_SPACE);
    assert_true(is_filled(pages, 2 * PAGE, 'x'));
    assert_int_equal(map_at(&where, VM_FLAGS_OVERWRITE, entry, 0, PAGE, FALSE, RW, RW, 1), KERN_SUCCESS);
    assert_int_equal(where, pages);
    assert_true(is_filled(pages, PAGE, 0));
    assert_true(is_filled(pages + PAGE, PAGE, 'x'));
    where = pages + PAGE;
    assert_int_equal(map_at(&where, VM_FLAGS_FIXED, entry, 0, PAGE, TRUE, RW, RW, 1), KERN_NO_SPACE);
    assert_int_equal(map_at(&where, VM_FLAGS_OVERWRITE, entry, 0, PAGE, TRUE, RW, RW, 1), KERN_SUCCESS);
    assert_true(is_filled(pages + PAGE, PAGE, 0));
    release(pages, 2);
    drop(entry);
}

/* Memory that this layer did not allocate can be shared too. */
static void any_memory_can_be_shared(void **state)
{
    static _Alignas(65536) unsigned char data[65536];
    uint64_t here = (uintptr_t)data;
    mach_port_t entry;
    (void)state;
    data[5] = 'd';
    entry = entry_over(here, 1, RW);
    assert_int_not_equal(entry, MACH_PORT_NULL);
    uint64_t peer = map_pages(entry, 0, 1, RW);
    assert_int_equal(at(peer)[5], 'd');
    at(peer)[6] = 'p';
    assert_int_equal(at(here)[6], 'p');
    release(peer, 1);
    drop(entry);
}

static int ask_too_much(void *unused)
{
    struct rlimit limit = {4 * PAGE, RLIM_INFINITY};
    mach_port_t entry = 77;
    uint64_t covered;
    (void)unused;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(make_entry(0, 5 * PAGE, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL, &entry, &covered) ==
          KERN_RESOURCE_SHORTAGE);
    CHECK(entry == 77 && covered == 5 * PAGE);
    CHECK(fresh_entry(4, RW) != MACH_PORT_NULL);
    return 0;
}

/* Instead of a signal. */
static void the_file_size_limit_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(child_run(ask_too_much, NULL), 0);
}

static int run_out_of_descriptors(void *unused)
{
    struct rlimit limit = {32, 32};
    mach_port_t made[32];
    int count = 0;
    uint64_t covered;
    (void)unused;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < 32 && make_entry(0, PAGE, RW | MAP_MEM_NAMED_CREATE, MACH_PORT_NULL, &made[count], &covered) == 0)
        count++;
    CHECK(count < 32);
    mach_vm_address_t address = 0;
    CHECK(mach_vm_allocate(SELF, &address, PAGE, VM_FLAGS_ANYWHERE) == KERN_RESOURCE_SHORTAGE);
    while (count-- > 0)
        CHECK(drop(made[count]) == KERN_SUCCESS);
    CHECK(allocate(1) != 0);
    return 0;
}

static void no_descriptor_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(child_run(run_out_of_descriptors, NULL), 0);
}

/* Nothing keeps a descriptor once rights and mappings are gone. */
static void descriptors_are_given_back(void **state)
{
    int before = descriptors_open();
    (void)state;
    for (int i = 0; i < 100; i++) {
        uint64_t pages = allocate(2), peer, covered;
        mach_port_t entry = entry_over(pages, 2, RW), child = MACH_PORT_NULL;
        assert_int_equal(make_entry(0, PAGE, VM_PROT_READ, entry, &child, &covered), KERN_SUCCESS);
        peer = map_pages(child, 0, 1, VM_PROT_READ);
        assert_true(peer != 0);
        drop(entry);
        drop(child);
        release(peer, 1);
        release(pages, 2);
    }
    assert_int_equal(descriptors_open(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(an_entry_covers_one_allocation),
        cmocka_unit_test(entries_over_parts_are_over_one_object),
        cmocka_unit_test(rights_are_those_of_the_memory),
        cmocka_unit_test(large_memory_is_covered),
        cmocka_unit_test(fresh_memory_outlives_its_entry),
        cmocka_unit_test(parts_are_within_and_aligned),
        cmocka_unit_test(the_data_address_keeps_the_offset),
        cmocka_unit_test(the_entry_keeps_the_offset),
        cmocka_unit_test(a_copy_entry_is_a_snapshot),
        cmocka_unit_test(a_copied_mapping_is_a_snapshot),
        cmocka_unit_test(a_read_only_entry_stays_so),
        cmocka_unit_test(a_read_only_mapping_gives_a_read_only_entry),
        cmocka_unit_test(children_are_views_of_their_parent),
        cmocka_unit_test(every_entry_has_a_name_of_its_own),
        cmocka_unit_test(entries_are_mapped_over_nothing_or_by_force),
        cmocka_unit_test(any_memory_can_be_shared),
        cmocka_unit_test(the_file_size_limit_is_an_error),
        cmocka_unit_test(no_descriptor_is_an_error),
        cmocka_unit_test(descriptors_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
