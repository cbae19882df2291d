/*
 * Groups, members, joins, leaves, deaths and sizes at random, in several processes, against a simple model (tests/reference) that says of
 * every call what must come of it: which message goes to whom, how often it was given out, when there is room, what the counters say.
 *
 *   test-model strict SEED   the same commands again
 *   MODEL_COMMANDS=N         so many of them
 *   test-model loose SEED    processes that do not wait for each other; what they did is held against the rules afterwards
 */
#include "harness.h"
#include "model_diary.h"
#include "model_play.h"

static unsigned long commands(void)
{
    const char *wish = getenv("MODEL_COMMANDS");

    return wish != NULL ? strtoul(wish, NULL, 10) : 5000;
}

static void strict(void)
{
    static struct play play;

    play_all(&play, commands());
    (void)printf("  %lu commands, %u messages; %u workers killed, %u times found by a member that waited\n",
                 play.command, play.model.shown, play.kills, play.found);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {{"strict", strict, 100}, {"loose", loose, 100}};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
