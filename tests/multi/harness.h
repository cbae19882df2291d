/*
 * Multi-process tests: every scenario in a process of its own, with its own children, a time limit, and no leftover.
 *
 * A test program lists its scenarios and calls harness_main(). Each one is run in a forked process that leads a process group: when it
 * ends, or its time is up, the whole group is killed, and what was still there is a failure. The seed is printed and
 * can be given again: PROGRAM [SCENARIO [SEED]].
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "support/random.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

/* Print both values and end this process with a failure; also with NDEBUG. */
#define EXPECT(left, comparison, right)                                                                                \
    do {                                                                                                               \
        long long left_value = (long long)(left), right_value = (long long)(right);                                    \
                                                                                                                       \
        if (!(left_value comparison right_value)) {                                                                    \
            (void)fprintf(stderr, "%s:%d: %s %s %s does not hold: %lld and %lld\n", __FILE__, __LINE__, #left,         \
                          #comparison, #right, left_value, right_value);                                               \
            exit(EXIT_FAILURE);                                                                                        \
        }                                                                                                              \
    } while (0)

#define EXPECT_OK(call) EXPECT(call, ==, 0)

struct scenario {
    const char *name;
    void (*run)(void);
    unsigned seconds; /* its time limit, TEST_SLOWNESS times as long where all is slow; 0: 30 */
};

int harness_main(int argc, char **argv, const struct scenario *scenarios, size_t count);

/* The seed of this run, for random_below. */
extern uint64_t harness_seed;

/* Fork a child that runs `body` and exits with success unless EXPECT ends it. */
pid_t child_start(void (*body)(void *), void *argument);

/* Wait for a child, which must have exited with success. */
void child_finish(pid_t child);

/* Wait for a child, which must have been killed, with SIGKILL; and kill it before. */
void child_finish_killed(pid_t child);
void child_kill(pid_t child);

/* A child does nothing more, until it is killed. */
_Noreturn void stay_until_killed(void);

#endif
