/* Unit tests of core/inspect: what is sound is called sound, and each kind of trouble by its name and place. */
#include "core/shared.h"
#include "support/inspect_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_ring_at_work_is_sound(void **state)
{
    struct scene scene;
    const struct finding *found;

    (void)state;
    set_up(&scene);
    word_store(&scene.ring.view.page->epoch, owner_next(0, 9));
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    found = find(&scene, FINDING_PRODUCED, FINDING_WHOLE, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->life, 9);
    found = find(&scene, FINDING_HOLDS, MANY, 0);
    assert_non_null(found);
    assert_int_equal(found->life, 2);
    assert_int_equal(found->from, 0);
    assert_int_equal(found->to, scene.many.limit);
    assert_non_null(find(&scene, FINDING_HOLDS, LONE, 0));
    assert_non_null(find(&scene, FINDING_HOLDS, PASSING, 0));
    /* A member alone claims nothing from others: it holds what it has not released. */
    assert_non_null(find(&scene, FINDING_BEGINS, LONE, FINDING_WHOLE));
    assert_non_null(find(&scene, FINDING_POSITION, MANY, FINDING_WHOLE));
    /* Worked up, left and ended. */
    consumer_core_release(&scene.lone, 16);
    shared_release(&scene.many, scene.many.limit);
    group_leave(&scene.passing);
    word_store(&scene.ring.view.page->ended, producer_core_tail(&scene.producer) + 1);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    assert_non_null(find(&scene, FINDING_MEMBER, MANY, 0));
    assert_non_null(find(&scene, FINDING_ENDED, FINDING_WHOLE, FINDING_WHOLE));
    found = find(&scene, FINDING_RELEASED, LONE, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->to, 16);
    fake_ring_free(&scene.ring);
}

static void the_dead_are_told_from_the_living(void **state)
{
    struct scene scene;
    const struct finding *found;
    const struct judge judge = {alive, NULL, 63};

    (void)state;
    set_up(&scene);
    dead = 1 << 1 | 1 << 2 | 1 << 3;
    look(&scene);
    assert_int_equal(troubles(&scene), 2);
    found = find(&scene, FINDING_DEAD_HOLDS, MANY, 0);
    assert_non_null(found);
    assert_int_equal(found->to, scene.many.limit);
    assert_non_null(find(&scene, FINDING_DESERTED, PASSING, FINDING_WHOLE));
    assert_non_null(find(&scene, FINDING_DEAD_WAITS, LONE, 0));
    /* What a repair leaves is sound: the orphan waits for who comes. */
    for (unsigned group = 0; group < GROUPS; group++)
        (void)recover_dead(&scene.ring.group[group], &judge, NULL);
    recover_sweep(&scene.ring.group[PASSING]);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    assert_non_null(find(&scene, FINDING_ORPHAN, MANY, 0));
    /* Nobody may have been told of it yet. */
    word_store(&scene.ring.group[MANY].page->orphans, 0);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    assert_non_null(find(&scene, FINDING_FORGOTTEN, MANY, 0));
    fake_ring_free(&scene.ring);
}

static void a_dead_producer_leaves_a_chain(void **state)
{
    struct scene scene;
    const struct finding *found;
    uint64_t tail;

    (void)state;
    set_up(&scene);
    tail = producer_core_tail(&scene.producer);
    /* Killed between the header and the tail. */
    fake_ring_send(&scene.ring, &scene.producer, "12345678", 8, 64);
    word_store(&scene.ring.view.page->tail, tail);
    word_store(&scene.ring.view.page->epoch, owner_next(0, 9));
    dead = 1 << 9;
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    found = find(&scene, FINDING_PRODUCER_DEAD, FINDING_WHOLE, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->from, tail);
    assert_int_equal(found->to, tail + 16);
    /* A member may have followed it. */
    word_store(&scene.lone.line->held, tail + 16);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    word_store(record_at(&scene.ring.view, tail), UINT32_MAX);
    look(&scene);
    assert_non_null(find(&scene, FINDING_CHAIN_BAD, FINDING_WHOLE, FINDING_WHOLE));
    assert_non_null(find(&scene, FINDING_HELD_BAD, LONE, 0));
    fake_ring_free(&scene.ring);
}

static void what_a_group_is_after_is_told(void **state)
{
    struct scene scene;
    const struct finding *found;

    (void)state;
    set_up(&scene);
    consumer_core_release(&scene.lone, 16);
    scene.directory[MANY].terms.after = 1 << LONE;
    scene.ring.group[MANY].terms.after = 1 << LONE;
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    found = find(&scene, FINDING_AFTER, MANY, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->from, 16);
    assert_null(find(&scene, FINDING_AFTER, LONE, FINDING_WHOLE));
    /* After two: the slower one counts. */
    shared_release(&scene.many, scene.many.batch_end);
    scene.directory[PASSING].terms.after = scene.ring.group[PASSING].terms.after = 1 << LONE | 1 << MANY;
    look(&scene);
    found = find(&scene, FINDING_AFTER, PASSING, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->from, 16);
    /* In a circle, which no broker makes. */
    scene.directory[LONE].terms.after = 1 << MANY;
    look(&scene);
    assert_int_equal(troubles(&scene), 2);
    assert_non_null(find(&scene, FINDING_DIRECTORY_BAD, LONE, FINDING_WHOLE));
    assert_non_null(find(&scene, FINDING_DIRECTORY_BAD, MANY, FINDING_WHOLE));
    fake_ring_free(&scene.ring);
}

static void cut_off(struct scene *scene, int group)
{
    word_store(&scene->ring.view.page->cut_off[group].what, cut_off_word(scene->ring.group[group].incarnation, 1));
}

/* Each word that cannot be, alone: its own finding and no other. */
static void damage_is_found_where_it_is(void **state)
{
    struct scene scene;

    (void)state;
#define DAMAGED(change, kind, group, line)                                                                             \
    set_up(&scene);                                                                                                    \
    change;                                                                                                            \
    look(&scene);                                                                                                      \
    assert_non_null(find(&scene, FINDING_##kind, group, line));                                                        \
    assert_int_equal(troubles(&scene), 1);                                                                             \
    fake_ring_free(&scene.ring)
#define PAGE      (scene.ring.view.page)
#define MANY_PAGE (scene.ring.group[MANY].page)
    DAMAGED(word_store(&PAGE->ended, 1), END_BAD, FINDING_WHOLE, FINDING_WHOLE);
    DAMAGED(word_store(record_at(&scene.ring.view, 63 * 16), 1000), RECORD_BAD, FINDING_WHOLE, FINDING_WHOLE);
    DAMAGED(word_store(record_at(&scene.ring.view, 63 * 16), 0), RECORD_BAD, FINDING_WHOLE, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].terms.kind = 9, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].terms.members = 0, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].terms.after = 1 << MANY, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].terms.after = 1 << PASSING, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].terms.after = UINT64_C(1) << 63, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].entry_size.value++, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(scene.directory[MANY].name[0] = '\0', DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(memset(scene.directory[MANY].name, 'x', LAYOUT_NAME), DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&MANY_PAGE->claim.low, 64 * 16 + 8), POSITION_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&MANY_PAGE->claim.low, UINT64_MAX), POSITION_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&MANY_PAGE->claim.high, UINT64_C(4) << SERIAL_BITS), CLAIMER_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&MANY_PAGE->occupied[0], 1 | 1 << 3), BITS_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&MANY_PAGE->sleepers[15], 1), BITS_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&MANY_PAGE->occupied[0], 1 | 1 << 2), BIT_STRAY, MANY, 2);
    DAMAGED(word_store(&scene.many.line->held, 64 * 16 + 8), HELD_BAD, MANY, 0);
    DAMAGED(word_store(&scene.many.line->held, 3), HELD_BAD, MANY, 0);
    DAMAGED(word_store(&scene.many.line->intent_end, 1 << 20), HELD_BAD, MANY, 0);
    DAMAGED(word_store(&scene.ring.group[MANY].aside->first, 1), ASIDE_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&scene.ring.group[MANY].aside->count, ASIDE_SLOTS + 1), ASIDE_BAD, MANY, FINDING_WHOLE);
    DAMAGED(word_store(&scene.many.line->intent_end, 64 * 16 - 4), HELD_BAD, MANY, 0);
    DAMAGED(scene.directory[MANY].terms.unserved = 9, DIRECTORY_BAD, MANY, FINDING_WHOLE);
    DAMAGED(cut_off(&scene, MANY), CUT_OFF, MANY, FINDING_WHOLE);
    /* What only a group that was cut off has not released may be overwritten, and is nobody's damage. */
    DAMAGED((cut_off(&scene, LONE), word_store(record_at(&scene.ring.view, 0), UINT32_MAX)), CUT_OFF, LONE,
            FINDING_WHOLE);
#undef DAMAGED
}

static void a_group_left_behind_for_a_lap_is_overrun(void **state)
{
    struct scene scene;
    const struct finding *found;

    (void)state;
    set_up(&scene);
    /* The producer goes on as if only the others were there. */
    consumer_core_release(&scene.lone, 64 * 16);
    shared_release(&scene.many, scene.many.batch_end);
    shared_release(&scene.passing, scene.passing.batch_end);
    producer_core_advance(&scene.producer, 64 * 16);
    while (producer_core_tail(&scene.producer) <= LAYOUT_CAPACITY_MIN + word_load(&MANY_PAGE->claim.low))
        fake_ring_send(&scene.ring, &scene.producer, "12345678", 8, 0);
    look(&scene);
    found = find(&scene, FINDING_OVERRUN, MANY, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->from, word_load(&MANY_PAGE->claim.low));
    assert_null(find(&scene, FINDING_OVERRUN, LONE, FINDING_WHOLE));
    /* But not if it was turned lossy, after its terms were had: then the producer was free to. */
    scene.ring.group[MANY].incarnation = scene.directory[MANY].incarnation.value = 5;
    word_store(&PAGE->turned[MANY], 4);
    look(&scene);
    assert_non_null(find(&scene, FINDING_OVERRUN, MANY, FINDING_WHOLE));
    word_store(&PAGE->turned[MANY], 5);
    look(&scene);
    assert_non_null(find(&scene, FINDING_TURNED, MANY, FINDING_WHOLE));
    assert_non_null(find(&scene, FINDING_POSITION, MANY, FINDING_WHOLE));
    assert_non_null(find(&scene, FINDING_OVERRUN, PASSING, FINDING_WHOLE));
    assert_int_equal(troubles(&scene), 1);
    fake_ring_free(&scene.ring);
}

/* Also by what is not published yet, while the group is less than a ring behind. */
static void what_a_turned_group_had_left_may_be_overwritten(void **state)
{
    struct scene scene;
    uint64_t position;

    (void)state;
    set_up(&scene);
    scene.ring.group[MANY].incarnation = scene.directory[MANY].incarnation.value = 5;
    consumer_core_release(&scene.lone, 64 * 16);
    shared_release(&scene.many, scene.many.batch_end);
    group_leave(&scene.passing);
    position = word_load(&MANY_PAGE->claim.low);
    producer_core_advance(&scene.producer, 64 * 16);
    while (producer_core_tail(&scene.producer) + 16 < LAYOUT_CAPACITY_MIN + position)
        fake_ring_send(&scene.ring, &scene.producer, "12345678", 8, 0);
    producer_core_advance(&scene.producer, producer_core_tail(&scene.producer));
    assert_true(producer_core_finds_room(&scene.producer, scene.producer.position + 4 * 40));
    for (unsigned left = 4; left > 0; left--)
        fake_ring_commit(&scene.producer, "twenty-four bytes of it", 24, 0);
    look(&scene);
    assert_non_null(find(&scene, FINDING_RECORD_BAD, FINDING_WHOLE, FINDING_WHOLE));
    word_store(&PAGE->turned[MANY], 5);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    fake_ring_free(&scene.ring);
}

static void a_tail_that_cannot_be(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    word_store(&PAGE->tail, UINT64_MAX - 7);
    look(&scene);
    assert_non_null(find(&scene, FINDING_TAIL_BAD, FINDING_WHOLE, FINDING_WHOLE));
    set_up(&scene);
    word_store(&PAGE->tail, 64 * 16 + 4);
    look(&scene);
    assert_non_null(find(&scene, FINDING_TAIL_BAD, FINDING_WHOLE, FINDING_WHOLE));
    fake_ring_free(&scene.ring);
}

static void messages_set_aside_are_counted(void **state)
{
    struct scene scene;
    const struct finding *found;

    (void)state;
    set_up(&scene);
    word_store(&scene.ring.group[MANY].aside->count, 7);
    word_store(&scene.ring.group[MANY].aside->first, 4);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    found = find(&scene, FINDING_ASIDE, MANY, FINDING_WHOLE);
    assert_non_null(found);
    assert_int_equal(found->from, 4);
    assert_int_equal(found->to, 7);
    fake_ring_free(&scene.ring);
}

/* The messages are looked at from where some group still needs them. Nobody needs what no stream has come to. */
static void no_messages_are_looked_at_that_nobody_needs(void **state)
{
    static const uint64_t positions[] = {65 * 16, 8 + 4};
    struct scene scene;

    (void)state;
    for (size_t at = 0; at < sizeof(positions) / sizeof(positions[0]); at++) {
        set_up(&scene);
        word_store(record_at(&scene.ring.view, 0), UINT32_MAX);
        group_leave(&scene.passing); /* the last of it */
        shared_release(&scene.many, scene.many.batch_end);
        word_store(&scene.many.line->held, HELD_IDLE);
        word_store(&scene.ring.group[MANY].page->claim.low, positions[at]);
        word_store(&scene.lone.line->held, positions[at]);
        look(&scene);
        assert_non_null(find(&scene, FINDING_POSITION_BAD, MANY, FINDING_WHOLE));
        assert_null(find(&scene, FINDING_RECORD_BAD, FINDING_WHOLE, FINDING_WHOLE));
        fake_ring_free(&scene.ring);
    }
}

static void the_dead_who_hold_nothing_are_told(void **state)
{
    struct scene scene;
    struct consumer_core other;

    (void)state;
    set_up(&scene);
    fake_ring_join(&scene.ring, PASSING, 4, &other);
    shared_release(&scene.many, scene.many.batch_end);
    dead = 1 << 2 | 1 << 4;
    look(&scene);
    assert_non_null(find(&scene, FINDING_DEAD_IDLE, MANY, 0));
    assert_non_null(find(&scene, FINDING_DEAD_EMPTY, PASSING, 1)); /* whose group may end with it */
    assert_int_equal(troubles(&scene), 1);
    /* Killed while it claimed, of many: it holds nothing, and the group is held up all the same. */
    word_store(&scene.many.line->held, scene.many.position);
    word_store(&scene.many.line->intent_end, scene.many.position);
    look(&scene);
    assert_non_null(find(&scene, FINDING_DEAD_EMPTY, MANY, 0));
    assert_int_equal(troubles(&scene), 2);
    /* Left by its owner like that it is nobody's orphan, and nobody need be told. */
    word_store(&scene.many.line->owner, owner_next(word_load(&scene.many.line->owner), 0));
    look(&scene);
    assert_null(find(&scene, FINDING_FORGOTTEN, MANY, 0));
    assert_null(find(&scene, FINDING_BIT_STRAY, MANY, 0));
    fake_ring_free(&scene.ring);
}

/* How far a lone member has looked ahead is not what it holds for certain. */
static void a_lone_member_may_look_anywhere(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    word_store(&scene.lone.line->claimed, 1 << 20);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    assert_non_null(find(&scene, FINDING_HOLDS, LONE, 0));
    /* Nor is what it left an orphan: who joins next takes it with the place. */
    word_store(&scene.lone.line->owner, owner_next(word_load(&scene.lone.line->owner), 0));
    look(&scene);
    assert_null(find(&scene, FINDING_FORGOTTEN, LONE, 0));
    fake_ring_free(&scene.ring);
}

/* Groups that are not there yet, or no more, and those that could not be mapped, are told as that and no further. */
static void groups_that_are_nobodys_are_told(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    word_store(&scene.ring.group[MANY].page->starting, 1);
    word_store(&scene.ring.group[MANY].page->claim.low, 0);
    word_store(&scene.many.line->held, 3);
    word_store(&scene.ring.view.page->cut_off[LONE].what,
               cut_off_word(scene.ring.group[LONE].incarnation, TROUBLE_UNSERVED));
    word_store(&scene.lone.line->held, 3);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    assert_non_null(find(&scene, FINDING_STARTING, MANY, FINDING_WHOLE));
    assert_null(find(&scene, FINDING_HELD_BAD, MANY, 0));
    assert_non_null(find(&scene, FINDING_DROPPED, LONE, FINDING_WHOLE));
    assert_null(find(&scene, FINDING_CUT_OFF, LONE, FINDING_WHOLE));
    fake_ring_free(&scene.ring);
}

static void what_could_not_be_mapped_is_told(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    scene.directory[MANY].terms.after = 1 << LONE;
    scene.ring.group[MANY].terms.after = 1 << LONE;
    scene.unreached[LONE] = true;
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    assert_non_null(find(&scene, FINDING_UNREACHED, LONE, FINDING_WHOLE));
    assert_null(find(&scene, FINDING_AFTER, MANY, FINDING_WHOLE));
    /* Words from which no gate can be told. */
    scene.unreached[LONE] = false;
    word_store(&scene.lone.line->held, 8 + 4);
    look(&scene);
    assert_non_null(find(&scene, FINDING_HELD_BAD, LONE, 0));
    assert_null(find(&scene, FINDING_AFTER, MANY, FINDING_WHOLE));
    fake_ring_free(&scene.ring);
}

/* More places than a word has bits. */
static void a_large_group_has_no_bits_beyond(void **state)
{
    const uint32_t members[] = {1, 70, 2};
    struct scene scene;

    (void)state;
    memset(&scene, 0, sizeof(scene));
    dead = 0;
    fake_ring_make(&scene.ring, LAYOUT_CAPACITY_MIN, 8, GROUPS, members);
    scene.ring.view.directory = scene.directory;
    for (uint32_t group = 0; group < GROUPS; group++)
        describe(&scene, group, "group");
    assert_int_equal(producer_core_start(&scene.producer, &scene.ring.view), 0);
    look(&scene);
    assert_int_equal(troubles(&scene), 0);
    word_store(&scene.ring.group[MANY].page->occupied[1], 1 << 6);
    look(&scene);
    assert_non_null(find(&scene, FINDING_BITS_BAD, MANY, FINDING_WHOLE));
    assert_int_equal(troubles(&scene), 1);
    fake_ring_free(&scene.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_at_work_is_sound),
        cmocka_unit_test(the_dead_are_told_from_the_living),
        cmocka_unit_test(a_dead_producer_leaves_a_chain),
        cmocka_unit_test(what_a_group_is_after_is_told),
        cmocka_unit_test(damage_is_found_where_it_is),
        cmocka_unit_test(a_group_left_behind_for_a_lap_is_overrun),
        cmocka_unit_test(a_tail_that_cannot_be),
        cmocka_unit_test(messages_set_aside_are_counted),
        cmocka_unit_test(what_a_turned_group_had_left_may_be_overwritten),
        cmocka_unit_test(no_messages_are_looked_at_that_nobody_needs),
        cmocka_unit_test(the_dead_who_hold_nothing_are_told),
        cmocka_unit_test(a_lone_member_may_look_anywhere),
        cmocka_unit_test(groups_that_are_nobodys_are_told),
        cmocka_unit_test(what_could_not_be_mapped_is_told),
        cmocka_unit_test(a_large_group_has_no_bits_beyond),
    };

    return cmocka_run_group_tests_name("core-inspect", tests, NULL, NULL);
}
