/*
 * The director's side of the model test. It chooses one command after the other, from a seed and from what the model says of the ring, has a worker
 * do it, and holds what came of it against the model: so the same seed gives the same commands again.
 */
#ifndef TESTS_MODEL_PLAY_H
#define TESTS_MODEL_PLAY_H

#include "model_worker.h"

enum {
    PLAY_WORKERS = 4,
    PLAY_CAPACITY = 32768,
    PLAY_MESSAGES = 1 << 17,
    PLAY_LINES = 3, /* of a group that a join makes without a number */
    PLAY_ATTEMPTS = 2,
    PLAY_HISTORY = 60,
    PLAY_LINE = 240
};

/* The declared groups, and those that joins make: the first two of these may be durable. */
enum { LOG, WORK, INDEX, LAG, DECLARED, PASSING = DECLARED + 2 };

struct person {
    pid_t process;
    int channel;
    enum mring_role role;
    bool inherited; /* it is a child with the ring of its parent */
    bool lowered;   /* as such, it has joined before, and cannot produce any more */
    unsigned home;  /* the group that was */
    bool stopped;
    bool gone;
};

struct play {
    uint64_t random;
    char name[MRING_NAME_MAX + 1];
    struct mring *ring;
    struct mring_stats *stats;
    struct model model;
    struct model_message message[PLAY_MESSAGES];
    struct person person[PLAY_WORKERS];
    int producer; /* whose handle is open; -1: nobody's */
    unsigned long command;
    unsigned kills, found; /* workers killed, and how often a member found out by itself */
    const char *about;     /* the group that is looked at just now */
    char history[PLAY_HISTORY][PLAY_LINE];
};

static inline struct model_consumer *play_seat(struct play *play, unsigned worker, unsigned seat)
{
    return &play->model.consumer[worker * WORKER_SEATS + seat];
}

/* ---- the workers (model_people.c) ---- */

void play_start_worker(struct play *play, unsigned worker);
/* Its messages go to others, flagged; another takes its place. */
void play_kill_worker(struct play *play, unsigned worker);
void play_stop_worker(struct play *play, unsigned worker);
void play_continue_worker(struct play *play, unsigned worker);
/* It closes the ring, and ends, if it has no handle open. */
void play_close_worker(struct play *play, unsigned worker);
/* Is the producer, or a member, open in it? */
bool play_has_handles(const struct play *play, unsigned worker);

/* ---- commands ---- */

uint32_t play_below(struct play *play, uint32_t limit);

/* Have it done, and hear what came of it: the answer's code must be the expected one. */
void play_ask(struct play *play, unsigned worker, const struct order *order, struct answer *answer);
/* A command that is none of a worker's, for the history. */
void play_note(struct play *play, const char *what, unsigned worker);
/* Both must be the same. */
void play_expect(struct play *play, const char *what, uint64_t expected, uint64_t got);
/* And these, which may be negative. */
void play_expect_code(struct play *play, const char *what, int expected, int got);
_Noreturn void play_fail(struct play *play, const char *what, const char *expected, const char *got);

/* One command: of the producer (model_produce.c), of a member (model_consume.c). */
void play_produce(struct play *play);
void play_become_producer(struct play *play, unsigned worker);
void play_end_stream(struct play *play);
void play_consume(struct play *play, unsigned worker, unsigned seat);
void play_join(struct play *play, unsigned worker, unsigned seat, unsigned group);
/* What brings the group forward. */
void play_go_on(struct play *play, unsigned worker, unsigned seat);
void play_leave(struct play *play, unsigned worker, unsigned seat);
/* What the call said. */
int play_take_one(struct play *play, unsigned worker, unsigned seat, enum verb verb, int64_t timeout);
void play_release_all(struct play *play, unsigned worker, unsigned seat);

/* All that mring_stats says, against the model (model_check.c). */
void play_check_counters(struct play *play);
/* Where a group is, by the counters. */
uint64_t play_position_of(struct play *play, unsigned group);

/* From the first command to the end of the stream. */
void play_all(struct play *play, unsigned long commands);

#endif
