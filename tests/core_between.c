/*
 * Unit tests of core/: what others do between any two accesses, those who may and hostile ones. That nobody's death there loses anything is for
 * tests/kill.
 */
#include "core/chain.h"
#include "core/lone.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "core/start.h"
#include "support/between.h"
#include "support/mortals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- what is set aside ---- */

struct taker {
    struct one one;
    struct aside_message message;
    int code;
};

static void take_too(void *context)
{
    struct taker *taker = context;

    taker->code = take_aside(&taker->one, &taker->message);
}

static int take_mine(struct taker *taker)
{
    const struct judge judge = judge_of(1);
    unsigned char buffer[64];

    return aside_take(taker->one.group, &judge, buffer, sizeof(buffer), &taker->message);
}

static void one_set_aside(struct taker *taker)
{
    const struct judge judge = judge_of(1);

    one_make(&taker->one, 1, GROUP_DECLARED);
    assert_true(aside_put(taker->one.group, &judge, 8, record_header(1, 0), "a", 7));
}

static void what_is_set_aside_is_taken_once(void **state)
{
    struct taker taker;
    unsigned mine = 0, theirs = 0, refused = 0, at = 0;
    bool came;

    (void)state;
    do {
        int code;

        one_set_aside(&taker);
        taker.code = 0;
        others_come(take_too, &taker, ++at, 0);
        code = take_mine(&taker);
        came = others_came();
        assert_int_equal((code == 1) + (taker.code == 1), 1);
        mine += code == 1;
        theirs += taker.code == 1 && code == 0;
        refused += taker.code == -EBUSY;
        assert_int_equal(aside_count(taker.one.group), 0);
        fake_ring_free(&taker.one.ring);
    } while (came);
    assert_true(mine > 1 && theirs > 1 && refused > 1);
}

static void count_wrongly(void *context)
{
    word_store(&((struct taker *)context)->one.group->aside->first, 1000);
}

static void counts_that_cannot_be_true_are_damage(void **state)
{
    struct taker taker;
    unsigned damage = 0, at = 0;
    bool came;

    (void)state;
    do {
        int code;

        one_set_aside(&taker);
        others_come(count_wrongly, &taker, ++at, 0);
        code = take_mine(&taker);
        came = others_came();
        assert_true(code == 1 || code == 0 || code == -EBADMSG);
        damage += code == -EBADMSG;
        fake_ring_free(&taker.one.ring);
    } while (came);
    assert_true(damage != 0);
}

/* ---- the dead ---- */

struct dead_one {
    struct one one;
    struct consumer_core dead, living, other;
    int code;
};

/* One of many was killed while it held three messages. */
static void dead_one_make(struct dead_one *scene, uint32_t kind)
{
    one_make(&scene->one, 3, kind);
    join(&scene->one, &scene->dead);
    scene->dead.batch_max = 3;
    send(&scene->one, 12);
    expect(&scene->dead, 0, 1);
    die(&scene->dead);
}

static void look_too(void *context)
{
    (void)look(&((struct dead_one *)context)->one);
}

static void a_dead_line_is_buried_once(void **state)
{
    const struct judge judge = judge_of(LIVES - 2);
    struct dead_one scene;
    unsigned at = 0;
    bool came;

    (void)state;
    do {
        dead_one_make(&scene, GROUP_DECLARED);
        others_come(look_too, &scene, ++at, 0);
        (void)recover_dead(scene.one.group, &judge, NULL);
        came = others_came();
        assert_int_equal(word_load(&scene.one.group->page->deaths), 1);
        join(&scene.one, &scene.living);
        scene.living.batch_max = 3;
        for (uint32_t tag = 0; tag < 3; tag++) {
            expect(&scene.living, tag, 2);
            release(&scene.living);
        }
        expect(&scene.living, 3, 1);
        fake_ring_free(&scene.one.ring);
    } while (came);
}

static void adopt(void *context)
{
    struct dead_one *scene = context;

    scene->code = recover_adopt(&scene->living);
}

/* Who sweeps a group that all have left, and who has just come to it: what was left behind is freed, or adopted, by one of them. */
static void an_orphan_is_swept_or_adopted(void **state)
{
    struct dead_one scene;
    unsigned swept = 0, adopted = 0, at = 0;
    bool came;

    (void)state;
    do {
        dead_one_make(&scene, GROUP_PASSING);
        join(&scene.one, &scene.living);
        assert_true(look(&scene.one));
        scene.code = 0;
        others_come(adopt, &scene, ++at, 0);
        recover_sweep(scene.one.group);
        came = others_came();
        if (scene.code == 1) {
            adopted++;
            assert_int_equal(owner_life(word_load(&scene.dead.line->owner)), scene.living.judge.life);
            assert_int_equal(word_load(&scene.dead.line->held), 0);
            expect(&scene.living, 0, 2);
        } else {
            swept++;
            assert_int_equal(owner_life(word_load(&scene.dead.line->owner)), 0);
            assert_true(word_load(&scene.dead.line->held) == HELD_IDLE);
        }
        fake_ring_free(&scene.one.ring);
    } while (came);
    assert_true(swept > 1 && adopted > 1);
}

struct newcomers {
    struct one one;
    struct consumer_core other, mine;
};

static void adopt_too(void *context)
{
    struct dead_one *scene = context;

    join(&scene->one, &scene->other);
    scene->code = recover_adopt(&scene->other);
}

/* What a dead member held is one member's, whoever else comes for it. */
static void an_orphan_is_adopted_once(void **state)
{
    struct dead_one scene;
    unsigned mine = 0, theirs = 0, at = 0;
    bool came;

    (void)state;
    do {
        int code;

        dead_one_make(&scene, GROUP_DECLARED);
        join(&scene.one, &scene.living);
        assert_true(look(&scene.one));
        scene.code = 0;
        others_come(adopt_too, &scene, ++at, 0);
        code = recover_adopt(&scene.living);
        came = others_came();
        assert_int_equal((code == 1) + (scene.code == 1), 1);
        mine += code == 1;
        theirs += scene.code == 1;
        expect(code == 1 ? &scene.living : &scene.other, 0, 2);
        fake_ring_free(&scene.one.ring);
    } while (came);
    assert_true(mine > 1 && theirs > 1);
}

static void join_too(void *context)
{
    struct newcomers *scene = context;

    join(&scene->one, &scene->other);
}

/* Two come at once: each has a place of its own; also where the one that is free is a dead member's. */
static void a_place_is_one_members(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        unsigned at = 0;
        bool came;

        do {
            struct newcomers scene;

            one_make(&scene.one, 2, GROUP_DECLARED);
            if (kind == 1) {
                join(&scene.one, &scene.other);
                join(&scene.one, &scene.mine);
                die(&scene.other);
                die(&scene.mine);
            }
            others_come(join_too, &scene, ++at, 0);
            join(&scene.one, &scene.mine);
            came = others_came();
            if (came) {
                assert_int_not_equal(scene.mine.line_index, scene.other.line_index);
                assert_int_equal(word_load(&scene.other.line->owner), scene.other.owner);
            }
            assert_int_equal(word_load(&scene.mine.line->owner), scene.mine.owner);
            fake_ring_free(&scene.one.ring);
        } while (came);
    }
}

static void make_an_orphan(void *context)
{
    struct member_line *line = &((struct dead_one *)context)->one.group->line[2];

    if (owner_life(word_load(&line->owner)) == 0)
        word_store(&line->held, 0);
}

/* A hostile member has orphans come up all the time, in which there is nothing. */
static void nobody_adopts_for_ever(void **state)
{
    struct dead_one scene;

    (void)state;
    one_make(&scene.one, 3, GROUP_DECLARED);
    join(&scene.one, &scene.living);
    make_an_orphan(&scene);
    others_come(make_an_orphan, &scene, 1, 1);
    assert_int_equal(recover_adopt(&scene.living), 0);
    assert_true(others_came());
    assert_int_equal(word_load(&scene.one.group->page->orphans), 1); /* for who looks next */
    fake_ring_free(&scene.one.ring);
}

/* ---- who is there ---- */

struct relay {
    struct one one;
    struct consumer_core member[2];
    unsigned present;
};

/* The next one comes, and then the one who is there goes. */
static void hand_over(void *context)
{
    struct relay *relay = context;
    struct consumer_core *next = &relay->member[1 - relay->present];

    join(&relay->one, next);
    group_leave(&relay->member[relay->present]);
    relay->present = 1 - relay->present;
}

/* As long as somebody is there each moment, a group lives, whichever places they have in turn. */
static void a_group_that_is_passed_on_lives(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 24; kind++) {
        const unsigned places = 2 + kind % 2, every = kind / 2;
        unsigned at = 0;
        bool came;

        do {
            struct relay relay = {.present = 0};

            one_make(&relay.one, places, GROUP_DECLARED);
            join(&relay.one, &relay.member[0]);
            others_come(hand_over, &relay, ++at, every);
            assert_true(group_has_members(relay.one.group));
            came = others_came();
            fake_ring_free(&relay.one.ring);
        } while (came);
    }
}

/* ---- the stream ---- */

struct succession {
    struct one one;
    struct producer_core successor;
};

static void succeed(void *context)
{
    struct succession *scene = context;

    assert_int_equal(producer_core_start(&scene->successor, &scene->one.ring.view), 0);
    fake_ring_send(&scene->one.ring, &scene->successor, "12345678", 8, 0);
}

/* A member looks beyond the tail of a dead producer, while the next one takes in what is there, and goes on. */
static void nobody_looks_beyond_what_is_published(void **state)
{
    struct succession scene;
    struct consumer_core member;
    unsigned at = 0, beyond = 0;
    bool came;

    (void)state;
    do {
        struct word *tail;
        uint64_t found;

        one_make(&scene.one, 2, GROUP_DECLARED);
        join(&scene.one, &member);
        send(&scene.one, 5);
        tail = &scene.one.ring.view.page->tail;
        word_store(tail, 3 * SIZE);
        others_come(succeed, &scene, ++at, 0);
        found = shared_tail(&member, 4 * SIZE);
        came = others_came();
        assert_true(found == 5 * SIZE || (found == 6 * SIZE && came));
        assert_true(!came || member.beyond <= word_load(tail));
        beyond += member.beyond != 0;
        fake_ring_free(&scene.one.ring);
    } while (came);
    assert_true(beyond > 1 && beyond < at);
}

static void overwrite_header(void *context)
{
    word_store(record_at(&((struct one *)context)->ring.view, 0), record_header(1 << 20, 0));
}

/* A hostile producer takes back what it has published: nobody follows it out of the ring. */
static void a_header_that_changes_is_damage(void **state)
{
    struct one one;
    struct consumer_core member;
    unsigned damage = 0, at = 0;
    bool came;

    (void)state;
    do {
        struct record record = {0, 0, NULL};
        int code;

        one_make(&one, 1, GROUP_DECLARED);
        join(&one, &member);
        send(&one, 1);
        others_come(overwrite_header, &one, ++at, 0);
        code = lone_next(&member, &record);
        came = others_came();
        if (code == 1) {
            assert_int_equal(record_length(record.header), 8);
        } else {
            assert_int_equal(code, -EBADMSG);
            damage += member.trouble.kind == TROUBLE_REACH;
        }
        fake_ring_free(&one.ring);
    } while (came);
    assert_true(damage != 0);
}

/* ---- where groups start ---- */

enum { OLD, NEW };

struct beginning {
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core old;
    uint32_t sent;
};

static void go_on(void *context)
{
    struct beginning *scene = context;
    struct record record = {0, 0, NULL};

    for (unsigned count = 0; count < 3 && scene->sent < 99; count++, scene->sent++) /* the new one keeps all of it */
        fake_ring_send(&scene->ring, &scene->producer, &scene->sent, sizeof(scene->sent), scene->sent);
    while (lone_next(&scene->old, &record) == 1)
        consumer_core_release(&scene->old, scene->old.position);
}

/* The group is made among messages of which one reader has had the half; as the broker does it. */
static void beginning_make(struct beginning *scene, uint32_t members, uint32_t lossy)
{
    const uint32_t both[] = {1, members};

    memset(scene, 0, sizeof(*scene));
    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, 8, 2, both);
    scene->ring.group[NEW].terms = (struct group_terms){.kind = GROUP_PASSING, .members = members, .lossy = lossy};
    scene->ring.groups = 1;
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
    fake_ring_join(&scene->ring, OLD, 1, &scene->old);
    go_on(scene);
    for (unsigned count = 0; count < 3; count++, scene->sent++)
        fake_ring_send(&scene->ring, &scene->producer, &scene->sent, sizeof(scene->sent), scene->sent);
    assert_int_equal(group_occupy(&scene->ring.group[NEW], 2, NULL, NULL), 0);
    start_prepare(&scene->ring.group[NEW], 0);
    scene->ring.groups = 2;
}

/* Where the other one is, whatever that one reads and the producer sends meanwhile: at a message that it had not released when the call began, or later. */
static void a_group_starts_where_another_is(void **state)
{
    const struct start_wish wish = {.from = START_GROUP};

    (void)state;
    for (uint32_t kind = 0; kind < 4; kind++) {
        const uint32_t members = 1 + kind % 2;
        unsigned at = 0;
        bool came;

        do {
            struct beginning scene;
            const struct group_view *group = &scene.ring.group[NEW];
            uint64_t before, place;

            beginning_make(&scene, members, kind / 2);
            before = word_load(&scene.old.line->held);
            others_come(go_on, &scene, ++at, 3);
            assert_int_equal(start_place(&scene.ring.view, group, 0, &wish, &scene.ring.group[OLD]), 0);
            came = others_came();
            place = word_load(&group->page->claim.low);
            assert_true(place >= before && place <= word_load(&scene.old.line->held));
            assert_int_equal(place % SIZE, 0);
            fake_ring_free(&scene.ring);
        } while (came);
    }
}

/* ---- lossy groups ---- */

struct lossy_one {
    struct one one;
    struct consumer_core member;
};

static void lossy_one_make(struct lossy_one *scene)
{
    one_make(&scene->one, 2, GROUP_DECLARED);
    scene->one.group->terms.lossy = 1;
    join(&scene->one, &scene->member);
    scene->member.batch_max = 1;
    send(&scene->one, 8);
}

static void take_one(struct consumer_core *member)
{
    struct record record;

    assert_int_equal(shared_claim(member), 1);
    assert_int_equal(lossy_next(member, &record), 1);
    assert_int_equal(lossy_release(member, record.position, record_length(record.header)), 0);
}

static void take_another(void *context)
{
    take_one(&((struct lossy_one *)context)->member);
}

/* Who looks on, and writes nothing, is told the number of a position, or that the group is there no more. */
static void a_position_is_told_with_its_number(void **state)
{
    struct lossy_one scene;
    unsigned told = 0, at = 0;
    bool came;

    (void)state;
    do {
        uint64_t position;
        struct fact fact;

        lossy_one_make(&scene);
        take_one(&scene.member);
        take_one(&scene.member);
        position = word_load(&scene.one.group->page->claim.low);
        others_come(take_another, &scene, ++at, 0);
        if (lossy_fact(scene.one.group, position, &fact)) {
            told++;
            assert_int_equal(fact.position, position);
            assert_int_equal(fact.messages, 2);
        }
        came = others_came();
        fake_ring_free(&scene.one.ring);
    } while (came);
    assert_true(told != 0 && told < at);
}

/* What no member does: another name in the claim word, at the same position, and nobody who says what it came to there. */
static void name_another(void *context)
{
    const struct group_view *group = ((struct lossy_one *)context)->one.group;

    for (unsigned place = 0; place < LINE_FACTS; place++)
        word_store(&group->line[0].fact[place].position, 8);
    word_store(&group->page->claim.high, UINT64_C(2) << SERIAL_BITS);
}

static void a_position_without_a_number_is_damage(void **state)
{
    struct lossy_one scene;
    unsigned damage = 0, at = 0;
    bool came;

    (void)state;
    do {
        int code;

        lossy_one_make(&scene);
        take_one(&scene.member);
        others_come(name_another, &scene, ++at, 0);
        code = shared_claim(&scene.member);
        came = others_came();
        assert_true(code == 1 || code == -EBADMSG);
        damage += code == -EBADMSG;
        fake_ring_free(&scene.one.ring);
    } while (came);
    assert_true(damage != 0);
}

struct lapped {
    struct lossy_one scene;
    struct consumer_core other;
    int other_code;
};

static void lapped_make(struct lapped *lapped)
{
    lossy_one_make(&lapped->scene);
    join(&lapped->scene.one, &lapped->other);
    lapped->other_code = 0;
    send(&lapped->scene.one, LAYOUT_CAPACITY_MIN / SIZE);
}

static void skip_too(void *context)
{
    struct lapped *lapped = context;

    lapped->other_code = shared_claim(&lapped->other);
}

/* How many were missed, as this member was told: all from the beginning, as nobody had claimed any. */
static uint64_t missed_by(const struct consumer_core *member, int code)
{
    if (code != -EOVERFLOW)
        return 0;
    assert_int_equal(member->lossy.gap.from, 0);
    assert_int_equal(member->lossy.gap.messages, member->lossy.gap.resumed / SIZE);
    return member->lossy.gap.messages;
}

static void a_gap_is_told_to_one(void **state)
{
    struct lapped lapped;
    unsigned mine = 0, theirs = 0, at = 0;
    bool came;

    (void)state;
    do {
        struct consumer_core *member = &lapped.scene.member;
        int code;

        lapped_make(&lapped);
        others_come(skip_too, &lapped, ++at, 0);
        code = shared_claim(member);
        came = others_came();
        assert_true((missed_by(member, code) == 0) != (missed_by(&lapped.other, lapped.other_code) == 0));
        mine += code == -EOVERFLOW;
        theirs += lapped.other_code == -EOVERFLOW;
        /* Whoever was not told has what comes behind the gap. */
        assert_true(code == (lapped.other_code == -EOVERFLOW ? 1 : -EOVERFLOW));
        fake_ring_free(&lapped.scene.one.ring);
    } while (came);
    assert_true(mine != 0 && theirs != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_aside_is_taken_once),
        cmocka_unit_test(counts_that_cannot_be_true_are_damage),
        cmocka_unit_test(a_dead_line_is_buried_once),
        cmocka_unit_test(an_orphan_is_swept_or_adopted),
        cmocka_unit_test(an_orphan_is_adopted_once),
        cmocka_unit_test(a_place_is_one_members),
        cmocka_unit_test(nobody_adopts_for_ever),
        cmocka_unit_test(a_group_that_is_passed_on_lives),
        cmocka_unit_test(nobody_looks_beyond_what_is_published),
        cmocka_unit_test(a_header_that_changes_is_damage),
        cmocka_unit_test(a_group_starts_where_another_is),
        cmocka_unit_test(a_position_is_told_with_its_number),
        cmocka_unit_test(a_position_without_a_number_is_damage),
        cmocka_unit_test(a_gap_is_told_to_one),
    };

    return cmocka_run_group_tests_name("core-between", tests, NULL, NULL);
}
