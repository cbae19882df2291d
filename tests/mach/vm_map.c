/* mach_vm_map without an object: cases 32 to 45, and scenario S2. */
#include "mach/memory.h"

#include <limits.h>
#include <sys/auxv.h>

/* A mapping request as in the cases: everything allowed, inherited as a copy. */
static kern_return_t map_zeroes(mach_vm_address_t *address, uint64_t size, uint64_t mask, int flags)
{
    return mach_vm_map(SELF, address, size, mask, flags, MACH_PORT_NULL, 0, FALSE, RW, VM_PROT_ALL, VM_INHERIT_DEFAULT);
}

static void refused(uint64_t address, uint64_t size, uint64_t mask, int flags, kern_return_t expected)
{
    mach_vm_address_t where = address;
    vm_address_t narrow = address;
    assert_int_equal(map_zeroes(&where, size, mask, flags), expected);
    assert_int_equal(where, address);
    assert_int_equal(vm_map(SELF, &narrow, size, mask, flags, MACH_PORT_NULL, 0, FALSE, RW, VM_PROT_ALL, 1), expected);
    assert_int_equal(narrow, address);
}

/* Cases 32, 33, 39, 40 */
static void bad_places_are_refused(void **state)
{
    uint64_t pages = allocate(2);
    (void)state;
    refused(0, 0, 0, VM_FLAGS_ANYWHERE, KERN_INVALID_ARGUMENT);
    refused(0, HIGHEST, 0, VM_FLAGS_ANYWHERE, KERN_INVALID_ARGUMENT);
    refused(last_page(), 2 * PAGE, 0, VM_FLAGS_FIXED, KERN_INVALID_ARGUMENT);
    refused(last_page(), PAGE, 0, VM_FLAGS_ANYWHERE, KERN_NO_SPACE);
    refused(0xdeadbeefdeadbeef, PAGE, 0, VM_FLAGS_ANYWHERE, KERN_NO_SPACE);
    refused(TOP, PAGE, 0, VM_FLAGS_ANYWHERE, KERN_NO_SPACE);
    refused(0, TOP, 0, VM_FLAGS_ANYWHERE, KERN_NO_SPACE);
    refused(1, PAGE, HIGHEST, VM_FLAGS_ANYWHERE, KERN_NO_SPACE);
    refused(0, PAGE, 0, VM_FLAGS_FIXED, KERN_INVALID_ADDRESS);
    refused(TOP, PAGE, 0, VM_FLAGS_FIXED, KERN_INVALID_ADDRESS);
    refused(pages, PAGE, 0, VM_FLAGS_FIXED, KERN_NO_SPACE);
    refused((UINT64_C(1) << 40) + PAGE, PAGE, 0x1fffff, VM_FLAGS_FIXED, KERN_NO_SPACE);
    refused(0, PAGE, 0, VM_FLAGS_ANYWHERE | 0x100, KERN_INVALID_ARGUMENT);
    release(pages, 2);
}

/* What is to be shared with children is memory of another kind here; that shows in no answer. */
static void too_much_to_share_is_no_space(void **state)
{
    mach_vm_address_t address = 0, fixed = UINT64_C(1) << 40;
    (void)state;
    assert_int_equal(mach_vm_map(SELF, &address, last_page(), 0, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, FALSE, RW, RW,
                                 VM_INHERIT_SHARE),
                     KERN_NO_SPACE);
    assert_int_equal(mach_vm_map(SELF, &fixed, UINT64_C(1) << 63, 0, VM_FLAGS_FIXED, MACH_PORT_NULL, 0, FALSE, RW, RW,
                                 VM_INHERIT_SHARE),
                     KERN_INVALID_ADDRESS);
}

/* Cases 34, 35, 36 */
static void hints_lead_upward(void **state)
{
    uint64_t pages = allocate(3);
    mach_vm_address_t address = pages;
    (void)state;
    release(pages + 2 * PAGE, 1);
    assert_int_equal(map_zeroes(&address, PAGE, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_int_equal(address, pages + 2 * PAGE);
    release(address, 1);
    address = pages + 2 * PAGE;
    assert_int_equal(map_zeroes(&address, PAGE, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_int_equal(address, pages + 2 * PAGE);
    release(address, 1);
    address = pages + 2 * PAGE + 123;
    assert_int_equal(map_zeroes(&address, PAGE, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_int_equal(address, pages + 2 * PAGE);
    release(pages, 3);
}

/* What the kernel has put in is nobody's memory, but its place is taken. */
static void a_hint_at_the_kernels_code_leads_past_it(void **state)
{
    mach_vm_address_t code = getauxval(AT_SYSINFO_EHDR), address = code;
    (void)state;
    if (code == 0)
        skip();
    assert_int_equal(map_zeroes(&address, PAGE, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_true(address > code);
    release(address, 1);
}

/* S2: garbage within the map works, at or above it. */
static void a_hint_in_the_map_is_kept(void **state)
{
    mach_vm_address_t address = UINT64_C(0x123456789abc);
    (void)state;
    assert_int_equal(map_zeroes(&address, PAGE, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_true(address >= (UINT64_C(0x123456789abc) & ~(PAGE - 1)) && address % PAGE == 0);
    release(address, 1);
}

/* Cases 37, 38 */
static void low_hints_and_masks(void **state)
{
    mach_vm_address_t address = 1;
    (void)state;
    assert_int_equal(map_zeroes(&address, PAGE, 0, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_true(address >= UINT64_C(1) << 32);
    release(address, 1);
    address = 1;
    assert_int_equal(map_zeroes(&address, PAGE, 0x1fffff, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    assert_int_equal(address & 0x1fffff, 0);
    uint64_t fixed = address;
    release(address, 1);
    assert_int_equal(map_zeroes(&address, PAGE, 0x1fffff, VM_FLAGS_FIXED), KERN_SUCCESS);
    assert_int_equal(address, fixed);
    release(address, 1);
}

/* Case 41 */
static void bad_attributes_are_refused(void **state)
{
    const vm_prot_t bad[] = {VM_PROT_ALL + 1, ~VM_PROT_IS_MASK, INT_MAX, VM_PROT_COPY};
    const vm_inherit_t inherit[] = {3, 4, UINT_MAX};
    uint64_t address = 77;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(map_at(&address, 1, MACH_PORT_NULL, 0, PAGE, FALSE, bad[i], VM_PROT_ALL, 1), 4);
        assert_int_equal(map_at(&address, 1, MACH_PORT_NULL, 0, PAGE, FALSE, RW, bad[i], 1), 4);
    }
    for (size_t i = 0; i < sizeof inherit / sizeof *inherit; i++)
        assert_int_equal(map_at(&address, 1, MACH_PORT_NULL, 0, PAGE, FALSE, RW, RW, inherit[i]), 4);
    assert_int_equal(address, 77);
}

/* Case 42 */
static void the_maximum_cuts_the_current(void **state)
{
    uint64_t page = 0;
    (void)state;
    assert_int_equal(map_at(&page, VM_FLAGS_ANYWHERE, MACH_PORT_NULL, 0, PAGE, FALSE, RW, VM_PROT_READ, 1), 0);
    assert_true(can_read(page));
    assert_false(can_write(page));
    assert_int_equal(protect(page, 1, RW), KERN_PROTECTION_FAILURE);
    assert_true(is_filled(page, PAGE, 0));
    release(page, 1);
}

/* Case 43 */
static void a_dead_object_is_none(void **state)
{
    uint64_t page = 0;
    (void)state;
    assert_int_equal(map_at(&page, VM_FLAGS_ANYWHERE, MACH_PORT_DEAD, 12345, PAGE, TRUE, RW, RW, 1), KERN_SUCCESS);
    assert_true(is_filled(page, PAGE, 0));
    assert_true(can_write(page));
    release(page, 1);
}

/* The same with a name whose port has died (Mach 2.5). */
static void a_dead_name_is_none(void **state)
{
    mach_port_t port = MACH_PORT_NULL;
    uint64_t page = 0;
    (void)state;
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    assert_int_equal(map_at(&page, 1, port, 0, PAGE, FALSE, RW, RW, 1), KERN_INVALID_OBJECT);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    assert_int_equal(map_at(&page, 1, port, 0, PAGE, FALSE, RW, RW, 1), KERN_SUCCESS);
    assert_true(is_filled(page, PAGE, 0));
    release(page, 1);
    drop(port);
}

/* Cases 44, 45 */
static void objects_are_checked(void **state)
{
    mach_port_t port = MACH_PORT_NULL;
    uint64_t address = 77;
    (void)state;
    assert_int_equal(map_at(&address, 1, 0xabcd00, 0, PAGE, FALSE, RW, RW, 1), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(map_at(&address, 0x100, 0xabcd00, 0, PAGE, FALSE, RW, RW, 1), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    assert_int_equal(map_at(&address, 1, port, 0, PAGE, FALSE, RW, RW, 1), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    assert_int_equal(map_at(&address, 1, port, 0, PAGE, FALSE, RW, RW, 1), KERN_INVALID_OBJECT);
    assert_int_equal(map_at(&address, 1, port, HIGHEST, PAGE, FALSE, RW, RW, 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(map_at(&address, 1, SELF, 0, PAGE, FALSE, RW, RW, 1), KERN_INVALID_OBJECT);
    assert_int_equal(address, 77);
    mach_port_destroy(SELF, port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_places_are_refused),     cmocka_unit_test(too_much_to_share_is_no_space),
        cmocka_unit_test(hints_lead_upward),          cmocka_unit_test(a_hint_at_the_kernels_code_leads_past_it),
        cmocka_unit_test(a_hint_in_the_map_is_kept),  cmocka_unit_test(low_hints_and_masks),
        cmocka_unit_test(bad_attributes_are_refused), cmocka_unit_test(the_maximum_cuts_the_current),
        cmocka_unit_test(a_dead_object_is_none),      cmocka_unit_test(a_dead_name_is_none),
        cmocka_unit_test(objects_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
