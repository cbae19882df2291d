/* How long who is about to sleep is told to nap before, as the producer's passes over the sleepers say (wait/nap.h). */
#include "wait/nap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

enum { US = 1000, LEAST = 100 * US };

static void few_sleepers_are_announced_at_once(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after_pass(&gauge, 0, 0), 0);
    assert_int_equal(nap_after_pass(&gauge, 1, 8 * US), 0);
    for (unsigned pass = 0; pass < 1000; pass++)
        assert_int_equal(nap_after_pass(&gauge, 4, 32 * US), 0);
}

static void a_nap_is_twice_as_long_as_the_pass(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after_pass(&gauge, 16, 80 * US), 160 * US);
    assert_int_equal(nap_after_pass(&gauge, 64, 320 * US), 640 * US);
    assert_int_equal(nap_after_pass(&gauge, 64, 320 * US), 640 * US);
}

/* The producer may be away from its processor for any time: one sleeper's wake-up is not what took that. */
static void time_away_from_the_processor_does_not_count(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after_pass(&gauge, 1, INT64_C(3600000000000)), 0);
    assert_int_equal(nap_after_pass(&gauge, 4, 50 * 1000 * US), 0);
    assert_in_range(nap_after_pass(&gauge, 16, 50 * 1000 * US), LEAST, 500 * US);
    assert_int_equal(nap_after_pass(&gauge, 1024, INT64_MAX), NAP_MOST_NS);
}

/* A burst has one long pass, and short ones for who came late: these must not have all the others announced at once again. */
static void a_long_pass_is_forgotten_little_by_little(void **state)
{
    struct nap_gauge gauge = {0};
    uint64_t before = nap_after_pass(&gauge, 64, 320 * US), now;
    unsigned passes = 0;

    (void)state;
    for (; (now = nap_after_pass(&gauge, 1, 5 * US)) != 0; before = now, passes++) {
        assert_true(now < before && now >= LEAST);
        assert_true(passes < 100);
    }
    assert_true(passes >= 16);
    for (; gauge.pass > 6 * US; passes++) {
        assert_int_equal(nap_after_pass(&gauge, 1, 5 * US), 0);
        assert_true(passes < 1000);
    }
    assert_int_equal(nap_after_pass(&gauge, 16, 80 * US), 160 * US);
}

static void a_clock_that_stands_or_goes_back_is_none(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after_pass(&gauge, 64, 0), 0);
    assert_int_equal(nap_after_pass(&gauge, 64, -5), 0);
    assert_int_equal(nap_after_pass(&gauge, 0, 320 * US), 0);
}

static void no_word_is_heeded_beyond_its_bound(void **state)
{
    (void)state;
    assert_int_equal(nap_heeded(0), 0);
    assert_int_equal(nap_heeded(160 * US), 160 * US);
    assert_int_equal(nap_heeded(NAP_MOST_NS), NAP_MOST_NS);
    assert_int_equal(nap_heeded(NAP_MOST_NS + 1), NAP_MOST_NS);
    assert_int_equal(nap_heeded(UINT64_C(1) << 63), NAP_MOST_NS);
    assert_int_equal(nap_heeded(UINT64_MAX), NAP_MOST_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_sleepers_are_announced_at_once),
        cmocka_unit_test(a_nap_is_twice_as_long_as_the_pass),
        cmocka_unit_test(time_away_from_the_processor_does_not_count),
        cmocka_unit_test(a_long_pass_is_forgotten_little_by_little),
        cmocka_unit_test(a_clock_that_stands_or_goes_back_is_none),
        cmocka_unit_test(no_word_is_heeded_beyond_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
