/* mach_vm_allocate, _deallocate, _protect: cases 1 to 31. */
#include "mach/memory.h"

#include <sys/mman.h>

/* Cases 1, 2 */
static void fresh_memory_is_zero(void **state)
{
    const uint64_t sizes[] = {1, PAGE - 1, PAGE, PAGE + 1, UINT64_C(4) << 20};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mach_vm_address_t address = 0;
        uint64_t rounded = (sizes[i] + PAGE - 1) / PAGE * PAGE;
        assert_int_equal(mach_vm_allocate(SELF, &address, sizes[i], VM_FLAGS_ANYWHERE), KERN_SUCCESS);
        assert_int_not_equal(address, 0);
        assert_int_equal(address % PAGE, 0);
        assert_true(is_filled(address, rounded, 0));
        fill(address, rounded, 'x');
        assert_int_equal(mach_vm_deallocate(SELF, address, sizes[i]), KERN_SUCCESS);
    }
}

/* The same by the vm_ calls. */
static void the_twins_do_the_same(void **state)
{
    vm_address_t address = 0;
    (void)state;
    assert_int_equal(vm_allocate(SELF, &address, 1, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    *at(address) = 1;
    assert_int_equal(vm_protect(SELF, address, 1, FALSE, VM_PROT_READ), KERN_SUCCESS);
    assert_false(can_write(address));
    assert_int_equal(vm_inherit(SELF, address, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    assert_int_equal(vm_deallocate(SELF, address, 1), KERN_SUCCESS);
    assert_false(can_read(address));
    address = 7;
    assert_int_equal(vm_allocate(SELF, &address, 1, 0x100), KERN_INVALID_ARGUMENT);
    assert_int_equal(address, 7);
}

/* Cases 3, 4 */
static void nothing_allocated_has_no_address(void **state)
{
    mach_vm_address_t address = 0x1234;
    (void)state;
    assert_int_equal(mach_vm_allocate(SELF, &address, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_int_equal(address, 0);
    assert_int_equal(mach_vm_allocate(SELF, &address, 0, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(address, 0);
}

static void refused(uint64_t address, uint64_t size, int flags, kern_return_t expected)
{
    mach_vm_address_t where = address;
    assert_int_equal(mach_vm_allocate(SELF, &where, size, flags), expected);
    assert_int_equal(where, address);
}

/* Cases 5, 6, 7, 15, 16, 17 */
static void bad_arguments_are_refused(void **state)
{
    const int flags[] = {0x20, 0x40, 0x100, 0x200, 0x400, 0x800, 0x2000, 0x8000, 0x80000, 0x100000, 0x200000, 0x400000};
    (void)state;
    refused(0, PAGE, VM_FLAGS_FIXED, KERN_INVALID_ADDRESS);
    refused(0, HIGHEST, VM_FLAGS_ANYWHERE, KERN_INVALID_ARGUMENT);
    refused(0, last_page(), VM_FLAGS_ANYWHERE, KERN_NO_SPACE);
    refused(last_page(), 2 * PAGE, VM_FLAGS_FIXED, KERN_INVALID_ADDRESS);
    refused(last_page(), HIGHEST, VM_FLAGS_FIXED, KERN_INVALID_ARGUMENT);
    refused(TOP + (UINT64_C(1) << 30), PAGE, VM_FLAGS_FIXED, KERN_INVALID_ADDRESS);
    refused(TOP - PAGE, 2 * PAGE, VM_FLAGS_FIXED, KERN_INVALID_ADDRESS);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        refused(0, PAGE, VM_FLAGS_ANYWHERE | flags[i], KERN_INVALID_ARGUMENT);
        refused(0, 0, VM_FLAGS_ANYWHERE | flags[i], KERN_INVALID_ARGUMENT);
    }
}

/* Case 8 */
static void the_address_is_no_hint(void **state)
{
    mach_vm_address_t address = last_page();
    (void)state;
    assert_int_equal(mach_vm_allocate(SELF, &address, PAGE, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_int_equal(address % PAGE, 0);
    assert_true(address < TOP);
    assert_int_equal(release(address, 1), KERN_SUCCESS);
}

/* Case 9 */
static void first_fit_rises(void **state)
{
    uint64_t first = allocate(1), second = allocate(1);
    (void)state;
    assert_true(first != 0 && second > first);
    for (uint64_t page = first; page <= second; page += PAGE)
        refused(page, PAGE, VM_FLAGS_FIXED, KERN_NO_SPACE);
    release(first, 1);
    release(second, 1);
}

/* Case 10 */
static void a_freed_page_can_be_had_again(void **state)
{
    uint64_t page = allocate(1);
    mach_vm_address_t again = page;
    (void)state;
    fill(page, PAGE, 'x');
    assert_int_equal(release(page, 1), KERN_SUCCESS);
    assert_int_equal(mach_vm_allocate(SELF, &again, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(again, page);
    assert_true(is_filled(page, PAGE, 0));
    release(page, 1);
}

/* Case 11 */
static void fixed_counts_from_its_page(void **state)
{
    uint64_t pages = allocate(2);
    mach_vm_address_t address = pages + 1;
    (void)state;
    release(pages, 2);
    assert_int_equal(mach_vm_allocate(SELF, &address, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(address, pages);
    assert_int_equal(allocate_at(pages + PAGE, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    release(pages, 2);
}

/* Case 12 */
static void live_memory_is_not_taken(void **state)
{
    uint64_t pages = allocate(3);
    (void)state;
    fill(pages, 3 * PAGE, 'x');
    for (uint64_t i = 0; i < 3; i++)
        refused(pages + i * PAGE, PAGE, VM_FLAGS_FIXED, KERN_NO_SPACE);
    assert_true(is_filled(pages, 3 * PAGE, 'x'));
    release(pages, 3);
}

/* Cases 13, 14 */
static void overwriting_clears(void **state)
{
    uint64_t pages = allocate(4);
    (void)state;
    fill(pages, 4 * PAGE, 'x');
    assert_int_equal(allocate_at(pages + PAGE, PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE), KERN_SUCCESS);
    assert_true(is_filled(pages + PAGE, PAGE, 0));
    assert_true(is_filled(pages, PAGE, 'x'));
    release(pages + 2 * PAGE, 2);
    assert_int_equal(allocate_at(pages, 4 * PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE), KERN_SUCCESS);
    assert_true(is_filled(pages, 4 * PAGE, 0));
    release(pages, 4);
}

/* Case 18 */
static void no_task_no_memory(void **state)
{
    const uint64_t sizes[] = {0, 1, PAGE, HIGHEST};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mach_vm_address_t address = 0x1234;
        vm_address_t narrow = 0x1234;
        assert_int_equal(mach_vm_allocate(MACH_PORT_NULL, &address, sizes[i], 1), MACH_SEND_INVALID_DEST);
        assert_int_equal(vm_allocate(MACH_PORT_NULL, &narrow, sizes[i], 1), MACH_SEND_INVALID_DEST);
        assert_int_equal(
            mach_vm_map(MACH_PORT_NULL, &address, sizes[i], 0, 1, MACH_PORT_NULL, 0, FALSE, RW, RW, VM_INHERIT_DEFAULT),
            MACH_SEND_INVALID_DEST);
        assert_int_equal(mach_vm_deallocate(MACH_PORT_NULL, 0, sizes[i]), MACH_SEND_INVALID_DEST);
        assert_int_equal(mach_vm_protect(MACH_PORT_NULL, 0, sizes[i], FALSE, RW), MACH_SEND_INVALID_DEST);
        assert_int_equal(mach_vm_inherit(MACH_PORT_NULL, 0, sizes[i], 0), MACH_SEND_INVALID_DEST);
        assert_int_equal(address, 0x1234);
        assert_int_equal(narrow, 0x1234);
    }
    assert_int_equal(mach_vm_deallocate(0xdead00, 0, 0), MACH_SEND_INVALID_DEST);
}

/* Case 19 */
static void execution_is_allowed_but_not_given(void **state)
{
    uint64_t page = allocate(1);
    (void)state;
    assert_true(can_write(page));
    assert_int_equal(protect(page, 1, VM_PROT_ALL), KERN_SUCCESS);
    release(page, 1);
}

/* Case 20, of which Mach 1.7 and 1.12 */
static void permanent_memory_stays(void **state)
{
    mach_vm_address_t pages = 0;
    (void)state;
    assert_int_equal(mach_vm_allocate(SELF, &pages, 3 * PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_PERMANENT), KERN_SUCCESS);
    refused(pages, PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, KERN_NO_SPACE);
    assert_false(can_read(pages));
    assert_true(can_write(pages + PAGE));
    assert_int_equal(release(pages, 2), KERN_SUCCESS);
    assert_false(can_read(pages + PAGE));
    assert_true(can_write(pages + 2 * PAGE));
    refused(pages + PAGE, PAGE, VM_FLAGS_FIXED, KERN_NO_SPACE);
    assert_int_equal(protect(pages, 1, VM_PROT_READ), KERN_PROTECTION_FAILURE);
    assert_int_equal(mach_vm_protect(SELF, pages + 2 * PAGE, PAGE, TRUE, VM_PROT_COPY | RW), KERN_NO_SPACE);
    assert_false(can_read(pages + 2 * PAGE));
}

/* What the program has unmapped itself is not there any more, permanent or not. */
static void permanent_memory_that_was_unmapped(void **state)
{
    mach_vm_address_t pages = 0, page = 0;
    (void)state;
    assert_int_equal(mach_vm_allocate(SELF, &pages, 3 * PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_PERMANENT), KERN_SUCCESS);
    assert_int_equal(munmap((void *)(uintptr_t)(pages + PAGE), PAGE), 0);
    assert_int_equal(release(pages, 3), KERN_SUCCESS);
    assert_int_equal(allocate_at(pages, PAGE, VM_FLAGS_FIXED), KERN_NO_SPACE);
    assert_int_equal(allocate_at(pages + PAGE, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(release(pages + PAGE, 1), KERN_SUCCESS);
    assert_int_equal(allocate_at(pages + PAGE, PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_true(can_write(pages + PAGE));

    assert_int_equal(mach_vm_allocate(SELF, &page, PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_PERMANENT), KERN_SUCCESS);
    assert_int_equal(munmap((void *)(uintptr_t)page, PAGE), 0);
    assert_int_equal(allocate_at(page, PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE), KERN_SUCCESS);
    assert_true(can_write(page));
    assert_int_equal(release(page, 1), KERN_SUCCESS);
    assert_false(can_read(page));
}

/* Cases 21, 22 */
static void freeing_nothing_succeeds(void **state)
{
    const uint64_t addresses[] = {0, 1, PAGE - 1, PAGE, PAGE + 1, UINT32_MAX, last_page(), HIGHEST};
    uint64_t page = allocate(1);
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        assert_int_equal(mach_vm_deallocate(SELF, addresses[i], 0), KERN_SUCCESS);
    assert_int_equal(release(page, 1), KERN_SUCCESS);
    assert_int_equal(release(page, 1), KERN_SUCCESS);
    assert_int_equal(mach_vm_deallocate(SELF, TOP + PAGE, PAGE), KERN_SUCCESS);
}

/* Cases 23, 24, 27 */
static void freeing_goes_outward_and_over_holes(void **state)
{
    uint64_t pages = allocate(4);
    (void)state;
    release(pages + PAGE, 1);
    assert_int_equal(release(pages, 3), KERN_SUCCESS);
    assert_false(can_read(pages));
    assert_false(can_read(pages + 3 * PAGE - 1));
    assert_true(can_read(pages + 3 * PAGE));
    release(pages, 4);
    pages = allocate(3);
    assert_int_equal(mach_vm_deallocate(SELF, pages + 1, PAGE), KERN_SUCCESS);
    assert_false(can_read(pages));
    assert_false(can_read(pages + PAGE / 2));
    assert_false(can_read(pages + 2 * PAGE - 1));
    assert_true(can_read(pages + 2 * PAGE));
    release(pages, 3);
}

/* Cases 25, 26 */
static void wrapped_ranges_free_nothing(void **state)
{
    uint64_t page = allocate(1);
    (void)state;
    assert_int_equal(mach_vm_deallocate(SELF, 1, HIGHEST), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_deallocate(SELF, PAGE, last_page()), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_deallocate(SELF, last_page(), PAGE), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_deallocate(SELF, HIGHEST, 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_deallocate(SELF, 0, HIGHEST), KERN_INVALID_ARGUMENT);
    assert_true(can_write(page));
    release(page, 1);
}

/* Case 28 */
static void protection_keeps_content(void **state)
{
    uint64_t page = allocate(1);
    (void)state;
    fill(page, PAGE, 'x');
    assert_int_equal(protect(page, 1, VM_PROT_NONE), KERN_SUCCESS);
    assert_false(can_read(page));
    assert_int_equal(protect(page, 1, VM_PROT_READ), KERN_SUCCESS);
    assert_true(can_read(page));
    assert_false(can_write(page));
    assert_int_equal(protect(page, 1, RW), KERN_SUCCESS);
    assert_true(can_write(page));
    assert_true(is_filled(page, PAGE, 'x'));
    release(page, 1);
}

/* Case 29 */
static void a_hole_stops_protection(void **state)
{
    uint64_t pages = allocate(3);
    (void)state;
    release(pages + PAGE, 1);
    assert_int_equal(protect(pages, 3, VM_PROT_READ), KERN_INVALID_ADDRESS);
    assert_true(can_write(pages));
    assert_true(can_write(pages + 2 * PAGE));
    release(pages, 3);
}

/* Case 30 */
static void the_maximum_only_falls(void **state)
{
    uint64_t pages = allocate(2);
    (void)state;
    assert_int_equal(protect_max(pages, 1, VM_PROT_READ), KERN_SUCCESS);
    assert_false(can_write(pages));
    assert_int_equal(protect(pages, 1, RW), KERN_PROTECTION_FAILURE);
    assert_int_equal(protect_max(pages, 1, VM_PROT_ALL), KERN_PROTECTION_FAILURE);
    assert_int_equal(protect(pages, 2, RW), KERN_PROTECTION_FAILURE);
    assert_true(can_write(pages + PAGE));
    release(pages, 2);
    /* new memory at the old place has a maximum of its own */
    assert_int_equal(allocate_at(pages, 2 * PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(protect(pages, 2, VM_PROT_ALL), KERN_SUCCESS);
    release(pages, 2);
}

/* Case 31, of which Mach 1.15 */
static void protection_checks_its_arguments(void **state)
{
    (void)state;
    assert_int_equal(mach_vm_protect(SELF, 0, 0, FALSE, RW), KERN_SUCCESS);
    assert_int_equal(mach_vm_protect(SELF, HIGHEST, 0, FALSE, RW), KERN_SUCCESS);
    uint64_t page = allocate(1);
    assert_int_equal(protect(page, 1, 0x100), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_protect(SELF, page, HIGHEST, FALSE, RW), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_protect(SELF, 0, HIGHEST, FALSE, RW), KERN_INVALID_ADDRESS);
    assert_int_equal(mach_vm_protect(SELF, TOP, PAGE, FALSE, RW), KERN_INVALID_ADDRESS);
    release(page, 1);
}

/* Mach 1.16 */
static void protect_copy_leaves_shared_memory(void **state)
{
    uint64_t page = allocate(1), peer;
    mach_port_t entry = entry_over(page, 1, RW);
    (void)state;
    fill(page, PAGE, 'a');
    peer = map_pages(entry, 0, 1, VM_PROT_READ);
    assert_int_not_equal(peer, 0);
    assert_int_equal(mach_vm_protect(SELF, peer, PAGE, FALSE, RW | VM_PROT_COPY), KERN_SUCCESS);
    *at(peer) = 'b';
    at(page)[1] = 'c';
    assert_int_equal(*at(page), 'a');
    assert_int_equal(at(peer)[1], 'a');
    drop(entry);
    release(page, 1);
    release(peer, 1);
}

/* The copy comes first, then the maximum: never a writable view of what is shared. */
static void protect_copy_of_the_maximum_copies_too(void **state)
{
    uint64_t page = allocate(1), peer;
    mach_port_t entry = entry_over(page, 1, RW);
    (void)state;
    fill(page, PAGE, 'a');
    peer = map_pages(entry, 0, 1, VM_PROT_READ);
    assert_int_not_equal(peer, 0);
    assert_int_equal(protect_max(peer, 1, RW | VM_PROT_COPY), KERN_SUCCESS);
    assert_false(can_write(peer));
    assert_int_equal(protect(peer, 1, RW), KERN_SUCCESS);
    *at(peer) = 'b';
    assert_int_equal(*at(page), 'a');
    assert_int_equal(protect(peer, 1, VM_PROT_ALL), KERN_PROTECTION_FAILURE);
    drop(entry);
    release(page, 1);
    release(peer, 1);
}

static int write_to_both(void *context)
{
    uint64_t pages = (uintptr_t)context;
    CHECK(can_read(pages) && can_read(pages + PAGE));
    CHECK(*at(pages) == 'a' && *at(pages + PAGE) == 'a');
    *at(pages) = *at(pages + PAGE) = 'c';
    return 0;
}

/* What was SHARE is no longer shared; what was NONE is memory like any other again. */
static void protect_copy_makes_memory_inherited_as_a_copy(void **state)
{
    uint64_t pages = allocate(2);
    (void)state;
    fill(pages, 2 * PAGE, 'a');
    assert_int_equal(set_inherit(pages, 1, VM_INHERIT_SHARE), KERN_SUCCESS);
    assert_int_equal(set_inherit(pages + PAGE, 1, VM_INHERIT_NONE), KERN_SUCCESS);
    assert_int_equal(mach_vm_protect(SELF, pages, 2 * PAGE, FALSE, RW | VM_PROT_COPY), KERN_SUCCESS);
    assert_int_equal(child_run(write_to_both, (void *)(uintptr_t)pages), 0);
    assert_true(is_filled(pages, 2 * PAGE, 'a'));

    /* Shared again by an entry, it is still a copy to a child. */
    mach_port_t entry = entry_over(pages, 1, RW);
    assert_int_equal(child_run(write_to_both, (void *)(uintptr_t)pages), 0);
    assert_true(is_filled(pages, 2 * PAGE, 'a'));
    drop(entry);
    release(pages, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_memory_is_zero),
        cmocka_unit_test(the_twins_do_the_same),
        cmocka_unit_test(nothing_allocated_has_no_address),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(the_address_is_no_hint),
        cmocka_unit_test(first_fit_rises),
        cmocka_unit_test(a_freed_page_can_be_had_again),
        cmocka_unit_test(fixed_counts_from_its_page),
        cmocka_unit_test(live_memory_is_not_taken),
        cmocka_unit_test(overwriting_clears),
        cmocka_unit_test(no_task_no_memory),
        cmocka_unit_test(execution_is_allowed_but_not_given),
        cmocka_unit_test(permanent_memory_stays),
        cmocka_unit_test(permanent_memory_that_was_unmapped),
        cmocka_unit_test(freeing_nothing_succeeds),
        cmocka_unit_test(freeing_goes_outward_and_over_holes),
        cmocka_unit_test(wrapped_ranges_free_nothing),
        cmocka_unit_test(protection_keeps_content),
        cmocka_unit_test(a_hole_stops_protection),
        cmocka_unit_test(the_maximum_only_falls),
        cmocka_unit_test(protection_checks_its_arguments),
        cmocka_unit_test(protect_copy_leaves_shared_memory),
        cmocka_unit_test(protect_copy_of_the_maximum_copies_too),
        cmocka_unit_test(protect_copy_makes_memory_inherited_as_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
