/* A group's entry, and how failures are told. */
#include "api/failure.h"
#include "region/region.h"
#include "support/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_create(void **state)
{
    static const uint32_t sizes[] = {1, 2, 64, 65, LAYOUT_MEMBERS};

    (void)state;
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        struct region_group group;

        assert_int_equal(region_group_create(&group, LAYOUT_CAPACITY_MIN, sizes[at], 4096, NULL), 0);
        assert_int_equal(group.view.members, sizes[at]);
        assert_int_equal(group.mapped, layout_group_size(sizes[at], LAYOUT_CAPACITY_MIN));
        assert_int_equal(word_load(&group.view.page->claim.low), 4096);
        assert_int_equal(word_load(&group.view.page->claim.high), 0);
        for (uint32_t line = 0; line < sizes[at]; line++) {
            assert_true(word_load(&group.view.line[line].held) == HELD_IDLE);
            assert_int_equal(word_load(&group.view.line[line].owner), 0);
        }
        region_group_close(&group);
        assert_null(group.view.page);
    }
}

static void test_open(void **state)
{
    struct region_group made, opened;

    (void)state;
    assert_int_equal(region_group_create(&made, LAYOUT_CAPACITY_MIN, 5, 0, NULL), 0);
    assert_int_equal(region_share(made.entry), KERN_SUCCESS);
    assert_int_equal(region_group_open(&opened, made.entry, LAYOUT_CAPACITY_MIN, 5, NULL), 0);
    assert_ptr_not_equal(opened.view.page, made.view.page);
    word_store(&opened.view.line[4].held, 77);
    assert_int_equal(word_load(&made.view.line[4].held), 77);
    region_group_close(&opened);
    region_group_close(&made);
}

/* The number of members comes from a peer; the entry says how many there can be. */
static void test_open_refused(void **state)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct region_group made, opened;

    (void)state;
    assert_int_equal(region_group_create(&made, LAYOUT_CAPACITY_MIN, 64, 0, NULL), 0);
    assert_int_equal(region_share(made.entry), KERN_SUCCESS);
    assert_int_equal(region_group_open(&opened, made.entry, LAYOUT_CAPACITY_MIN, 65, &error), -EPROTO);
    assert_non_null(strstr(error.text, "65 members"));
    assert_int_equal(region_share(made.entry), KERN_SUCCESS);
    assert_int_equal(region_group_open(&opened, made.entry, LAYOUT_CAPACITY_MIN, 0, NULL), -EPROTO);
    assert_int_equal(region_share(made.entry), KERN_SUCCESS);
    assert_int_equal(region_group_open(&opened, made.entry, LAYOUT_CAPACITY_MIN, UINT32_MAX, NULL), -EPROTO);
    assert_int_equal(region_group_open(&opened, MACH_PORT_NULL, LAYOUT_CAPACITY_MIN, 1, NULL), -EPROTO);
    region_group_close(&made);
}

static void test_create_refused(void **state)
{
    struct region_group group;

    (void)state;
    assert_int_equal(region_group_create(&group, LAYOUT_CAPACITY_MIN, 0, 0, NULL), -EINVAL);
    assert_int_equal(region_group_create(&group, LAYOUT_CAPACITY_MIN, LAYOUT_MEMBERS + 1, 0, NULL), -EINVAL);
}

static int write_line(void *context)
{
    struct region_group *group = context;

    region_group_forked(group);
    CHECK(group->entry == MACH_PORT_NULL);
    word_store(&group->view.line[1].held, 5);
    region_group_close(group);
    return 0;
}

static void test_fork_shares(void **state)
{
    struct region_group group;

    (void)state;
    assert_int_equal(region_group_create(&group, LAYOUT_CAPACITY_MIN, 2, 0, NULL), 0);
    assert_int_equal(child_run(write_line, &group), 0);
    assert_int_equal(word_load(&group.view.line[1].held), 5);
    region_group_close(&group);
}

static void test_nothing_left(void **state)
{
    struct region_group group, opened;
    int before;

    (void)state;
    before = descriptors_open();
    for (int round = 0; round < 20; round++) {
        assert_int_equal(region_group_create(&group, LAYOUT_CAPACITY_MIN, 3, 0, NULL), 0);
        assert_int_equal(region_share(group.entry), KERN_SUCCESS);
        assert_int_equal(region_group_open(&opened, group.entry, LAYOUT_CAPACITY_MIN, 1000, NULL), -EPROTO);
        region_group_close(&group);
    }
    assert_int_equal(descriptors_open(), before);
}

static void test_failure_text(void **state)
{
    struct mring_error error = MRING_ERROR_INIT;

    (void)state;
    errno = ENOTTY;
    assert_int_equal(failure(&error, -ENOENT, 0, "no %s", "ring"), -ENOENT);
    assert_int_equal(errno, ENOTTY);
    assert_int_equal(error.code, -ENOENT);
    assert_int_equal(error.kern_return, 0);
    assert_string_equal(error.text, "no ring");
    assert_int_equal(failure(&error, -ENOMEM, KERN_NO_SPACE, "map"), -ENOMEM);
    assert_int_equal(error.kern_return, KERN_NO_SPACE);
    assert_non_null(strstr(error.text, "map: (os/kern) "));
    assert_int_equal(failure(NULL, -EINVAL, 0, "nobody listens"), -EINVAL);
}

static void test_failure_cuts(void **state)
{
    struct mring_error error = MRING_ERROR_INIT;
    char longest[400];

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(failure(&error, -EIO, KERN_FAILURE, "%s", longest), -EIO);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

/* A caller built against a struct that ended after `code`. */
static void test_failure_older_struct(void **state)
{
    struct mring_error error;

    (void)state;
    memset(&error, 0x55, sizeof error);
    error.size = offsetof(struct mring_error, kern_return);
    assert_int_equal(failure(&error, -EIO, KERN_FAILURE, "text"), -EIO);
    assert_int_equal(error.code, -EIO);
    assert_int_equal(error.kern_return, 0x55555555);
    assert_int_equal(error.text[0], 0x55);
}

static void test_failure_codes(void **state)
{
    (void)state;
    assert_int_equal(failure_code(KERN_NO_SPACE), -ENOMEM);
    assert_int_equal(failure_code(KERN_INVALID_RIGHT), -EACCES);
    assert_int_equal(failure_code(MACH_SEND_INVALID_DEST), -EPIPE);
    for (int kr = 0; kr < 60; kr++)
        assert_true(failure_code(kr) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_create_refused),
        cmocka_unit_test(test_fork_shares),
        cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_failure_text),
        cmocka_unit_test(test_failure_cuts),
        cmocka_unit_test(test_failure_older_struct),
        cmocka_unit_test(test_failure_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
