/* Unit tests of core/owned.h: whatever the times are, lines are taken over only where the producer may write; and what is done when they are such. */
#include "core/owned.h"

#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SMALL = LAYOUT_CAPACITY_MIN, LARGE = 1 << 22, UNTOUCHED = 0x5a, COARSE = 32 };

static const uint64_t never = UINT64_MAX >> 32;

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

/* What was not here, as far as one cache holds it. */
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

/* Where they are here again and again, they are not asked for, but now and then. */
static void lines_that_are_here_are_spared(void **state)
{
    struct fake_ring ring;
    struct owned owned;
    unsigned asked = 0, in_a_row = 0;

    (void)state;
    make(&ring, LARGE);
    owned_begin(&owned);
    if (!owned.timed)
        skip();
    owned.here = never;
    for (unsigned turn = 0; turn < 200; turn++) {
        const uint64_t from = (uint64_t)turn * OWNED_STEP + 8;

        owned_take(&owned, &ring.view, from, from + OWNED_STEP);
        if (taken(&ring, from, from + OWNED_STEP) == 0)
            continue;
        asked++;
        in_a_row += asked == turn + 1;
    }
    assert_true(in_a_row > 4 && in_a_row < 20);
    assert_true(asked > in_a_row + 4 && asked < 50);
    /* Of a long record no more than it takes to find that out. */
    owned.spared = 0;
    owned_take(&owned, &ring.view, 8, OWNED_MOST);
    assert_int_equal(taken(&ring, 8, 8 + OWNED_STEP), OWNED_STEP / OWNED_LINE);
    fake_ring_free(&ring);
}

/* Where they are not, each time: as if lines that are here took one tick, all of them. */
static void lines_that_are_away_are_not_spared(void **state)
{
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, LARGE);
    owned_begin(&owned);
    if (!owned.timed || owned.here < COARSE)
        skip();
    owned.quick = 1000;
    for (unsigned turn = 0; turn < 50; turn++) {
        owned.here = 1;
        owned_take(&owned, &ring.view, 0, OWNED_MOST);
        assert_int_equal(taken(&ring, 0, OWNED_MOST), OWNED_MOST / OWNED_LINE);
        assert_int_equal(owned.quick, 0);
    }
    fake_ring_free(&ring);
}

static void in_a_small_ring_none_is_spared(void **state)
{
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, SMALL);
    owned_begin(&owned);
    owned.here = never;
    for (unsigned turn = 0; turn < 200; turn++) {
        owned_take(&owned, &ring.view, 8, SMALL / 2);
        assert_int_equal(taken(&ring, 8, SMALL / 2), SMALL / 2 / OWNED_LINE);
    }
    fake_ring_free(&ring);
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

/* Without a counter, whatever is known. */
static void untimed_all_are_taken_over(void **state)
{
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, LARGE);
    owned_begin(&owned);
    owned.timed = false;
    owned.here = never;
    for (unsigned turn = 0; turn < 50; turn++) {
        owned_take(&owned, &ring.view, 0, OWNED_MOST);
        assert_int_equal(taken(&ring, 0, OWNED_MOST), OWNED_MOST / OWNED_LINE);
    }
    fake_ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_over),
        cmocka_unit_test(lines_that_are_here_are_spared),
        cmocka_unit_test(lines_that_are_away_are_not_spared),
        cmocka_unit_test(in_a_small_ring_none_is_spared),
        cmocka_unit_test(a_record_s_lines_are_taken_over),
        cmocka_unit_test(who_waits_for_each_message_is_known),
        cmocka_unit_test(untimed_all_are_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
