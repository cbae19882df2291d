#include "walk.h"

#include "model.h"
#include "support/sanitizers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEVER = 0, MOST = 10000 };

/* ---- in the acting process ---- */

static struct {
    unsigned stores, kill;
    unsigned accesses, stop;
} steps;

void mring_look_point(void)
{
    if (++steps.accesses == steps.stop)
        (void)kill(getpid(), SIGSTOP);
}

void mring_kill_point(void)
{
    if (++steps.stores == steps.kill)
        (void)kill(getpid(), SIGKILL);
    mring_look_point();
}

/* ---- in the walking process ---- */

/* Where the walk is: what a failure says. */
static struct {
    const char *name, *kind;
    unsigned first, second, stopped;
} at;

static void give_up(const struct world *world, const char *what)
{
    (void)fprintf(stderr, "%s, %s: killed at steps %u and %u, stopped at %u: %s\n", at.name, at.kind, at.first,
                  at.second, at.stopped, what);
    journal_print(world);
    exit(EXIT_FAILURE);
}

struct player {
    act act;
    unsigned who;
    pid_t pid;
};

static void start(struct world *world, struct player *player, unsigned kill_at, unsigned stop_at)
{
    player->pid = fork();
    if (player->pid == 0) {
        steps.stores = steps.accesses = 0;
        steps.kill = kill_at;
        steps.stop = stop_at;
        player->act(world, player->who);
        _exit(EXIT_SUCCESS);
    }
    if (player->pid < 0)
        give_up(world, "no process could be forked");
}

enum outcome { THROUGH, KILLED, STOPPED };

static enum outcome await(struct world *world, const struct player *player)
{
    int status = 0;

    while (waitpid(player->pid, &status, WUNTRACED) < 0)
        if (errno != EINTR)
            give_up(world, "the acting process is gone");
    if (WIFSTOPPED(status))
        return STOPPED;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        world_died(world, player->who);
        return KILLED;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        give_up(world, "the acting process ended in another way");
    return THROUGH;
}

static enum outcome play(struct world *world, struct player *player, unsigned kill_at, unsigned stop_at)
{
    start(world, player, kill_at, stop_at);
    return await(world, player);
}

static void go_on(struct world *world, const struct player *player)
{
    (void)kill(player->pid, SIGCONT);
    if (await(world, player) != THROUGH)
        give_up(world, "the one who was stopped did not end");
}

static void finish(const struct scenario *scenario, struct world *world)
{
    const char *wrong;

    if (!world->excused && world_forgets_orphans(world))
        give_up(world, "there are orphans that nobody is told of");
    if (!world_gates(world))
        give_up(world, "what a living member holds is not kept for it");
    scenario->finish(world);
    wrong = model_check(world);
    if (wrong != NULL)
        give_up(world, wrong);
}

/*
 * The steps at which the second is killed, for a step of the first: all; or one in four where a fork takes so long that the walks would take an
 * hour, other ones for the next step of the first. That build looks for what is wrong with memory; the others, for what is wrong with the words.
 */
enum { STRIDE = ADDRESS_SANITIZED ? 4 : 1 };

static unsigned from(unsigned step)
{
    return 1 + step % STRIDE;
}

static unsigned long walk_pairs(const struct scenario *scenario, struct world *world, unsigned *points)
{
    struct player first = {scenario->first, 0, 0}, second = {scenario->second, 1, 0};
    unsigned long pairs = 0;
    enum outcome outcome = KILLED;

    at.kind = "killed one after the other";
    for (at.first = 1; outcome == KILLED; at.first++) {
        enum outcome other = KILLED;

        world_restore(world, 0);
        outcome = play(world, &first, at.first, NEVER);
        *points = at.first - 1;
        if (scenario->second == NULL) {
            finish(scenario, world);
            continue;
        }
        world_save(world, 1);
        for (at.second = from(at.first); other == KILLED; at.second += STRIDE, pairs++) {
            world_restore(world, 1);
            other = play(world, &second, at.second, NEVER);
            finish(scenario, world);
        }
        if (at.first > MOST || at.second > MOST)
            give_up(world, "there is no end of steps");
    }
    return pairs;
}

/* One stopped at each of its steps while the other is killed at each of its own, or runs through once. */
static unsigned long walk_stopped(const struct scenario *scenario, struct world *world, struct player stopped,
                                  struct player moving, bool kill_moving)
{
    unsigned long walked = 0;
    enum outcome outcome = STOPPED;

    world_save(world, 1);
    for (at.stopped = 1; outcome == STOPPED; at.stopped++) {
        enum outcome other = KILLED;

        for (at.second = kill_moving ? from(at.stopped) : NEVER; other == KILLED; at.second += STRIDE, walked++) {
            world_restore(world, 1);
            outcome = play(world, &stopped, NEVER, at.stopped);
            if (outcome != STOPPED)
                break;
            other = play(world, &moving, at.second, NEVER);
            go_on(world, &stopped);
            finish(scenario, world);
        }
    }
    at.stopped = 0;
    return walked;
}

static unsigned long walk_at_once(const struct scenario *scenario, struct world *world)
{
    at.kind = "the first stopped meanwhile";
    at.first = 0;
    world_restore(world, 0);
    return walk_stopped(scenario, world, (struct player){scenario->first, 0, 0},
                        (struct player){scenario->second, 1, 0}, true);
}

static unsigned long walk_three(const struct scenario *scenario, struct world *world)
{
    struct player first = {scenario->first, 0, 0};
    unsigned long walked = 0;
    enum outcome outcome = KILLED;

    at.kind = "the first killed, the second stopped meanwhile";
    for (at.first = 1; outcome == KILLED; at.first++) {
        world_restore(world, 0);
        outcome = play(world, &first, at.first, NEVER);
        walked += walk_stopped(scenario, world, (struct player){scenario->second, 1, 0},
                               (struct player){scenario->third, 2, 0}, false);
    }
    return walked;
}

static void walk(const struct scenario *scenario, bool lossy)
{
    struct world *world = world_make(scenario->members, scenario->kind, scenario->attempts);
    unsigned long pairs, at_once = 0, three = 0;
    unsigned points;

    at.name = scenario->name;
    if (lossy)
        world_make_lossy(world);
    scenario->prepare(world);
    world_save(world, 0);
    pairs = walk_pairs(scenario, world, &points);
    if (scenario->second != NULL && !scenario->apart)
        at_once = walk_at_once(scenario, world);
    if (scenario->third != NULL)
        three = walk_three(scenario, world);
    (void)printf("%s: %u points, %lu pairs, %lu at once, %lu with three\n", scenario->name, points, pairs, at_once,
                 three);
    (void)fflush(stdout);
    if (points == 0)
        give_up(world, "there is no step to be killed at");
    world_free(world);
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
    int walked = 0;

    argc -= skipped;
    argv += skipped;
    for (size_t index = 0; index < count; index++)
        if (named(argc, argv, scenarios[index].name)) {
            walk(&scenarios[index], lossy);
            walked++;
        }
    if (walked < (argc > 0 ? argc : 1)) {
        (void)fprintf(stderr, "a scenario that was asked for is not there\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
