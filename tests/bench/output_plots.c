/*
 * The data of plots. A file has a block for each work of a family: the line "# TITLE", and for each adapter, the best last, its place, median,
 * the quarters, origin, name, and the median for people; with tabs between. Two empty lines part blocks.
 */
#include "output.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MOST = 64 };

struct row {
    const struct result *result;
    struct summary summary;
};

static int by_median(const void *left, const void *right)
{
    const double one = ((const struct row *)left)->summary.median, other = ((const struct row *)right)->summary.median;

    return (one > other) - (one < other);
}

/* Those without a fault, the worst first. */
static unsigned sort_rows(const struct results *results, const struct work *work, unsigned metric, struct row *rows)
{
    unsigned count = 0;

    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (result->work == work && result->runs > 0 && result->faults == 0 && count < ROWS_MOST)
            rows[count++] = (struct row){result, result_summary(result, metric)};
    qsort(rows, count, sizeof(*rows), by_median);
    for (unsigned at = 0; at < count / 2 && !metrics_of(work)[metric].more; at++) {
        const struct row row = rows[at];

        rows[at] = rows[count - 1 - at];
        rows[count - 1 - at] = row;
    }
    return count;
}

static void write_block(FILE *file, const struct results *results, const struct work *work, unsigned metric,
                        const char *between)
{
    struct row rows[ROWS_MOST];
    const unsigned count = sort_rows(results, work, metric, rows);
    const char *before = " - failed: ";

    if (count == 0)
        return;
    (void)fprintf(file, "%s# %s", between, work->name);
    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (result->work == work && result->faults > 0) {
            (void)fprintf(file, "%s%s", before, result->adapter->name);
            before = ", ";
        }
    for (unsigned at = 0; at < count; at++) {
        const struct adapter *adapter = rows[at].result->adapter;
        const struct summary *summary = &rows[at].summary;
        char text[OUTPUT_TEXT];

        output_number(text, summary->median);
        (void)fprintf(file, "\n%u\t%.6g\t%.6g\t%.6g\t%d\t%s\t%s", at, summary->median, summary->quarter,
                      summary->three_quarters, (int)adapter->origin, adapter->name, text);
    }
    (void)fputc('\n', file);
}

static bool write_plot(const struct results *results, const char *folder, const struct work *first, unsigned metric)
{
    const struct metric *what = &metrics_of(first)[metric];
    char name[OUTPUT_TEXT], file_name[OUTPUT_TEXT + 4];
    FILE *file;

    output_plot_name(name, first, what);
    (void)snprintf(file_name, sizeof(file_name), "%s.dat", name);
    file = output_open(folder, file_name);
    if (file == NULL)
        return false;
    (void)fprintf(file, "#! %s: %s, %s\n", first->family, what->name, what->unit);
    for (const struct work *work = first; work < works + works_count && strcmp(work->family, first->family) == 0;
         work++)
        if (metrics_of(work)[metric].of == what->of) /* the works of a family may differ in the others */
            write_block(file, results, work, metric, work == first ? "" : "\n\n");
    return output_close(file);
}

bool output_plots(const struct results *results, const char *folder)
{
    for (const struct work *work = NULL; (work = output_next_family(results, work)) != NULL;)
        for (unsigned at = 0; metrics_of(work)[at].name != NULL; at++)
            if (metrics_of(work)[at].drawn && !write_plot(results, folder, work, at))
                return false;
    return true;
}
