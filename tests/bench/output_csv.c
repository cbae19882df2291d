/* results.csv: a line for each value; summary.csv: for each metric, over the repetitions. And the tables that are plotted. */
#include "output.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_file(const char *folder, const char *name)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fopen(path, "we");
}

static bool close_file(FILE *file)
{
    const bool failed = ferror(file) != 0;

    return fclose(file) == 0 && !failed;
}

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
    FILE *file = open_file(folder, name);

    if (file == NULL)
        return false;
    (void)fprintf(file, "family,work,adapter,origin,metric,unit,%s\n", head);
    for (unsigned at = 0; at < results->count; at++)
        write_result(file, &results->all[at]);
    return close_file(file);
}

bool output_csv(const struct results *results, const char *folder)
{
    return write_file(results, folder, "results.csv", "run,value", write_values) &&
           write_file(results, folder, "summary.csv", "runs,faults,median,low,quarter,three quarters,high",
                      write_summaries);
}

/* ---- tables ---- */

static bool in_family(const struct results *results, const struct adapter *adapter, const char *family)
{
    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (result->adapter == adapter && strcmp(result->work->family, family) == 0 && result->runs > 0)
            return true;
    return false;
}

static const struct result *find(const struct results *results, const struct work *work, const struct adapter *adapter)
{
    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (result->work == work && result->adapter == adapter && result->runs > 0)
            return result;
    return NULL;
}

/* What it is about; the works, a line each; the adapters, a column each. "NaN": it cannot, or has a fault. */
static void write_table(FILE *file, const struct results *results, const char *family, const struct metric *metric)
{
    (void)fprintf(file, "\"%s: %s, %s\"", family, metric->name, metric->unit);
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++)
        if (in_family(results, *adapter, family))
            (void)fprintf(file, "\t\"%s\"", (*adapter)->name);
    (void)fputc('\n', file);
    for (const struct work *work = works; work < works + works_count; work++) {
        if (strcmp(work->family, family) != 0 || results_best(results, work, ~0U) == NULL)
            continue;
        (void)fprintf(file, "\"%s\"", work->name);
        for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
            const struct result *result = find(results, work, *adapter);

            if (!in_family(results, *adapter, family))
                continue;
            if (result != NULL && result->faults == 0)
                (void)fprintf(file, "\t%.6g", result_summary(result, 0).median);
            else
                (void)fputs("\tNaN", file);
        }
        (void)fputc('\n', file);
    }
}

bool output_tables(const struct results *results, const char *folder)
{
    const char *last = "";

    for (const struct work *work = works; work < works + works_count; work++) {
        char name[64];
        FILE *file;

        if (strcmp(work->family, last) == 0 || results_best(results, work, ~0U) == NULL)
            continue;
        last = work->family;
        (void)snprintf(name, sizeof(name), "%s.dat", last);
        for (char *at = name; *at != '\0'; at++)
            if (*at == ' ')
                *at = '-';
        file = open_file(folder, name);
        if (file == NULL)
            return false;
        write_table(file, results, last, metrics_of(work));
        if (!close_file(file))
            return false;
    }
    return true;
}
