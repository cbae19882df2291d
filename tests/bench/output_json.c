/* results.json: the machine, what could not be built, and for each work what each adapter did, with every value. */
#include "output.h"

#include <jansson.h>
#include <stdio.h>

static json_t *describe_machine(const struct machine *machine)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:f}", "processor", machine->processor, "kernel", machine->kernel,
                     "system", machine->system, "compiler", machine->compiler, "processors",
                     (json_int_t)machine->processors, "load", machine->load);
}

static json_t *describe_metric(const struct result *result, unsigned at)
{
    const struct metric *metric = &metrics_of(result->work)[at];
    json_t *values = json_array();
    struct summary summary;

    for (unsigned run = 0; run < result->runs; run++)
        (void)json_array_append_new(values, json_real(result->values[at][run]));
    if (result->runs == 0)
        return json_pack("{s:s, s:o}", "unit", metric->unit, "values", values);
    summary = result_summary(result, at);
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:o}", "unit", metric->unit, "median", summary.median, "low",
                     summary.low, "quarter", summary.quarter, "three quarters", summary.three_quarters, "high",
                     summary.high, "values", values);
}

static json_t *describe_result(const struct result *result)
{
    const struct metric *metric = metrics_of(result->work);
    json_t *metrics = json_object();
    json_t *object = json_pack("{s:s, s:s, s:i, s:i, s:o}", "adapter", result->adapter->name, "origin",
                               origin_name(result->adapter->origin), "runs", (int)result->runs, "faults",
                               (int)result->faults, "metrics", metrics);

    for (unsigned at = 0; metric[at].name != NULL; at++)
        (void)json_object_set_new(metrics, metric[at].name, describe_metric(result, at));
    if (result->faults > 0)
        (void)json_object_set_new(object, "fault", json_string(result->fault));
    return object;
}

/* Above 1, mring is better. */
static json_t *describe_comparisons(const struct results *results, const struct work *work)
{
    json_t *array = json_array();
    struct comparison comparisons[COMPARISONS_MOST];
    const unsigned count = results_compare(results, work, comparisons);

    for (const struct comparison *at = comparisons; at < comparisons + count; at++)
        (void)json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f}", "adapter",
                                                     at->mine->adapter->name, "with", at->other->adapter->name, "as",
                                                     at->what, "median", at->ratio.median, "low", at->ratio.low,
                                                     "quarter", at->ratio.quarter, "three quarters",
                                                     at->ratio.three_quarters, "high", at->ratio.high));
    return array;
}

static json_t *describe_work(const struct results *results, const struct work *work)
{
    json_t *array = json_array();

    for (unsigned at = 0; at < results->count; at++)
        if (results->all[at].work == work)
            (void)json_array_append_new(array, describe_result(&results->all[at]));
    return json_pack("{s:s, s:s, s:I, s:b, s:i, s:i, s:i, s:i, s:I, s:o, s:o}", "family", work->family, "work",
                     work->name, "bytes", (json_int_t)work->length, "mixed", (int)work->mixed, "idle", (int)work->idle,
                     "batch", (int)work->batch, "groups", (int)work->groups, "members", (int)work->members, "capacity",
                     (json_int_t)work->capacity, "results", array, "ratios", describe_comparisons(results, work));
}

bool output_json(const struct results *results, const struct machine *machine, const char *folder)
{
    json_t *missing = json_array(), *array = json_array(), *all;
    char path[4096];
    bool written;

    for (const char *const *name = adapters_missing; *name != NULL; name++)
        (void)json_array_append_new(missing, json_string(*name));
    for (const struct work *work = works; work < works + works_count; work++)
        for (unsigned at = 0; at < results->count; at++)
            if (results->all[at].work == work) {
                (void)json_array_append_new(array, describe_work(results, work));
                break;
            }
    all = json_pack("{s:o, s:o, s:o}", "machine", describe_machine(machine), "missing", missing, "works", array);
    (void)snprintf(path, sizeof(path), "%s/results.json", folder);
    written = all != NULL && json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0;
    json_decref(all);
    return written;
}
