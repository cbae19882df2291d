/* Unit tests of core/aside: what is set aside is there once, whole, in order, in the room that there is. */
#include "support/mortals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool put(struct one *one, uint64_t position, const void *data, uint32_t length)
{
    const struct judge judge = judge_of(1);

    return aside_put(one->group, &judge, position, record_header(length, (uint32_t)position), data, 7);
}

static void aside_is_there_once(void **state)
{
    struct one one;
    struct aside_message message;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    assert_true(put(&one, 8, "a", 1));
    assert_true(put(&one, 16, "", 0));
    assert_true(put(&one, 8, "a", 1));
    assert_int_equal(aside_count(one.group), 2);
    assert_int_equal(take_aside(&one, &message), 1);
    assert_int_equal(message.position, 8);
    assert_true(
        put(&one, 8, "a", 1)); /* its holder was killed before held moved on, and it has been taken out meanwhile */
    assert_int_equal(take_aside(&one, &message), 1);
    assert_int_equal(message.position, 16);
    assert_int_equal(record_length(message.header), 0);
    assert_int_equal(message.given, 7);
    assert_int_equal(take_aside(&one, &message), 0);
    fake_ring_free(&one.ring);
}

static void aside_has_its_slots(void **state)
{
    struct one one;
    struct aside_message message;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    for (uint64_t at = 0; at < ASIDE_SLOTS; at++)
        assert_true(put(&one, at * 8, "abcdefgh", 8));
    assert_int_equal(aside_count(one.group), ASIDE_SLOTS);
    assert_false(put(&one, ASIDE_SLOTS * 8, "abcdefgh", 8));
    assert_int_equal(word_load(&one.group->aside->full), 1);
    for (uint64_t round = 0; round < 3; round++) {
        assert_int_equal(take_aside(&one, &message), 1);
        assert_int_equal(message.position, round * 8);
        assert_true(put(&one, (ASIDE_SLOTS + round) * 8, "abcdefgh", 8));
        assert_int_equal(aside_count(one.group), ASIDE_SLOTS);
        assert_false(put(&one, (ASIDE_SLOTS + round + 1) * 8, "abcdefgh", 8));
    }
    fake_ring_free(&one.ring);
}

/* Bytes go around the end of their room, and never over those that are there still. */
static void aside_bytes_go_around(void **state)
{
    static unsigned char data[LAYOUT_CAPACITY_MIN], back[LAYOUT_CAPACITY_MIN];
    const struct judge judge = judge_of(1);
    struct one one;
    struct aside_message message;
    uint32_t length[64];
    unsigned seed = 11, first = 0, count = 0, refused = 0;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    for (unsigned round = 0; round < 2000; round++) {
        seed = seed * 1103515245 + 12345;
        length[count % 64] = seed >> 8 & 0xfff;
        memset(data, (int)(count & 0xff), sizeof(data));
        if (put(&one, count * 8, data, length[count % 64])) {
            count++;
        } else {
            refused++;
            assert_int_equal(aside_take(one.group, &judge, back, sizeof(back), &message), 1);
            assert_int_equal(message.position, first * 8);
            assert_int_equal(record_length(message.header), length[first % 64]);
            for (uint32_t byte = 0; byte < length[first % 64]; byte++)
                assert_int_equal(back[byte], first & 0xff);
            first++;
        }
    }
    assert_true(refused > 500 && count > 500);
    fake_ring_free(&one.ring);
}

static void aside_says_what_is_too_long(void **state)
{
    static unsigned char data[LAYOUT_CAPACITY_MIN];
    const struct judge judge = judge_of(1);
    struct one one;
    struct aside_message message;
    unsigned char buffer[4];

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    assert_true(put(&one, 8, data, 8000));
    assert_int_equal(aside_take(one.group, &judge, buffer, sizeof(buffer), &message), -EMSGSIZE);
    assert_true(record_length(message.header) > sizeof(buffer));
    assert_int_equal(aside_count(one.group), 1);
    assert_int_equal(aside_take(one.group, &judge, data, sizeof(data), &message), 1);
    fake_ring_free(&one.ring);
}

static void aside_waits_for_nobody(void **state)
{
    struct one one;
    struct aside_message message;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    assert_true(put(&one, 8, "a", 1));
    word_store(&one.group->aside->owner, 5); /* alive, and stopped there */
    assert_false(put(&one, 16, "a", 1));
    assert_int_equal(take_aside(&one, &message), -EBUSY);
    word_store(&one.group->aside->owner, 1); /* another thread of the same life */
    assert_false(put(&one, 16, "a", 1));
    word_store(&one.group->aside->owner, 5);
    world.dead[5] = true;
    assert_true(put(&one, 16, "a", 1));
    assert_int_equal(word_load(&one.group->aside->owner), 0);
    assert_int_equal(take_aside(&one, &message), 1);
    fake_ring_free(&one.ring);
}

/* Words of members', who may be hostile: no place outside is written or read, and what cannot be counted is none. */
static void aside_words_that_cannot_be_true(void **state)
{
    struct one one;
    struct aside_message message;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    assert_true(put(&one, 8, "a", 1));
    word_store(&one.group->aside->slot[0].at, UINT64_MAX / 2); /* so that all room is used, and more */
    assert_true(put(&one, 16, "a", 1));
    word_store(&one.group->aside->slot[0].at, 0);
    assert_false(put(&one, 24, "a", 1));
    assert_int_equal(word_load(&one.group->aside->full), 1);
    word_store(&one.group->aside->first, 3); /* of two */
    assert_int_equal(aside_count(one.group), 0);
    assert_int_equal(take_aside(&one, &message), 0);
    word_store(&one.group->aside->first, 0);
    word_store(&one.group->aside->slot[0].header, record_header(UINT32_MAX - 1, 0));
    assert_int_equal(take_aside(&one, &message), -EBADMSG);
    fake_ring_free(&one.ring);
}

static void without_room_aside_it_is_handed_out(void **state)
{
    struct one one;
    struct consumer_core member;

    (void)state;
    one_make(&one, 2, GROUP_DECLARED);
    send(&one, 4);
    word_store(&one.group->aside->owner, 9); /* somebody is stopped there */
    for (uint64_t given = 1; given <= FAKE_RING_ATTEMPTS + 2; given++) {
        join(&one, &member);
        (void)look(&one);
        expect(&member, 0, given);
        die(&member);
    }
    word_store(&one.group->aside->owner, 0);
    join(&one, &member);
    (void)look(&one);
    expect(&member, 1, FAKE_RING_ATTEMPTS + 3);
    assert_int_equal(aside_count(one.group), 1);
    fake_ring_free(&one.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aside_is_there_once),
        cmocka_unit_test(aside_has_its_slots),
        cmocka_unit_test(aside_bytes_go_around),
        cmocka_unit_test(aside_says_what_is_too_long),
        cmocka_unit_test(aside_waits_for_nobody),
        cmocka_unit_test(aside_words_that_cannot_be_true),
        cmocka_unit_test(without_room_aside_it_is_handed_out),
    };

    return cmocka_run_group_tests_name("core-aside", tests, NULL, NULL);
}
