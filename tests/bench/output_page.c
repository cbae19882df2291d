#include "output.h"

#include <string.h>

static void write_machine(FILE *file, const struct results *results, const struct machine *machine)
{
    (void)fprintf(
        file,
        "# What the bench measured\n\n"
        "%ld processors: %s; %s; %s; compiled by %s; load at the beginning %.2f.\n\n"
        "Written by `sh tests/bench/run.sh --publish`. Medians of %u interleaved runs, of streams and round\n"
        "trips of three times as many, and the quarters: half of all lie between them. The factors are how often\n"
        "better mring is, the best of its ways, which is named: above 1 it is better, of rates and of times; each\n"
        "run's by itself. Peers are what Debian has, pipe and unix sockets, and the references in `tests/bench`;\n"
        "the machine is the least that can be done there: a stream of lines, a round trip over two lines, a futex.\n",
        machine->processors, machine->processor, machine->system, machine->kernel, machine->compiler, machine->load,
        results->repetitions);
    for (const char *const *name = adapters_missing; *name != NULL; name++)
        (void)fprintf(file, "\nLeft out, not found: %s.\n", *name);
}

static void write_value(FILE *file, const struct result *result, unsigned metric)
{
    const struct summary summary = result_summary(result, metric);
    char text[OUTPUT_TEXT];

    output_spread(text, &summary);
    (void)fprintf(file, "%s %s", result->adapter->name, text);
}

static void write_comparison(FILE *file, const struct comparison *comparison, unsigned metric)
{
    char text[OUTPUT_TEXT];

    if (metric == 0) {
        output_spread(text, &comparison->ratio);
        (void)fprintf(file, "**%.*s**%s of ", (int)strcspn(text, " "), text, text + strcspn(text, " "));
    }
    write_value(file, comparison->other, metric);
}

static void write_row(FILE *file, const struct results *results, const struct work *work, unsigned metric)
{
    static const char *const columns[] = {"the best peer", "the best of Debian's", "the machine"};
    struct comparison comparisons[COMPARISONS_MOST];
    const unsigned count = results_compare(results, work, comparisons);
    const struct result *mine = results_best(results, work, 1 << MRING);

    if (mine == NULL)
        return;
    (void)fprintf(file, "| %s | ", work->name);
    write_value(file, mine, metric);
    for (unsigned column = 0; column < COMPARISONS_MOST; column++) {
        (void)fputs(" | ", file);
        for (unsigned at = 0; at < count; at++)
            if (strcmp(comparisons[at].what, columns[column]) == 0)
                write_comparison(file, &comparisons[at], metric);
    }
    (void)fputs(" |\n", file);
}

static void write_table(FILE *file, const struct results *results, const struct work *first, unsigned metric)
{
    const struct metric *what = &metrics_of(first)[metric];
    char name[OUTPUT_TEXT];

    output_plot_name(name, first, what);
    (void)fprintf(
        file, "\n%s, %s:\n\n| | mring | the best peer | the best of Debian's | the machine |\n|---|---|---|---|---|\n",
        what->name, what->unit);
    for (const struct work *work = first; work < works + works_count && strcmp(work->family, first->family) == 0;
         work++)
        if (metrics_of(work)[metric].of == what->of)
            write_row(file, results, work, metric);
    (void)fprintf(file, "\n![%s, %s](%s.svg)\n", first->family, what->name, name);
}

static void write_faults(FILE *file, const struct results *results)
{
    for (const struct result *result = results->all; result < results->all + results->count; result++)
        if (result->faults > 0)
            (void)fprintf(file, "\n%s, %s: **%s failed** in %u of %u runs: %s.\n", result->work->family,
                          result->work->name, result->adapter->name, result->faults, result->runs + result->faults,
                          result->fault);
}

bool output_page(const struct results *results, const struct machine *machine, const char *folder)
{
    FILE *file = output_open(folder, "README.md");

    if (file == NULL)
        return false;
    write_machine(file, results, machine);
    for (const struct work *work = NULL; (work = output_next_family(results, work)) != NULL;) {
        (void)fprintf(file, "\n## %s\n", work->family);
        for (unsigned at = 0; metrics_of(work)[at].name != NULL; at++)
            if (metrics_of(work)[at].drawn)
                write_table(file, results, work, at);
    }
    write_faults(file, results);
    return output_close(file);
}
