/* Unit tests of core/snapshot, and of landmark_fact: what is published, given and lagged is exact wherever everybody is; and nothing is written. */
#include "core/snapshot.h"

#include "core/lone.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "support/fake_ring.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LONE, MANY, GROUPS, MEMBERS = 3, RECORDS = 1 << 14, LENGTHS = 200 };

/* A ring whose stream is written down beside it. */
struct scene {
    struct fake_ring ring;
    struct sight sight;
    struct producer_core producer;
    struct consumer_core lone, many[MEMBERS];
    struct fact begin[RECORDS + 1]; /* of each record, and where the next will be */
    uint64_t committed, published;  /* records */
    uint64_t random;
    struct snapshot *snapshot, *other;
};

static struct scene *set_up_with(uint64_t alignment, uint32_t lossy)
{
    const uint32_t members[GROUPS] = {1, MEMBERS};
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, alignment, GROUPS, members);
    for (unsigned group = 0; group < GROUPS; group++)
        scene->ring.group[group].terms.lossy = lossy;
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
    fake_ring_join(&scene->ring, LONE, 1, &scene->lone);
    for (unsigned at = 0; at < MEMBERS; at++)
        fake_ring_join(&scene->ring, MANY, 2 + at, &scene->many[at]);
    scene->sight.ring = scene->ring.view;
    for (unsigned group = 0; group < GROUPS; group++)
        scene->sight.group[group] = &scene->ring.group[group];
    scene->snapshot = malloc(snapshot_size(&scene->sight));
    scene->other = malloc(snapshot_size(&scene->sight));
    assert_non_null(scene->snapshot);
    assert_non_null(scene->other);
    return scene;
}

static struct scene *set_up(uint64_t alignment)
{
    return set_up_with(alignment, 0);
}

static void tear_down(struct scene *scene)
{
    fake_ring_free(&scene->ring);
    free(scene->snapshot);
    free(scene->other);
    free(scene);
}

/* Commit one record, if there is room. */
static void commit(struct scene *scene)
{
    static const unsigned char payload[LENGTHS];
    uint32_t length = random_below(&scene->random, LENGTHS);
    struct place place = producer_core_place(&scene->producer, length);
    const struct fact *at = &scene->begin[scene->committed];

    if (!producer_core_finds_room(&scene->producer, place.next))
        fake_ring_rescan(&scene->ring, &scene->producer);
    if (scene->committed == RECORDS || !producer_core_finds_room(&scene->producer, place.next))
        return;
    fake_ring_commit(&scene->producer, payload, length, 0);
    scene->begin[++scene->committed] = (struct fact){place.next, at->messages + 1, at->bytes + length};
}

static void publish(struct scene *scene)
{
    (void)producer_core_publish(&scene->producer);
    scene->published = scene->committed;
}

static struct consumer_core *member_of(struct scene *scene, unsigned number)
{
    return number == MEMBERS ? &scene->lone : &scene->many[number];
}

static void take_and_release(struct scene *scene, unsigned number)
{
    struct consumer_core *member = member_of(scene, number);
    struct record record;
    bool there = number == MEMBERS ? lone_next(member, &record) == 1
                                   : consumer_core_take(member, &record) ||
                                         (shared_claim(member) == 1 && consumer_core_take(member, &record));

    if (there)
        shared_release(member, member->position);
}

/* The same in lossy groups, where what is missed is told instead of a message. */
static void take_lossy(struct scene *scene, unsigned number)
{
    struct consumer_core *member = member_of(scene, number);
    struct record record;
    int code = lossy_next(member, &record);

    if (code == 0 && (number == MEMBERS ? lossy_refill(member) : shared_claim(member)) == 1)
        code = lossy_next(member, &record);
    if (code == 1)
        (void)lossy_release(member, record.position, record_length(record.header));
}

static const struct fact *fact_at(const struct scene *scene, uint64_t position)
{
    uint64_t low = 0, high = scene->committed;

    while (low < high) {
        uint64_t middle = (low + high) / 2;

        if (scene->begin[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    assert_true(scene->begin[low].position == position);
    return &scene->begin[low];
}

static void expect_fact(const struct fact *found, const struct fact *expected)
{
    assert_true(found->position == expected->position);
    assert_true(found->messages == expected->messages);
    assert_true(found->bytes == expected->bytes);
}

static void expect_exact(struct scene *scene)
{
    struct measures measures;
    uint64_t held = word_load(&scene->lone.line->held);
    uint64_t claimed = word_load(&scene->ring.group[MANY].page->claim.low);

    assert_true(snapshot_take(&scene->sight, scene->snapshot, scene->other));
    assert_true(snapshot_measure(&scene->sight, scene->snapshot, &measures));
    assert_true(measures.published_known);
    expect_fact(&measures.published, &scene->begin[scene->published]);
    assert_int_equal(measures.known, 3);
    assert_true(scene->snapshot->group[LONE].position == held);
    assert_true(scene->snapshot->group[MANY].position == claimed);
    expect_fact(&measures.group[LONE], fact_at(scene, held));
    expect_fact(&measures.group[MANY], fact_at(scene, claimed));
    /* The group of many counts its claims by itself. */
    assert_true(measures.group[MANY].messages == (word_load(&scene->ring.group[MANY].page->claim.high) & SERIAL_MASK));
}

/* Whatever each of them does, and in what order: at each step the numbers are those that were written down. */
static void run(uint64_t alignment, uint64_t seed)
{
    struct scene *scene = set_up(alignment);

    scene->random = seed;
    expect_exact(scene);
    for (unsigned step = 0; step < 20000; step++) {
        uint32_t what = random_below(&scene->random, 10);

        if (what < 4)
            commit(scene);
        else if (what < 6)
            publish(scene);
        else
            take_and_release(scene, random_below(&scene->random, MEMBERS + 1));
        expect_exact(scene);
    }
    assert_true(scene->begin[scene->published].position > 8 * LAYOUT_CAPACITY_MIN); /* often enough around */
    tear_down(scene);
}

/* Lossy groups, whose members are lapped all the time. */
static void lapped_groups_know_where_they_are(void **state)
{
    struct scene *scene = set_up_with(8, 1);
    uint64_t lapped = 0;

    (void)state;
    scene->random = 9;
    for (unsigned step = 0; step < 30000 && scene->committed < RECORDS; step++) {
        if (random_below(&scene->random, 100) == 0)
            take_lossy(scene, random_below(&scene->random, MEMBERS + 1));
        else if (random_below(&scene->random, 3) == 0)
            publish(scene);
        else
            commit(scene);
        expect_exact(scene);
        lapped += scene->begin[scene->published].position > LAYOUT_CAPACITY_MIN + word_load(&scene->lone.line->held);
    }
    assert_true(lapped > 1000);
    tear_down(scene);
}

/* They were turned lossy after who looks had had their terms. */
static void turned_groups_are_lossy_too(void **state)
{
    struct scene *scene = set_up_with(8, 1);
    struct group_view as_made[GROUPS];
    struct measures measures;

    (void)state;
    for (unsigned group = 0; group < GROUPS; group++) {
        as_made[group] = scene->ring.group[group];
        as_made[group].terms.lossy = 0;
        as_made[group].incarnation = 3;
        scene->sight.group[group] = &as_made[group];
    }
    scene->random = 10;
    while (scene->begin[scene->committed].position < 2 * LAYOUT_CAPACITY_MIN) {
        commit(scene);
        publish(scene);
    }
    (void)snapshot_take(&scene->sight, scene->snapshot, scene->other);
    (void)snapshot_measure(&scene->sight, scene->snapshot, &measures);
    assert_int_equal(measures.known, 0);
    for (unsigned group = 0; group < GROUPS; group++)
        word_store(&scene->ring.view.page->turned[group], 3);
    expect_exact(scene);
    assert_int_equal(scene->snapshot->group[LONE].turned + scene->snapshot->group[MANY].turned, 2);
    tear_down(scene);
}

static void all_is_exact_at_each_step(void **state)
{
    (void)state;
    run(8, 1);
    run(8, 2);
    run(64, 3);
}

/* The reader is stopped for a long time, and the ring is full: what it lags is still told by headers that nobody has overwritten. */
static void who_keeps_the_ring_full(void **state)
{
    struct scene *scene = set_up(8);

    (void)state;
    scene->random = 4;
    for (unsigned step = 0; step < 300; step++) {
        commit(scene);
        publish(scene);
        take_and_release(scene, random_below(&scene->random, MEMBERS));
    }
    assert_true(scene->committed < 300); /* there was no room any more */
    /* And released one by one, with the producer at its heels. */
    for (unsigned step = 0; step < 300; step++) {
        take_and_release(scene, MEMBERS);
        commit(scene);
        publish(scene);
        take_and_release(scene, random_below(&scene->random, MEMBERS));
        expect_exact(scene);
    }
    tear_down(scene);
}

/* The producer was killed between its tail and its counters, or between its first header and the tail. */
static void a_dead_producer(void **state)
{
    struct scene *scene = set_up(8);
    struct producer_page *page = scene->ring.view.page;
    struct measures measures;
    struct record record;
    uint64_t tail;

    (void)state;
    scene->random = 5;
    for (unsigned step = 0; step < 20; step++)
        commit(scene);
    publish(scene);
    word_store(&page->messages, 13);
    word_store(&page->bytes, 13);
    expect_exact(scene);
    /* A lone member follows the headers past the tail: that was published, then. */
    tail = word_load(&page->tail);
    commit(scene);
    publish(scene);
    word_store(&page->tail, tail);
    for (unsigned step = 0; step < 21; step++) {
        assert_int_equal(lone_next(&scene->lone, &record), 1);
        shared_release(&scene->lone, scene->lone.position);
    }
    assert_true(snapshot_take(&scene->sight, scene->snapshot, scene->other));
    assert_true(snapshot_measure(&scene->sight, scene->snapshot, &measures));
    expect_fact(&measures.published, &scene->begin[21]);
    expect_fact(&measures.group[LONE], &scene->begin[21]);
    tear_down(scene);
}

static void who_holds_what(void **state)
{
    struct scene *scene = set_up(8);
    const struct seen_place *place;
    struct record record;

    (void)state;
    scene->random = 6;
    for (unsigned step = 0; step < 20; step++)
        commit(scene);
    publish(scene);
    assert_int_equal(shared_claim(&scene->many[1]), 1);
    assert_true(consumer_core_take(&scene->many[1], &record));
    shared_release(&scene->many[1], scene->many[1].position);
    assert_true(snapshot_take(&scene->sight, scene->snapshot, scene->other));
    place = scene->snapshot->place;
    assert_int_equal(owner_life(place[0].owner), 1);
    assert_int_equal(place[0].from, place[0].to);
    assert_int_equal(place[1].from, place[1].to);
    assert_true(place[2].from == scene->many[1].position && place[2].to == scene->many[1].limit);
    assert_true(scene->snapshot->group[MANY].position == place[2].to);
    assert_true(scene->snapshot->group[MANY].released == place[2].from);
    assert_true(scene->snapshot->group[LONE].released == 0);
    assert_int_equal(place[2].batches, 1);
    tear_down(scene);
}

/* Words that cannot be true end in numbers that say so, not in a walk without end. */
static void damaged_words(void **state)
{
    static const uint64_t positions[] = {3, 8, 16, UINT64_MAX - 7, UINT64_MAX, (uint64_t)INT64_MAX + 1, 1 << 20};
    struct scene *scene = set_up(8);
    struct measures measures;

    (void)state;
    scene->random = 7;
    for (unsigned step = 0; step < 40; step++)
        commit(scene);
    publish(scene);
    for (size_t at = 0; at < sizeof(positions) / sizeof(*positions); at++) {
        word_store(&scene->ring.group[MANY].page->claim.low, positions[at]);
        word_store(&scene->lone.line->held, positions[at]);
        (void)snapshot_take(&scene->sight, scene->snapshot, scene->other);
        (void)snapshot_measure(&scene->sight, scene->snapshot, &measures);
        assert_true(measures.published_known);
        assert_true(measures.published.messages == 40);
        for (unsigned group = 0; group < GROUPS; group++)
            assert_true((measures.known >> group & 1) == 0 || measures.group[group].messages <= 40);
    }
    word_store(&scene->ring.view.page->tail, 4); /* then the counters are told */
    (void)snapshot_take(&scene->sight, scene->snapshot, scene->other);
    assert_true(snapshot_measure(&scene->sight, scene->snapshot, &measures));
    assert_false(measures.published_known);
    assert_true(measures.published.messages == 40);
    tear_down(scene);
}

/* The producer has overwritten what led to a position since it was looked at: then another look is due, and is as good as any. */
static void what_is_overwritten_meanwhile_is_to_be_looked_at_again(void **state)
{
    struct scene *scene = set_up_with(8, 1);
    struct measures measures;
    uint64_t seen;

    (void)state;
    scene->random = 11;
    for (unsigned step = 0; step < 20; step++) {
        commit(scene);
        publish(scene);
    }
    assert_true(snapshot_take(&scene->sight, scene->snapshot, scene->other));
    seen = scene->snapshot->ring.tail;
    while (scene->begin[scene->committed].position < seen + 3 * LAYOUT_CAPACITY_MIN) {
        commit(scene);
        publish(scene);
    }
    assert_false(snapshot_measure(&scene->sight, scene->snapshot, &measures));
    assert_false(measures.published_known);
    assert_int_equal(measures.known, 3); /* as the groups say where they are */
    take_lossy(scene, 0);
    assert_false(snapshot_measure(&scene->sight, scene->snapshot, &measures));
    assert_int_equal(measures.known, 1 << LONE);
    expect_exact(scene);
    tear_down(scene);
}

static void nothing_is_written(void **state)
{
    struct scene *scene = set_up(8);
    void *before = malloc(scene->ring.size), *data = malloc(scene->ring.view.capacity);

    (void)state;
    assert_non_null(before);
    assert_non_null(data);
    scene->random = 8;
    for (unsigned step = 0; step < 200; step++) {
        commit(scene);
        publish(scene);
        take_and_release(scene, random_below(&scene->random, MEMBERS + 1));
    }
    memcpy(before, scene->ring.memory, scene->ring.size);
    memcpy(data, scene->ring.view.data, scene->ring.view.capacity);
    expect_exact(scene);
    assert_memory_equal(before, scene->ring.memory, scene->ring.size);
    assert_memory_equal(data, scene->ring.view.data, scene->ring.view.capacity);
    free(before);
    free(data);
    tear_down(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_producer),
        cmocka_unit_test(all_is_exact_at_each_step),
        cmocka_unit_test(damaged_words),
        cmocka_unit_test(lapped_groups_know_where_they_are),
        cmocka_unit_test(nothing_is_written),
        cmocka_unit_test(turned_groups_are_lossy_too),
        cmocka_unit_test(who_holds_what),
        cmocka_unit_test(who_keeps_the_ring_full),
        cmocka_unit_test(what_is_overwritten_meanwhile_is_to_be_looked_at_again),
    };

    return cmocka_run_group_tests_name("core-snapshot", tests, NULL, NULL);
}
