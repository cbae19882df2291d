#include "results.h"

#include <string.h>

static double rate(const struct work *work, const struct outcome *outcome)
{
    int64_t end = outcome->began + 1;

    for (unsigned consumer = 0; consumer < work->groups * work->members; consumer++)
        if (outcome->seen[consumer].end > end)
            end = outcome->seen[consumer].end;
    return (double)outcome->sent * 1e3 / (double)(end - outcome->began);
}

static double bandwidth(const struct work *work, const struct outcome *outcome)
{
    return rate(work, outcome) * (double)work->length * 1e-3;
}

static double latency_50(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return quantile(outcome->latency, outcome->latencies, 0.5);
}

static double latency_99(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return quantile(outcome->latency, outcome->latencies, 0.99);
}

static double latency_999(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return quantile(outcome->latency, outcome->latencies, 0.999);
}

static double send_50(const struct work *work, const struct outcome *outcome)
{
    return quantile(outcome->send, outcome->sends, 0.5) / work->burst;
}

/* Of one processor, by the first consumer, from being ready until the end. */
static double idle_cpu(const struct work *work, const struct outcome *outcome)
{
    const struct seen *seen = &outcome->seen[0];

    (void)work;
    return 100 * (double)seen->cpu / (double)(seen->end - seen->ready);
}

static double create_time(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return 1e-3 * (double)outcome->create;
}

static double produce_time(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return 1e-3 * (double)outcome->produce;
}

static double attach_time(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return 1e-3 * (double)outcome->seen[0].attach;
}

static double touched(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return (double)outcome->touched / 1024;
}

#define COSTS                                                                                                          \
    {"create", "us", false, false, create_time}, {"open to produce", "us", false, false, produce_time},                \
        {"attach a consumer", "us", false, false, attach_time},                                                        \
        {"memory touched by the producer", "KiB", false, false, touched},                                              \
    {                                                                                                                  \
        NULL, NULL, false, false, NULL                                                                                 \
    }

static const struct metric of_stream[] = {{"rate", "M/s", true, true, rate},
                                          {"bandwidth", "GB/s", true, false, bandwidth},
                                          {"consumer's processor", "%", false, true, idle_cpu},
                                          COSTS};

static const struct metric of_mixed[] = {
    {"rate", "M/s", true, true, rate}, {"consumer's processor", "%", false, true, idle_cpu}, COSTS};

static const struct metric of_round_trip[] = {{"p50", "ns", false, true, latency_50},
                                              {"p99", "ns", false, false, latency_99},
                                              {"p99.9", "ns", false, true, latency_999},
                                              COSTS};

static const struct metric of_bursts[] = {{"p50", "ns", false, true, latency_50},
                                          {"p99", "ns", false, false, latency_99},
                                          {"p99.9", "ns", false, true, latency_999},
                                          {"sending", "ns", false, true, send_50},
                                          {"consumer's processor", "%", false, true, idle_cpu},
                                          COSTS};

static const struct metric of_singles[] = {{"p50", "ns", false, true, latency_50},
                                           {"p99", "ns", false, false, latency_99},
                                           {"p99.9", "ns", false, true, latency_999},
                                           {"consumer's processor", "%", false, true, idle_cpu},
                                           COSTS};

_Static_assert(sizeof(of_bursts) / sizeof(of_bursts[0]) - 1 <= METRICS_MOST, "the longest of these has room");

const struct metric *metrics_of(const struct work *work)
{
    switch (work->kind) {
    case ROUND_TRIP:
        return of_round_trip;
    case PACED:
        return work->burst > 1 ? of_bursts : of_singles;
    case STREAM:
        break;
    }
    return work->mixed ? of_mixed : of_stream;
}

void results_take(struct result *result, struct outcome *outcome, bool whole)
{
    const struct metric *metric = metrics_of(result->work);

    if (!whole) {
        result->faults++;
        memcpy(result->fault, outcome->fault, sizeof(result->fault));
        return;
    }
    sort_samples(outcome->latency, outcome->latencies);
    sort_samples(outcome->send, outcome->sends);
    for (unsigned at = 0; metric[at].name != NULL; at++)
        result->values[at][result->runs] = metric[at].of(result->work, outcome);
    result->runs++;
}

struct summary result_summary(const struct result *result, unsigned metric)
{
    return summarise(result->values[metric], result->runs);
}

double results_ratio(const struct result *mine, const struct result *other)
{
    const double one = result_summary(mine, 0).median, two = result_summary(other, 0).median;

    return metrics_of(mine->work)->more ? one / two : two / one;
}

const struct result *results_best(const struct results *results, const struct work *work, unsigned origins)
{
    const struct result *best = NULL;

    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (result->work == work && result->runs > 0 && result->faults == 0 &&
            (origins >> result->adapter->origin & 1) != 0 && (best == NULL || results_ratio(result, best) > 1))
            best = result;
    return best;
}

const char *origin_name(enum origin origin)
{
    static const char *const names[] = {
        [MRING] = "mring", [DEBIAN] = "Debian", [SYSTEM] = "system", [REFERENCE] = "reference", [LIMIT] = "limit"};

    return names[origin];
}
