#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t harness_seed;

pid_t child_start(void (*body)(void *), void *argument)
{
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    EXPECT(child, >=, 0);
    if (child == 0) {
        body(argument);
        exit(EXIT_SUCCESS);
    }
    return child;
}

void child_finish(pid_t child)
{
    int status = 0;
    pid_t ended;

    do
        ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    EXPECT(ended, ==, child);
    EXPECT(WIFEXITED(status), !=, 0);
    EXPECT(WEXITSTATUS(status), ==, EXIT_SUCCESS);
}

void child_finish_killed(pid_t child)
{
    int status;

    EXPECT(waitpid(child, &status, 0), ==, child);
    EXPECT(WIFSIGNALED(status) ? WTERMSIG(status) : -1, ==, SIGKILL);
}

void child_kill(pid_t child)
{
    EXPECT_OK(kill(child, SIGKILL));
    child_finish_killed(child);
}

void stay_until_killed(void)
{
    for (;;)
        (void)pause();
}

/* A scenario's own process: its alarm is its time limit. */
static void lead(const struct scenario *scenario)
{
    (void)setpgid(0, 0);
    (void)alarm(TEST_SLOWNESS * (scenario->seconds != 0 ? scenario->seconds : 30));
    scenario->run();
    exit(EXIT_SUCCESS);
}

static bool run_scenario(const struct scenario *scenario)
{
    int status = 0;
    pid_t leader;
    bool leftover;

    (void)printf("%s, seed %llu\n", scenario->name, (unsigned long long)harness_seed);
    (void)fflush(NULL);
    leader = fork();
    if (leader == 0)
        lead(scenario);
    (void)setpgid(leader, leader);
    while (waitpid(leader, &status, 0) < 0 && errno == EINTR)
        ;
    leftover = kill(-leader, SIGKILL) == 0;
    if (leftover)
        (void)fprintf(stderr, "%s: left processes behind\n", scenario->name);
    if (WIFSIGNALED(status))
        (void)fprintf(stderr, "%s: %s\n", scenario->name,
                      WTERMSIG(status) == SIGALRM ? "its time is up" : strsignal(WTERMSIG(status)));
    return !leftover && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

int harness_main(int argc, char **argv, const struct scenario *scenarios, size_t count)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    size_t passed = 0, failed = 0;

    harness_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 16;
    for (size_t at = 0; at < count; at++) {
        if (only != NULL && strcmp(only, scenarios[at].name) != 0)
            continue;
        if (run_scenario(&scenarios[at]))
            passed++;
        else
            failed++;
    }
    (void)printf("%zu passed, %zu failed\n", passed, failed);
    return passed + failed != 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
