/*
 * The other side of the trials in limits_linux.c: a process that serves two rings, with a producer and members who exchange messages when they
 * are told to, and miss none. "Busy" is where they are; on "idle" there is nobody.
 */
#ifndef TESTS_LIMITS_SERVER_H
#define TESTS_LIMITS_SERVER_H

#include "mring.h"

#include <sys/types.h>

enum { NAME_SIZE = 48 };
extern char busy_name[NAME_SIZE], idle_name[NAME_SIZE];

struct trial;

enum order {
    EXCHANGE,     /* messages; the answer comes when all are released, and is 0 */
    COUNT_PLACES, /* that are taken in the groups of both rings */
    FORK_TRIAL,   /* run it in a child of the server: 0, it went well */
    FINISH        /* no answer */
};

/* Names are set; when this returns it is there. `fork_trial` runs there. */
pid_t server_start(long (*fork_trial)(struct trial *trial));
void server_finish(pid_t server);

void server_order(enum order what, struct trial *trial);
long server_answer(void);
long server_ask(enum order what, struct trial *trial);

/* In a child of the server: the busy ring's handle. */
extern struct mring *inherited;

/* A ring like those, for a trial of its own. */
struct mring *ring_like_theirs(const char *name);

#endif
