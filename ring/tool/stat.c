/* mring stat: the counters of a ring, once or again and again, as tables or for programs. */
#include "stat.h"

#include "tool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: mring stat [--json] [--watch [--every SECONDS]] NAME\n"
    "Shows the counters of a ring: what is published, how far each group is behind, what each member did, and for whom "
    "the sender waits.\n"
    "Nobody who uses the ring is disturbed, and nothing of it is changed.\n"
    "  --json   an object in one line, with all there is\n"
    "  --watch  again and again, until it is interrupted\n"
    "  --every  so often, in seconds; 1 if it is not given\n"
    "The group in state \"last\" is the one that the sender waits for when the ring is full, and so is the member.\n"
    "Exit status: 0 shown; 1 the ring cannot be looked at; 2 usage; 3 shown, and a group was cut off or could not be "
    "looked into\n";

struct wish {
    const char *name;
    bool json, watch;
    int64_t every; /* nanoseconds */
};

static int read_members(struct mring_stats *stats, struct reading *reading)
{
    struct mring_member_stats *member = realloc(reading->member, (reading->ring.members + 1) * sizeof(*member));

    if (member == NULL)
        return complain("no memory for %u members", reading->ring.members);
    reading->member = member;
    for (unsigned at = 0; at < reading->ring.members; at++) {
        member[at] = (struct mring_member_stats)MRING_MEMBER_STATS_INIT;
        (void)mring_stats_member(stats, at, &member[at]);
    }
    return EXIT_DONE;
}

static double seconds(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* An exit code. */
static int read_all(struct mring_stats *stats, struct reading *reading)
{
    bool cut_off = false;

    reading->time = seconds();
    reading->ring = (struct mring_ring_stats)MRING_RING_STATS_INIT;
    (void)mring_stats_ring(stats, &reading->ring);
    for (unsigned at = 0; at < reading->ring.groups; at++) {
        reading->group[at] = (struct mring_group_stats)MRING_GROUP_STATS_INIT;
        (void)mring_stats_group(stats, at, &reading->group[at]);
        cut_off |= reading->group[at].cut_off != 0;
    }
    if (read_members(stats, reading) != EXIT_DONE)
        return EXIT_FAILED;
    return cut_off || reading->ring.unreached > 0 ? EXIT_TROUBLE : EXIT_DONE;
}

static void show(const struct wish *wish, const struct reading *reading, const struct reading *before)
{
    if (wish->json) {
        stat_json(reading);
        return;
    }
    /* A terminal shows one at a time: from its upper left corner, and nothing behind. */
    if (wish->watch && isatty(STDOUT_FILENO))
        (void)printf("\033[H\033[J");
    else if (before != NULL)
        (void)putchar('\n');
    stat_table(reading, before);
}

static void sleep_for(int64_t nanoseconds)
{
    struct timespec left = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};

    (void)nanosleep(&left, NULL);
}

static int look(const struct wish *wish, struct mring *ring, struct reading readings[2], struct mring_error *error)
{
    struct mring_stats *stats = NULL;
    struct reading *before = NULL;
    int code, result;

    for (unsigned turn = 0;; turn ^= 1) {
        struct reading *now = &readings[turn];

        code = mring_stats(ring, &stats, error);
        result = code < 0 ? code : read_all(stats, now);
        if (result < 0 || result == EXIT_FAILED)
            break;
        show(wish, now, before);
        if (!wish->watch || fflush(stdout) != 0)
            break;
        before = now;
        sleep_for(wish->every);
    }
    mring_stats_free(stats);
    return result;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"watch", no_argument, NULL, 'w'},
                                          {"every", required_argument, NULL, 'e'},
                                          {NULL, 0, NULL, 0}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct wish wish = {.every = INT64_C(1000000000)};
    static struct reading readings[2];
    struct mring *ring;
    int option, code;

    while ((option = next_option(argc, argv, longs, &command_stat)) != -1)
        if (option == 'e')
            wish.every = seconds_value("every");
        else
            *(option == 'j' ? &wish.json : &wish.watch) = true;
    if (wish.every <= 0)
        usage_error("--every: how many seconds?");
    wish.name = only_operand(argc, argv);
    readings[0].name = readings[1].name = wish.name;
    options.error = &error;
    options.timeout = PATIENCE;
    code = mring_open(&ring, wish.name, MRING_INSPECT, &options);
    if (code == 0) {
        code = look(&wish, ring, readings, &error);
        (void)mring_close(ring);
    }
    free(readings[0].member);
    free(readings[1].member);
    return code < 0 ? complain_of(code, &error) : code;
}

const struct command command_stat = {"stat", run, usage};
