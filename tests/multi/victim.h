/*
 * The cast of scenarios in which members die: the leader serves the ring and produces; a victim claims a batch of four (0 .. 3) while
 * it is the only member, and comes to a certain point in it; a survivor joins, reads the four others, and waits.
 */
#ifndef TESTS_VICTIM_H
#define TESTS_VICTIM_H

#include "stage.h"

enum { BATCH = 4, SENT = 8 };

extern const struct mring_group many, lone; /* both "all" */

extern struct mring *ring;
extern struct mring_producer *producer;

/* How far the victim comes in its batch. */
struct point {
    unsigned handed, released;
};
enum { POINTS = 5 };
extern struct point points[POINTS];
extern struct point *const part_of_batch, *const all_of_batch;

/* A ring, whose producer is the leader; and its end, when nobody else uses it. */
void make(const struct mring_group *groups, size_t count, unsigned attempts);
void unmake(void);

/* As a victim: join, and come to that point. */
void claim_batch(struct mring_consumer **consumer, const struct point *point);
/* It is there, and stays there until it is killed. */
_Noreturn void stay(void);
/* Both, as the body of a child. */
void hold(void *point);

/* The body of a survivor: reads all. NULL: it sleeps; else it polls. */
void survive(void *polls);

/* Are these lines announced to be asleep? And wait until they are. */
bool are_asleep(uint64_t lines);
void await_sleepers(uint64_t lines);

/* The victim holds, by this body; the survivor has read all else. */
void set_up(pid_t *victim, pid_t *survivor, void (*body)(void *), struct point *point, bool polls);

/* Nothing was sent: both sleep, the victim, by this body, on line 0, of which a waker takes it first; the survivor on line 1. */
void set_up_asleep(pid_t *victim, pid_t *survivor, void (*body)(void *));

/* What the survivor got: everything the victim did not claim, then what that had not released, flagged, each in order. */
void expect_handed_over(const struct point *point);

#endif
