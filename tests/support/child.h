/*
 * Forked helpers of multi-process tests.
 *
 * A child runs a function and exits with what it returns: cmocka's assertions must not be used there, since they would jump into the
 * parent's copy of the runner. `CHECK` ends the child with the line number in the text on stderr instead.
 * A child that is not waited for ends with its parent's pipe: see gate_*.
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);                              \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static inline pid_t child_start(int (*body)(void *context), void *context)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

        for (size_t at = 0; at < sizeof faults / sizeof *faults; at++)
            signal(faults[at],
                   SIG_DFL); /* cmocka's handlers, and a sanitizer's, would turn a fault into something else */
        _exit(body(context));
    }
    return pid;
}

/* The exit status, or -signal. */
static inline int child_end(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int child_run(int (*body)(void *context), void *context)
{
    return child_end(child_start(body, context));
}

static inline int child_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    return child_end(pid);
}

/* A gate: one side passes values, the other waits for them. Reading ends with a failure when nobody can write any more. */
struct gate {
    int ends[2];
};

static inline struct gate gate_make(void)
{
    struct gate gate = {{-1, -1}};

    if (pipe(gate.ends) != 0)
        abort();
    return gate;
}

static inline void gate_pass(const struct gate *gate, uint64_t value)
{
    if (write(gate->ends[1], &value, sizeof value) != (ssize_t)sizeof value)
        abort();
}

static inline int gate_wait(const struct gate *gate, uint64_t *value)
{
    uint64_t unused;
    ssize_t got;

    do {
        got = read(gate->ends[0], value != NULL ? value : &unused, sizeof unused);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof unused;
}

static inline void gate_close(struct gate *gate)
{
    close(gate->ends[0]);
    close(gate->ends[1]);
}

/* How many descriptors this process has open. */
static inline int descriptors_open(void)
{
    int count = 0;

    for (int descriptor = 0; descriptor < 1024; descriptor++)
        if (dup2(descriptor, descriptor) == descriptor)
            count++;
    return count;
}

#endif
