/* The public calls for groups that are after others, in one process. */
#include "mring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const journal_name[] = {"journal"}, *const both_names[] = {"replicate", "check"};

/* journal before replicate and check, both before apply; the last of them is declared first. */
static const struct mring_group diamond[] = {
    {.name = "apply", .members = 2, .after = both_names, .after_count = 2},
    {.name = "journal"},
    {.name = "replicate", .members = 3, .after = journal_name, .after_count = 1},
    {.name = "check", .after = journal_name, .after_count = 1},
};

static int create(struct mring **ring, const struct mring_group *groups, size_t count, struct mring_error *error)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 16384;
    options.groups = groups;
    options.group_count = count;
    options.error = error;
    return mring_create(ring, NULL, &options);
}

/* ---- what is refused ---- */

static void refuse(const struct mring_group *groups, size_t count, const char *text)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;

    assert_int_equal(create(&ring, groups, count, &error), -EINVAL);
    assert_string_equal(error.text, text);
}

static void circles_and_strangers_are_refused(void **state)
{
    static const char *const a[] = {"a"}, *const b[] = {"b"}, *const c[] = {"c"}, *const none[] = {NULL};
    const struct mring_group self[] = {{.name = "a", .after = a, .after_count = 1}};
    const struct mring_group two[] = {{.name = "a", .after = b, .after_count = 1},
                                      {.name = "b", .after = a, .after_count = 1}};
    const struct mring_group three[] = {{.name = "first"},
                                        {.name = "a", .after = b, .after_count = 1},
                                        {.name = "b", .after = c, .after_count = 1},
                                        {.name = "c", .after = a, .after_count = 1}};
    const struct mring_group stranger[] = {{.name = "a", .after = b, .after_count = 1}};
    const struct mring_group nothing[] = {{.name = "a", .after = NULL, .after_count = 1}};
    const struct mring_group nobody[] = {{.name = "a", .after = none, .after_count = 1}};

    (void)state;
    refuse(self, 1, "group \"a\" would be after itself: groups cannot go in a circle");
    refuse(two, 2, "group \"a\" would be after itself, by way of others: groups cannot go in a circle");
    refuse(three, 4, "group \"a\" would be after itself, by way of others: groups cannot go in a circle");
    refuse(stranger, 1, "group \"a\" is to be after \"b\", which is not declared");
    refuse(nothing, 1, "group \"a\": after_count is 1 but after is NULL");
    refuse(nobody, 1, "group \"a\" is to be after \"\", which is not declared");
}

static int join_after(struct mring *ring, const char *group, const char *const *after, size_t count,
                      struct mring_consumer **consumer, struct mring_error *error)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.after = after;
    options.after_count = count;
    options.error = error;
    return mring_join(ring, group, &options, consumer);
}

static void joins_are_refused(void **state)
{
    static const char *const tail[] = {"tail"}, *const passing[] = {"passing"}, *const nobody[] = {"nobody"};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *consumer, *kept;
    struct mring_info info = MRING_INFO_INIT;
    struct mring *ring;

    (void)state;
    assert_int_equal(create(&ring, diamond, 4, NULL), 0);
    assert_int_equal(mring_join(ring, "passing", NULL, &kept), 0);
    assert_int_equal(join_after(ring, "tail", nobody, 1, &consumer, &error), -ENOENT);
    assert_string_equal(error.text, "group \"tail\" cannot be after \"nobody\": there is no such group");
    assert_int_equal(join_after(ring, "tail", tail, 1, &consumer, &error), -EINVAL);
    assert_string_equal(error.text, "group \"tail\" cannot be after itself");
    assert_int_equal(join_after(ring, "tail", passing, 1, &consumer, &error), -EINVAL);
    assert_non_null(strstr(error.text, "that one may end, or lose messages"));
    assert_int_equal(join_after(ring, "tail", NULL, 1, &consumer, &error), -EINVAL);
    /* What is there already is after what it is. */
    assert_int_equal(join_after(ring, "journal", both_names, 2, &consumer, &error), -EINVAL);
    assert_string_equal(error.text, "group \"journal\" is there already, and not after just those groups");
    assert_int_equal(join_after(ring, "apply", both_names, 1, &consumer, &error), -EINVAL);
    assert_int_equal(join_after(ring, "check", journal_name, 1, &consumer, &error), 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_join(ring, "check", NULL, &consumer), 0); /* the refused took no place */
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_join(ring, "journal", NULL, &consumer), 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_info(ring, &info), 0);
    assert_int_equal(info.groups, 5);
    assert_int_equal(mring_leave(kept), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- who sees what, when ---- */

/* How many messages there are for this member, all released. */
static int drain(struct mring_consumer *consumer, int *code)
{
    struct mring_message message;
    int count = 0;

    while ((*code = mring_next(consumer, &message)) == 1) {
        count++;
        assert_int_equal(mring_release(consumer, &message), 0);
    }
    return count;
}

static void a_diamond(void **state)
{
    enum { APPLY, JOURNAL, REPLICATE, CHECK };
    struct mring_consumer *member[4];
    struct mring_producer *producer;
    struct mring_message message;
    struct mring *ring;
    int code;

    (void)state;
    assert_int_equal(create(&ring, diamond, 4, NULL), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    for (unsigned at = 0; at < 4; at++)
        assert_int_equal(mring_join(ring, diamond[at].name, NULL, &member[at]), 0);
    for (uint32_t at = 0; at < 8; at++)
        assert_int_equal(mring_send(producer, &at, sizeof(at), at), 0);
    for (unsigned at = 0; at < 4; at++)
        if (at != JOURNAL)
            assert_int_equal(mring_next(member[at], &message), 0);
    assert_int_equal(mring_next(member[JOURNAL], &message), 1);
    assert_int_equal(mring_next(member[CHECK], &message), 0);
    assert_int_equal(mring_release(member[JOURNAL], &message), 0);
    assert_int_equal(drain(member[CHECK], &code), 1);
    assert_int_equal(drain(member[APPLY], &code), 0);
    assert_int_equal(drain(member[REPLICATE], &code), 1);
    assert_int_equal(drain(member[APPLY], &code), 1);
    assert_int_equal(mring_drain(producer, 0), -ETIMEDOUT);
    assert_int_equal(mring_end(producer), 0);
    /* The end comes to a group when it has released all, which is after those before have. */
    assert_int_equal(drain(member[APPLY], &code), 0);
    assert_int_equal(code, 0);
    assert_int_equal(drain(member[JOURNAL], &code), 7);
    assert_int_equal(code, -EPIPE);
    assert_int_equal(drain(member[APPLY], &code), 0);
    assert_int_equal(code, 0);
    assert_int_equal(drain(member[REPLICATE], &code), 7);
    assert_int_equal(code, -EPIPE);
    assert_int_equal(mring_wait(member[APPLY], 0), -ETIMEDOUT);
    assert_int_equal(drain(member[CHECK], &code), 7);
    assert_int_equal(mring_wait(member[APPLY], 0), 0);
    assert_int_equal(drain(member[APPLY], &code), 7);
    assert_int_equal(code, -EPIPE);
    assert_int_equal(mring_drain(producer, 0), 0);
    for (unsigned at = 0; at < 4; at++)
        assert_int_equal(mring_leave(member[at]), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A group made by a join begins at the tail, which those before it may not have come to. */
static void a_joined_group_follows(void **state)
{
    static const char *const apply[] = {"apply", "check"};
    static const struct mring_group groups[] = {{.name = "check"}, {.name = "apply", .members = 2}};
    struct mring_consumer *member[3];
    struct mring_producer *producer;
    struct mring *ring;
    int code;

    (void)state;
    assert_int_equal(create(&ring, groups, 2, NULL), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_send(producer, "1", 1, 0), 0);
    assert_int_equal(mring_join(ring, "check", NULL, &member[0]), 0);
    assert_int_equal(mring_join(ring, "apply", NULL, &member[1]), 0);
    assert_int_equal(join_after(ring, "audit", apply, 2, &member[2], NULL), 0);
    assert_int_equal(mring_send(producer, "2", 1, 0), 0);
    assert_int_equal(drain(member[0], &code), 2);
    assert_int_equal(drain(member[2], &code), 0);
    assert_int_equal(drain(member[1], &code), 2);
    assert_int_equal(drain(member[2], &code), 1);
    for (unsigned at = 0; at < 3; at++)
        assert_int_equal(mring_leave(member[at]), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- lossy groups ---- */

/* A lossy group may be behind a lossless one, not before it. */
static void a_lossy_group_follows(void **state)
{
    static const char *const one[] = {"one"}, *const lossy[] = {"lossy"};
    static const struct mring_group backwards[] = {{.name = "lossy", .lossy = 1},
                                                   {.name = "one", .after = lossy, .after_count = 1}};
    static const struct mring_group groups[] = {
        {.name = "one"},
        {.name = "lossy", .lossy = 1, .after = one, .after_count = 1},
        {.name = "many", .members = 2, .lossy = 1, .after = one, .after_count = 1}};
    struct mring_missed missed = MRING_MISSED_INIT;
    struct mring_consumer *member[3];
    struct mring_producer *producer;
    struct mring_message message;
    struct mring *ring;
    unsigned char payload[1000] = {0};
    unsigned sent = 0, seen[3] = {0}, lost[3] = {0};
    int code;

    (void)state;
    refuse(backwards, 2, "group \"one\" cannot be after \"lossy\", which may lose messages");
    assert_int_equal(create(&ring, groups, 3, NULL), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    for (unsigned at = 0; at < 3; at++)
        assert_int_equal(mring_join(ring, groups[at].name, NULL, &member[at]), 0);
    for (unsigned round = 0; round < 50; round++) {
        while (mring_send(producer, payload, sent * 37 % sizeof(payload), sent) == 0)
            sent++;
        /* Every third time those behind have nothing new to see; every fifth time they are late. */
        if (round % 3 != 0)
            seen[0] += (unsigned)drain(member[0], &code);
        for (unsigned at = 1; at < 3 && round % 5 != 0; at++) {
            while ((code = mring_next(member[at], &message)) == 1 || code == -EOVERFLOW) {
                if (code == -EOVERFLOW) {
                    assert_int_equal(mring_missed(member[at], &missed), 1);
                    lost[at] += (unsigned)missed.messages;
                    continue;
                }
                assert_int_equal(message.tag, seen[at] + lost[at]);
                assert_true(message.tag < seen[0]);
                assert_int_equal(mring_release(member[at], &message), 0);
                seen[at]++;
            }
            assert_int_equal(code, 0);
            assert_true(seen[at] + lost[at] >= seen[0]); /* what was lost may be more than what was overwritten */
        }
    }
    assert_true(lost[1] > 0 && lost[2] > 0);
    for (unsigned at = 0; at < 3; at++)
        assert_int_equal(mring_leave(member[at]), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- a ring of many turns ---- */

static void the_ring_goes_round(void **state)
{
    struct mring_consumer *member[4];
    struct mring_producer *producer;
    struct mring *ring;
    unsigned char payload[1000] = {0};
    unsigned got[4] = {0}, sent = 0;
    int code;

    (void)state;
    assert_int_equal(create(&ring, diamond, 4, NULL), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    for (unsigned at = 0; at < 4; at++)
        assert_int_equal(mring_join(ring, diamond[at].name, NULL, &member[at]), 0);
    while (got[0] < 5000) {
        while (sent < 5000 && (code = mring_send(producer, payload, sent * 37 % sizeof(payload), 0)) == 0)
            sent++;
        for (unsigned at = 0; at < 4; at++)
            got[at] += (unsigned)drain(member[at], &code);
    }
    for (unsigned at = 0; at < 4; at++) {
        assert_int_equal(got[at], 5000);
        assert_int_equal(mring_leave(member[at]), 0);
    }
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_and_strangers_are_refused),
        cmocka_unit_test(joins_are_refused),
        cmocka_unit_test(a_diamond),
        cmocka_unit_test(a_joined_group_follows),
        cmocka_unit_test(a_lossy_group_follows),
        cmocka_unit_test(the_ring_goes_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
