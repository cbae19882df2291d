/* How long who is about to sleep is told to nap before, as the producer's passes over the sleepers say (wait/nap.h). */
#include "wait/nap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

enum { US = 1000, LEAST = 100 * US };

static const int64_t good = (int64_t)NAP_GOOD << NAP_BITS;
static int64_t now = INT64_C(123456789) << NAP_BITS;

/* A pass that takes so long, right behind the last one: the nap that it has the others told. */
static int64_t nap_after(struct nap_gauge *gauge, unsigned woken, int64_t took)
{
    const int64_t began = now;
    uint64_t said;

    now += took < 0 || took > good / 2 ? 0 : took;
    gauge->at = gauge->at == 0 ? began : gauge->at;
    said = nap_after_pass(gauge, woken, now - took, now);
    assert_true(said == 0 || said >> NAP_BITS == (uint64_t)now >> NAP_BITS);
    return nap_heeded(said, now);
}

static void few_sleepers_are_announced_at_once(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after(&gauge, 0, 0), 0);
    assert_int_equal(nap_after(&gauge, 1, 8 * US), 0);
    for (unsigned pass = 0; pass < 1000; pass++)
        assert_int_equal(nap_after(&gauge, 4, 32 * US), 0);
}

static void a_nap_is_twice_as_long_as_the_pass(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after(&gauge, 16, 80 * US), 160 * US);
    assert_int_equal(nap_after(&gauge, 64, 320 * US), 640 * US);
    assert_int_equal(nap_after(&gauge, 64, 320 * US), 640 * US);
}

/* The producer may be away from its processor for any time: one sleeper's wake-up is not what took that. */
static void time_away_from_the_processor_does_not_count(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after(&gauge, 1, INT64_C(3600000000000)), 0);
    assert_int_equal(nap_after(&gauge, 4, 50 * 1000 * US), 0);
    assert_in_range(nap_after(&gauge, 16, 50 * 1000 * US), LEAST, 500 * US);
    assert_int_equal(nap_after(&gauge, 1024, INT64_MAX), NAP_MOST_NS);
}

/* A burst has one long pass, and short ones for who came late: these must not have all the others announced at once again. */
static void a_long_pass_is_forgotten_little_by_little(void **state)
{
    struct nap_gauge gauge = {0};
    int64_t before = nap_after(&gauge, 64, 320 * US), nap;
    unsigned passes = 0;

    (void)state;
    for (; (nap = nap_after(&gauge, 1, 5 * US)) != 0; before = nap, passes++) {
        assert_true(nap < before && nap >= LEAST);
        assert_true(passes < 100);
    }
    assert_true(passes >= 16);
    for (; gauge.pass > 6 * US; passes++) {
        assert_int_equal(nap_after(&gauge, 1, 5 * US), 0);
        assert_true(passes < 1000);
    }
    assert_int_equal(nap_after(&gauge, 16, 80 * US), 160 * US);
}

static void a_clock_that_stands_or_goes_back_is_none(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after(&gauge, 64, 0), 0);
    assert_int_equal(nap_after(&gauge, 64, -5), 0);
    assert_int_equal(nap_after(&gauge, 0, 320 * US), 0);
}

/* Whom it was said to may be gone: the next pass is the first again, however short. */
static void a_pass_of_long_ago_is_forgotten_at_once(void **state)
{
    struct nap_gauge gauge = {0};

    (void)state;
    assert_int_equal(nap_after(&gauge, 64, 320 * US), 640 * US);
    now += good - 5 * US - 1;
    assert_true(nap_after(&gauge, 1, 5 * US) != 0);
    now += good - 5 * US;
    assert_int_equal(nap_after(&gauge, 1, 5 * US), 0);
    assert_int_equal(gauge.pass, 5 * US);
}

static void what_was_said_is_heeded_for_a_while(void **state)
{
    const uint64_t said = nap_word(160 * US, now);

    (void)state;
    assert_int_equal(nap_heeded(0, now), 0);
    assert_int_equal(nap_heeded(said, now), 160 * US);
    assert_int_equal(nap_heeded(said, now + good - (1 << NAP_BITS)), 160 * US);
    assert_int_equal(nap_heeded(said, now + good), 0);
    assert_int_equal(nap_heeded(said, now - (1 << NAP_BITS)), 0);
    assert_int_equal(nap_heeded(said, INT64_MAX), 0);
}

static void no_word_is_heeded_beyond_its_bound(void **state)
{
    (void)state;
    assert_int_equal(nap_heeded(nap_word(NAP_MOST_NS, now), now), NAP_MOST_NS);
    assert_int_equal(nap_heeded(nap_word(NAP_MOST_NS + 1, now), now), NAP_MOST_NS);
    assert_int_equal(nap_heeded(nap_word(NAP_MASK, now), now), NAP_MOST_NS);
    assert_int_equal(nap_heeded(UINT64_C(1) << 63, now), 0);
    assert_int_equal(nap_heeded(UINT64_MAX, now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_sleepers_are_announced_at_once),
        cmocka_unit_test(a_nap_is_twice_as_long_as_the_pass),
        cmocka_unit_test(time_away_from_the_processor_does_not_count),
        cmocka_unit_test(a_long_pass_is_forgotten_little_by_little),
        cmocka_unit_test(a_clock_that_stands_or_goes_back_is_none),
        cmocka_unit_test(a_pass_of_long_ago_is_forgotten_at_once),
        cmocka_unit_test(what_was_said_is_heeded_for_a_while),
        cmocka_unit_test(no_word_is_heeded_beyond_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
