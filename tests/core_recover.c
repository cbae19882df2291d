/*
 * Unit tests of core/recover and core/aside: counts, limits, and what hostile words come to. That nobody's death at any step loses anything is
 * for tests/kill.
 */
#include "core/aside.h"
#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIVES = 512, SIZE = 16 /* of a record of 8 bytes */ };

/* Who is dead, and how often that was asked. */
static struct {
    bool dead[LIVES];
    unsigned asked;
} world;

static bool lives(void *context, uint64_t number)
{
    (void)context;
    world.asked++;
    return number < LIVES && !world.dead[number];
}

static struct judge judge_of(uint64_t life)
{
    return (struct judge){lives, NULL, life};
}

/* A ring with one group, and its producer. */
struct one {
    struct fake_ring ring;
    struct group_view *group;
    struct producer_core producer;
    uint64_t next_life;
};

static void one_make(struct one *one, uint32_t members, uint32_t kind)
{
    memset(&world, 0, sizeof(world));
    fake_ring_make(&one->ring, LAYOUT_CAPACITY_MIN, 8, 1, &members);
    one->group = &one->ring.group[0];
    one->group->terms.kind = kind;
    one->next_life = 1;
    assert_int_equal(producer_core_start(&one->producer, &one->ring.view), 0);
}

static void send(struct one *one, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        fake_ring_send(&one->ring, &one->producer, "12345678", 8, (uint32_t)(one->producer.position / SIZE));
}

static int try_join(struct one *one, struct consumer_core *consumer)
{
    const struct judge judge = judge_of(one->next_life++);
    int line = group_occupy(one->group, judge.life, lives, NULL);

    assert_true(line >= 0);
    return group_enter(consumer, &one->ring.view, one->group, (uint32_t)line, &judge);
}

static void join(struct one *one, struct consumer_core *consumer)
{
    assert_int_equal(try_join(one, consumer), 0);
}

static void die(const struct consumer_core *consumer)
{
    world.dead[consumer->judge.life] = true;
}

static bool look(struct one *one)
{
    const struct judge judge = judge_of(LIVES - 1);

    return recover_dead(one->group, &judge, NULL);
}

/* The next record, which must be that one, given to so many. */
static void expect(struct consumer_core *consumer, uint32_t tag, uint64_t given)
{
    struct record record = {0, 0, NULL};

    if (!consumer_core_take(consumer, &record)) {
        int code = consumer->group.members == 1 ? lone_refill(consumer) : shared_claim(consumer);

        assert_int_equal(code, 1);
        assert_true(consumer_core_take(consumer, &record));
    }
    assert_int_equal(record_tag(record.header), tag);
    assert_int_equal(consumer->given, given);
}

static void release(struct consumer_core *consumer)
{
    shared_release(consumer, consumer->position);
}

static int take_aside(struct one *one, struct aside_message *message)
{
    const struct judge judge = judge_of(LIVES - 1);
    unsigned char buffer[64];

    return aside_take(one->group, &judge, buffer, sizeof(buffer), message);
}

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

/* ---- what is set aside ---- */

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
        cmocka_unit_test(aside_is_there_once),
        cmocka_unit_test(aside_has_its_slots),
        cmocka_unit_test(aside_bytes_go_around),
        cmocka_unit_test(aside_says_what_is_too_long),
        cmocka_unit_test(aside_waits_for_nobody),
        cmocka_unit_test(without_room_aside_it_is_handed_out),
        cmocka_unit_test(a_turn_that_wraps_loses_nothing),
        cmocka_unit_test(a_line_that_cannot_be_true_is_damage),
        cmocka_unit_test(nobody_asks_about_who_moves),
    };

    return cmocka_run_group_tests_name("core-recover", tests, NULL, NULL);
}
