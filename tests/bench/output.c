#include "output.h"

#include <ctype.h>
#include <string.h>

FILE *output_open(const char *folder, const char *name)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fopen(path, "we");
}

bool output_close(FILE *file)
{
    const bool failed = ferror(file) != 0;

    return fclose(file) == 0 && !failed;
}

void output_number(char text[OUTPUT_TEXT], double value)
{
    (void)snprintf(text, OUTPUT_TEXT, value >= 1000 ? "%.0f" : "%.3g", value);
}

void output_spread(char text[OUTPUT_TEXT], const struct summary *summary)
{
    char median[OUTPUT_TEXT], quarter[OUTPUT_TEXT], three_quarters[OUTPUT_TEXT];

    output_number(median, summary->median);
    output_number(quarter, summary->quarter);
    output_number(three_quarters, summary->three_quarters);
    (void)snprintf(text, OUTPUT_TEXT, "%.20s (%.20s to %.20s)", median, quarter, three_quarters);
}

void output_plot_name(char text[OUTPUT_TEXT], const struct work *work, const struct metric *metric)
{
    if (metric == metrics_of(work))
        (void)snprintf(text, OUTPUT_TEXT, "%s", work->family);
    else
        (void)snprintf(text, OUTPUT_TEXT, "%s-%s", work->family, metric->name);
    for (char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at))
            *at = '-';
}

const struct work *output_next_family(const struct results *results, const struct work *work)
{
    const char *last = work == NULL ? "" : work->family;

    for (work = work == NULL ? works : work + 1; work < works + works_count; work++)
        if (strcmp(work->family, last) != 0 && results_best(results, work, ~0U) != NULL)
            return work;
    return NULL;
}
