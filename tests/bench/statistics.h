/* Of repeated measurements. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

struct summary {
    double median, low, high;
    double quarter, three_quarters; /* between them lies the middle half: the spread */
};

/* count: at least 1. The values stay in their order. */
struct summary summarise(const double *values, unsigned count);

/* Sorts them; then what part of all (0 to 1) lies below. */
void sort_samples(uint32_t *samples, size_t count);
double quantile(const uint32_t *sorted, size_t count, double part);

#endif
