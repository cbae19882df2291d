/*
 * The cast of the tests of succession: processes that create a ring, stream, consume, each replaceable at any moment, and what they tell the
 * test.
 *
 * A message is {producer, number}: each producer numbers its own from 0, so a gap, or one too many, shows whoever sent it.
 */
#ifndef TESTS_CAST_H
#define TESTS_CAST_H

#include "api/ring.h"
#include "harness.h"
#include "mring.h"

enum { SECOND = 1000 * 1000 * 1000, PRODUCERS = 256, NUMBERS = 1 << 17, CAPACITY = 65536 };
enum { LAP = CAPACITY / 16 /* messages */ };
enum { LOG, WORK, GROUPS };

extern const struct mring_group declared[GROUPS];

struct message {
    uint32_t producer;
    uint32_t number;
};

/* What the processes count, in memory of its own. */
struct board {
    uint32_t sent[PRODUCERS]; /* how many sends of this producer have returned */
    uint32_t producers;
    bool stop; /* the producer ends the stream now */
    unsigned char given[GROUPS][PRODUCERS][NUMBERS];
    unsigned char flagged[GROUPS][PRODUCERS][NUMBERS]; /* of those, with a delivery count above 1 */
};

extern struct board *board;
extern struct mring *ring;            /* of this process */
extern char name[MRING_NAME_MAX + 1]; /* of the scenario's ring */
extern int orders[2];                 /* a pipe: see give_order */

/* To be called first. */
void prepare(void);

/* ---- news, from the processes to the test ---- */

enum report_kind {
    READY,  /* a member has joined; a producer has begun: value, its number */
    HEIR,   /* it could serve the ring */
    SERVES, /* it does */
    FULL,   /* a producer found no room for a while: value, how many it had sent */
    DONE
};

struct report {
    enum report_kind kind;
    pid_t pid;
    int64_t value;
};

void report(enum report_kind kind, int64_t value);

/* The next report of this kind; others wait for their turn. */
struct report await(enum report_kind kind);

/* The next of this kind from this process; what others had to say of that is forgotten. */
struct report await_of(enum report_kind kind, pid_t pid);

/* To be called between any two calls on the ring: says once that this process could serve it, and once that it does. */
void tell_news(void);

/* One process that waits for an order, whichever, goes on. */
void give_order(void);
void await_order(void);

/* ---- what they do ---- */

void create(const char *with_name, unsigned strict);
void open_by_name(enum mring_role role);

/* Become the producer: its number. */
uint32_t new_producer(struct mring_producer **producer);
int send_one(struct mring_producer *producer, uint32_t id, int64_t timeout);

/* Stream until told to stop, with up to `pace` nanoseconds in between; then the stream is complete. */
void stream(uint32_t pace);

/* Join a declared group, and count what this member is given, until the stream is complete. */
void join_and_consume(unsigned group);

/* Whole lives, as bodies of child_start. */
void create_and_stream(void *unused);
void open_and_stream(void *unused);
void open_and_flood(void *unused);
void open_and_log(void *unused);
void open_and_work(void *unused);

/* ---- the test's side ---- */

/* A ring with a producer, who has created it, and one member in each declared group: `children`. */
void start_all(pid_t *creator, pid_t children[GROUPS]);

/* Wait until the producer of this number has sent so many. */
void await_sent(uint32_t id, uint32_t messages);

/* Every message that was sent has come to each declared group; more than once only with the flag. */
void check_accounts(void);

/* The stream ends; all end with success; the accounts are right. */
void finish(pid_t *children, size_t count);

#endif
