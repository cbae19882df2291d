/* For people: a table for each work, with mring's ratios under it. */
#include "output.h"

#include <stdio.h>

static void print_result(const struct result *result)
{
    const struct metric *metric = metrics_of(result->work);
    struct summary summary;

    (void)printf("  %-28s", result->adapter->name);
    if (result->runs > 0) {
        summary = result_summary(result, 0);
        (void)printf(" %10.4g %-4s (%.4g to %.4g)", summary.median, metric->unit, summary.low, summary.high);
        for (unsigned at = 1; metric[at].name != NULL; at++)
            if (metric[at].brief)
                (void)printf("  %s %.4g %s", metric[at].name, result_summary(result, at).median, metric[at].unit);
    }
    if (result->faults > 0)
        (void)printf("  FAILED %u times: %s", result->faults, result->fault);
    (void)putchar('\n');
}

static void print_ratio(const struct result *mine, const struct result *other, const char *what)
{
    if (other != NULL)
        (void)printf("  %s / %s (%s): %.2f\n", mine->adapter->name, other->adapter->name, what,
                     results_ratio(mine, other));
}

void output_work(const struct results *results, const struct work *work)
{
    enum { ANY = 1 << DEBIAN | 1 << SYSTEM | 1 << REFERENCE };
    const struct result *mine = results_best(results, work, 1 << MRING);

    (void)printf("%s, %s: %s\n", work->family, work->name, metrics_of(work)->name);
    for (unsigned at = 0; at < results->count; at++)
        if (results->all[at].work == work)
            print_result(&results->all[at]);
    if (mine != NULL) {
        print_ratio(mine, results_best(results, work, ANY), "best peer");
        print_ratio(mine, results_best(results, work, 1 << DEBIAN | 1 << SYSTEM), "best of Debian's");
        print_ratio(mine, results_best(results, work, 1 << LIMIT), "the machine");
    }
}
