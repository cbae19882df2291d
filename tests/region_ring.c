/* The ring's entries: what is made, who may write where, what is refused, and that nothing is left behind. */
#include "api/failure.h"
#include "region/entry.h"
#include "region/region.h"
#include "support/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct region_plan small = {.capacity = LAYOUT_CAPACITY_MIN,
                                         .alignment = 8,
                                         .members_default = 16,
                                         .attempts_max = 5,
                                         .name = "a name as long as a name may be, which is sixty-three bytes, so"};

static void create(struct region *region)
{
    struct mring_error error = MRING_ERROR_INIT;

    if (region_create(region, &small, &error) != 0)
        fail_msg("%s", error.text);
}

/* A second mapping of the same ring, as another process would get it. */
static int open_shared(struct region *region, const struct region *from, bool writable, struct mring_error *error)
{
    mem_entry_name_port_t ring = writable ? from->ring : from->ring_readonly;

    assert_int_equal(region_share(ring), KERN_SUCCESS);
    assert_int_equal(region_share(from->doorbell), KERN_SUCCESS);
    return region_open(region, ring, writable ? MRING_PRODUCE : MRING_CONSUME, from->doorbell, error);
}

static void test_create(void **state)
{
    const struct region_plan plan = {.capacity = 1 << 20, .alignment = 64, .members_default = 3, .attempts_max = 5};
    struct region region;
    const struct ring_header *header;

    (void)state;
    assert_int_equal(region_create(&region, &plan, NULL), 0);
    header = (const struct ring_header *)region.base;
    assert_true(header->magic == LAYOUT_MAGIC);
    assert_int_equal(header->version, LAYOUT_VERSION);
    assert_int_equal(header->capacity, 1 << 20);
    assert_int_equal(header->ring_size, (1 << 20) + RING_DATA_OFFSET);
    assert_int_equal(header->alignment, 64);
    assert_int_equal(header->members_default, 3);
    assert_memory_equal(header->identity, region.view.identity, sizeof header->identity);
    assert_true(header->identity[0] != 0 || header->identity[1] != 0);
    assert_true(region.writable);
    assert_int_equal(region.view.capacity, 1 << 20);
    assert_int_equal(region.view.alignment, 64);
    assert_int_equal(region.view.members_default, 3);
    assert_int_equal(region.view.attempts_max, 5);
    assert_true(MACH_PORT_VALID(region.ring) && MACH_PORT_VALID(region.ring_readonly));
    assert_true(MACH_PORT_VALID(region.doorbell) && MACH_PORT_VALID(region.life));
    assert_int_equal(word_load(&region.view.page->tail), 0);
    assert_int_equal(word_load(&region.view.doorbell->groups), 0);
    region_close(&region);
    assert_int_equal(region.mapped, 0);
    assert_null(region.view.page);
}

static void test_two_rings_differ(void **state)
{
    struct region one, two;

    (void)state;
    create(&one);
    create(&two);
    assert_memory_not_equal(one.view.identity, two.view.identity, sizeof one.view.identity);
    region_close(&one);
    region_close(&two);
}

/* A record over the end of the ring is one piece of memory. */
static void test_data_twice(void **state)
{
    static const char text[] = "over the edge";
    struct region region;
    uint64_t capacity;
    unsigned char *data;

    (void)state;
    create(&region);
    capacity = region.view.capacity;
    data = region.view.data;
    memcpy(data + capacity - 4, text, sizeof text);
    assert_memory_equal(data + capacity - 4, text, 4);
    assert_memory_equal(data, text + 4, sizeof text - 4);
    data[100] = 7;
    assert_int_equal(data[capacity + 100], 7);
    data[2 * capacity - 1] = 9;
    assert_int_equal(data[capacity - 1], 9);
    region_close(&region);
}

static void test_plan_refused(void **state)
{
    static const struct region_plan bad[] = {
        {.capacity = LAYOUT_CAPACITY_MIN / 2, .alignment = 8, .members_default = 1, .attempts_max = 5},
        {.capacity = 3 * LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 1, .attempts_max = 5},
        {.capacity = LAYOUT_CAPACITY_MAX * 2, .alignment = 8, .members_default = 1, .attempts_max = 5},
        {.capacity = LAYOUT_CAPACITY_MIN, .alignment = 16, .members_default = 1, .attempts_max = 5},
        {.capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = 0, .attempts_max = 5},
        {.capacity = LAYOUT_CAPACITY_MIN, .alignment = 8, .members_default = LAYOUT_MEMBERS + 1, .attempts_max = 5},
    };

    (void)state;
    for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
        struct region region;

        assert_int_equal(region_create(&region, &bad[at], NULL), -EINVAL);
    }
}

/* The library believes its variable. */
static void test_pages_too_large(void **state)
{
    const vm_size_t real = vm_page_size;
    struct region region;

    (void)state;
    vm_page_size = 4 * LAYOUT_PAGE;
    assert_int_equal(region_create(&region, &small, NULL), -ENOTSUP);
    vm_page_size = real;
}

static int write_tail(void *context)
{
    struct region *region = context;

    word_store(&region->view.page->tail, 1);
    return 0;
}

static int write_data_again(void *context)
{
    struct region *region = context;

    region->view.data[region->view.capacity] = 1;
    return 0;
}

static int write_doorbell(void *context)
{
    struct region *region = context;

    word_store(&region->view.doorbell->groups, 5);
    return 0;
}

static bool killed_by_fault(int end)
{
    return end == -SIGSEGV || end == -SIGBUS;
}

static void test_open_readonly(void **state)
{
    struct region maker, reader;

    (void)state;
    create(&maker);
    assert_int_equal(open_shared(&reader, &maker, false, NULL), 0);
    assert_false(reader.writable);
    assert_int_equal(reader.ring, MACH_PORT_NULL);
    assert_int_equal(reader.view.capacity, maker.view.capacity);
    assert_int_equal(reader.view.alignment, 8);
    assert_int_equal(reader.view.members_default, 16);
    assert_memory_equal(reader.view.identity, maker.view.identity, sizeof maker.view.identity);

    maker.view.data[5] = 42;
    word_store(&maker.view.page->tail, 4711);
    assert_int_equal(reader.view.data[5], 42);
    assert_int_equal(reader.view.data[reader.view.capacity + 5], 42);
    assert_int_equal(word_load(&reader.view.page->tail), 4711);

    assert_true(killed_by_fault(child_run(write_tail, &reader)));
    assert_true(killed_by_fault(child_run(write_data_again, &reader)));
    assert_int_equal(child_run(write_doorbell, &reader), 0);
    assert_int_equal(word_load(&maker.view.doorbell->groups), 5);
    /* Nor can it be made writable: neither this mapping nor another one of the same right. */
    assert_int_not_equal(
        mach_vm_protect(mach_task_self(), reader.base, reader.mapped, FALSE, VM_PROT_READ | VM_PROT_WRITE),
        KERN_SUCCESS);
    {
        mach_vm_address_t address = 0;

        assert_int_equal(entry_map_anywhere(reader.ring_readonly, 0, LAYOUT_PAGE, VM_PROT_READ | VM_PROT_WRITE,
                                            &address, "ring", NULL),
                         -EACCES);
    }
    region_close(&reader);
    region_close(&maker);
}

static void test_open_writable(void **state)
{
    struct region maker, writer;

    (void)state;
    create(&maker);
    assert_int_equal(open_shared(&writer, &maker, true, NULL), 0);
    assert_true(writer.writable);
    assert_string_equal(writer.name, small.name);
    assert_false(writer.strict);
    writer.view.data[1] = 3;
    assert_int_equal(maker.view.data[maker.view.capacity + 1], 3);
    region_close(&writer);
    region_close(&maker);
}

/* One field at a time says something else; the opener refuses, and says which. */
static void test_damaged_header(void **state)
{
    static const struct {
        size_t offset;
        size_t size;
        uint64_t value;
        const char *says;
    } damages[] = {
        {offsetof(struct ring_header, magic), 8, 0, "magic"},
        {offsetof(struct ring_header, version), 4, LAYOUT_VERSION + 1, "version"},
        {offsetof(struct ring_header, features), 8, 4, "features"},
        {offsetof(struct ring_header, header_size), 4, 64, "header size"},
        {offsetof(struct ring_header, capacity), 8, 0, "capacity"},
        {offsetof(struct ring_header, capacity), 8, 3 * LAYOUT_CAPACITY_MIN, "capacity"},
        {offsetof(struct ring_header, capacity), 8, UINT64_C(1) << 63, "capacity"},
        {offsetof(struct ring_header, capacity), 8, 2 * LAYOUT_CAPACITY_MIN, "size"},
        {offsetof(struct ring_header, data_offset), 8, 0, "data offset"},
        {offsetof(struct ring_header, ring_size), 8, UINT64_MAX, "size"},
        {offsetof(struct ring_header, alignment), 4, 0, "alignment"},
        {offsetof(struct ring_header, alignment), 4, 24, "alignment"},
        {offsetof(struct ring_header, members_default), 4, 0, "members"},
        {offsetof(struct ring_header, members_default), 4, LAYOUT_MEMBERS + 1, "members"},
        {offsetof(struct ring_header, attempts_max), 4, 0, "attempts"},
        {offsetof(struct ring_header, attempts_max), 4, TALLY_MOST + 1, "attempts"},
        {offsetof(struct ring_header, strict), 4, 2, "strictness"},
        {offsetof(struct ring_header, name) + LAYOUT_NAME - 1, 1, 'x', "name"},
    };
    struct region maker;

    (void)state;
    create(&maker);
    for (size_t at = 0; at < sizeof damages / sizeof *damages; at++) {
        struct mring_error error = MRING_ERROR_INIT;
        unsigned char *field = (unsigned char *)maker.base + damages[at].offset;
        unsigned char before[8];
        struct region opened;

        memcpy(before, field, damages[at].size);
        memcpy(field, &damages[at].value, damages[at].size);
        assert_int_equal(open_shared(&opened, &maker, false, &error), -EPROTO);
        assert_int_equal(error.code, -EPROTO);
        if (strstr(error.text, damages[at].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.text, damages[at].says);
        memcpy(field, before, damages[at].size);
    }
    {
        struct region opened;

        assert_int_equal(open_shared(&opened, &maker, false, NULL), 0);
        region_close(&opened);
    }
    region_close(&maker);
}

/* A whole header in an entry that ends before the data does. */
static void test_short_entry(void **state)
{
    struct mring_error error = MRING_ERROR_INIT;
    mem_entry_name_port_t entry = MACH_PORT_NULL;
    mach_vm_address_t address = 0;
    struct region maker, opened;

    (void)state;
    create(&maker);
    assert_int_equal(entry_make(&entry, RING_DATA_OFFSET, "short", NULL), 0);
    assert_int_equal(entry_map_anywhere(entry, 0, LAYOUT_PAGE, VM_PROT_READ | VM_PROT_WRITE, &address, "short", NULL),
                     0);
    memcpy((void *)address, (const void *)maker.base, LAYOUT_PAGE);
    entry_unmap(address, LAYOUT_PAGE);
    assert_int_equal(region_share(maker.doorbell), KERN_SUCCESS);
    assert_int_equal(region_open(&opened, entry, MRING_CONSUME, maker.doorbell, &error), -EPROTO);
    assert_non_null(strstr(error.text, "shorter"));
    region_close(&maker);
}

/* A null right must not become private memory. */
static void test_no_right(void **state)
{
    struct region maker, opened;

    (void)state;
    create(&maker);
    assert_int_equal(region_share(maker.doorbell), KERN_SUCCESS);
    assert_int_equal(region_open(&opened, MACH_PORT_NULL, MRING_CONSUME, maker.doorbell, NULL), -EPROTO);
    assert_int_equal(region_share(maker.ring_readonly), KERN_SUCCESS);
    assert_int_equal(region_open(&opened, maker.ring_readonly, MRING_CONSUME, MACH_PORT_NULL, NULL), -EPROTO);
    region_close(&maker);
}

/* A producer's mapping of a right that is read-only. */
static void test_right_too_weak(void **state)
{
    struct region maker, opened;

    (void)state;
    create(&maker);
    assert_int_equal(region_share(maker.ring_readonly), KERN_SUCCESS);
    assert_int_equal(region_share(maker.doorbell), KERN_SUCCESS);
    assert_int_equal(region_open(&opened, maker.ring_readonly, MRING_PRODUCE, maker.doorbell, NULL), -EACCES);
    region_close(&maker);
}

static int write_both(void *context)
{
    struct region *region = context;

    region_forked(region);
    CHECK(region->ring == MACH_PORT_NULL && region->life == MACH_PORT_NULL);
    CHECK(region->view.data[0] == 1);
    region->view.data[region->view.capacity + 1] = 2;
    word_store(&region->view.page->tail, 99);
    region_close(region);
    CHECK(region->mapped == 0);
    return 0;
}

static void test_fork_shares(void **state)
{
    struct region region;

    (void)state;
    create(&region);
    region.view.data[0] = 1;
    assert_int_equal(child_run(write_both, &region), 0);
    assert_int_equal(region.view.data[1], 2);
    assert_int_equal(word_load(&region.view.page->tail), 99);
    region_close(&region);
}

static int lower(void *context)
{
    struct region *region = context;

    region_forked(region);
    CHECK(region_lower(region, NULL) == 0);
    CHECK(!region->writable);
    CHECK(mach_vm_protect(mach_task_self(), region->base, region->mapped, FALSE, VM_PROT_READ | VM_PROT_WRITE) !=
          KERN_SUCCESS);
    CHECK(region->view.data[0] == 1 && region->view.data[region->view.capacity] == 1);
    word_store(&region->view.doorbell->groups, 6);
    return 0;
}

static int lower_and_write_tail(void *context)
{
    CHECK(lower(context) == 0);
    return write_tail(context);
}

static int lower_and_write_data(void *context)
{
    CHECK(lower(context) == 0);
    return write_data_again(context);
}

static void test_lower(void **state)
{
    struct region region;

    (void)state;
    create(&region);
    region.view.data[0] = 1;
    assert_int_equal(child_run(lower, &region), 0);
    assert_true(killed_by_fault(child_run(lower_and_write_tail, &region)));
    assert_true(killed_by_fault(child_run(lower_and_write_data, &region)));
    assert_int_equal(word_load(&region.view.page->tail), 0);
    /* The parent's mapping is as it was. */
    region.view.data[0] = 2;
    word_store(&region.view.page->tail, 8);
    region_close(&region);
}

static void test_nothing_left(void **state)
{
    struct region region, opened;
    mach_vm_address_t first = 0;
    int before;

    (void)state;
    create(&region); /* whatever the first one sets up for good */
    region_close(&region);
    before = descriptors_open();
    for (int round = 0; round < 20; round++) {
        create(&region);
        if (round == 0)
            first = region.base;
        assert_int_equal(open_shared(&opened, &region, false, NULL), 0);
        region_close(&opened);
        memset((void *)region.base, 0, sizeof(uint64_t)); /* no magic: the next one fails half-way */
        assert_int_equal(open_shared(&opened, &region, false, NULL), -EPROTO);
        region_close(&region);
    }
    assert_int_equal(descriptors_open(), before);
    /* The address space of all twenty was given back: it is free to be mapped. */
    assert_int_equal(mach_vm_allocate(mach_task_self(), &first, LAYOUT_PAGE, VM_FLAGS_FIXED), KERN_SUCCESS);
    mach_vm_deallocate(mach_task_self(), first, LAYOUT_PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),          cmocka_unit_test(test_two_rings_differ),
        cmocka_unit_test(test_data_twice),      cmocka_unit_test(test_plan_refused),
        cmocka_unit_test(test_pages_too_large), cmocka_unit_test(test_open_readonly),
        cmocka_unit_test(test_open_writable),   cmocka_unit_test(test_damaged_header),
        cmocka_unit_test(test_short_entry),     cmocka_unit_test(test_no_right),
        cmocka_unit_test(test_right_too_weak),  cmocka_unit_test(test_fork_shares),
        cmocka_unit_test(test_lower),           cmocka_unit_test(test_nothing_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
