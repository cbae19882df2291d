/* mring stat: the counters of a ring, once or again and again, as tables or for programs. */
#include "stat.h"

#include "screen.h"
#include "stop.h"
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static const char usage[] =
    "usage: mring stat [--json] [--watch [--every SECONDS]] NAME\n"
    "Shows the counters of a ring: what is published, how far each group is behind, what each member did, and for whom "
    "the sender waits.\n"
    "Nobody who uses the ring is disturbed, and nothing of it is changed.\n"
    "  --json   an object in one line, with all there is\n"
    "  --watch  again and again, on a terminal in one place, until it is interrupted or q is typed\n"
    "  --every  so often, in seconds; 1 if it is not given\n"
    "A group in state \"last\" is one that the sender waits for when the ring is full, and so is the member.\n"
    "Exit status: 0 shown; 1 the ring cannot be looked at; 2 usage; 3 shown, and a group was cut off or dropped, or "
    "could "
    "not be looked into\n";

struct wish {
    const char *name;
    bool json, watch;
    int64_t every; /* nanoseconds */
};

static void show(const struct wish *wish, const struct reading *reading, const struct reading *before)
{
    if (wish->json) {
        stat_json(reading);
        return;
    }
    if (before != NULL)
        (void)putchar('\n');
    stat_table(stdout, reading, before);
}

static void sleep_for(int64_t nanoseconds)
{
    struct timespec left = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};

    (void)nanosleep(&left, NULL);
}

/* 0: look again; 1: it is enough. */
static int print(const struct wish *wish, const struct reading *reading, const struct reading *before)
{
    show(wish, reading, before);
    if (!wish->watch || fflush(stdout) != 0)
        return 1;
    sleep_for(wish->every);
    return 0;
}

/* The same on a screen. Also -errno. */
static int paint(const struct wish *wish, const struct reading *reading, const struct reading *before)
{
    char *text = NULL;
    size_t length;
    FILE *memory = open_memstream(&text, &length);
    int code = -ENOMEM;

    if (memory == NULL)
        return code;
    stat_table(memory, reading, before);
    if (fclose(memory) == 0)
        code = screen_show(text, wish->every);
    free(text);
    return code;
}

/* An exit code, or -errno; -ECANCELED: a signal came. */
static int look(const struct wish *wish, struct mring *ring, struct mring_error *error)
{
    static struct reading readings[2];
    const bool screen = wish->watch && !wish->json && screen_open();
    struct mring_stats *stats = NULL;
    const struct reading *before = NULL;
    int result, code;

    for (unsigned turn = 0;; turn ^= 1) {
        struct reading *now = &readings[turn];

        now->name = wish->name;
        result = stat_read(ring, &stats, now, error);
        if (result < 0)
            break;
        code = screen ? paint(wish, now, before) : print(wish, now, before);
        if (code != 0)
            break;
        before = now;
    }
    if (screen)
        screen_close();
    mring_stats_free(stats);
    free(readings[0].member);
    free(readings[1].member);
    return result >= 0 && code < 0 ? code : result;
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
    options.error = &error;
    options.timeout = PATIENCE;
    code = mring_open(&ring, wish.name, MRING_INSPECT, &options);
    if (code == 0) {
        code = look(&wish, ring, &error);
        (void)mring_close(ring);
    }
    if (code == -ECANCELED)
        stop_by(stop_signal());
    return code < 0 ? complain_of(code, &error) : code;
}

const struct command command_stat = {"stat", run, usage};
