/*
 * Unit tests of core/recover: counts, limits, and what hostile words come to. That nobody's death at any step loses anything is for tests/kill.
 */
#include "core/lone.h"
#include "core/shared.h"
#include "support/mortals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- counts ---- */

/* The next one, who finds what the dead left. */
static void succeed(struct one *one, struct consumer_core *consumer)
{
    join(one, consumer);
    assert_true(look(one));
}

static void each_record_counts_its_own_dead(void **state)
{
    struct one one;
    struct consumer_core member[5];

    (void)state;
    one_make(&one, 5, GROUP_DECLARED);
    join(&one, &member[0]);
    send(&one, 8);
    expect(&member[0], 0, 1); /* of four */
    die(&member[0]);
    succeed(&one, &member[1]);
    expect(&member[1], 0, 2);
    release(&member[1]);
    expect(&member[1], 1, 2); /* the oldest now, and has killed nobody yet */
    die(&member[1]);
    for (unsigned at = 2; at < 4; at++) {
        succeed(&one, &member[at]);
        expect(&member[at], 1, at + 1);
        die(&member[at]);
    }
    succeed(&one, &member[4]);
    expect(&member[4], 2, 5); /* three died while the second was the oldest, of the four who had it */
    assert_int_equal(aside_count(one.group), 1);
    fake_ring_free(&one.ring);
}

static void a_deadly_message_is_set_aside(void **state)
{
    struct one one;
    struct consumer_core member;
    struct aside_message message;

    (void)state;
    one_make(&one, 2, GROUP_DECLARED);
    send(&one, 4);
    for (uint64_t given = 1; given <= FAKE_RING_ATTEMPTS; given++) {
        join(&one, &member);
        (void)look(&one);
        expect(&member, 0, given);
        die(&member);
    }
    assert_int_equal(take_aside(&one, &message), 0);
    join(&one, &member);
    (void)look(&one);
    expect(&member, 1, FAKE_RING_ATTEMPTS + 1);
    assert_int_equal(take_aside(&one, &message), 1);
    assert_int_equal(message.position, 0);
    assert_int_equal(message.given, FAKE_RING_ATTEMPTS);
    assert_int_equal(record_tag(message.header), 0);
    assert_int_equal(take_aside(&one, &message), 0);
    release(&member);
    fake_ring_rescan(&one.ring, &one.producer);
    assert_int_equal(one.producer.gate, 2 * SIZE);
    fake_ring_free(&one.ring);
}

/* Who takes what others left and leaves before it has come to it was given none, and pardons none. */
static void a_leaver_keeps_the_count(void **state)
{
    struct one one;
    struct consumer_core member;

    (void)state;
    one_make(&one, 4, GROUP_DECLARED);
    send(&one, 8);
    for (uint64_t given = 1; given < FAKE_RING_ATTEMPTS; given++) {
        join(&one, &member);
        (void)look(&one);
        expect(&member, 0, given);
        die(&member);
    }
    join(&one, &member);
    assert_true(look(&one));
    assert_int_equal(shared_claim(&member), 1);
    assert_int_equal(member.given, FAKE_RING_ATTEMPTS);
    group_leave(&member);
    join(&one, &member);
    expect(&member, 0, FAKE_RING_ATTEMPTS);
    die(&member);
    join(&one, &member);
    (void)look(&one);
    expect(&member, 1, FAKE_RING_ATTEMPTS + 1);
    assert_int_equal(aside_count(one.group), 1);
    fake_ring_free(&one.ring);
}

static void the_oldest_orphan_goes_first(void **state)
{
    enum { DEAD = 3 };
    static const unsigned order[DEAD] = {1, 0, 2}; /* of the lines: neither the first nor the last has the oldest */
    struct one one;
    struct consumer_core dead[DEAD], member;

    (void)state;
    one_make(&one, DEAD + 1, GROUP_DECLARED);
    for (unsigned at = 0; at < DEAD; at++) {
        join(&one, &dead[at]);
        dead[at].batch_max = 1;
    }
    join(&one, &member);
    send(&one, 8);
    for (unsigned at = 0; at < DEAD; at++)
        expect(&dead[order[at]], at, 1);
    for (unsigned at = 0; at < DEAD; at++)
        die(&dead[at]);
    assert_true(look(&one));
    for (uint32_t tag = 0; tag < DEAD; tag++) {
        expect(&member, tag, 2);
        release(&member);
    }
    expect(&member, DEAD, 1);
    fake_ring_free(&one.ring);
}

/* ---- alone ---- */

static void a_lone_member_goes_on_where_the_dead_was(void **state)
{
    struct one one;
    struct consumer_core member;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    join(&one, &member);
    send(&one, 6);
    expect(&member, 0, 1);
    release(&member);
    expect(&member, 1, 1);
    expect(&member, 2, 1);
    assert_int_equal(member.limit, 6 * SIZE); /* it has looked that far ahead */
    die(&member);
    send(&one, 2);

    join(&one, &member);
    expect(&member, 1, 2);
    release(&member);
    expect(&member, 2, 2);
    die(&member); /* within what is redelivered */

    join(&one, &member);
    for (uint32_t tag = 2; tag < 6; tag++) {
        expect(&member, tag, 3);
        release(&member);
    }
    expect(&member, 6, 1); /* behind it */
    release(&member);
    expect(&member, 7, 1);
    die(&member);

    join(&one, &member);
    expect(&member, 7, 2);
    release(&member);
    group_leave(&member);
    join(&one, &member);
    assert_int_equal(lone_refill(&member), 0);
    fake_ring_free(&one.ring);
}

static void a_lone_leaver_leaves_the_rest_flagged(void **state)
{
    struct one one;
    struct consumer_core member;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    join(&one, &member);
    send(&one, 4);
    expect(&member, 0, 1);
    expect(&member, 1, 1);
    expect(&member, 2, 1);
    assert_int_equal(member.limit, 4 * SIZE);
    die(&member);
    join(&one, &member);
    expect(&member, 0, 2);
    group_leave(&member); /* the first counts as released */
    send(&one, 1);
    join(&one, &member);
    for (uint32_t tag = 1; tag < 4; tag++)
        expect(&member, tag, 2);
    while (member.position < 4 * SIZE)
        expect(&member, 3, 2);
    expect(&member, 4, 1);
    fake_ring_free(&one.ring);
}

/* A lone member claims as far as it looks ahead, which may end within a record: nobody was handed that. */
static void what_ends_beyond_the_claim_was_given_to_nobody(void **state)
{
    enum { LONG = 3000 };
    static const unsigned char payload[LONG];
    struct one one;
    struct consumer_core member;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    join(&one, &member);
    for (uint32_t tag = 0; tag < 4; tag++)
        fake_ring_send(&one.ring, &one.producer, payload, LONG, tag);
    for (uint32_t tag = 0; tag < 3; tag++) {
        expect(&member, tag, 1);
        release(&member);
    }
    assert_true(member.limit > member.position && member.limit - member.position < LONG);
    die(&member);
    for (uint64_t given = 1; given <= 3;
         given++) { /* the first was not killed with it, nor do those after count twice */
        join(&one, &member);
        expect(&member, 3, given);
        die(&member);
    }
    fake_ring_free(&one.ring);
}

static void a_lone_group_sets_aside_too(void **state)
{
    struct one one;
    struct consumer_core member;
    struct aside_message message;

    (void)state;
    one_make(&one, 1, GROUP_DECLARED);
    send(&one, 2);
    for (uint64_t given = 1; given <= FAKE_RING_ATTEMPTS; given++) {
        join(&one, &member);
        expect(&member, 0, given);
        die(&member);
    }
    join(&one, &member);
    assert_int_equal(take_aside(&one, &message), 1);
    assert_int_equal(message.given, FAKE_RING_ATTEMPTS);
    expect(&member, 1, 1); /* the first looked only one header ahead */
    release(&member);
    assert_int_equal(gate_of_group(&one.ring.view, one.group, 0, 2 * SIZE), 2 * SIZE);
    fake_ring_free(&one.ring);
}

static void a_dead_lone_member_waits_for_the_next_or_vanishes(void **state)
{
    struct one one;
    struct consumer_core member;

    (void)state;
    for (uint32_t kind = GROUP_DECLARED; kind <= GROUP_DURABLE; kind++) {
        one_make(&one, 1, kind);
        join(&one, &member);
        send(&one, 2);
        expect(&member, 0, 1);
        die(&member);
        assert_false(look(&one));
        assert_true(gate_of_group(&one.ring.view, one.group, 0, 2 * SIZE) == (kind == GROUP_PASSING ? GATE_NONE : 0));
        fake_ring_free(&one.ring);
    }
}

/* ---- words that nobody expects ---- */

/* The line's turn wraps: an orphan's owner word is 0 then, and it is an orphan all the same. */
static void a_turn_that_wraps_loses_nothing(void **state)
{
    struct one one;
    struct consumer_core dead, member;

    (void)state;
    one_make(&one, 2, GROUP_DECLARED);
    word_store(&one.group->line[0].owner, UINT64_C(0xfffd) << LIFE_BITS);
    join(&one, &dead);
    join(&one, &member);
    send(&one, 4);
    expect(&dead, 0, 1);
    die(&dead);
    assert_true(look(&one));
    assert_int_equal(word_load(&one.group->line[0].owner), 0);
    expect(&member, 0, 2);
    fake_ring_free(&one.ring);
}

static void a_line_that_cannot_be_true_is_damage(void **state)
{
    static const struct {
        uint64_t held, end;
    } lie[] = {{0, 1 << 20}, {0, 9 * SIZE}, {4, 3 * SIZE}, {0, SIZE - 4}, {0, LAYOUT_CAPACITY_MIN}};

    (void)state;
    for (size_t at = 0; at < sizeof(lie) / sizeof(*lie); at++) {
        struct one one;
        struct consumer_core dead, member;

        one_make(&one, 2, GROUP_DECLARED);
        join(&one, &dead);
        join(&one, &member);
        send(&one, 8);
        expect(&dead, 0, 1);
        word_store(&dead.line->held, lie[at].held);
        word_store(&dead.line->intent_end, lie[at].end);
        die(&dead);
        assert_true(look(&one));
        assert_int_equal(shared_claim(&member), -EBADMSG);
        assert_true(word_load(&dead.line->held) == HELD_IDLE); /* it holds nobody up, and the group goes on */
        assert_int_equal(shared_claim(&member), 1);
        fake_ring_free(&one.ring);
    }
}

static void nobody_asks_about_who_moves(void **state)
{
    struct suspect suspects[3];
    struct one one;
    struct consumer_core busy, dead, member;
    const struct judge judge = judge_of(LIVES - 1);

    (void)state;
    one_make(&one, 3, GROUP_DECLARED);
    join(&one, &busy);
    join(&one, &dead);
    join(&one, &member);
    send(&one, 20);
    expect(&busy, 0, 1);
    expect(&dead, 3, 1);
    die(&dead);
    memset(suspects, 0, sizeof(suspects));
    world.asked = 0;
    assert_false(recover_dead(one.group, &judge, suspects)); /* nobody has been seen before */
    assert_int_equal(world.asked, 0);
    release(&busy);
    assert_true(recover_dead(one.group, &judge, suspects)); /* the dead one stood still, and so was asked about */
    assert_int_equal(world.asked, 1);
    fake_ring_free(&one.ring);
}

/* Nor about one that holds nothing, as long as that may last; but by those who see to all the dead at once. */
static void nobody_asks_about_who_holds_nothing(void **state)
{
    struct suspect suspects[2] = {{0}};
    struct one one;
    struct consumer_core idle, other;
    const struct judge judge = judge_of(LIVES - 1);

    (void)state;
    one_make(&one, 2, GROUP_PASSING);
    join(&one, &idle);
    join(&one, &other);
    world.asked = 0;
    assert_false(recover_dead(one.group, &judge, suspects));
    assert_false(recover_dead(one.group, &judge, suspects));
    assert_int_equal(world.asked, 0);
    die(&idle);
    assert_false(recover_dead(one.group, &judge, suspects));
    assert_int_equal(word_load(&one.group->page->deaths), 0);
    assert_false(recover_dead(one.group, &judge, NULL));
    assert_int_equal(word_load(&one.group->page->deaths), 1);
    fake_ring_free(&one.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_counts_its_own_dead),
        cmocka_unit_test(a_deadly_message_is_set_aside),
        cmocka_unit_test(a_leaver_keeps_the_count),
        cmocka_unit_test(the_oldest_orphan_goes_first),
        cmocka_unit_test(a_lone_member_goes_on_where_the_dead_was),
        cmocka_unit_test(a_lone_leaver_leaves_the_rest_flagged),
        cmocka_unit_test(what_ends_beyond_the_claim_was_given_to_nobody),
        cmocka_unit_test(a_lone_group_sets_aside_too),
        cmocka_unit_test(a_dead_lone_member_waits_for_the_next_or_vanishes),
        cmocka_unit_test(a_turn_that_wraps_loses_nothing),
        cmocka_unit_test(a_line_that_cannot_be_true_is_damage),
        cmocka_unit_test(nobody_asks_about_who_moves),
        cmocka_unit_test(nobody_asks_about_who_holds_nothing),
    };

    return cmocka_run_group_tests_name("core-recover", tests, NULL, NULL);
}
