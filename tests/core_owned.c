/* Unit tests of core/owned.h: whatever the times are, lines are taken over only where the producer may write; and what is done when they are such. */
#include "core/owned.h"

#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SMALL = LAYOUT_CAPACITY_MIN, LARGE = 1 << 22, UNTOUCHED = 0x5a };

static const uint64_t never = UINT64_MAX >> 32;

static void make(struct fake_ring *ring, uint64_t capacity)
{
    static const uint32_t one = 1;

    fake_ring_make(ring, capacity, 8, 1, &one);
    memset(ring->view.data, UNTOUCHED, capacity);
}

/* How many lines between were stored to: nothing else may be. */
static unsigned taken(const struct fake_ring *ring, uint64_t from, uint64_t end)
{
    unsigned lines = 0;

    for (uint64_t at = 0; at < ring->view.capacity; at += OWNED_LINE) {
        const bool stored = word_load(record_at(&ring->view, at)) == 0;

        assert_true(!stored || (at >= from && at < end));
        lines += stored;
    }
    return lines;
}

/* Of what was not, as far as one cache holds it. */
static void lines_are_taken_over(void **state)
{
    static const struct {
        uint64_t from, end;
        unsigned lines;
    } turns[] = {{0, 4096, 64},
                 {4096, 4096, 0},
                 {4096, 4096 + OWNED_STEP, OWNED_STEP / OWNED_LINE},
                 {65536, 65536 + OWNED_MOST, OWNED_MOST / OWNED_LINE},
                 {65536, 65536 + 4 * OWNED_MOST, OWNED_MOST / OWNED_LINE}};
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    for (size_t turn = 0; turn < sizeof(turns) / sizeof(turns[0]); turn++) {
        make(&ring, LARGE);
        owned_begin(&owned);
        owned.here = 0; /* so no line is taken for one that is here */
        owned_take(&owned, &ring.view, turns[turn].from, turns[turn].end);
        assert_int_equal(taken(&ring, turns[turn].from, turns[turn].end), turns[turn].lines);
        fake_ring_free(&ring);
    }
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
        const uint64_t from = (uint64_t)turn * OWNED_STEP;

        memset(ring.view.data, UNTOUCHED, LARGE);
        owned_take(&owned, &ring.view, from, from + OWNED_STEP);
        if (taken(&ring, from, from + OWNED_STEP) == 0)
            continue;
        asked++;
        in_a_row += asked == turn + 1;
    }
    assert_true(in_a_row > 4 && in_a_row < 20);
    assert_true(asked > in_a_row + 4 && asked < 50);
    /* Of a long record no more than it takes to find that out. */
    memset(ring.view.data, UNTOUCHED, LARGE);
    owned.spared = 0;
    owned_take(&owned, &ring.view, 0, OWNED_MOST);
    assert_int_equal(taken(&ring, 0, OWNED_STEP), OWNED_STEP / OWNED_LINE);
    /* And when they are away all are, from then on. */
    owned.here = 0;
    owned.spared = 0;
    for (unsigned turn = 0; turn < 50; turn++) {
        memset(ring.view.data, UNTOUCHED, LARGE);
        owned_take(&owned, &ring.view, 0, OWNED_MOST);
        assert_int_equal(taken(&ring, 0, OWNED_MOST), OWNED_MOST / OWNED_LINE);
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
        memset(ring.view.data, UNTOUCHED, SMALL);
        owned_take(&owned, &ring.view, 0, SMALL / 2);
        assert_int_equal(taken(&ring, 0, SMALL / 2), SMALL / 2 / OWNED_LINE);
    }
    fake_ring_free(&ring);
}

/* Few at once where they last for long: by what it took to own as many, and since there was room. */
static void where_there_is_time_few_are_asked_for(void **state)
{
    struct owned owned;

    (void)state;
    owned_begin(&owned);
    if (!owned.timed)
        skip();
    assert_int_equal(owned_step(&owned, OWNED_STEP), OWNED_STEP); /* until it is known how long it takes */
    owned.took = never;
    owned.since -= 1000 * 1000;
    assert_int_equal(owned_step(&owned, 2 * OWNED_STEP), OWNED_STEP);
    owned.took = 1;
    owned.since -= 1000 * 1000;
    assert_int_equal(owned_step(&owned, 3 * OWNED_STEP), OWNED_FEW);
    assert_int_equal(owned.position, 3 * OWNED_STEP);
    owned.took = 1000 * 1000;
    owned.since -= 100 * 1000 * 1000;
    owned_waited(&owned);
    assert_int_equal(owned_step(&owned, 4 * OWNED_STEP), OWNED_STEP);
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
        owned.took = 1;
        owned.since -= 1000 * 1000;
        assert_int_equal(owned_step(&owned, OWNED_STEP), OWNED_STEP);
        memset(ring.view.data, UNTOUCHED, LARGE);
        owned_take(&owned, &ring.view, 0, OWNED_MOST);
        assert_int_equal(taken(&ring, 0, OWNED_MOST), OWNED_MOST / OWNED_LINE);
    }
    fake_ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_over),           cmocka_unit_test(lines_that_are_here_are_spared),
        cmocka_unit_test(in_a_small_ring_none_is_spared), cmocka_unit_test(where_there_is_time_few_are_asked_for),
        cmocka_unit_test(untimed_all_are_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
