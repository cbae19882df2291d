/*
 * A stage for scenarios in which somebody dies: what its processes tell each other, in memory of their own, and what
 * they did with which message, in the order in which they did it.
 */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include "core/atomic.h"
#include "harness.h"
#include "mring.h"

enum actor { VICTIM, SURVIVOR, PRODUCER, ACTORS };

enum { LOG_MOST = 1 << 18, SECOND = 1000 * 1000 * 1000 };

/* Five times what is promised, for a machine that is busy with other things. */
#define HANG_LIMIT (INT64_C(5) * TEST_SLOWNESS * SECOND)

/* One message that was handed to somebody. */
struct line_of_log {
    uint32_t number;
    uint32_t deliveries;
    int64_t at;
};

struct stage {
    struct word step[ACTORS]; /* how far each has come */
    struct word logged;
    struct line_of_log log[LOG_MOST];
};

extern struct stage *stage;

/* Memory that this process shares with its children. */
void *stage_share(size_t size);

/* A fresh stage, and a ring on it, which this process serves. */
void stage_make(struct mring **ring, const struct mring_group *groups, size_t count, unsigned attempts);

/* The ring of this name, if it can be opened in so many nanoseconds. */
struct mring *stage_open(const char *name, enum mring_role role, int64_t timeout);

int64_t stage_clock(void);

/* One's own step; and waiting for somebody else's. The scenario's time limit ends a wait in vain. */
void reach(enum actor actor, uint64_t step);
void await(enum actor actor, uint64_t step);
void await_word(const struct word *word, uint64_t value);

void log_message(const struct mring_message *message);
/* Wait until there are that many lines. */
void await_logged(uint64_t lines);

/* Messages of 4 bytes, which are the number. Waits for room. */
void send_numbers(struct mring_producer *producer, uint32_t first, uint32_t count);

/* Numbers from 0 on, each of which the log, a member of another group, reads at once: how many, before there was no room for so long. */
uint32_t flood(struct mring_producer *producer, struct mring_consumer *log, uint32_t most, int64_t patience);

/* Become the producer, as soon as it shows that the one before was killed. */
struct mring_producer *succeed_producer(struct mring *ring);

/* A member of `group` that logs what it gets, and releases it, until the stream is complete. It polls, or it sleeps. */
void consume_all(struct mring *ring, const char *group, bool polls);

/* Report the longest of several times, which must be short of HANG_LIMIT. */
void report_slowest(const char *what, int64_t nanoseconds);

#endif
