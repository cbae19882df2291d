/* Unit tests of core/inspect: what is sound is called sound, and each kind of trouble by its name and place. */
#include "core/inspect.h"

#include "core/lone.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { LONE = 0, MANY = 1, PASSING = 2, GROUPS = 3, MOST = 64 };

static uint64_t dead; /* bit n: the life of number n has ended */

static bool alive(void *context, uint64_t number)
{
    (void)context;
    return number >= 64 || (dead >> number & 1) == 0;
}

/* A ring with a group of one, one of three and a passing one of two; a member in each, who holds something. */
struct scene {
    struct fake_ring ring;
    struct group_entry directory[LAYOUT_GROUPS];
    struct producer_core producer;
    struct consumer_core lone, many, passing;
    struct finding found[MOST];
    unsigned count;
};

static void note(void *context, const struct finding *finding)
{
    struct scene *scene = context;

    assert_true(scene->count < MOST);
    scene->found[scene->count++] = *finding;
}

static void look(struct scene *scene)
{
    struct inspector inspector = {
        .ring = scene->ring.view, .judge = {alive, NULL, 63}, .report = note, .context = scene};

    for (unsigned group = 0; group < GROUPS; group++)
        inspector.group[group] = &scene->ring.group[group];
    scene->count = 0;
    inspect(&inspector);
}

static enum finding_weight weight_of(enum finding_kind kind)
{
    static const enum finding_weight weights[] = {
#define WEIGHT(name, weight, text) FINDING_##weight,
        FINDINGS(WEIGHT)
#undef WEIGHT
    };

    return weights[kind];
}

static unsigned troubles(const struct scene *scene)
{
    unsigned count = 0;

    for (unsigned at = 0; at < scene->count; at++)
        count += weight_of(scene->found[at].kind) != FINDING_NOTE;
    return count;
}

static const struct finding *find(const struct scene *scene, enum finding_kind kind, int group, int line)
{
    for (unsigned at = 0; at < scene->count; at++)
        if (scene->found[at].kind == kind && scene->found[at].group == group && scene->found[at].line == line)
            return &scene->found[at];
    return NULL;
}

static void describe(struct scene *scene, uint32_t index, const char *name)
{
    const struct group_view *group = &scene->ring.group[index];

    (void)strcpy(scene->directory[index].name, name);
    scene->directory[index].terms.kind = group->terms.kind;
    scene->directory[index].terms.members = group->members;
    scene->directory[index].entry_size = layout_group_size(group->members, scene->ring.view.capacity);
    (void)word_set_bit(&scene->ring.view.page->groups, index);
}

static void take_one(struct consumer_core *consumer)
{
    struct record record;

    if (consumer->group.members > 1)
        assert_int_equal(shared_claim(consumer), 1);
    else
        assert_int_equal(lone_refill(consumer), 1);
    assert_true(consumer_core_take(consumer, &record));
}

static void set_up(struct scene *scene)
{
    const uint32_t members[GROUPS] = {1, 3, 2};

    memset(scene, 0, sizeof(*scene));
    dead = 0;
    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, 8, GROUPS, members);
    scene->ring.group[PASSING].terms.kind = GROUP_PASSING;
    scene->ring.view.directory = scene->directory;
    describe(scene, LONE, "lone");
    describe(scene, MANY, "many");
    describe(scene, PASSING, "passing");
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
    fake_ring_join(&scene->ring, LONE, 1, &scene->lone);
    fake_ring_join(&scene->ring, MANY, 2, &scene->many);
    fake_ring_join(&scene->ring, PASSING, 3, &scene->passing);
    for (uint32_t at = 0; at < 64; at++)
        fake_ring_send(&scene->ring, &scene->producer, "12345678", 8, at);
    take_one(&scene->lone);
    take_one(&scene->many);
    take_one(&scene->passing);
}

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
    /* Unless nobody was told of it. */
    word_store(&scene.ring.group[MANY].page->orphans, 0);
    look(&scene);
    assert_int_equal(troubles(&scene), 1);
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
    DAMAGED(scene.directory[MANY].entry_size++, DIRECTORY_BAD, MANY, FINDING_WHOLE);
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
    scene.ring.group[MANY].incarnation = scene.directory[MANY].incarnation = 5;
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
    scene.ring.group[MANY].incarnation = scene.directory[MANY].incarnation = 5;
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
    };

    return cmocka_run_group_tests_name("core-inspect", tests, NULL, NULL);
}
