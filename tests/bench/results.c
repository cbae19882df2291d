#include "results.h"

#include <string.h>

static double rate(const struct work *work, const struct outcome *outcome)
{
    int64_t end = outcome->began + 1;
    uint64_t in_time = 0;

    for (unsigned consumer = 0; consumer < work->groups * work->members; consumer++) {
        if (outcome->seen[consumer].end > end)
            end = outcome->seen[consumer].end;
        in_time += outcome->seen[consumer].in_time;
    }
    if (outcome->hurried != 0 && outcome->hurried < end)
        return (double)in_time / work->groups * 1e3 / (double)(outcome->hurried - outcome->began);
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

static double share(const struct seen *seen)
{
    return 100 * (double)seen->cpu / (double)(seen->end - seen->ready);
}

/* Of one processor, by the first consumer, from being ready until the end. */
static double consumer_cpu(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return share(&outcome->seen[0]);
}

static double consumers_cpu(const struct work *work, const struct outcome *outcome)
{
    double sum = 0;

    for (unsigned consumer = 0; consumer < work->groups * work->members; consumer++)
        sum += share(&outcome->seen[consumer]);
    return sum;
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

static double set_up_time(const struct work *work, const struct outcome *outcome)
{
    return create_time(work, outcome) + produce_time(work, outcome) + attach_time(work, outcome);
}

static double touched(const struct work *work, const struct outcome *outcome)
{
    (void)work;
    return (double)outcome->touched / 1024;
}

#define RATE                                                                                                           \
    {                                                                                                                  \
        "rate", "M/s", true, true, true, rate                                                                          \
    }
#define BANDWIDTH                                                                                                      \
    {                                                                                                                  \
        "bandwidth", "GB/s", true, false, false, bandwidth                                                             \
    }
#define CONSUMER                                                                                                       \
    {                                                                                                                  \
        "consumer's processor", "%", false, true, false, consumer_cpu                                                  \
    }
#define LATENCIES                                                                                                      \
    {"p50", "ns", false, true, true, latency_50}, {"p99", "ns", false, false, false, latency_99},                      \
    {                                                                                                                  \
        "p99.9", "ns", false, true, true, latency_999                                                                  \
    }
#define SENDING_TIME(drawn)                                                                                            \
    {                                                                                                                  \
        "sending", "ns", false, true, drawn, send_50                                                                   \
    }
#define COSTS(told)                                                                                                    \
    {"create", "us", false, told, told, create_time}, {"open to produce", "us", false, told, told, produce_time},      \
        {"attach a consumer", "us", false, told, told, attach_time},                                                   \
        {"memory touched by the producer", "KiB", false, told, told, touched},                                         \
    {                                                                                                                  \
        NULL, NULL, false, false, false, NULL                                                                          \
    }

static const struct metric of_stream[] = {RATE, BANDWIDTH, CONSUMER, COSTS(false)};
static const struct metric of_mixed[] = {RATE, CONSUMER, COSTS(false)};
static const struct metric of_round_trip[] = {LATENCIES, COSTS(false)};
static const struct metric of_bursts[] = {LATENCIES, SENDING_TIME(false), CONSUMER, COSTS(false)};
static const struct metric of_singles[] = {LATENCIES, CONSUMER, COSTS(false)};
static const struct metric of_sending[] = {SENDING_TIME(true), LATENCIES, CONSUMER, COSTS(false)};
static const struct metric of_idleness[] = {{"consumers' processor", "%", false, true, true, consumers_cpu},
                                            COSTS(false)};
static const struct metric of_set_up[] = {{"set-up", "us", false, true, true, set_up_time}, COSTS(true)};

_Static_assert(sizeof(of_sending) / sizeof(of_sending[0]) - 1 <= METRICS_MOST, "the longest of these has room");

const struct metric *metrics_of(const struct work *work)
{
    switch (work->about) {
    case LATENCY:
        return work->kind == ROUND_TRIP ? of_round_trip : work->burst > 1 ? of_bursts : of_singles;
    case SENDING:
        return of_sending;
    case IDLENESS:
        return of_idleness;
    case SET_UP:
        return of_set_up;
    case THROUGHPUT:
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

static double times_better(const struct metric *metric, double mine, double other)
{
    return metric->more ? mine / other : other / mine;
}

static bool better(const struct result *one, const struct result *other)
{
    return times_better(metrics_of(one->work), result_summary(one, 0).median, result_summary(other, 0).median) > 1;
}

static bool counts(const struct result *result, const struct work *work)
{
    return result->work == work && result->runs > 0 && result->faults == 0;
}

const struct result *results_best(const struct results *results, const struct work *work, unsigned origins)
{
    const struct result *best = NULL;

    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (counts(result, work) && (origins >> result->adapter->origin & 1) != 0 &&
            (best == NULL || better(result, best)))
            best = result;
    return best;
}

static const struct result *find_yardstick(const struct results *results, const struct work *work)
{
    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (counts(result, work) && result->adapter->yardstick)
            return result;
    return NULL;
}

struct summary results_ratio(const struct result *mine, const struct result *other)
{
    double ratios[REPETITIONS_MOST];

    for (unsigned run = 0; run < mine->runs; run++)
        ratios[run] = times_better(metrics_of(mine->work), mine->values[0][run], other->values[0][run]);
    return summarise(ratios, mine->runs);
}

unsigned results_compare(const struct results *results, const struct work *work, struct comparison *comparisons)
{
    enum { DEBIANS = 1 << DEBIAN | 1 << SYSTEM, PEERS = DEBIANS | 1 << REFERENCE };
    const struct result *mine = results_best(results, work, 1 << MRING);
    const struct comparison all[COMPARISONS_MOST] = {
        {.what = "the best peer", .other = results_best(results, work, PEERS)},
        {.what = "the best of Debian's", .other = results_best(results, work, DEBIANS)},
        {.what = "the machine", .other = find_yardstick(results, work)}};
    unsigned count = 0;

    for (unsigned at = 0; at < COMPARISONS_MOST && mine != NULL; at++)
        if (all[at].other != NULL) {
            comparisons[count] = all[at];
            comparisons[count].mine = mine;
            comparisons[count++].ratio = results_ratio(mine, all[at].other);
        }
    return count;
}

const char *origin_name(enum origin origin)
{
    static const char *const names[] = {
        [MRING] = "mring", [DEBIAN] = "Debian", [SYSTEM] = "system", [REFERENCE] = "reference", [LIMIT] = "limit"};

    return names[origin];
}
