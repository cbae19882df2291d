/*
 * What was measured: for each work, each adapter that can do it, and each metric of the work, a value for each repetition. A run with a fault
 * has none.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "bench.h"
#include "statistics.h"

enum { REPETITIONS_MOST = 99, METRICS_MOST = 9 };

struct metric {
    const char *name;
    const char *unit;
    bool more;  /* is better */
    bool brief; /* is told to people, where there is no room for all */
    bool drawn; /* has a plot */
    double (*of)(const struct work *work, const struct outcome *outcome);
};

/* By one adapter, of one work. */
struct result {
    const struct work *work;
    const struct adapter *adapter;
    unsigned runs; /* without a fault */
    unsigned faults;
    char fault[256]; /* the last */
    double values[METRICS_MOST][REPETITIONS_MOST];
};

struct results {
    struct result *all; /* those of a work lie together */
    unsigned count;
    unsigned repetitions;
};

/* The metrics of a work, the one that it is about first; ends with one without a name. */
const struct metric *metrics_of(const struct work *work);

/* Take a run in. Its latencies get sorted. */
void results_take(struct result *result, struct outcome *outcome, bool whole);

/* Of the metric number `metric`, of a result with runs. */
struct summary result_summary(const struct result *result, unsigned metric);

/* By the first metric's medians, the best of the results of this work whose adapters are of these origins (bits); NULL: there is none. */
const struct result *results_best(const struct results *results, const struct work *work, unsigned origins);

/*
 * How often better `mine` is than `other`, by the first metric: the ratio of rates, or the other's time through that of `mine`. Each repetition by
 * itself, since the machine's own speed changes between them. Both are results without a fault.
 */
struct summary results_ratio(const struct result *mine, const struct result *other);

/* What mring is held against, in one work. */
struct comparison {
    const char *what;
    const struct result *mine; /* the best of mring's adapters */
    const struct result *other;
    struct summary ratio;
};

enum { COMPARISONS_MOST = 3 };

/* How many there are: the best peer, the best that comes with Debian, and the machine. */
unsigned results_compare(const struct results *results, const struct work *work, struct comparison *comparisons);

const char *origin_name(enum origin origin);

#endif
