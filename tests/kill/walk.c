#include "walk.h"

#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 10000 };
enum { STAYS, MOVES }; /* parties: who may be stopped, and who is there meanwhile */

/* Where the walk is: what a failure says, which may be the walking process's end. */
static struct whereabouts {
    const char *kind;
    unsigned first, second, stopped;
} * at;

static void give_up(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

struct player {
    act act;
    unsigned who;
    unsigned party;
};

static enum outcome came_to(struct world *world, const struct player *player, enum outcome outcome)
{
    if (outcome == KILLED)
        world_died(world, player->who);
    return outcome;
}

static enum outcome play(struct world *world, const struct player *player, unsigned kill_at, unsigned stop_at)
{
    return came_to(world, player, party_begin(player->party, player->act, world, player->who, kill_at, stop_at));
}

static void go_on(struct world *world, const struct player *player)
{
    if (came_to(world, player, party_go_on(player->party)) != THROUGH)
        give_up("the one who was stopped did not end");
}

static void finish(const struct scenario *scenario, struct world *world)
{
    const char *wrong;

    if (!world->excused && world_forgets_orphans(world))
        give_up("there are orphans that nobody is told of");
    if (!world_gates(world))
        give_up("what a living member holds is not kept for it");
    scenario->finish(world);
    wrong = model_check(world);
    if (wrong != NULL)
        give_up(wrong);
}

static unsigned long walk_pairs(const struct scenario *scenario, struct world *world, unsigned *points)
{
    const struct player first = {scenario->first, 0, STAYS}, second = {scenario->second, 1, MOVES};
    unsigned long pairs = 0;
    enum outcome outcome = KILLED;

    at->kind = "killed one after the other";
    for (at->first = 1; outcome == KILLED; at->first++) {
        enum outcome other = KILLED;

        world_restore(world, 0);
        outcome = play(world, &first, at->first, NEVER);
        *points = at->first - 1;
        if (scenario->second == NULL) {
            finish(scenario, world);
            continue;
        }
        world_save(world, 1);
        for (at->second = 1; other == KILLED; at->second++, pairs++) {
            world_restore(world, 1);
            other = play(world, &second, at->second, NEVER);
            finish(scenario, world);
        }
        if (at->first > MOST || at->second > MOST)
            give_up("there is no end of steps");
    }
    return pairs;
}

/* One stopped at each of its steps while the other is killed at each of its own, or runs through once. */
static unsigned long walk_stopped(const struct scenario *scenario, struct world *world, const struct player *stopped,
                                  const struct player *moving, bool kill_moving)
{
    unsigned long walked = 0;
    enum outcome outcome = STOPPED;

    world_save(world, 1);
    for (at->stopped = 1; outcome == STOPPED; at->stopped++) {
        enum outcome other = KILLED;

        for (at->second = kill_moving ? 1 : NEVER; other == KILLED; at->second++, walked++) {
            world_restore(world, 1);
            outcome = play(world, stopped, NEVER, at->stopped);
            if (outcome != STOPPED)
                break;
            other = play(world, moving, at->second, NEVER);
            go_on(world, stopped);
            finish(scenario, world);
        }
    }
    at->stopped = 0;
    return walked;
}

static unsigned long walk_at_once(const struct scenario *scenario, struct world *world)
{
    const struct player first = {scenario->first, 0, STAYS}, second = {scenario->second, 1, MOVES};

    at->kind = "the first stopped meanwhile";
    at->first = 0;
    world_restore(world, 0);
    return walk_stopped(scenario, world, &first, &second, true);
}

static unsigned long walk_three(const struct scenario *scenario, struct world *world)
{
    const struct player first = {scenario->first, 0, STAYS}, second = {scenario->second, 1, STAYS},
                        third = {scenario->third, 2, MOVES};
    unsigned long walked = 0;
    enum outcome outcome = KILLED;

    at->kind = "the first killed, the second stopped meanwhile";
    for (at->first = 1; outcome == KILLED; at->first++) {
        world_restore(world, 0);
        outcome = play(world, &first, at->first, NEVER);
        walked += walk_stopped(scenario, world, &second, &third, false);
    }
    return walked;
}

static void walk_all(const struct scenario *scenario, struct world *world)
{
    unsigned long pairs, at_once = 0, three = 0;
    unsigned points;

    world_save(world, 0);
    pairs = walk_pairs(scenario, world, &points);
    if (scenario->second != NULL && !scenario->apart)
        at_once = walk_at_once(scenario, world);
    if (scenario->third != NULL)
        three = walk_three(scenario, world);
    (void)printf("%s: %u points, %lu pairs, %lu at once, %lu with three\n", scenario->name, points, pairs, at_once,
                 three);
    if (points == 0)
        give_up("there is no step to be killed at");
}

static bool walk(const struct scenario *scenario, bool lossy)
{
    struct world *world = world_make(scenario->members, scenario->kind, scenario->attempts);
    int status = EXIT_FAILURE;
    pid_t walker;

    *at = (struct whereabouts){.kind = "before"};
    if (lossy)
        world_make_lossy(world);
    scenario->prepare(world);
    walker = fork();
    if (walker == 0) {
        walk_all(scenario, world);
        exit(EXIT_SUCCESS);
    }
    if (walker > 0)
        (void)waitpid(walker, &status, 0);
    if (status != 0) {
        (void)fprintf(stderr, "%s, %s: killed at steps %u and %u, stopped at %u: status %d\n", scenario->name, at->kind,
                      at->first, at->second, at->stopped, status);
        journal_print(world);
    }
    world_free(world);
    return status == 0;
}

static bool named(int argc, char **argv, const char *name)
{
    for (int argument = 0; argument < argc; argument++)
        if (strcmp(argv[argument], name) == 0)
            return true;
    return argc == 0;
}

int walk_main(int argc, char **argv, const struct scenario *scenarios, size_t count)
{
    const bool lossy = argc > 1 && strcmp(argv[1], "lossy") == 0;
    const int skipped = lossy ? 2 : 1;
    int walked = 0, failed = 0;

    at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        give_up("no memory");
    argc -= skipped;
    argv += skipped;
    for (size_t index = 0; index < count; index++)
        if (named(argc, argv, scenarios[index].name)) {
            failed += walk(&scenarios[index], lossy) ? 0 : 1;
            walked++;
        }
    if (walked < (argc > 0 ? argc : 1)) {
        (void)fprintf(stderr, "a scenario that was asked for is not there\n");
        return EXIT_FAILURE;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
