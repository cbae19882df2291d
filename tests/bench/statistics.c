#include "statistics.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *left, const void *right)
{
    const double one = *(const double *)left, other = *(const double *)right;

    return (one > other) - (one < other);
}

static int by_sample(const void *left, const void *right)
{
    const uint32_t one = *(const uint32_t *)left, other = *(const uint32_t *)right;

    return (one > other) - (one < other);
}

/* Between the two values that are next to that place. */
static double at_part(const double *sorted, unsigned count, double part)
{
    const double place = part * (count - 1);
    const unsigned below = (unsigned)place;
    const unsigned above = below + 1 < count ? below + 1 : below;

    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

struct summary summarise(const double *values, unsigned count)
{
    double sorted[count];

    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_value);
    return (struct summary){.median = at_part(sorted, count, 0.5),
                            .low = sorted[0],
                            .high = sorted[count - 1],
                            .quarter = at_part(sorted, count, 0.25),
                            .three_quarters = at_part(sorted, count, 0.75)};
}

void sort_samples(uint32_t *samples, size_t count)
{
    qsort(samples, count, sizeof(*samples), by_sample);
}

double quantile(const uint32_t *sorted, size_t count, double part)
{
    const size_t place = (size_t)(part * (double)count);

    return count == 0 ? 0 : sorted[place < count ? place : count - 1];
}
