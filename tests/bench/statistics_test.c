/* Unit tests of what figures are made of: statistics, ratios, and whom mring is held against. */
#include "results.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- statistics ---- */

#define NEAR(value, expected) assert_float_equal(value, expected, 1e-9)

static void the_middle_of_an_odd_number_is_a_value(void **state)
{
    const double values[] = {5, 1, 4, 2, 3};
    const struct summary summary = summarise(values, 5);

    (void)state;
    NEAR(summary.median, 3);
    NEAR(summary.low, 1);
    NEAR(summary.high, 5);
    NEAR(summary.quarter, 2);
    NEAR(summary.three_quarters, 4);
    NEAR(values[0], 5); /* they stay in their order */
    NEAR(values[4], 3);
}

static void the_middle_of_an_even_number_is_between_two(void **state)
{
    const double values[] = {4, 1, 10, 2};
    const struct summary summary = summarise(values, 4);

    (void)state;
    NEAR(summary.median, 3);
    NEAR(summary.quarter, 1.75);
    NEAR(summary.three_quarters, 5.5);
}

static void one_value_is_all_of_it(void **state)
{
    const double values[] = {7};
    const struct summary summary = summarise(values, 1);

    (void)state;
    NEAR(summary.median, 7);
    NEAR(summary.low, 7);
    NEAR(summary.high, 7);
    NEAR(summary.quarter, 7);
    NEAR(summary.three_quarters, 7);
}

static void quantiles_are_samples(void **state)
{
    uint32_t samples[1000];

    (void)state;
    for (uint32_t at = 0; at < 1000; at++)
        samples[at] = (at * 7 + 3) % 1000; /* each of 0 to 999 once */
    sort_samples(samples, 1000);
    NEAR(quantile(samples, 1000, 0), 0);
    NEAR(quantile(samples, 1000, 0.5), 500);
    NEAR(quantile(samples, 1000, 0.99), 990);
    NEAR(quantile(samples, 1000, 0.999), 999);
    NEAR(quantile(samples, 1000, 1), 999);
    NEAR(quantile(samples, 0, 0.5), 0);
}

/* ---- comparisons ---- */

const struct work works[] = {{.name = "stream", .kind = STREAM, .groups = 1, .members = 1},
                             {.name = "trip", .kind = ROUND_TRIP, .about = LATENCY, .groups = 1, .members = 1}};
const unsigned works_count = 2;

enum { IN_PLACE, COPIED, PEER, FASTER, LINE, LINES, RESULTS };

static const struct adapter of[RESULTS] = {[IN_PLACE] = {.name = "in place", .origin = MRING},
                                           [COPIED] = {.name = "copied", .origin = MRING},
                                           [PEER] = {.name = "peer", .origin = DEBIAN},
                                           [FASTER] = {.name = "faster", .origin = REFERENCE},
                                           [LINE] = {.name = "line", .origin = LIMIT},
                                           [LINES] = {.name = "lines", .origin = LIMIT, .yardstick = true}};

static struct result all[RESULTS];
static const struct results results = {all, RESULTS, 3};
static struct comparison comparisons[COMPARISONS_MOST];

/* What each did in three repetitions. */
static void measured(const struct work *work, const double values[RESULTS][3])
{
    memset(all, 0, sizeof(all));
    for (unsigned at = 0; at < RESULTS; at++) {
        all[at].work = work;
        all[at].adapter = &of[at];
        all[at].runs = 3;
        memcpy(all[at].values[0], values[at], 3 * sizeof(double));
    }
}

static void assert_comparison(unsigned at, const char *mine, const char *other, double ratio)
{
    assert_string_equal(comparisons[at].mine->adapter->name, mine);
    assert_string_equal(comparisons[at].other->adapter->name, other);
    NEAR(comparisons[at].ratio.median, ratio);
}

static void more_is_better_of_rates(void **state)
{
    static const double rates[RESULTS][3] = {[IN_PLACE] = {10, 20, 30}, [COPIED] = {9, 19, 29}, [PEER] = {5, 5, 5},
                                             [FASTER] = {20, 20, 20},   [LINE] = {90, 90, 90},  [LINES] = {40, 40, 40}};

    (void)state;
    measured(&works[0], rates);
    assert_int_equal(results_compare(&results, &works[0], comparisons), 3);
    assert_comparison(0, "in place", "faster", 1);
    assert_comparison(1, "in place", "peer", 4);
    assert_comparison(2, "in place", "lines", 0.5); /* not the better one, which is no yardstick */
}

static void less_is_better_of_times(void **state)
{
    static const double times[RESULTS][3] = {
        [IN_PLACE] = {400, 400, 400}, [COPIED] = {200, 200, 200}, [PEER] = {600, 600, 600},
        [FASTER] = {100, 100, 100},   [LINE] = {10, 10, 10},      [LINES] = {50, 50, 50}};

    (void)state;
    measured(&works[1], times);
    assert_int_equal(results_compare(&results, &works[1], comparisons), 3);
    assert_comparison(0, "copied", "faster", 0.5);
    assert_comparison(1, "copied", "peer", 3);
    assert_comparison(2, "copied", "lines", 0.25);
}

/* The machine may be ten times slower in one repetition: that is no matter of who is faster. */
static void a_ratio_is_of_the_same_repetition(void **state)
{
    static const double rates[RESULTS][3] = {[IN_PLACE] = {1, 20, 100}, [COPIED] = {1, 1, 1}, [PEER] = {2, 10, 50},
                                             [FASTER] = {1, 1, 1},      [LINE] = {1, 1, 1},   [LINES] = {2, 40, 200}};

    (void)state;
    measured(&works[0], rates);
    assert_int_equal(results_compare(&results, &works[0], comparisons), 3);
    assert_comparison(1, "in place", "peer", 2);
    NEAR(comparisons[1].ratio.low, 0.5);
    NEAR(comparisons[1].ratio.high, 2);
    NEAR(comparisons[2].ratio.low, 0.5);
    NEAR(comparisons[2].ratio.high, 0.5);
}

static void who_failed_is_nobody(void **state)
{
    static const double rates[RESULTS][3] = {[IN_PLACE] = {10, 10, 10}, [COPIED] = {5, 5, 5}, [PEER] = {20, 20, 20},
                                             [FASTER] = {40, 40, 40},   [LINE] = {1, 1, 1},   [LINES] = {1, 1, 1}};

    (void)state;
    measured(&works[0], rates);
    all[FASTER].faults = 1;
    all[IN_PLACE].faults = 1;
    all[LINES].faults = 1;
    assert_int_equal(results_compare(&results, &works[0], comparisons), 2);
    assert_comparison(0, "copied", "peer", 0.25);
    assert_comparison(1, "copied", "peer", 0.25);
    all[COPIED].faults = 1;
    assert_int_equal(results_compare(&results, &works[0], comparisons), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_middle_of_an_odd_number_is_a_value),
                                       cmocka_unit_test(the_middle_of_an_even_number_is_between_two),
                                       cmocka_unit_test(one_value_is_all_of_it),
                                       cmocka_unit_test(quantiles_are_samples),
                                       cmocka_unit_test(more_is_better_of_rates),
                                       cmocka_unit_test(less_is_better_of_times),
                                       cmocka_unit_test(a_ratio_is_of_the_same_repetition),
                                       cmocka_unit_test(who_failed_is_nobody)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
