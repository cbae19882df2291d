/* Unit tests of core/stand_back.h: for how long, by what was found. */
#include "core/stand_back.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct look {
    uint64_t bytes, pauses; /* found, and the next time */
};

static void expect_looks(struct consumer_core *consumer, const struct look *looks, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        const uint64_t streak = consumer->streak;

        stand_back_found(consumer, looks[at].bytes);
        assert_int_equal(consumer->streak, streak + 1);
        assert_int_equal(consumer->pauses, looks[at].pauses);
    }
}

#define EXPECT_LOOKS(consumer, looks) expect_looks(consumer, looks, sizeof(looks) / sizeof((looks)[0]))

static const struct look begins[] = {{32, 32}, {32, 32}, {32, 64}, {32, 128}, {32, 256}};

static void a_stream_is_left_alone_for_longer_and_longer(void **state)
{
    static const struct look slow[] = {{32, 256}, {4095, 256}};
    struct consumer_core consumer = {0};

    (void)state;
    EXPECT_LOOKS(&consumer, begins);
    EXPECT_LOOKS(&consumer, slow);
}

static void a_quick_one_until_enough_is_found(void **state)
{
    static const struct look quick[] = {{4096, 512},   {32767, 1024}, {8192, 1024}, {32768, 1024},
                                        {65535, 1024}, {4096, 1024},  {4095, 256}};
    struct consumer_core consumer = {0};

    (void)state;
    EXPECT_LOOKS(&consumer, begins);
    EXPECT_LOOKS(&consumer, quick);
}

/* Who is slower than its producer need not wait; nor, at any rate, for long. */
static void who_finds_too_much_waits_for_less(void **state)
{
    static const struct look much[] = {{65536, 128},     {1 << 20, 64}, {1 << 20, 32}, {1 << 20, 32},
                                       {UINT32_MAX, 32}, {32768, 64},   {65536, 32}};
    struct consumer_core consumer = {0};

    (void)state;
    EXPECT_LOOKS(&consumer, begins);
    EXPECT_LOOKS(&consumer, much);
}

/* A look in vain, or one that finds one record, is the end of a stream. */
static void the_next_stream_begins_anew(void **state)
{
    static const struct look quick[] = {{8192, 512}, {8192, 1024}};
    struct consumer_core consumer = {0};

    (void)state;
    EXPECT_LOOKS(&consumer, begins);
    EXPECT_LOOKS(&consumer, quick);
    consumer.streak = 0;
    EXPECT_LOOKS(&consumer, begins);
}

/* Only in a stream, and of a small ring for less. */
static void it_is_waited_in_a_stream_alone(void **state)
{
    static const struct {
        uint64_t capacity, streak, pauses, waits;
    } cases[] = {{1 << 20, 0, 256, 0},     {1 << 20, 1, 256, 0},    {1 << 20, 2, 32, 32},  {1 << 20, 9, 256, 256},
                 {1 << 20, 9, 1024, 1024}, {1 << 19, 9, 1024, 512}, {1 << 16, 9, 256, 64}, {1 << 16, 2, 32, 32},
                 {1 << 14, 9, 256, 16},    {1 << 14, 2, 32, 16}};

    (void)state;
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        struct consumer_core consumer = {.streak = cases[at].streak, .pauses = cases[at].pauses};

        consumer.view.capacity = cases[at].capacity;
        assert_int_equal(stand_back_pauses(&consumer), cases[at].waits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_left_alone_for_longer_and_longer),
        cmocka_unit_test(a_quick_one_until_enough_is_found),
        cmocka_unit_test(who_finds_too_much_waits_for_less),
        cmocka_unit_test(the_next_stream_begins_anew),
        cmocka_unit_test(it_is_waited_in_a_stream_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
