/*
 * Unit tests of the public API: what it says to arguments that cannot be, and to handles of the parent's in a forked child. What the calls answer
 * when something is short, dead, stopped or another user's is for the tests of multi/. (ring/doc/coverage.md has the errors of each call.)
 */
#include "support/child.h"
#include "support/ring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct mring_group groups[] = {{.name = "lone", .members = 1},
                                            {.name = "lossy", .members = 2, .lossy = 1}};

static const char too_long[] = "a-name-of-more-bytes-than-any-name-of-a-ring-or-of-a-group-may-have";

/* The call is refused, and says why where `words` are to be in the text; nothing is handed out. */
#define REFUSED(call, expected, words)                                                                                 \
    do {                                                                                                               \
        error = (struct mring_error)MRING_ERROR_INIT;                                                                  \
        assert_int_equal(call, expected);                                                                              \
        assert_int_equal(error.code, (words)[0] != '\0' ? (expected) : 0);                                             \
        assert_non_null(strstr(error.text, words));                                                                    \
    } while (0)

static void opening_calls_say_what_cannot_be(void **state)
{
    struct mring_error error;
    struct mring_open_options open = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring = NULL;

    (void)state;
    open.error = &error;
    REFUSED(mring_open(NULL, "a", MRING_CONSUME, &open), -EINVAL, "");
    REFUSED(mring_open(&ring, NULL, MRING_CONSUME, &open), -EINVAL, "empty");
    REFUSED(mring_open(&ring, "", MRING_CONSUME, &open), -EINVAL, "empty");
    REFUSED(mring_open(&ring, "\n", MRING_CONSUME, &open), -EINVAL, "control character");
    REFUSED(mring_open(&ring, "/a", MRING_CONSUME, &open), -EINVAL, "no user");
    REFUSED(mring_open(&ring, too_long, MRING_CONSUME, &open), -ENAMETOOLONG, "longer");
    REFUSED(mring_open(&ring, "a", (enum mring_role)9, &open), -EINVAL, "role 9");
    REFUSED(mring_open(&ring, "nobody-is-called-this/a", MRING_CONSUME, &open), -ENOENT, "nobody-is-called-this");
    REFUSED(mring_import(0, NULL, &open), -EINVAL, "");
    REFUSED(mring_import(-1, &ring, &open), -EBADF, "-1");
    open.size = 8;
    REFUSED(mring_open(&ring, "a", MRING_CONSUME, &open), -EINVAL, "");
    REFUSED(mring_import(0, &ring, &open), -EINVAL, "");
    assert_null(ring);
}

static void calls_on_a_ring_say_what_cannot_be(void **state)
{
    struct mring *ring = make_ring(NULL, groups, 2);
    struct mring_error error;
    struct mring_producer_options producing = MRING_PRODUCER_OPTIONS_INIT;
    struct mring_info info = MRING_INFO_INIT;
    struct mring_fsck_options fsck = MRING_FSCK_OPTIONS_INIT;
    struct mring_list_options list = MRING_LIST_OPTIONS_INIT;
    struct mring_producer *producer = NULL;
    int fd = -1;

    (void)state;
    REFUSED(mring_export(NULL, MRING_CONSUME, &fd, &error), -EINVAL, "");
    REFUSED(mring_export(ring, MRING_CONSUME, NULL, &error), -EINVAL, "");
    REFUSED(mring_export(ring, (enum mring_role)9, &fd, &error), -EINVAL, "role 9");
    assert_int_equal(fd, -1);
    producing.error = &error;
    REFUSED(mring_producer(NULL, &producer, &producing), -EINVAL, "");
    REFUSED(mring_producer(ring, NULL, &producing), -EINVAL, "");
    producing.wait = (enum mring_waiting)9;
    REFUSED(mring_producer(ring, &producer, &producing), -EINVAL, "wait 9");
    producing.size = 8;
    REFUSED(mring_producer(ring, &producer, &producing), -EINVAL, "");
    assert_null(producer);
    REFUSED(mring_group_remove(NULL, "lone", &error), -EINVAL, "");
    REFUSED(mring_group_remove(ring, NULL, &error), -EINVAL, "empty");
    REFUSED(mring_group_remove(ring, "", &error), -EINVAL, "empty");
    REFUSED(mring_group_remove(ring, too_long, &error), -ENAMETOOLONG, "longer");
    REFUSED(mring_group_remove(ring, "lone", &error), -EOPNOTSUPP, "\"lone\"");
    info.size = 1;
    assert_int_equal(mring_info(ring, &info), -EINVAL);
    fsck.error = &error;
    REFUSED(mring_fsck(NULL, &fsck), -EINVAL, "");
    fsck.size = 1;
    REFUSED(mring_fsck(ring, &fsck), -EINVAL, "");
    REFUSED(mring_repair(NULL, &error), -EINVAL, "");
    list.size = 1;
    assert_int_equal(mring_list(&list), -EINVAL);
    assert_int_equal(mring_close(ring), 0);
}

static void joins_say_what_cannot_be(void **state)
{
    static const char *const lone[] = {"lone", NULL};
    struct mring *ring = make_ring(NULL, groups, 2);
    struct mring_error error;
    struct mring_join_options options;
    struct mring_consumer *consumer = NULL;

    (void)state;
#define JOIN(change, name, expected, words)                                                                            \
    options = (struct mring_join_options)MRING_JOIN_OPTIONS_INIT;                                                      \
    options.error = &error;                                                                                            \
    change;                                                                                                            \
    REFUSED(mring_join(ring, name, &options, &consumer), expected, words)
    JOIN((void)0, NULL, -EINVAL, "empty");
    JOIN((void)0, "", -EINVAL, "empty");
    JOIN((void)0, "a/b", -EINVAL, "'/'");
    JOIN((void)0, too_long, -ENAMETOOLONG, "longer");
    JOIN(options.size = 8, "a", -EINVAL, "");
    JOIN(options.wait = (enum mring_waiting)9, "a", -EINVAL, "wait 9");
    JOIN(options.interval = -1, "a", -EINVAL, "interval");
    JOIN(options.start = (enum mring_start)9, "a", -EINVAL, "start 9");
    JOIN(options.start = MRING_START_GROUP, "a", -EINVAL, "empty");
    JOIN((options.start = MRING_START_GROUP, options.start_group = too_long), "a", -ENAMETOOLONG, "longer");
    JOIN((options.start = MRING_START_GROUP, options.start_group = "nobody"), "a", -ENOENT, "nobody");
    JOIN((options.start = MRING_START_POSITION, options.position = 8), "a", -ERANGE, "8");
    JOIN(options.limit = 8, "a", -EINVAL, "both, or none");
    JOIN(options.unserved = (enum mring_unserved)9, "a", -EINVAL, "unserved 9");
    JOIN((options.unserved = MRING_DROP, options.limit = 65537, options.durable = 1), "a", -EINVAL, "65537");
    JOIN(options.members = MRING_MEMBERS_MAX + 1, "a", -E2BIG, "1025");
    JOIN(options.after_count = 1, "a", -EINVAL, "NULL");
    JOIN((options.after = lone + 1, options.after_count = 1), "a", -EINVAL, "empty");
    JOIN((options.after = lone, options.after_count = 1), "lone", -EINVAL, "itself");
    JOIN(options.lossy = 1, "lone", -EINVAL, "not a lossy one");
#undef JOIN
    assert_int_equal(mring_join(NULL, "lone", NULL, &consumer), -EINVAL);
    assert_int_equal(mring_join(ring, "lone", NULL, NULL), -EINVAL);
    assert_null(consumer);
    assert_int_equal(mring_close(ring), 0);
}

static void statistics_say_what_cannot_be(void **state)
{
    struct mring *ring = make_ring(NULL, groups, 2);
    struct mring_stats *stats = NULL;
    struct mring_consumer *consumer;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;
    struct mring_group_stats of_group = MRING_GROUP_STATS_INIT;
    struct mring_member_stats of_member = MRING_MEMBER_STATS_INIT;

    (void)state;
    assert_int_equal(mring_stats(NULL, &stats, NULL), -EINVAL);
    assert_int_equal(mring_stats(ring, NULL, NULL), -EINVAL);
    assert_null(stats);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(mring_stats(ring, &stats, NULL), 0);
    assert_int_equal(mring_stats_group(stats, 2, &of_group), -ENOENT);
    assert_int_equal(mring_stats_member(stats, 1, &of_member), -ENOENT); /* nobody was ever there */
    of_ring.size = of_group.size = of_member.size = 4;
    assert_int_equal(mring_stats_ring(stats, &of_ring), -EINVAL);
    assert_int_equal(mring_stats_group(stats, 0, &of_group), -EINVAL);
    assert_int_equal(mring_stats_member(stats, 0, &of_member), -EINVAL);
    mring_stats_free(stats);
    mring_stats_free(NULL);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- members and producers ---- */

struct handles {
    struct mring *ring;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message held;
};

static void open_all(struct handles *handles, const char *group)
{
    handles->ring = make_ring(NULL, groups, 2);
    assert_int_equal(mring_producer(handles->ring, &handles->producer, NULL), 0);
    assert_int_equal(mring_join(handles->ring, group, NULL, &handles->consumer), 0);
    assert_int_equal(mring_send(handles->producer, "12345678", 8, 1), 0);
    assert_int_equal(mring_next(handles->consumer, &handles->held), 1);
}

static void close_all(const struct handles *handles)
{
    assert_int_equal(mring_leave(handles->consumer), 0);
    assert_int_equal(mring_producer_close(handles->producer), 0);
    assert_int_equal(mring_close(handles->ring), 0);
}

static void members_say_what_cannot_be(void **state)
{
    static const char *const names[] = {"lone", "lossy"};

    (void)state;
    for (size_t at = 0; at < 2; at++) {
        struct handles handles;
        struct mring_missed missed = MRING_MISSED_INIT;
        struct mring_error error = MRING_ERROR_INIT;
        struct mring_message other;
        char byte;

        open_all(&handles, names[at]);
        other = handles.held;
        other.position += 64;
        assert_int_equal(mring_intact(handles.consumer, &handles.held), 1);
        assert_int_equal(mring_intact(handles.consumer, &other), -EINVAL);
        assert_int_equal(mring_release(handles.consumer, &other), -EINVAL);
        assert_int_equal(mring_next_batch(handles.consumer, &other, 0), -EINVAL);
        assert_int_equal(mring_next_batch(handles.consumer, &other, -1), -EINVAL);
        assert_int_equal(mring_recv(handles.consumer, &byte, 1, &other), -EINVAL); /* it holds one */
        assert_int_equal(mring_missed(handles.consumer, &missed), 0);
        assert_int_equal(mring_missed(handles.consumer, NULL), -EINVAL);
        missed.size = 8;
        assert_int_equal(mring_missed(handles.consumer, &missed), -EINVAL);
        assert_int_equal(mring_take_aside(handles.consumer, &byte, 1, &other), 0);
        assert_int_equal(mring_trouble(handles.consumer, NULL), -EINVAL);
        assert_int_equal(mring_trouble(handles.producer, NULL), -EINVAL);
        error.size = 0;
        assert_int_equal(mring_trouble(handles.consumer, &error), -EINVAL);
        assert_int_equal(mring_trouble(handles.producer, &error), -EINVAL);
        assert_int_equal(mring_release(handles.consumer, &handles.held), 0);
        assert_int_equal(mring_intact(handles.consumer, &handles.held), -EINVAL);
        close_all(&handles);
    }
}

/* By position and length: what reaches beyond what is held, begins where nothing can, or is as long as no message. */
static void what_is_held_is_known_by_position_and_length(void **state)
{
    static const char *const names[] = {"lone", "lossy"};

    (void)state;
    for (size_t at = 0; at < 2; at++) {
        struct handles handles;
        struct mring_message others[6];

        open_all(&handles, names[at]);
        for (size_t each = 0; each < 6; each++)
            others[each] = handles.held;
        others[0].position += 1;
        others[1].position += handles.held.length; /* within its record */
        others[2].position -= 16;
        others[3].length += 64;
        others[4].length = UINT32_MAX;
        others[5].position = UINT64_MAX - 7;
        for (size_t each = 0; each < 6; each++) {
            assert_int_equal(mring_intact(handles.consumer, &others[each]), -EINVAL);
            assert_int_equal(mring_release(handles.consumer, &others[each]), -EINVAL);
        }
        assert_int_equal(mring_intact(handles.consumer, &handles.held), 1);
        close_all(&handles);
    }
}

/* Those that api_test.c does not try. */
static int use_in_a_child(void *context)
{
    const struct handles *handles = context;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_missed missed = MRING_MISSED_INIT;
    struct mring_message message;
    struct iovec piece = {"x", 1};
    char byte;

    CHECK(mring_publish(handles->producer, 1, 0) == -ESTALE);
    CHECK(mring_sendv(handles->producer, &piece, 1, 0) == -ESTALE);
    CHECK(mring_send_wait(handles->producer, "x", 1, 0, MRING_FOREVER) == -ESTALE);
    CHECK(mring_drain(handles->producer, MRING_FOREVER) == -ESTALE);
    CHECK(mring_fd(handles->producer) == -ESTALE);
    CHECK(mring_trouble(handles->producer, &error) == -ESTALE);
    CHECK(mring_next_wait(handles->consumer, &message, MRING_FOREVER) == -ESTALE);
    CHECK(mring_intact(handles->consumer, &handles->held) == -ESTALE);
    CHECK(mring_missed(handles->consumer, &missed) == -ESTALE);
    CHECK(mring_take_aside(handles->consumer, &byte, 1, &message) == -ESTALE);
    CHECK(mring_fd(handles->consumer) == -ESTALE);
    CHECK(mring_trouble(handles->consumer, &error) == -ESTALE);
    return 0;
}

static void all_calls_are_stale_in_a_child(void **state)
{
    struct handles handles;

    (void)state;
    open_all(&handles, "lone");
    assert_int_equal(child_run(use_in_a_child, &handles), 0);
    assert_int_equal(mring_intact(handles.consumer, &handles.held), 1);
    close_all(&handles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_calls_say_what_cannot_be),
        cmocka_unit_test(calls_on_a_ring_say_what_cannot_be),
        cmocka_unit_test(joins_say_what_cannot_be),
        cmocka_unit_test(statistics_say_what_cannot_be),
        cmocka_unit_test(members_say_what_cannot_be),
        cmocka_unit_test(what_is_held_is_known_by_position_and_length),
        cmocka_unit_test(all_calls_are_stale_in_a_child),
    };

    return cmocka_run_group_tests_name("api-errors", tests, NULL, NULL);
}
