/* mach_vm_copy, _read, _read_overwrite and _write. */
#include "mach/memory.h"

static const mach_port_t NOBODY = MACH_PORT_NULL;

/* The three that write over memory, as one. */
static kern_return_t write_over(mach_port_t task, uint64_t from, uint64_t size, uint64_t to)
{
    return mach_vm_write(task, to, (vm_offset_t)from, (mach_msg_type_number_t)size);
}

static kern_return_t read_over(mach_port_t task, uint64_t from, uint64_t size, uint64_t to)
{
    mach_vm_size_t out = 0x4321;
    kern_return_t kr = mach_vm_read_overwrite(task, from, size, to, &out);

    assert_int_equal(out, kr == KERN_SUCCESS ? size : 0x4321);
    return kr;
}

static const struct mover {
    kern_return_t (*move)(mach_port_t task, uint64_t from, uint64_t size, uint64_t to);
    kern_return_t unreadable, unmapped;
} movers[] = {{mach_vm_copy, KERN_PROTECTION_FAILURE, KERN_INVALID_ADDRESS},
              {read_over, KERN_PROTECTION_FAILURE, KERN_INVALID_ADDRESS},
              {write_over, MACH_SEND_INVALID_MEMORY, MACH_SEND_INVALID_MEMORY}};

enum { MOVERS = sizeof movers / sizeof *movers };

static uint64_t lettered(uint64_t pages)
{
    uint64_t address = allocate(pages);

    for (uint64_t i = 0; i < pages; i++)
        fill(address + i * PAGE, PAGE, 'a' + (int)i);
    return address;
}

static void bytes_arrive(void **state)
{
    (void)state;
    for (int i = 0; i < MOVERS; i++) {
        uint64_t from = lettered(3), to = allocate(3);
        assert_int_equal(movers[i].move(SELF, from + 7, 2 * PAGE, to + 100), KERN_SUCCESS);
        assert_true(is_filled(to, 100, 0) && is_filled(to + 100 + 2 * PAGE, PAGE - 100, 0));
        assert_memory_equal((void *)(uintptr_t)(to + 100), (void *)(uintptr_t)(from + 7), 2 * PAGE);
        release(from, 3);
        release(to, 3);
    }
}

static void ranges_may_overlap(void **state)
{
    (void)state;
    for (int i = 0; i < MOVERS; i++)
        for (int up = 0; up < 2; up++) {
            uint64_t pages = lettered(3), low = pages, high = pages + PAGE / 2;
            unsigned char expected[2 * 65536];
            memcpy(expected, (void *)(uintptr_t)(up ? low : high), 2 * PAGE);
            assert_int_equal(movers[i].move(SELF, up ? low : high, 2 * PAGE, up ? high : low), KERN_SUCCESS);
            assert_memory_equal((void *)(uintptr_t)(up ? high : low), expected, 2 * PAGE);
            release(pages, 3);
        }
}

static void nothing_is_moved_over_a_fault(void **state)
{
    (void)state;
    for (int i = 0; i < MOVERS; i++) {
        uint64_t from = lettered(3), to = allocate(3);
        assert_int_equal(protect(from + 2 * PAGE, 1, VM_PROT_NONE), KERN_SUCCESS);
        assert_int_equal(movers[i].move(SELF, from, 3 * PAGE, to), movers[i].unreadable);
        release(from + 2 * PAGE, 1);
        assert_int_equal(movers[i].move(SELF, from, 3 * PAGE, to), movers[i].unmapped);
        assert_int_equal(protect(to + PAGE, 1, VM_PROT_READ), KERN_SUCCESS);
        assert_int_equal(movers[i].move(SELF, from, 2 * PAGE, to), KERN_PROTECTION_FAILURE);
        release(to + PAGE, 1);
        assert_int_equal(movers[i].move(SELF, from, 2 * PAGE, to), KERN_INVALID_ADDRESS);
        assert_true(is_filled(to, PAGE, 0) && is_filled(to + 2 * PAGE, PAGE, 0));
        release(from, 3);
        release(to, 3);
    }
}

static void no_task_and_nothing_to_do(void **state)
{
    uint64_t page = allocate(1);

    (void)state;
    for (int i = 0; i < MOVERS; i++) {
        assert_int_equal(movers[i].move(NOBODY, page, 1, page), MACH_SEND_INVALID_DEST);
        assert_int_equal(movers[i].move(SELF, 1, 0, 1), KERN_SUCCESS);
    }
    release(page, 1);
}

static void ranges_that_overflow(void **state)
{
    uint64_t page = allocate(1);

    (void)state;
    assert_int_equal(mach_vm_copy(SELF, page, HIGHEST, page), KERN_INVALID_ADDRESS);
    assert_int_equal(mach_vm_copy(SELF, last_page(), PAGE, page), KERN_INVALID_ADDRESS);
    assert_int_equal(mach_vm_copy(SELF, page, PAGE, last_page()), KERN_INVALID_ADDRESS);
    assert_int_equal(mach_vm_copy(SELF, TOP - PAGE, 2 * PAGE, page), KERN_INVALID_ADDRESS);
    release(page, 1);
}

static void a_read_is_new_memory(void **state)
{
    uint64_t pages = lettered(3);
    vm_offset_t data = 0;
    mach_msg_type_number_t count = 0;

    (void)state;
    assert_int_equal(mach_vm_read(SELF, pages + 100, 2 * PAGE, &data, &count), KERN_SUCCESS);
    assert_int_equal(count, 2 * PAGE);
    assert_int_equal(data % PAGE, 100);
    assert_memory_equal((void *)data, (void *)(uintptr_t)(pages + 100), 2 * PAGE);
    fill(data, 2 * PAGE, 'x');
    assert_true(is_filled(pages, PAGE, 'a'));
    assert_int_equal(vm_deallocate(SELF, data, count), KERN_SUCCESS);
    assert_false(can_read(data));
    release(pages, 3);
}

static void reads_that_are_refused(void **state)
{
    uint64_t page = allocate(1);
    vm_offset_t data = 77;
    mach_msg_type_number_t count = 78;

    (void)state;
    assert_int_equal(mach_vm_read(NOBODY, page, 1, &data, &count), MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_vm_read(SELF, page, UINT64_C(1) << 32, &data, &count), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_vm_read(SELF, HIGHEST - 1, PAGE, &data, &count), KERN_INVALID_ADDRESS);
    assert_int_equal(protect(page, 1, VM_PROT_NONE), KERN_SUCCESS);
    assert_int_equal(mach_vm_read(SELF, page, 1, &data, &count), KERN_PROTECTION_FAILURE);
    release(page, 1);
    assert_int_equal(mach_vm_read(SELF, page, 1, &data, &count), KERN_INVALID_ADDRESS);
    assert_true(data == 77 && count == 78);
    assert_int_equal(mach_vm_read(SELF, page, 0, &data, &count), KERN_SUCCESS);
    assert_true(data == 0 && count == 0);
}

static void the_twins_do_the_same(void **state)
{
    uint64_t from = lettered(1), to = allocate(1);
    vm_offset_t data = 0;
    vm_size_t out = 0;
    mach_msg_type_number_t count = 0;

    (void)state;
    assert_int_equal(vm_copy(SELF, from, PAGE, to), KERN_SUCCESS);
    assert_true(is_filled(to, PAGE, 'a'));
    fill(from, PAGE, 'b');
    assert_int_equal(vm_read_overwrite(SELF, from, PAGE, to, &out), KERN_SUCCESS);
    assert_true(is_filled(to, PAGE, 'b') && out == PAGE);
    fill(from, PAGE, 'c');
    assert_int_equal(vm_write(SELF, to, from, (mach_msg_type_number_t)PAGE), KERN_SUCCESS);
    assert_true(is_filled(to, PAGE, 'c'));
    assert_int_equal(vm_read(SELF, from, PAGE, &data, &count), KERN_SUCCESS);
    assert_true(is_filled(data, PAGE, 'c') && count == PAGE);
    release(data, 1);
    release(from, 1);
    release(to, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive),
        cmocka_unit_test(ranges_may_overlap),
        cmocka_unit_test(nothing_is_moved_over_a_fault),
        cmocka_unit_test(no_task_and_nothing_to_do),
        cmocka_unit_test(ranges_that_overflow),
        cmocka_unit_test(a_read_is_new_memory),
        cmocka_unit_test(reads_that_are_refused),
        cmocka_unit_test(the_twins_do_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
