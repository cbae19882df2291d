/* Words that cannot be true: what is said of them, whom it ends, and who goes on. One process; what others write at full speed: multi/hostile.c. */
#include "api/consumer.h"
#include "api/producer.h"
#include "support/ring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A ring of three declared groups, with a member each: "lone", of one, "many", of three, and "bad", of two, where it is tried. */
struct stage {
    struct mring *ring;
    struct mring_producer *producer;
    struct mring_consumer *lone, *many, *bad;
};

static void stage_make(struct stage *stage)
{
    static const struct mring_group groups[] = {
        {.name = "lone", .members = 1}, {.name = "many", .members = 3}, {.name = "bad", .members = 2}};

    stage->ring = make_ring(NULL, groups, 3);
    assert_int_equal(mring_producer(stage->ring, &stage->producer, NULL), 0);
    assert_int_equal(mring_join(stage->ring, "lone", NULL, &stage->lone), 0);
    assert_int_equal(mring_join(stage->ring, "many", NULL, &stage->many), 0);
    assert_int_equal(mring_join(stage->ring, "bad", NULL, &stage->bad), 0);
}

static void stage_end(struct stage *stage)
{
    assert_int_equal(mring_leave(stage->lone), 0);
    assert_int_equal(mring_leave(stage->many), 0);
    assert_int_equal(mring_leave(stage->bad), 0);
    assert_int_equal(mring_producer_close(stage->producer), 0);
    assert_int_equal(mring_close(stage->ring), 0);
}

static void expect_words(const struct mring_error *error, int code, const char *text)
{
    assert_int_equal(error->code, code);
    assert_string_equal(error->text, text);
}

static void expect_trouble(struct mring_consumer *consumer, int code, const char *text)
{
    struct mring_error error = MRING_ERROR_INIT;

    assert_int_equal(mring_trouble(consumer, &error), 1);
    expect_words(&error, code, text);
}

/* ---- the ring's words, which a producer wrote ---- */

static void a_bad_record_is_named(void **state)
{
    static const char words[] = "record at position 16: length 4294967294 is longer than any message (32760)";
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_message message;
    struct stage stage;

    (void)state;
    stage_make(&stage);
    assert_int_equal(mring_trouble(stage.lone, &error), 0);
    assert_int_equal(mring_trouble(stage.lone, NULL), -EINVAL);
    assert_int_equal(mring_send(stage.producer, "12345678", 8, 1), 0);
    assert_int_equal(mring_send(stage.producer, "12345678", 8, 2), 0);
    word_store(record_at(&stage.ring->region.view, 16), record_header(UINT32_MAX - 1, 0));
    assert_int_equal(mring_next(stage.lone, &message), 1);
    assert_int_equal(mring_next(stage.lone, &message), -EBADMSG);
    assert_int_equal(mring_next_wait(stage.lone, &message, MRING_FOREVER), -EBADMSG);
    expect_trouble(stage.lone, -EBADMSG, words);
    assert_int_equal(word_load(&stage.lone->core.line->damaged), 2);
    assert_int_equal(mring_next(stage.many, &message), -EBADMSG);
    expect_trouble(stage.many, -EBADMSG, words);
    assert_int_equal(word_load(&stage.many->core.line->damaged), 1);
    assert_int_equal(mring_trouble(stage.producer, &error), 0);
    stage_end(&stage);
}

static void a_bad_tail_is_named(void **state)
{
    struct mring_message message;
    struct stage stage;
    struct word *tail;

    (void)state;
    stage_make(&stage);
    tail = &stage.ring->region.view.page->tail;
    assert_int_equal(mring_send(stage.producer, "12345678", 8, 1), 0);
    assert_int_equal(mring_next(stage.many, &message), 1);
    assert_int_equal(mring_release(stage.many, &message), 0);
    word_store(tail, 8);
    assert_int_equal(mring_next(stage.many, &message), -EBADMSG);
    expect_trouble(stage.many, -EBADMSG,
                   "the group's position, 16, and the tail, 8, cannot both be true in a ring of 65536 bytes");
    word_store(tail, UINT64_MAX);
    assert_int_equal(mring_wait(stage.many, MRING_FOREVER), 0);
    assert_int_equal(mring_next(stage.many, &message), -EBADMSG);
    word_store(tail, 16);
    stage_end(&stage);
}

/* ---- a group's words, which one of its members wrote ---- */

/* Sends until the ring has been written over more than once, which takes that nobody holds it back but those who are served here. */
static void go_on(struct stage *stage)
{
    static unsigned char payload[1000];
    struct mring_message message;

    for (uint32_t sent = 0; sent < 200; sent++) {
        assert_int_equal(mring_send(stage->producer, payload, sizeof(payload), sent), 0);
        assert_int_equal(mring_recv(stage->lone, payload, sizeof(payload), &message), 1);
        assert_int_equal(message.tag, sent);
        assert_int_equal(mring_recv(stage->many, payload, sizeof(payload), &message), 1);
        assert_int_equal(message.tag, sent);
    }
}

static void expect_cut_off(struct stage *stage, const char *reason)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *another;
    struct mring_message message;
    char words[sizeof(error.text)];

    assert_int_equal(mring_trouble(stage->producer, &error), 1);
    (void)snprintf(words, sizeof(words), "group \"bad\" was cut off: %s", reason);
    expect_words(&error, -EBADMSG, words);
    assert_int_equal(word_load(&stage->ring->region.view.page->cut_offs), 1);
    (void)snprintf(words, sizeof(words), "the producer cut the group off: %s", reason);
    assert_int_equal(mring_next(stage->bad, &message), -ECONNABORTED);
    assert_int_equal(mring_next(stage->bad, &message), -ECONNABORTED);
    assert_int_equal(mring_wait(stage->bad, MRING_FOREVER), -ECONNABORTED);
    assert_int_equal(mring_next_wait(stage->bad, &message, MRING_FOREVER), -ECONNABORTED);
    expect_trouble(stage->bad, -ECONNABORTED, words);
    options.error = &error;
    assert_int_equal(mring_join(stage->ring, "bad", &options, &another), -ECONNABORTED);
    expect_words(&error, -ECONNABORTED, words);
}

static void a_position_past_the_tail_ends_its_group_alone(void **state)
{
    struct stage stage;

    (void)state;
    stage_make(&stage);
    word_store(&stage.bad->core.group.page->claim.low, UINT64_MAX / 2);
    go_on(&stage);
    expect_cut_off(&stage, "the group's position, 9223372036854775807, or what it holds, 9223372036854775807, is past "
                           "the tail, 65520");
    /* The next producer does not wait for it either, whatever stands there then. */
    assert_int_equal(mring_producer_close(stage.producer), 0);
    assert_int_equal(mring_producer(stage.ring, &stage.producer, NULL), 0);
    word_store(&stage.bad->core.group.page->claim.low, 0);
    go_on(&stage);
    stage_end(&stage);
}

static void a_position_that_goes_back_ends_its_group(void **state)
{
    static unsigned char payload[1000];
    struct mring_message message;
    struct stage stage;

    (void)state;
    stage_make(&stage);
    for (uint32_t sent = 0; sent < 100; sent++) { /* laps, so that the producer has looked */
        assert_int_equal(mring_send(stage.producer, payload, sizeof(payload), sent), 0);
        assert_int_equal(mring_recv(stage.lone, payload, sizeof(payload), &message), 1);
        assert_int_equal(mring_recv(stage.many, payload, sizeof(payload), &message), 1);
        assert_int_equal(mring_recv(stage.bad, payload, sizeof(payload), &message), 1);
    }
    word_store(&stage.bad->core.group.page->claim.low, 1008);
    go_on(&stage);
    expect_cut_off(&stage, "the group's position went back to 1008 from 65520, with the tail at 131040");
    stage_end(&stage);
}

/* It looks at the record's own header, which may be one that was written over what it had not released. */
static void a_lone_one_that_has_caught_up_sees_the_cut_first(void **state)
{
    struct mring_message message;
    struct stage stage;
    struct word *what;

    (void)state;
    stage_make(&stage);
    assert_int_equal(mring_next(stage.lone, &message), 0);
    assert_int_equal(mring_send(stage.producer, "12345678", 8, 1), 0);
    what = &stage.ring->region.view.page->cut_off[stage.lone->core.group.index].what;
    word_store(what, cut_off_word(stage.lone->core.group.incarnation, TROUBLE_BACK));
    assert_int_equal(mring_next(stage.lone, &message), -ECONNABORTED);
    assert_int_equal(stage.lone->core.position, 0);
    word_store(what, 0);
    stage_end(&stage);
}

static void a_passing_group_can_be_made_anew(void **state)
{
    struct mring_consumer *bad, *good;
    struct mring_message message;
    struct stage stage;

    (void)state;
    stage_make(&stage);
    assert_int_equal(mring_leave(stage.bad), 0);
    assert_int_equal(mring_join(stage.ring, "passing", NULL, &bad), 0);
    word_store(&bad->core.group.page->claim.low, 4);
    /* "bad" is declared, and keeps its place without members: it must be served. */
    assert_int_equal(mring_join(stage.ring, "bad", NULL, &stage.bad), 0);
    assert_int_equal(mring_send(stage.producer, "12345678", 8, 0), 0);
    assert_int_equal(mring_drain(stage.producer, 0), -ETIMEDOUT);
    assert_int_equal(mring_next(bad, &message), -ECONNABORTED);
    assert_int_equal(mring_leave(bad), 0);
    assert_int_equal(mring_join(stage.ring, "passing", NULL, &good), 0);
    assert_int_equal(mring_send(stage.producer, "12345678", 8, 1), 0);
    assert_int_equal(mring_next(good, &message), 1);
    assert_int_equal(message.tag, 1);
    assert_int_equal(mring_release(good, &message), 0);
    assert_int_equal(mring_leave(good), 0);
    stage_end(&stage);
}

static void a_message_set_aside_that_cannot_be_is_named(void **state)
{
    struct mring_message message;
    struct aside_page *aside;
    struct stage stage;
    char byte;

    (void)state;
    stage_make(&stage);
    aside = stage.bad->core.group.aside;
    word_store(&aside->count, 1);
    word_store(&aside->slot[0].position, 49);
    word_store(&aside->slot[0].header, record_header(70000, 0));
    assert_int_equal(mring_take_aside(stage.bad, &byte, 1, &message), -EBADMSG);
    expect_trouble(stage.bad, -EBADMSG,
                   "the message set aside of position 48: length 70000 is longer than any (32760)");
    stage_end(&stage);
}

/* ---- the directory, which a hostile producer can write ---- */

static void a_declared_group_stays_mapped_whatever_the_directory_says(void **state)
{
    struct mring_consumer *newcomer;
    struct mring_message message;
    struct stage stage;

    (void)state;
    stage_make(&stage);
    word_store(&stage.ring->region.view.page->groups, 0);
    assert_int_equal(mring_join(stage.ring, "newcomer", NULL, &newcomer), 0);
    assert_int_not_equal(newcomer->core.group.index, stage.lone->core.group.index);
    assert_int_equal(mring_next(stage.lone, &message), 0);
    assert_int_equal(mring_leave(newcomer), 0);
    stage_end(&stage);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_record_is_named),
        cmocka_unit_test(a_bad_tail_is_named),
        cmocka_unit_test(a_position_past_the_tail_ends_its_group_alone),
        cmocka_unit_test(a_position_that_goes_back_ends_its_group),
        cmocka_unit_test(a_lone_one_that_has_caught_up_sees_the_cut_first),
        cmocka_unit_test(a_passing_group_can_be_made_anew),
        cmocka_unit_test(a_message_set_aside_that_cannot_be_is_named),
        cmocka_unit_test(a_declared_group_stays_mapped_whatever_the_directory_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
