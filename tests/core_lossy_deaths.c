/* Unit tests of core/lossy.h: members of lossy groups that come, go and die, and what those get who come after them. */
#include "core/lossy.h"

#include "core/recover.h"
#include "support/lossy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void who_comes_later_goes_on(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record record = {0, 0, NULL};

        scene_make(&scene);
        for (unsigned life = 1; life < 60; life++) {
            fake_ring_join(&scene.ring, group, life, &member);
            for (unsigned left = life % 5; left > 0 && next(&member, &record) == 1; left--)
                release(&account, &member, &record);
            group_leave(&member);
            send_some(&scene, life % 3 * 40, life * 5);
        }
        fake_ring_join(&scene.ring, group, 60, &member);
        drain(&account, &member);
        if (group == MANY) /* what a leaver had claimed and not had goes to the next one */
            while (recover_adopt(&member) == 1)
                drain(&account, &member);
        account.missed = account.missed_bytes = 0;
        for (unsigned line = 0; line < scene.ring.group[group].members; line++) {
            account.missed += word_load(&scene.ring.group[group].line[line].missed);
            account.missed_bytes += word_load(&scene.ring.group[group].line[line].missed_bytes);
        }
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

static bool only_two_lives(void *context, uint64_t life)
{
    (void)context;
    return life == 2;
}

/* One of many dies while it holds a batch, of which it has released two. `laps` rings of messages are sent then. */
static void die_and_adopt(unsigned laps)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core dead, living;
    struct record record = {0, 0, NULL};
    const struct judge judge = {only_two_lives, NULL, 2};

    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 1, &dead);
    fake_ring_join(&scene.ring, MANY, 2, &living);
    send_some(&scene, 40, 20);
    for (unsigned got = 0; got < 5; got++) {
        assert_int_equal(next(&dead, &record), 1);
        if (got < 2)
            release(&account, &dead, &record);
    }
    send_some(&scene, laps * CAPACITY / 32, 20);
    assert_true(recover_dead(&scene.ring.group[MANY], &judge, NULL));
    drain(&account, &living);
    assert_adds_up(&scene, &account);
    assert_int_equal(account.missed == 0, laps == 0);
    fake_ring_free(&scene.ring);
}

/*
 * Killed in the midst of releasing: what the line says of where it was going stands there, and `held` is still where it was. Who comes next
 * gets all from there on, and is not misled in what it counts.
 */
static void a_release_that_was_not_finished(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account before = {0}, account = {0};
        struct consumer_core dead, next_one;
        struct record record = {0, 0, NULL};
        const struct judge judge = {only_two_lives, NULL, 2};
        uint64_t held;

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &dead);
        send_some(&scene, 400, 8);
        for (unsigned got = 0; got < 9; got++)
            assert_int_equal(next(&dead, &record), 1);
        held = word_load(&dead.line->held);
        release(&before, &dead, &record);
        word_store(&dead.line->held, held);
        if (group == LONE)
            word_store(&dead.line->owner, owner_next(word_load(&dead.line->owner), 0));
        else
            (void)recover_dead(&scene.ring.group[group], &judge, NULL);
        fake_ring_join(&scene.ring, group, 2, &next_one);
        if (group == MANY)
            assert_int_equal(recover_adopt(&next_one), 1);
        assert_int_equal(next(&next_one, &record), 1);
        assert_int_equal(record_tag(record.header), 0);
        assert_int_equal(next_one.given, 2);
        release(&account, &next_one, &record);
        send_some(&scene, 5, CAPACITY / 4);
        drain(&account, &next_one);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

/* It held one while it was lapped and went on. What it was handed is marked for who comes next, though more than a ring lies between. */
static void what_the_dead_was_handed_is_marked(void **state)
{
    struct scene scene;
    struct consumer_core dead, next_one;
    struct record record = {0, 0, NULL};
    int code;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &dead);
    send_one(&scene, 8);
    assert_int_equal(next(&dead, &record), 1);
    send_some(&scene, 200, 400);
    assert_int_equal(next(&dead, &record), -EOVERFLOW);
    while ((code = next(&dead, &record)) == 1)
        ;
    assert_int_equal(code, 0);
    word_store(&dead.line->owner, owner_next(word_load(&dead.line->owner), 0));
    fake_ring_join(&scene.ring, LONE, 2, &next_one);
    send_one(&scene, 8);
    assert_int_equal(next(&next_one, &record), -EOVERFLOW);
    while (next(&next_one, &record) == 1)
        assert_int_equal(next_one.given, record_tag(record.header) == scene.sent - 1 ? 1 : 2);
    assert_int_equal(record_tag(record.header), scene.sent - 1);
    fake_ring_free(&scene.ring);
}

static void a_dead_members_batch_is_adopted(void **state)
{
    (void)state;
    die_and_adopt(0);
}

static void or_counted_where_it_is_gone(void **state)
{
    (void)state;
    die_and_adopt(2);
}

/* Whatever the line says of a position it says of another one, or that no message lay before. */
static void lie_about(struct member_line *line, uint64_t position, uint64_t another)
{
    for (struct line_fact *fact = line->fact; fact < line->fact + LINE_FACTS; fact++)
        if (word_load(&fact->position) == position) {
            word_store(&fact->position, another);
            word_store(&fact->messages, 0);
        }
}

/* What a line says of the two ends of a claim is bounded before it is counted by: the end comes after the beginning, in messages too. */
static void facts_that_cannot_be_true_are_damage(void **state)
{
    const struct judge judge = {only_two_lives, NULL, 2};

    (void)state;
    for (unsigned lie = 0; lie < 3; lie++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core dead, living;
        struct record record = {0, 0, NULL};

        scene_make(&scene);
        fake_ring_join(&scene.ring, MANY, 1, &dead);
        fake_ring_join(&scene.ring, MANY, 2, &living);
        send_some(&scene, 40, 20);
        assert_int_equal(next(&dead, &record), 1);
        drain(&account, &living); /* so that the word does not name the dead one's line */
        lie_about(dead.line, lie == 2 ? 0 : dead.batch_end, lie == 0 ? dead.batch_end : 8);
        assert_true(recover_dead(&scene.ring.group[MANY], &judge, NULL));
        assert_int_equal(recover_adopt(&living), -EBADMSG);
        assert_int_equal(living.trouble.kind, TROUBLE_COUNT);
        assert_true(word_load(&dead.line->held) == HELD_IDLE);
        account.got = 0; /* and the group goes on */
        send_some(&scene, 7, 20);
        drain(&account, &living);
        assert_int_equal(account.got, 7);
        fake_ring_free(&scene.ring);
    }
}

/* A message kills one after the other: at last it counts as missed. */
static void poison_is_missed(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record record = {0, 0, NULL};
        const struct judge judge = {only_two_lives, NULL, 2};

        scene_make(&scene);
        send_some(&scene, 4, 20);
        for (unsigned life = 3; life < 3 + FAKE_RING_ATTEMPTS; life++) {
            fake_ring_join(&scene.ring, group, life, &member);
            if (group == MANY && life > 3)
                (void)recover_adopt(&member);
            assert_int_equal(next(&member, &record), 1);
            assert_int_equal(record_tag(record.header), 0);
            assert_int_equal(member.given, life - 2);
            if (group == LONE) /* it is killed: its line is taken as it stands */
                word_store(&member.line->owner, owner_next(word_load(&member.line->owner), 0));
            else
                (void)recover_dead(&scene.ring.group[group], &judge, NULL);
        }
        fake_ring_join(&scene.ring, group, 2, &member);
        drain(&account, &member);
        assert_int_equal(account.got, 3);
        assert_int_equal(account.missed, 1);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

/* It was all that there was of a claim: who finds that is where it was, and holds nothing. */
static void nothing_but_poison_holds_nobody(void **state)
{
    const struct judge judge = {only_two_lives, NULL, 2};
    struct scene scene;
    struct account account = {0};
    struct consumer_core reader, victim;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 2, &reader);
    send_one(&scene, 20);
    for (unsigned life = 3; life < 3 + FAKE_RING_ATTEMPTS; life++) {
        fake_ring_join(&scene.ring, MANY, life, &victim);
        if (life > 3)
            (void)recover_adopt(&victim);
        assert_int_equal(next(&victim, &record), 1);
        assert_int_equal(record_tag(record.header), 0);
        if (life == 3) { /* the reader comes further meanwhile */
            send_some(&scene, 3, 20);
            drain(&account, &reader);
        }
        (void)recover_dead(&scene.ring.group[MANY], &judge, NULL);
    }
    assert_int_equal(next(&reader, &record), -EOVERFLOW);
    note_missed(&account, &reader);
    assert_false(consumer_core_holds(&reader));
    send_one(&scene, 20);
    drain(&account, &reader);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_later_goes_on),
        cmocka_unit_test(a_release_that_was_not_finished),
        cmocka_unit_test(what_the_dead_was_handed_is_marked),
        cmocka_unit_test(a_dead_members_batch_is_adopted),
        cmocka_unit_test(facts_that_cannot_be_true_are_damage),
        cmocka_unit_test(or_counted_where_it_is_gone),
        cmocka_unit_test(poison_is_missed),
        cmocka_unit_test(nothing_but_poison_holds_nobody),
    };

    return cmocka_run_group_tests_name("core-lossy-deaths", tests, NULL, NULL);
}
