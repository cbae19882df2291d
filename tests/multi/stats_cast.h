/*
 * Processes at work on a ring, who say of themselves what they do, and snapshots of that ring as numbers: for tests of mring_stats.
 *
 * Each message carries a number of its own, drawn from the board, so that what was published can be counted at its readers.
 */
#ifndef TESTS_MULTI_STATS_CAST_H
#define TESTS_MULTI_STATS_CAST_H

#include "harness.h"
#include "mring.h"

enum { LOG, WORK, GROUPS, WORKERS = 3, CAPACITY = 65536, BATCH = 8, NUMBERS = 1 << 24, PLACES = 64 };

extern const struct mring_group declared[GROUPS];

/* What the processes say of themselves. Counts before the fact (`begun`) and after it bound what is true in between. */
extern struct board {
    uint64_t number; /* the next message's */
    uint64_t begun, sent, begun_bytes, sent_bytes;
    uint64_t handed[GROUPS], redelivered[GROUPS];
    bool stop;
    unsigned char seen[GROUPS][NUMBERS];
} * board;

static inline uint64_t read_board(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* The ring, which the process of the scenario makes and serves, with its board; and one more handle, of who may only look. */
extern struct mring *ring;
extern char name[MRING_NAME_MAX + 1];
void prepare(void);
struct mring *open_to_look(void);

/* A member of the group of this number; the producer; or all of them. */
void consume(void *group);
void produce(void *unused);

struct cast {
    pid_t logger, worker[WORKERS], producer;
};

void start_all(struct cast *cast);
void finish_all(const struct cast *cast);

struct numbers {
    struct mring_ring_stats ring;
    struct mring_group_stats group[GROUPS];
    struct mring_member_stats member[PLACES];
};

void take(struct mring *looked_at, struct mring_stats **stats, struct numbers *numbers);

#endif
