/*
 * bench: mring, its peers and the machine, at the same work.
 *
 *   bench [-r REPETITIONS] [-t SECONDS] [-w WORK] [-a ADAPTER] [-o FOLDER] [-l]
 *
 *   -r  how often all of it is done (5); each repetition goes through all works and adapters, so that what the machine does meanwhile befalls all
 *   -t  how long an adapter is at one work in each repetition (0.15); streams and round trips in three slices, one adapter after the other, as
 *       the way between two processors changes within tenths of a second
 *   -w  only works with this in "family, name";  -a  only adapters with this in their name; both may be given several times
 *   -o  write results.csv, summary.csv, ratios.csv, results.json, data for plot.gp (.dat), and a page (README.md) there
 *   -l  say what there is, and end
 *
 * Ends with 1 if any run lost, tore or disordered a message, or did not end. No time decides anything.
 */
#include "output.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILTERS_MOST = 32,
    PATIENCE = 60, /* seconds: longer is a hang, whatever the machine does besides */
    SLICES = 3
};

struct filter {
    const char *texts[FILTERS_MOST];
    unsigned count;
};

struct request {
    unsigned repetitions;
    double seconds;
    const char *folder;
    bool list;
    struct filter works, adapters;
};

static bool passes(const struct filter *filter, const char *text)
{
    for (unsigned at = 0; at < filter->count; at++)
        if (strstr(text, filter->texts[at]) != NULL)
            return true;
    return filter->count == 0;
}

static bool wanted(const struct request *request, const struct work *work, const struct adapter *adapter)
{
    char name[128];

    (void)snprintf(name, sizeof(name), "%s, %s", work->family, work->name);
    return adapter_can(adapter, work) && passes(&request->works, name) && passes(&request->adapters, adapter->name);
}

static bool plan(const struct request *request, struct results *results)
{
    unsigned most = 0;

    while (adapters[most] != NULL)
        most++;
    results->all = calloc((size_t)most * works_count, sizeof(*results->all));
    if (results->all == NULL)
        return false;
    results->repetitions = request->repetitions;
    for (const struct work *work = works; work < works + works_count; work++)
        for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++)
            if (wanted(request, work, *adapter))
                results->all[results->count++] = (struct result){.work = work, .adapter = *adapter};
    return true;
}

static void list(const struct results *results)
{
    for (const struct result *result = results->all; result < results->all + results->count; result++)
        (void)printf("%s, %s: %s\n", result->work->family, result->work->name, result->adapter->name);
}

/* What comes at its own pace takes its time, and shows what it is about but once in a while. */
static unsigned slices_of(const struct work *work)
{
    return work->kind == PACED ? 1 : SLICES;
}

/* False: the run had a fault. */
static bool perform_one(const struct request *request, struct result *result, struct outcome *outcome)
{
    const double seconds = request->seconds / slices_of(result->work);
    const bool whole =
        stage_run(result->adapter, result->work, (int64_t)(seconds * 1e9), (int64_t)PATIENCE * 1000000000, outcome);

    results_take(result, outcome, whole);
    if (!whole)
        (void)fprintf(stderr, "bench: %s, %s, %s: %s\n", result->work->family, result->work->name,
                      result->adapter->name, outcome->fault);
    return whole;
}

/* How many runs had a fault. */
static unsigned perform(const struct request *request, struct results *results)
{
    struct outcome *outcome = shared_memory(sizeof(*outcome));
    unsigned faults = 0;

    for (unsigned turn = 0; turn < request->repetitions * SLICES; turn++)
        for (struct result *result = results->all; result < results->all + results->count; result++)
            if (turn % (SLICES / slices_of(result->work)) == 0 && !perform_one(request, result, outcome))
                faults++;
    return faults;
}

static void print(const struct results *results, const struct machine *machine)
{
    (void)printf("%ld processors: %s; %s; %s; compiled by %s; load %.2f\n", machine->processors, machine->processor,
                 machine->system, machine->kernel, machine->compiler, machine->load);
    for (const char *const *name = adapters_missing; *name != NULL; name++)
        (void)printf("left out, not found: %s\n", *name);
    (void)printf(
        "medians of %u runs, of streams and round trips %u, and the quarters; in \"as good as\" more than 1 is "
        "better, of rates and of times\n",
        results->repetitions, results->repetitions * SLICES);
    for (unsigned at = 0; at < results->count; at++)
        if (at == 0 || results->all[at].work != results->all[at - 1].work)
            output_work(results, results->all[at].work);
}

static bool parse(int argc, char **argv, struct request *request)
{
    int option;

    *request = (struct request){.repetitions = 5, .seconds = 0.15};
    while ((option = getopt(argc, argv, "r:t:w:a:o:l")) != -1) {
        struct filter *filter = option == 'w' ? &request->works : &request->adapters;

        switch (option) {
        case 'r':
            request->repetitions = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            request->seconds = strtod(optarg, NULL);
            break;
        case 'w':
        case 'a':
            if (filter->count == FILTERS_MOST)
                return false;
            filter->texts[filter->count++] = optarg;
            break;
        case 'o':
            request->folder = optarg;
            break;
        case 'l':
            request->list = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && request->repetitions >= 1 && request->repetitions <= REPETITIONS_MOST / SLICES &&
           request->seconds > 0 && request->seconds <= 60;
}

int main(int argc, char **argv)
{
    struct results results = {NULL, 0, 0};
    struct machine machine = machine_describe();
    struct request request;
    unsigned faults;

    if (!parse(argc, argv, &request)) {
        (void)fprintf(stderr, "usage: bench [-r REPETITIONS] [-t SECONDS] [-w WORK] [-a ADAPTER] [-o FOLDER] [-l]\n");
        return 2;
    }
    if (!plan(&request, &results))
        return 2;
    if (results.count == 0) {
        (void)fprintf(
            stderr, "bench: nothing here has such a name, of a work and of an adapter that can do it: see bench -l\n");
        return 2;
    }
    if (request.list) {
        list(&results);
        return EXIT_SUCCESS;
    }
    faults = perform(&request, &results);
    print(&results, &machine);
    if (request.folder != NULL &&
        !(output_csv(&results, request.folder) && output_json(&results, &machine, request.folder) &&
          output_plots(&results, request.folder) && output_page(&results, &machine, request.folder))) {
        (void)fprintf(stderr, "bench: %s: %s\n", request.folder, strerror(errno));
        return 2;
    }
    return faults > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
