/* Unit tests of core/lossy.h: what lossy members get, and what they are told they missed. */
#include "core/lossy.h"
#include "core/shared.h"

#include "support/lossy_scene.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void one_that_keeps_up_misses_nothing(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    for (unsigned turn = 0; turn < 1000; turn++) {
        send_some(&scene, turn % 7, turn % 200);
        drain(&account, &member);
    }
    assert_int_equal(account.got, scene.sent);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

static void lapped_it_knows_what_it_missed(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &member);
        send_some(&scene, 10, 100);
        drain(&account, &member);
        assert_int_equal(account.got, 10);
        send_some(&scene, 5 * CAPACITY / 108, 100);
        drain(&account, &member);
        assert_true(account.missed > 0 && account.got > 10);
        assert_adds_up(&scene, &account);
        /* What is left to read is most of a ring. */
        assert_true((account.got - 10) * 112 > CAPACITY / 2);
        fake_ring_free(&scene.ring);
    }
}

static void what_is_held_is_overwritten(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record first = {0, 0, NULL}, second = {0, 0, NULL};

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &member);
        send_some(&scene, 50, 40);
        assert_int_equal(next(&member, &first), 1);
        assert_int_equal(next(&member, &second), 1);
        assert_int_equal(lossy_intact(&member, first.position, 40), 1);
        assert_int_equal(lossy_intact(&member, second.position, 39), -EINVAL);
        send_some(&scene, 2 * CAPACITY / 48, 40);
        assert_int_equal(lossy_intact(&member, first.position, 40), 0);
        release(&account, &member, &second);
        assert_int_equal(account.missed, 2);
        assert_int_equal(lossy_intact(&member, first.position, 40), -EINVAL);
        assert_int_equal(lossy_release(&member, first.position, 40), -EINVAL);
        drain(&account, &member);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

/* It was told while it held a message, which is lost by now, too; and leaves. */
static void who_leaves_has_counted_what_it_missed(void **state)
{
    struct scene scene;
    struct consumer_core member;
    struct record record = {0, 0, NULL};
    struct lossy_gap told;

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    send_some(&scene, 10, 100);
    assert_int_equal(next(&member, &record), 1);
    send_some(&scene, 300, 100);
    assert_int_equal(next(&member, &record), -EOVERFLOW);
    assert_int_equal(word_load(&member.line->missed), 0);
    told = member.lossy.gap;
    group_leave(&member);
    assert_int_equal(word_load(&member.line->missed), told.messages + 1);
    assert_int_equal(word_load(&member.line->missed_bytes), told.bytes + 100);
    fake_ring_free(&scene.ring);
}

/* What it holds counts as released then: as had, if it is whole, or else as missed. */
static void what_is_held_counts_when_its_holder_leaves(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        for (unsigned laps = 0; laps <= 2; laps += 2) {
            struct scene scene;
            struct consumer_core member;
            struct record record = {0, 0, NULL};
            const struct member_line *line;

            scene_make(&scene);
            fake_ring_join(&scene.ring, group, 1, &member);
            line = member.line;
            send_some(&scene, 50, 40);
            for (unsigned got = 0; got < 3; got++)
                assert_int_equal(next(&member, &record), 1);
            send_some(&scene, laps * CAPACITY / 48, 40);
            group_leave(&member);
            assert_int_equal(word_load(&line->messages), laps == 0 ? 3 : 0);
            assert_int_equal(word_load(&line->missed), laps == 0 ? 0 : 3);
            assert_int_equal(word_load(&line->missed_bytes), laps == 0 ? 0 : 120);
            fake_ring_free(&scene.ring);
        }
    }
}

/* What is behind the held ones was found to be lost before they were, and is told with them: from the first of them to where it goes on. */
static void what_is_held_is_told_with_what_is_behind(void **state)
{
    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        struct scene scene;
        struct account account = {0};
        struct consumer_core member;
        struct record first = {0, 0, NULL}, second = {0, 0, NULL}, none;

        scene_make(&scene);
        fake_ring_join(&scene.ring, group, 1, &member);
        send_some(&scene, 50, 40);
        assert_int_equal(next(&member, &first), 1);
        assert_int_equal(next(&member, &second), 1);
        send_some(&scene, 2 * CAPACITY / 48, 40);
        assert_int_equal(lossy_next(&member, &none), -EOVERFLOW);
        member.lossy.pending = true; /* as the api does when it has others to hand out */
        release(&account, &member, &second);
        assert_true(account.missed > 2);
        assert_int_equal(member.lossy.gap.from, first.position);
        assert_int_equal(member.lossy.gap.resumed, member.position);
        drain(&account, &member);
        assert_adds_up(&scene, &account);
        fake_ring_free(&scene.ring);
    }
}

static void it_may_hold_so_many(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, LONE, 1, &member);
    send_some(&scene, LOSSY_HELD + 2, 8);
    for (unsigned held = 0; held < LOSSY_HELD; held++)
        assert_int_equal(next(&member, &record), 1);
    assert_int_equal(next(&member, &record), -EBUSY);
    assert_int_equal(lossy_release(&member, record.position, 8), 0);
    account.got = LOSSY_HELD;
    account.got_bytes = LOSSY_HELD * 8;
    drain(&account, &member);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

static void what_is_taken_back_comes_again(void **state)
{
    struct scene scene;
    struct account account = {0};
    struct consumer_core member;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 1, &member);
    send_some(&scene, 9, 8);
    assert_int_equal(next(&member, &record), 1);
    lossy_unhand(&member);
    drain(&account, &member);
    assert_int_equal(account.got, 9);
    assert_adds_up(&scene, &account);
    fake_ring_free(&scene.ring);
}

/* ---- anything ---- */

struct player {
    struct consumer_core core;
    struct account *account;
    struct record held[LOSSY_HELD];
    unsigned count;
};

static void play(struct player *player, uint64_t *random)
{
    struct record record = {0, 0, NULL};
    int code = random_below(random, 3) != 0 || player->count == LOSSY_HELD ? -EBUSY : next(&player->core, &record);

    if (code == 1) {
        player->held[player->count++] = record;
    } else if (code == -EOVERFLOW) {
        note_missed(player->account, &player->core);
    } else if (player->count > 0) {
        assert_true(code == 0 || code == -EBUSY);
        /* Whole when it is released, it was whole when it was looked at. */
        struct record *first = &player->held[0];
        unsigned char copy[CAPACITY];
        uint32_t length = record_length(first->header);

        copy_racing(copy, first->data, length);
        code = lossy_release(&player->core, first->position, length);
        if (code == 0) {
            for (uint32_t at = 0; at < length; at++)
                assert_int_equal(copy[at], byte_of(record_tag(first->header)));
            player->account->got++;
            player->account->got_bytes += length;
        } else {
            note_missed(player->account, &player->core);
        }
        memmove(first, first + 1, --player->count * sizeof(*first));
    }
}

static void whatever_happens_it_adds_up(void **state)
{
    uint64_t random = (uint64_t)time(NULL);

    (void)state;
    print_message("seed %llu\n", (unsigned long long)random);
    for (unsigned round = 0; round < 60; round++) {
        static struct player player[1 + MANY_MEMBERS];
        struct account account[GROUPS] = {{0}, {0}};
        struct scene scene;

        scene_make(&scene);
        memset(player, 0, sizeof(player));
        for (unsigned who = 0; who < 1 + MANY_MEMBERS; who++) {
            player[who].account = &account[who == 0 ? LONE : MANY];
            fake_ring_join(&scene.ring, who == 0 ? LONE : MANY, who + 1, &player[who].core);
        }
        for (unsigned turn = 0; turn < 4000; turn++) {
            if (random_below(&random, 3) == 0)
                send_some(&scene, random_below(&random, 12),
                          random_below(&random, random_below(&random, 40) == 0 ? CAPACITY / 2 - 8 : 90));
            play(&player[random_below(&random, 1 + MANY_MEMBERS)], &random);
        }
        for (unsigned who = 0; who < 1 + MANY_MEMBERS; who++) {
            while (player[who].count > 0)
                play(&player[who], &random);
            drain(player[who].account, &player[who].core);
        }
        for (unsigned group = 0; group < GROUPS; group++)
            assert_adds_up(&scene, &account[group]);
        fake_ring_free(&scene.ring);
    }
}

/* Who is about to wait has nothing at hand, and has been told of all that it missed. */
static void who_has_more_does_not_wait(void **state)
{
    struct scene scene;
    struct consumer_core member;
    struct record record = {0, 0, NULL};

    (void)state;
    scene_make(&scene);
    fake_ring_join(&scene.ring, MANY, 1, &member);
    assert_false(lossy_has_more(&member));
    send_some(&scene, 4, 8);
    assert_int_equal(shared_claim(&member), 1);
    assert_true(lossy_has_more(&member));
    while (lossy_next(&member, &record) == 1)
        ;
    assert_false(lossy_has_more(&member));
    member.lossy.pending = true;
    assert_true(lossy_has_more(&member));
    fake_ring_free(&scene.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_keeps_up_misses_nothing),
        cmocka_unit_test(lapped_it_knows_what_it_missed),
        cmocka_unit_test(what_is_held_is_overwritten),
        cmocka_unit_test(who_leaves_has_counted_what_it_missed),
        cmocka_unit_test(what_is_held_counts_when_its_holder_leaves),
        cmocka_unit_test(what_is_held_is_told_with_what_is_behind),
        cmocka_unit_test(it_may_hold_so_many),
        cmocka_unit_test(what_is_taken_back_comes_again),
        cmocka_unit_test(who_has_more_does_not_wait),
        cmocka_unit_test(whatever_happens_it_adds_up),
    };

    return cmocka_run_group_tests_name("core-lossy", tests, NULL, NULL);
}
