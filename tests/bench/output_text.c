/* For people: a table for each work, with mring's ratios under it: above 1, mring is better, whether much is good or little. */
#include "output.h"

#include <stdio.h>

static void print_result(const struct result *result)
{
    const struct metric *metric = metrics_of(result->work);
    char text[OUTPUT_TEXT];
    struct summary summary;

    (void)printf("  %-26s", result->adapter->name);
    if (result->runs > 0) {
        summary = result_summary(result, 0);
        output_spread(text, &summary);
        (void)printf(" %s %s", text, metric->unit);
        for (unsigned at = 1; metric[at].name != NULL; at++)
            if (metric[at].brief) {
                output_number(text, result_summary(result, at).median);
                (void)printf(", %s %s %s", metric[at].name, text, metric[at].unit);
            }
    }
    if (result->faults > 0)
        (void)printf("  FAILED %u times: %s", result->faults, result->fault);
    (void)putchar('\n');
}

void output_work(const struct results *results, const struct work *work)
{
    struct comparison comparisons[COMPARISONS_MOST];
    const unsigned count = results_compare(results, work, comparisons);

    (void)printf("%s, %s: %s\n", work->family, work->name, metrics_of(work)->name);
    for (unsigned at = 0; at < results->count; at++)
        if (results->all[at].work == work)
            print_result(&results->all[at]);
    for (const struct comparison *comparison = comparisons; comparison < comparisons + count; comparison++) {
        char text[OUTPUT_TEXT];

        output_spread(text, &comparison->ratio);
        (void)printf("  %s: %s times as good as %s, %s\n", comparison->mine->adapter->name, text, comparison->what,
                     comparison->other->adapter->name);
    }
}
