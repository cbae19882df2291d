#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    AT_ONCE = 16, /* trials */
    SLACK = 8,    /* how many steps more there may be than the first victim made: some depend on who is quicker */
    PATIENCE = 60 * TEST_SLOWNESS /* seconds: a trial that has not ended by then hangs */
};

static struct {
    unsigned taken, kill;
    bool counts; /* only a victim's main thread */
} steps;

void mring_look_point(void)
{
}

void mring_kill_point(void)
{
    if (steps.counts && ++steps.taken == steps.kill)
        (void)kill(getpid(), SIGKILL);
}

void trial_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
    _exit(EXIT_FAILURE);
}

/* ---- one trial ---- */

bool trial_victim_ended(struct trial *trial, pid_t victim)
{
    int status;
    pid_t ended = waitpid(victim, &status, WNOHANG);

    NEED(ended >= 0);
    if (ended == 0)
        return false;
    trial->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    NEED(trial->killed || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS));
    return true;
}

void trial_give_way(void)
{
    (void)nanosleep(&(struct timespec){0, 200 * 1000}, NULL);
}

void trial_only_wait(struct trial *trial, pid_t victim)
{
    while (!trial_victim_ended(trial, victim))
        trial_give_way();
}

static void try(const struct play *play, struct trial *trial)
{
    pid_t victim;

    (void)alarm(PATIENCE);
    play->prepare(trial);
    victim = fork();
    NEED(victim >= 0);
    if (victim == 0) {
        steps.kill = trial->step;
        steps.counts = true;
        play->victim(trial);
        trial->steps = steps.taken;
        _exit(EXIT_SUCCESS);
    }
    play->meanwhile(trial, victim);
    play->survivor(trial);
}

static struct trial *shared_trials(unsigned count)
{
    void *memory = mmap(NULL, count * sizeof(struct trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    NEED(memory != MAP_FAILED);
    return memory;
}

/* ---- all of a play ---- */

static pid_t start(const struct play *play, struct trial *trial)
{
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
        try(play, trial);
        _exit(EXIT_SUCCESS);
    }
    return pid;
}

static bool succeeded(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static unsigned count_steps(const struct play *play)
{
    struct trial *trial = shared_trials(1);
    int status = 0;
    unsigned count;

    NEED(waitpid(start(play, trial), &status, 0) > 0);
    if (!succeeded(status))
        (void)fprintf(stderr, "%s: fails with nobody killed\n", play->name);
    count = succeeded(status) ? trial->steps : 0;
    (void)munmap(trial, sizeof(*trial));
    return count;
}

static unsigned await_one(const struct play *play, const pid_t *pids, unsigned count)
{
    int status = 0;
    pid_t ended = wait(&status);

    NEED(ended > 0);
    for (unsigned step = 1; step <= count && !succeeded(status); step++)
        if (pids[step] == ended)
            (void)fprintf(stderr, "%s: fails where the victim is killed at step %u (status %d)\n", play->name, step,
                          status);
    return succeeded(status) ? 0 : 1;
}

static bool run(const struct play *play)
{
    unsigned counted = count_steps(play), count = counted != 0 ? counted + SLACK : 0;
    unsigned running = 0, failed = 0, killed = 0;
    struct trial *trials = shared_trials(count + 1);
    pid_t *pids = calloc(count + 1, sizeof(*pids));

    NEED(pids != NULL);
    for (unsigned step = 1; step <= count; step++) {
        trials[step].step = step;
        pids[step] = start(play, &trials[step]);
        if (++running == AT_ONCE) {
            failed += await_one(play, pids, count);
            running--;
        }
    }
    for (; running > 0; running--)
        failed += await_one(play, pids, count);
    for (unsigned step = 1; step <= count; step++)
        killed += trials[step].killed ? 1 : 0;
    free(pids);
    (void)munmap(trials, (count + 1) * sizeof(*trials));
    (void)printf("%s: %u points, %u killed, %u failed\n", play->name, counted, killed, failed);
    return killed != 0 && failed == 0;
}

int trial_main(int argc, char **argv, const struct play *plays, size_t count)
{
    unsigned played = 0;
    bool good = true;

    for (size_t index = 0; index < count; index++) {
        bool asked = argc < 2;

        for (int argument = 1; argument < argc; argument++)
            asked |= strcmp(argv[argument], plays[index].name) == 0;
        if (asked) {
            good &= run(&plays[index]);
            played++;
        }
    }
    return good && played != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
