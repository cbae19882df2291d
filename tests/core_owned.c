/* Unit tests of core/owned.h: whatever the times are, lines are taken over only where the producer may write; and what is done when they are such. */
#include "core/owned.h"

#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SMALL = LAYOUT_CAPACITY_MIN, LARGE = 1 << 22, UNTOUCHED = 0x5a, RECORD = 16 };

static const uint64_t never = UINT64_MAX >> 32;

static void make(struct fake_ring *ring, uint64_t capacity)
{
    static const uint32_t one = 1;

    fake_ring_make(ring, capacity, 8, 1, &one);
    memset(ring->view.data, UNTOUCHED, capacity);
}

/* As a producer at this position does it. */
static void take(struct owned *owned, const struct fake_ring *ring, uint64_t from, uint64_t end)
{
    (void)owned_step(owned, from, RECORD);
    owned_take(owned, &ring->view, from, end);
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
        take(&owned, &ring, turns[turn].from, turns[turn].end);
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

        take(&owned, &ring, from, from + OWNED_STEP);
        if (taken(&ring, from, from + OWNED_STEP) == 0)
            continue;
        asked++;
        in_a_row += asked == turn + 1;
    }
    assert_true(in_a_row > 4 && in_a_row < 20);
    assert_true(asked > in_a_row + 4 && asked < 50);
    /* Of a long record no more than it takes to find that out. */
    owned.spared = 0;
    take(&owned, &ring, 8, OWNED_MOST);
    assert_int_equal(taken(&ring, 8, 8 + OWNED_STEP), OWNED_STEP / OWNED_LINE);
    fake_ring_free(&ring);
}

/* Where they are not, each time: as if they never were, by what is known of those that are. */
static void lines_that_are_away_are_not_spared(void **state)
{
    struct fake_ring ring;
    struct owned owned;

    (void)state;
    make(&ring, LARGE);
    owned_begin(&owned);
    if (!owned.timed)
        skip();
    owned.quick = 1000;
    for (unsigned turn = 0; turn < 50; turn++) {
        owned.here = 0;
        (void)owned_step(&owned, 0, RECORD);
        owned.since -= 1000 * 1000; /* so long it takes, at least */
        owned_take(&owned, &ring.view, 0, OWNED_MOST);
        assert_int_equal(taken(&ring, 0, OWNED_MOST), OWNED_MOST / OWNED_LINE);
        assert_true(owned.took >= 1000 * 1000);
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
        take(&owned, &ring, 8, SMALL / 2);
        assert_int_equal(taken(&ring, 8, SMALL / 2), SMALL / 2 / OWNED_LINE);
    }
    fake_ring_free(&ring);
}

/* How long it took is told by the time behind the step: of few lines it says nothing. */
static void what_it_took_is_known(void **state)
{
    struct fake_ring ring;
    struct owned owned;
    uint64_t before;

    (void)state;
    make(&ring, SMALL);
    owned_begin(&owned);
    if (!owned.timed)
        skip();
    take(&owned, &ring, 0, 8 * OWNED_LINE);
    assert_int_equal(owned.took, never);
    (void)owned_step(&owned, 0, RECORD);
    before = owned.since -= 1000 * 1000;
    owned_take(&owned, &ring.view, 0, OWNED_STEP / 2);
    assert_true(owned.since >= before + 1000 * 1000);
    assert_int_equal(owned.took, (owned.since - before) * 2);
    fake_ring_free(&ring);
}

/* Few at once where they last for long: by what it took to own as many, and since there was room. With room for another record as long. */
static void where_there_is_time_few_are_asked_for(void **state)
{
    static const struct {
        uint64_t size, step;
    } sizes[] = {{RECORD, OWNED_FEW},          {OWNED_FEW / 2, OWNED_FEW},
                 {OWNED_FEW, 2 * OWNED_FEW},   {OWNED_STEP / 2 - 8, OWNED_STEP - 16},
                 {OWNED_STEP / 2, OWNED_STEP}, {UINT64_C(1) << 32, OWNED_STEP}};
    struct owned owned;

    (void)state;
    owned_begin(&owned);
    if (!owned.timed)
        skip();
    assert_int_equal(owned_step(&owned, OWNED_STEP, RECORD), OWNED_STEP); /* until it is known how long it takes */
    for (size_t at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
        owned.took = 1;
        owned.since -= 1000 * 1000;
        assert_int_equal(owned_step(&owned, owned.position + OWNED_STEP, sizes[at].size), sizes[at].step);
        owned.took = never;
        owned.since -= 1000 * 1000;
        assert_int_equal(owned_step(&owned, owned.position + OWNED_STEP, sizes[at].size), OWNED_STEP);
    }
    owned.took = never;
    owned.since -= 1024 * never;
    owned_waited(&owned);
    assert_int_equal(owned_step(&owned, owned.position + OWNED_STEP, RECORD), OWNED_STEP);
    owned.since -= 1024 * never;
    assert_int_equal(owned_step(&owned, owned.position + OWNED_STEP, RECORD), OWNED_FEW);
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
        assert_int_equal(owned_step(&owned, owned.position + OWNED_STEP, RECORD), OWNED_STEP);
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
        cmocka_unit_test(what_it_took_is_known),
        cmocka_unit_test(where_there_is_time_few_are_asked_for),
        cmocka_unit_test(untimed_all_are_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
