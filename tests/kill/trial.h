/*
 * Killing at every step, through the public calls: real processes, locks and semaphores.
 *
 * A play is a victim's and a survivor's part. Each trial of it is a process of its own, which makes a ring, forks the victim, to be killed at
 * its step k, and plays the survivor's part itself. How many steps there are is counted by a first victim that is not killed; the trials for
 * each of them run several at once, since most of the time they wait: for a kernel's verdict of death, which a sleeper asks for twice a
 * second. What the victim was handed, and what it was about to do, stands in memory that both have.
 */
#ifndef TESTS_KILL_TRIAL_H
#define TESTS_KILL_TRIAL_H

#include "api/ring.h"
#include "mring.h"

enum { TRIAL_MESSAGES = 64 };

/* What became of a message, as the victim saw it. In the order of its steps. */
enum seen { NOT_SEEN, WAS_HANDED, IS_RELEASED_MAYBE, IS_RELEASED };

struct trial {
    struct mring *ring;
    enum seen seen[TRIAL_MESSAGES];
    unsigned announced, sent; /* by a victim that produces: how many it was about to publish, and has published */
    bool left_maybe;          /* a victim that consumes was about to leave */
    unsigned step;            /* where it is killed; 0: nowhere */
    unsigned steps;           /* how many it made */
    bool killed;
};

struct play {
    const char *name;
    void (*prepare)(struct trial *trial);
    void (*victim)(struct trial *trial);
    /* While the victim is there: returns when it is gone. */
    void (*meanwhile)(struct trial *trial, pid_t victim);
    void (*survivor)(struct trial *trial);
};

/* Has the victim ended? Notes how. For `meanwhile`. */
bool trial_victim_ended(struct trial *trial, pid_t victim);
/* A moment, for who looks again and again. */
void trial_give_way(void);
/* A `meanwhile` that does nothing. */
void trial_only_wait(struct trial *trial, pid_t victim);

/* A program of plays: PROGRAM plays all, PROGRAM NAME... those. */
int trial_main(int argc, char **argv, const struct play *plays, size_t count);

/* Print and end this process with a failure unless it holds. */
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            trial_fail(__FILE__, __LINE__, #condition);                                                                \
    } while (0)

__attribute__((noreturn)) void trial_fail(const char *file, int line, const char *what);

#endif
