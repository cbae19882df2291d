/* Unit tests of core/unserved.h: who is judged, and who is turned away meanwhile. */
#include "core/unserved.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_dead_do_not_serve),
        cmocka_unit_test(who_comes_meanwhile_is_turned_away),
        cmocka_unit_test(the_next_producer_forgets_it),
        cmocka_unit_test(what_was_dropped_can_be_made_anew_if_a_join_had_made_it),
        cmocka_unit_test(limits_are_for_those_who_keep_the_producer_waiting),
    };

    return cmocka_run_group_tests_name("core-unserved", tests, NULL, NULL);
}
