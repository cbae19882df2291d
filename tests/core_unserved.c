/* Unit tests of core/unserved.h: who is judged, and who is turned away meanwhile. */
#include "core/unserved.h"

#include "core/lone.h"
#include "core/lossy.h"
#include "core/recover.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

enum { MEMBER = 2, PRODUCER = 3 };

/* Bit n: life n has ended. */
static bool lives(void *context, uint64_t life)
{
    return life != 0 && (*(const unsigned *)context >> life & 1) == 0;
}

struct scene {
    struct fake_ring ring;
    struct group_view *group;
    unsigned dead;
};

static void scene_make(struct scene *scene, uint32_t kind)
{
    const uint32_t members[] = {2, 2};

    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, 8, 2, members);
    scene->group = &scene->ring.group[1];
    scene->group->terms.kind = kind;
    scene->group->incarnation = 7;
    scene->dead = 0;
    word_store(&scene->ring.view.page->epoch, owner_next(0, PRODUCER));
}

static bool judge(struct scene *scene)
{
    return unserved_judge(&scene->ring.view, scene->group, lives, &scene->dead);
}

static bool turned_away(struct scene *scene, const struct group_view *group)
{
    return unserved_turns_away(&scene->ring.view, group, lives, &scene->dead);
}

static void only_the_dead_do_not_serve(void **state)
{
    struct scene scene;
    struct consumer_core member;

    (void)state;
    scene_make(&scene, GROUP_DECLARED);
    assert_true(judge(&scene)); /* nobody has come yet */
    fake_ring_join(&scene.ring, 1, MEMBER, &member);
    assert_false(judge(&scene));
    scene.dead = 1U << MEMBER;
    assert_true(judge(&scene));
    scene.dead = 0;
    group_leave(&member);
    assert_true(judge(&scene));
    fake_ring_free(&scene.ring);
}

static void who_comes_meanwhile_is_turned_away(void **state)
{
    struct scene scene;

    (void)state;
    for (uint32_t kind = GROUP_DECLARED; kind <= GROUP_DURABLE; kind++) {
        scene_make(&scene, kind);
        assert_false(turned_away(&scene, scene.group));
        (void)judge(&scene);
        assert_true(turned_away(&scene, scene.group));
        assert_false(turned_away(&scene, &scene.ring.group[0])); /* another group's affair */
        scene.group->incarnation++;
        assert_false(turned_away(&scene, scene.group)); /* and another one of this place */
        scene.group->incarnation--;
        scene.dead = 1U << PRODUCER; /* it will not come to a verdict */
        assert_false(turned_away(&scene, scene.group));
        scene.dead = 0;
        unserved_done(&scene.ring.view);
        assert_false(turned_away(&scene, scene.group));
        fake_ring_free(&scene.ring);
    }
}

/* A producer that was killed over it leaves nothing to mind to the next. */
static void the_next_producer_forgets_it(void **state)
{
    struct scene scene;
    struct producer_core producer;

    (void)state;
    scene_make(&scene, GROUP_DURABLE);
    (void)judge(&scene);
    assert_int_equal(producer_core_start(&producer, &scene.ring.view), 0);
    assert_false(turned_away(&scene, scene.group));
    fake_ring_free(&scene.ring);
}

static void what_was_dropped_can_be_made_anew_if_a_join_had_made_it(void **state)
{
    struct scene scene;

    (void)state;
    for (uint32_t kind = GROUP_DECLARED; kind <= GROUP_DURABLE; kind++) {
        struct word *what;

        scene_make(&scene, kind);
        what = &scene.ring.view.page->cut_off[1].what;
        word_store(what, cut_off_word(7, TROUBLE_BACK));
        assert_false(turned_away(&scene, scene.group));
        word_store(what, cut_off_word(6, TROUBLE_UNSERVED));
        assert_false(turned_away(&scene, scene.group));
        word_store(what, cut_off_word(7, TROUBLE_UNSERVED));
        assert_int_equal(turned_away(&scene, scene.group), kind != GROUP_DECLARED);
        fake_ring_free(&scene.ring);
    }
}

static void limits_are_for_those_who_keep_the_producer_waiting(void **state)
{
    struct group_terms terms = {.kind = GROUP_DURABLE, .unserved = UNSERVED_DROPS, .limit = 100};

    (void)state;
    assert_false(unserved_has_limit(&terms, 100));
    assert_true(unserved_has_limit(&terms, 101));
    terms.lossy = 1;
    assert_false(unserved_has_limit(&terms, 101));
    terms.lossy = 0;
    terms.kind = GROUP_PASSING;
    assert_false(unserved_has_limit(&terms, 101));
    terms.kind = GROUP_DECLARED;
    assert_true(unserved_has_limit(&terms, 101));
    terms.unserved = UNSERVED_STOPS;
    assert_false(unserved_has_limit(&terms, 101));
    terms.unserved = UNSERVED_DROPS;
    terms.limit = 0;
    assert_false(unserved_has_limit(&terms, UINT64_MAX));
}

/* ---- turning lossy ---- */

enum { SENT = 40, READ = 7, MANY = 300, LENGTH = 32 };

static void send_one(struct scene *scene, struct producer_core *producer, uint32_t number)
{
    static const unsigned char payload[LENGTH];

    fake_ring_send(&scene->ring, producer, payload, LENGTH, number);
}

/*
 * A group that began with the 3rd message, so that its serials are not the stream's numbers, and was left by all. Of many, one had claimed what
 * it was not handed; another has gone on from there.
 */
static void leave_behind(struct scene *scene, struct producer_core *producer, uint32_t members)
{
    const uint32_t both[] = {1, members};
    struct consumer_core one, other;
    struct record record = {0, 0, NULL};

    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, 8, 2, both);
    scene->group = &scene->ring.group[1];
    scene->group->terms.kind = GROUP_DURABLE;
    scene->group->incarnation = 7;
    assert_int_equal(producer_core_start(producer, &scene->ring.view), 0);
    for (uint32_t number = 0; number < SENT; number++) {
        if (number == 3)
            group_format(scene->group, word_load(&scene->ring.view.page->tail));
        send_one(scene, producer, number);
    }
    fake_ring_join(&scene->ring, 1, 1, &one);
    assert_true(members == 1 || shared_claim(&one) == 1);
    for (uint32_t count = 0; count < READ; count++)
        assert_true(members == 1 ? lone_next(&one, &record) == 1 : consumer_core_take(&one, &record));
    assert_true(members == 1 || one.position < one.limit);
    if (members > 1) {
        fake_ring_join(&scene->ring, 1, 2, &other);
        assert_int_equal(shared_claim(&other), 1);
        assert_true(consumer_core_take(&other, &record));
        other.position = other.limit;
        group_leave(&other);
    }
    group_leave(&one);
}

struct rest {
    uint32_t count;
    uint32_t marked; /* of these, as what a dead one may have been handed */
};

/* The next member is given all that was not released, in order but for what was left behind first. */
static struct rest read_the_rest(struct scene *scene)
{
    struct consumer_core next;
    struct record record = {0, 0, NULL};
    struct rest rest = {0, 0};
    bool lossy = scene->group->terms.lossy;

    fake_ring_join(&scene->ring, 1, 3, &next);
    for (;;) {
        if (lossy ? lossy_next(&next, &record) != 1 : !consumer_core_take(&next, &record)) {
            int code = scene->group->members > 1 ? shared_claim(&next)
                       : lossy                   ? lossy_refill(&next)
                                                 : lone_refill(&next);

            assert_in_range(code, 0, 1);
            if (code == 0)
                return rest;
            continue;
        }
        rest.count++;
        rest.marked += next.given > 1;
        if (lossy) {
            assert_int_equal(next.lossy.number, record_tag(record.header) + 1);
            assert_int_equal(next.lossy.bytes, next.lossy.number * LENGTH);
            assert_int_equal(lossy_release(&next, record.position, record_length(record.header)), 0);
        } else {
            shared_release(&next, next.position);
        }
    }
}

static bool is_described_as_lossy(const struct scene *scene, uint64_t incarnation)
{
    struct group_view described = *scene->group;

    described.terms.lossy = 0;
    described.incarnation = incarnation;
    unserved_apply(&scene->ring.view, &described);
    return described.terms.lossy;
}

static void turn(struct scene *scene)
{
    const uint64_t incarnation = scene->group->incarnation;

    assert_false(is_described_as_lossy(scene, incarnation));
    assert_true(unserved_turn(&scene->ring.view, scene->group));
    assert_true(scene->group->terms.lossy && is_described_as_lossy(scene, incarnation));
    assert_false(is_described_as_lossy(scene, incarnation + 1)); /* another one of this place */
}

/* The producer was killed right before it said so. */
static void turn_almost(struct scene *scene)
{
    turn(scene);
    word_store(&scene->ring.view.page->turned[scene->group->index], 0);
    scene->group->terms.lossy = 0;
}

static void what_a_turned_group_has_left_is_counted(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= 4; members += 3) {
        struct rest rest[2];

        for (unsigned turned = 0; turned <= 1; turned++) {
            struct scene scene;
            struct producer_core producer;

            leave_behind(&scene, &producer, members);
            turn_almost(&scene);
            if (turned)
                turn(&scene);
            rest[turned] = read_the_rest(&scene);
            fake_ring_free(&scene.ring);
        }
        assert_int_equal(rest[0].count, rest[1].count);
        assert_int_equal(rest[0].marked, rest[1].marked);
        assert_true(members > 1 ? rest[0].count < SENT - 3 - READ : rest[0].count == SENT - 3 - READ);
    }
}

/* A lone member had looked further ahead than it was handed, to the middle of a message: that one it cannot have been handed. */
static void what_the_dead_one_was_not_handed_is_not_marked(void **state)
{
    (void)state;
    for (unsigned turned = 0; turned <= 1; turned++) {
        const uint32_t members[] = {1, 1};
        struct scene scene;
        struct producer_core producer;
        struct consumer_core dead;
        struct record record = {0, 0, NULL};
        struct rest rest;

        fake_ring_make(&scene.ring, LAYOUT_CAPACITY_MIN, 8, 2, members);
        scene.group = &scene.ring.group[1];
        scene.group->incarnation = 7;
        assert_int_equal(producer_core_start(&producer, &scene.ring.view), 0);
        for (uint32_t number = 0; number < MANY; number++)
            send_one(&scene, &producer, number);
        fake_ring_join(&scene.ring, 1, 1, &dead);
        for (unsigned count = 0; count < READ; count++)
            assert_int_equal(lone_next(&dead, &record), 1);
        assert_int_not_equal(dead.limit % record_size(LENGTH, 8), 0);
        word_store(&dead.line->owner, owner_next(word_load(&dead.line->owner), 0));
        if (turned)
            turn(&scene);
        rest = read_the_rest(&scene);
        assert_int_equal(rest.count, MANY);
        assert_int_equal(rest.marked, dead.limit / record_size(LENGTH, 8));
        fake_ring_free(&scene.ring);
    }
}

static void what_cannot_be_true_is_not_counted(void **state)
{
    struct scene scene;
    struct producer_core producer;
    struct word *high;

    (void)state;
    leave_behind(&scene, &producer, 4);
    high = &scene.group->page->claim.high;
    word_store(high, (UINT64_C(5) << SERIAL_BITS) | (word_load(high) & SERIAL_MASK));
    assert_false(unserved_turn(&scene.ring.view, scene.group)); /* there are 4 places */
    fake_ring_free(&scene.ring);
    leave_behind(&scene, &producer, 4);
    word_store(&scene.group->page->claim.low, word_load(&scene.group->page->claim.low) - 8);
    assert_false(unserved_turn(&scene.ring.view, scene.group)); /* between two messages */
    fake_ring_free(&scene.ring);
    leave_behind(&scene, &producer, 1);
    word_store(&scene.group->page->claim.low, word_load(&scene.ring.view.page->tail) + 16);
    assert_false(unserved_turn(&scene.ring.view, scene.group));
    fake_ring_free(&scene.ring);
}

/* Either end of what a dead member holds, between two messages. */
static void nor_is_what_a_line_cannot_hold(void **state)
{
    (void)state;
    for (unsigned end = 0; end < 2; end++) {
        struct scene scene;
        struct producer_core producer;
        struct member_line *line;
        uint64_t from, to;
        uint32_t index = 0;

        leave_behind(&scene, &producer, 4);
        while (!recover_holds(scene.group, index, &from, &to)) {
            index++;
            assert_true(index < scene.group->members);
        }
        line = &scene.group->line[index];
        word_store(end == 0 ? &line->held : &line->intent_end, (end == 0 ? from : to) - 8);
        assert_false(unserved_turn(&scene.ring.view, scene.group));
        assert_int_equal(scene.group->terms.lossy, 0);
        word_store(end == 0 ? &line->held : &line->intent_end, end == 0 ? from : to);
        assert_true(unserved_turn(&scene.ring.view, scene.group));
        fake_ring_free(&scene.ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_dead_do_not_serve),
        cmocka_unit_test(who_comes_meanwhile_is_turned_away),
        cmocka_unit_test(the_next_producer_forgets_it),
        cmocka_unit_test(what_was_dropped_can_be_made_anew_if_a_join_had_made_it),
        cmocka_unit_test(what_a_turned_group_has_left_is_counted),
        cmocka_unit_test(what_the_dead_one_was_not_handed_is_not_marked),
        cmocka_unit_test(what_cannot_be_true_is_not_counted),
        cmocka_unit_test(nor_is_what_a_line_cannot_hold),
        cmocka_unit_test(limits_are_for_those_who_keep_the_producer_waiting),
    };

    return cmocka_run_group_tests_name("core-unserved", tests, NULL, NULL);
}
