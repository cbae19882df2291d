/* results.csv: a line for each value; summary.csv: for each metric, over the repetitions; ratios.csv: what mring is held against. */
#include "output.h"

#include <stdio.h>

static void write_head(FILE *file, const struct result *result, const struct metric *metric)
{
    (void)fprintf(file, "%s,\"%s\",\"%s\",%s,%s,%s,", result->work->family, result->work->name, result->adapter->name,
                  origin_name(result->adapter->origin), metric->name, metric->unit);
}

static void write_values(FILE *file, const struct result *result)
{
    const struct metric *metric = metrics_of(result->work);

    for (unsigned at = 0; metric[at].name != NULL; at++)
        for (unsigned run = 0; run < result->runs; run++) {
            write_head(file, result, &metric[at]);
            (void)fprintf(file, "%u,%.6g\n", run, result->values[at][run]);
        }
}

static void write_summaries(FILE *file, const struct result *result)
{
    const struct metric *metric = metrics_of(result->work);

    for (unsigned at = 0; metric[at].name != NULL; at++) {
        struct summary summary;

        write_head(file, result, &metric[at]);
        (void)fprintf(file, "%u,%u", result->runs, result->faults);
        if (result->runs > 0) {
            summary = result_summary(result, at);
            (void)fprintf(file, ",%.6g,%.6g,%.6g,%.6g,%.6g\n", summary.median, summary.low, summary.quarter,
                          summary.three_quarters, summary.high);
        } else {
            (void)fputs(",,,,,\n", file);
        }
    }
}

static bool write_file(const struct results *results, const char *folder, const char *name, const char *head,
                       void (*write_result)(FILE *file, const struct result *result))
{
    FILE *file = output_open(folder, name);

    if (file == NULL)
        return false;
    (void)fprintf(file, "family,work,adapter,origin,metric,unit,%s\n", head);
    for (unsigned at = 0; at < results->count; at++)
        write_result(file, &results->all[at]);
    return output_close(file);
}

static bool write_ratios(const struct results *results, const char *folder)
{
    FILE *file = output_open(folder, "ratios.csv");

    if (file == NULL)
        return false;
    (void)fputs("family,work,adapter,with,as,median,low,quarter,three quarters,high\n", file);
    for (const struct work *work = works; work < works + works_count; work++) {
        struct comparison comparisons[COMPARISONS_MOST];
        const unsigned count = results_compare(results, work, comparisons);

        for (const struct comparison *at = comparisons; at < comparisons + count; at++)
            (void)fprintf(file, "%s,\"%s\",\"%s\",\"%s\",%s,%.4g,%.4g,%.4g,%.4g,%.4g\n", work->family, work->name,
                          at->mine->adapter->name, at->other->adapter->name, at->what, at->ratio.median, at->ratio.low,
                          at->ratio.quarter, at->ratio.three_quarters, at->ratio.high);
    }
    return output_close(file);
}

bool output_csv(const struct results *results, const char *folder)
{
    return write_file(results, folder, "results.csv", "run,value", write_values) &&
           write_file(results, folder, "summary.csv", "runs,faults,median,low,quarter,three quarters,high",
                      write_summaries) &&
           write_ratios(results, folder);
}
