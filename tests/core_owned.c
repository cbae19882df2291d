/* Unit tests of core/owned.h: whatever the times are, lines are taken over only where the producer may write; and what is done when they are such. */
#include "core/owned.h"

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
        owned_take(&owned, &ring.view, turns[turn].from, turns[turn].end);
        assert_int_equal(taken(&ring, turns[turn].from, turns[turn].end), turns[turn].lines);
    }
    fake_ring_free(&ring);
}

/* What a step takes, each way; and whether the next is taken over, as if all were as long. */
struct times {
    uint64_t now, taken, left;
};

static bool step(struct owned *owned, struct times *times, uint64_t bytes)
{
    const bool taken = owned_step(owned, times->now, bytes);

    times->now += (taken ? times->taken : times->left) * bytes / OWNED_STEP;
    return taken;
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

/* From the first on, but for a trial now and then; and never for long where it is slower. */
static void the_quicker_way_is_taken(void **state)
{
    static const uint64_t sizes[] = {OWNED_STEP, OWNED_STEP / 2, OWNED_MOST};
    enum { LONG = 100 * OWNED_TRIAL, SOON = 2 * OWNED_TRIAL + 4 * OWNED_SURE };

    (void)state;
    for (size_t at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
        struct times times = {.now = 1000, .taken = 1000, .left = 1100};
        struct owned owned;

        begin_timed(&owned);
        assert_int_equal(steps(&owned, &times, sizes[at], LONG), LONG - LONG / OWNED_TRIAL);
        times.left = 900;
        (void)steps(&owned, &times, sizes[at], SOON);
        assert_int_equal(steps(&owned, &times, sizes[at], LONG), LONG / OWNED_TRIAL);
        times.left = 1010;
        (void)steps(&owned, &times, sizes[at], SOON);
        assert_int_equal(steps(&owned, &times, sizes[at], LONG), LONG - LONG / OWNED_TRIAL);
    }
}

/* What is short, or had the gate looked at in it, is not compared; nor what is the same. */
static void some_steps_say_nothing(void **state)
{
    struct times times = {.now = 1000, .taken = 1000, .left = 10};
    struct owned owned;

    (void)state;
    begin_timed(&owned);
    (void)steps(&owned, &times, OWNED_STEP / 4, 1000);
    assert_int_equal(owned.favour, OWNED_SURE);
    for (unsigned turn = 0; turn < 1000; turn++) {
        (void)step(&owned, &times, OWNED_STEP);
        owned_followed(&owned, OWNED_STEP);
    }
    assert_int_equal(owned.favour, OWNED_SURE);
    times.left = times.taken;
    (void)steps(&owned, &times, OWNED_STEP, 1000);
    assert_int_equal(owned.favour, OWNED_SURE);
}

/* As it goes up or down by one, a few steps that took long for another reason change nothing for long. */
static void a_few_do_not_decide(void **state)
{
    struct times times = {.now = 1000, .taken = 1000, .left = 1100};
    struct owned owned;
    unsigned taken = 0;

    (void)state;
    begin_timed(&owned);
    for (unsigned turn = 0; turn < 100 * OWNED_TRIAL; turn++) {
        taken += step(&owned, &times, OWNED_STEP);
        times.now += turn % 100 == 0 ? 100000 : 0;
    }
    assert_true(taken > 90 * OWNED_TRIAL);
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

/* A step that is a trial is as short as those that are compared with it. */
static void what_is_left_alone_is_left_alone_for_long(void **state)
{
    struct times times = {.now = 1000, .taken = 1000, .left = 1000};
    struct owned owned;
    unsigned long_ones = 0;

    (void)state;
    begin_timed(&owned);
    assert_int_equal(owned_ahead(&owned), OWNED_STEP);
    owned.favour = -OWNED_SURE;
    for (unsigned turn = 0; turn < 10 * OWNED_TRIAL; turn++) {
        const uint64_t ahead = owned_ahead(&owned);

        assert_int_equal(step(&owned, &times, ahead), ahead == OWNED_STEP);
        long_ones += ahead == OWNED_MOST;
    }
    assert_int_equal(long_ones, 10 * OWNED_TRIAL - 10);
    owned.favour++;
    assert_int_equal(owned_ahead(&owned), OWNED_STEP);
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
        cmocka_unit_test(some_steps_say_nothing),
        cmocka_unit_test(a_few_do_not_decide),
        cmocka_unit_test(a_record_s_lines_are_taken_over),
        cmocka_unit_test(who_waits_for_each_message_is_known),
        cmocka_unit_test(what_is_left_alone_is_left_alone_for_long),
        cmocka_unit_test(untimed_all_are_taken_over),
        cmocka_unit_test(lines_may_be_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
