/* Unit tests of core/owned.h: whatever the times are, lines are taken over only where the producer may write; and what is done when they are such. */
#include "core/owned.h"
#include "core/producer.h"

#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { UNTOUCHED = 0x5a };

static void make(struct fake_ring *ring, uint64_t capacity)
{
    static const uint32_t one = 1;

    fake_ring_make(ring, capacity, 8, 1, &one);
    memset(ring->view.data, UNTOUCHED, capacity);
}

/* How many lines between were stored to, each at once as far from the first: nothing else was. What was is not any more. */
static unsigned taken(struct fake_ring *ring, uint64_t from, uint64_t end)
{
    const uint64_t untouched = UINT64_C(0x0101010101010101) * UNTOUCHED;
    unsigned lines = 0;

    for (uint64_t at = 0; at < ring->view.capacity; at += 8) {
        struct word *word = record_at(&ring->view, at);

        if (word_load(word) == untouched)
            continue;
        assert_int_equal(word_load(word), 0);
        assert_true(at >= from && at < end && (at - from) % OWNED_LINE == 0);
        word_store(word, untouched);
        lines++;
    }
    return lines;
}

/* As far as one cache holds them. */
static void lines_are_taken_over(void **state)
{
    static const struct {
        uint64_t from, end;
        unsigned lines;
    } turns[] = {{8, 4096, 64},
                 {4096, 4096, 0},
                 {4104, 4104 + OWNED_STEP, OWNED_STEP / OWNED_LINE},
                 {65544, 65544 + OWNED_MOST, OWNED_MOST / OWNED_LINE},
                 {65536, 65536 + OWNED_MOST - 8, OWNED_MOST / OWNED_LINE},
                 {65536, 65536 + 4 * OWNED_MOST, OWNED_MOST / OWNED_LINE}};
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, 1 << 20);
    for (size_t turn = 0; turn < sizeof(turns) / sizeof(turns[0]); turn++) {
        owned_begin(&owned);
        assert_int_equal(owned_step(&owned, 0), OWNED_STEP);
        owned_take(&owned, &ring.view, turns[turn].from, turns[turn].end);
        assert_int_equal(taken(&ring, turns[turn].from, turns[turn].end), turns[turn].lines);
    }
    fake_ring_free(&ring);
}

/* What OWNED_STEP takes each way, as if all were as long. */
struct times {
    uint64_t now, taken, left;
};

static struct fake_ring scene;

/* Of so many bytes, or as many as it says. Was it taken over? */
static bool step(struct owned *owned, struct times *times, uint64_t bytes)
{
    const uint64_t ahead = owned_step(owned, times->now), most = bytes != 0 ? bytes : ahead;

    owned_take(owned, &scene.view, 0, most);
    times->now += (owned->taken ? times->taken : times->left) * most / OWNED_STEP;
    return owned->taken;
}

/* How many of so many steps were taken over. */
static unsigned steps(struct owned *owned, struct times *times, uint64_t bytes, unsigned count)
{
    unsigned taken = 0;

    for (; count > 0; count--)
        taken += step(owned, times, bytes);
    return taken;
}

static void begin_timed(struct owned *owned)
{
    owned_begin(owned);
    owned->timed = true;
}

enum { LONG = 10 * OWNED_TRIAL * OWNED_RARE, SOON = 2 * OWNED_RARE + 8 * OWNED_SURE };

/* From the first on, but for a trial now and then; and never for long where it is slower. */
static void the_quicker_way_is_taken(void **state)
{
    static const uint64_t sizes[] = {0, OWNED_STEP, OWNED_MEASURED, OWNED_MOST};

    (void)state;
    make(&scene, 1 << 20);
    for (size_t at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
        struct times times = {.now = 1000, .taken = 10000, .left = 11000};
        struct owned owned;

        begin_timed(&owned);
        assert_in_range(steps(&owned, &times, sizes[at], LONG), LONG - LONG / OWNED_RARE - 1,
                        LONG - LONG / OWNED_RARE + 1);
        times.left = 9000;
        (void)steps(&owned, &times, sizes[at], SOON);
        assert_in_range(steps(&owned, &times, sizes[at], LONG), LONG / OWNED_TRIAL - 1, LONG / OWNED_TRIAL + 1);
        times.left = 10100;
        (void)steps(&owned, &times, sizes[at], SOON);
        assert_in_range(steps(&owned, &times, sizes[at], LONG), LONG - LONG / OWNED_RARE - 1,
                        LONG - LONG / OWNED_RARE + 1);
    }
    fake_ring_free(&scene);
}

/* Whichever of them say nothing, again and again, as the gate is looked at once a lap; or cost more, as the intent is raised. */
static void no_period_hides_it(void **state)
{
    (void)state;
    make(&scene, 1 << 20);
    for (unsigned period = 2; period < 150; period++)
        for (unsigned kind = 0; kind < 2; kind++) {
            struct times times = {.now = 1000, .taken = 10000, .left = 9000};
            struct owned owned;

            begin_timed(&owned);
            for (unsigned turn = 0; turn < LONG; turn++) {
                (void)step(&owned, &times, OWNED_STEP);
                if (turn % period == 0 && kind == 0)
                    owned_followed(&owned, OWNED_STEP);
                if (turn % period == 0 && kind == 1)
                    times.now += 500;
            }
            assert_int_equal(owned.favour, -OWNED_SURE);
        }
    fake_ring_free(&scene);
}

/* What is short, or had the gate looked at in it, is not compared; nor what is the same. A short one is not tried either. */
static void some_steps_say_nothing(void **state)
{
    struct times times = {.now = 1000, .taken = 10000, .left = 10};
    struct owned owned;

    (void)state;
    make(&scene, 1 << 20);
    begin_timed(&owned);
    assert_int_equal(steps(&owned, &times, OWNED_MEASURED - 8, 1000), 1000);
    assert_int_equal(owned.favour, OWNED_SURE);
    for (unsigned turn = 0; turn < 1000; turn++) {
        (void)step(&owned, &times, OWNED_STEP);
        owned_followed(&owned, OWNED_STEP);
    }
    assert_int_equal(owned.favour, OWNED_SURE);
    times.left = times.taken;
    (void)steps(&owned, &times, OWNED_STEP, 1000);
    assert_int_equal(owned.favour, OWNED_SURE);
    fake_ring_free(&scene);
}

/* As it goes up or down by one, a few steps that took long for another reason change nothing for long. */
static void a_few_do_not_decide(void **state)
{
    struct times times = {.now = 1000, .taken = 10000, .left = 11000};
    struct owned owned;
    unsigned taken = 0;

    (void)state;
    make(&scene, 1 << 20);
    begin_timed(&owned);
    for (unsigned turn = 0; turn < LONG; turn++) {
        taken += step(&owned, &times, OWNED_STEP);
        times.now += turn % 100 == 0 ? 1000000 : 0;
    }
    assert_true(taken > LONG / 10 * 9);
    fake_ring_free(&scene);
}

/* Between two records' places: a zero where the second's header will be, and on each line before but the first one's. */
static void a_record_s_lines_are_taken_over(void **state)
{
    static const struct {
        uint64_t size;
        unsigned lines;
    } records[] = {{8, 0},
                   {16, 0},
                   {64, 0},
                   {72, 1},
                   {128, 1},
                   {136, 2},
                   {4096, 63},
                   {OWNED_MOST, OWNED_MOST / OWNED_LINE - 1},
                   {3 * OWNED_MOST, OWNED_MOST / OWNED_LINE - 1}};
    struct fake_ring ring;

    (void)state;
    make(&ring, 1 << 20);
    for (size_t at = 0; at < sizeof(records) / sizeof(records[0]); at++)
        for (uint64_t from = 8; from <= 200; from += 64) {
            const uint64_t end = from + records[at].size;

            owned_next(&ring.view, from, end);
            assert_int_equal(word_load(record_at(&ring.view, end)), 0);
            memset(record_at(&ring.view, end), UNTOUCHED, 8);
            assert_int_equal(taken(&ring, from, end), records[at].lines);
        }
    fake_ring_free(&ring);
}

/* Those who wait for each message have released all but a message or two, twice in a row. */
static void who_waits_for_each_message_is_known(void **state)
{
    static const struct {
        uint64_t behind;
        bool awaited;
    } looks[] = {{0, false},   {0, true},
                 {16, true},   {512, true},
                 {520, false}, {64, false},
                 {64, true},   {OWNED_NOBODY, false},
                 {0, false},   {OWNED_NOBODY, false},
                 {8, false},   {8192, false},
                 {8, false},   {8, true}};
    struct owned owned;

    (void)state;
    owned_begin(&owned);
    assert_false(owned_awaited(&owned));
    for (size_t at = 0; at < sizeof(looks) / sizeof(looks[0]); at++) {
        owned_followed(&owned, looks[at].behind);
        assert_int_equal(owned_awaited(&owned), looks[at].awaited);
    }
}

/* Only what is left alone for certain: never are more lines than those of a step taken over, but of a long record. */
static void what_is_left_alone_is_left_alone_for_long(void **state)
{
    struct owned owned;
    uint64_t now = 1000;
    unsigned long_ones = 0;

    (void)state;
    begin_timed(&owned);
    owned.favour = -OWNED_SURE;
    for (unsigned turn = 0; turn < LONG; turn++) {
        const uint64_t ahead = owned_step(&owned, now);

        assert_int_equal(ahead, owned.taken || owned.favour != -OWNED_SURE ? OWNED_STEP : OWNED_MOST);
        owned.bytes = ahead;
        long_ones += ahead == OWNED_MOST;
        now += turn % 7 * 1000; /* of which some say otherwise */
    }
    assert_true(long_ones > 0);
}

/* As the limit moves on by them: no further than the intent, and nothing is touched. */
static void the_limit_moves_on_by_long_steps(void **state)
{
    struct producer_core producer;
    uint64_t before, moves = 0;

    (void)state;
    make(&scene, 1 << 22);
    word_store(record_at(&scene.view, 0), 0); /* an empty ring */
    assert_int_equal(producer_core_start(&producer, &scene.view), 0);
    producer.owned.timed = true;
    producer.owned.favour = -OWNED_SURE;
    producer.owned.turn = 1;
    producer.owned.before_pace = 0; /* the step that starting began was taken over: no comparison with it, however long this takes */
    owned_disregard(&producer.owned);
    memset(scene.view.data, UNTOUCHED, 1 << 22);
    for (unsigned turn = 0; turn < 20; turn++) {
        before = producer.limit;
        assert_true(producer_core_finds_room(&producer, before + 8));
        assert_true(producer.limit + 8 <= word_load(&scene.view.page->intent));
        assert_true(producer.limit - before <= OWNED_MOST);
        moves += producer.limit - before == OWNED_MOST;
        assert_int_equal(taken(&scene, 0, 0), 0);
        producer.position = producer.limit;
    }
    assert_true(moves > 10);
    fake_ring_free(&scene);
}

/* Without a counter, whatever is known. */
static void untimed_all_are_taken_over(void **state)
{
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, 1 << 20);
    owned_begin(&owned);
    owned.timed = false;
    owned.favour = -OWNED_SURE;
    for (unsigned turn = 0; turn < 3 * OWNED_TRIAL; turn++) {
        assert_int_equal(owned_step(&owned, 0), OWNED_STEP);
        owned_take(&owned, &ring.view, 0, OWNED_MOST);
        assert_int_equal(taken(&ring, 0, OWNED_MOST), OWNED_MOST / OWNED_LINE);
    }
    fake_ring_free(&ring);
}

/* And what is left alone is not touched. */
static void lines_may_be_left_alone(void **state)
{
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, 1 << 20);
    owned_begin(&owned);
    if (!owned.timed)
        skip();
    owned.favour = -OWNED_SURE;
    assert_int_equal(owned_step(&owned, 0), OWNED_MOST);
    owned_take(&owned, &ring.view, 0, OWNED_MOST);
    assert_int_equal(taken(&ring, 0, OWNED_MOST), 0);
    assert_false(owned.taken);
    fake_ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_over),
        cmocka_unit_test(the_quicker_way_is_taken),
        cmocka_unit_test(no_period_hides_it),
        cmocka_unit_test(some_steps_say_nothing),
        cmocka_unit_test(a_few_do_not_decide),
        cmocka_unit_test(a_record_s_lines_are_taken_over),
        cmocka_unit_test(who_waits_for_each_message_is_known),
        cmocka_unit_test(what_is_left_alone_is_left_alone_for_long),
        cmocka_unit_test(the_limit_moves_on_by_long_steps),
        cmocka_unit_test(untimed_all_are_taken_over),
        cmocka_unit_test(lines_may_be_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
