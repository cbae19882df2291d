/*
 * A process of the model test: it does what it is ordered to, one public call after the other, and says what came of it. It decides nothing.
 */
#ifndef TESTS_MODEL_WORKER_H
#define TESTS_MODEL_WORKER_H

#include "mring.h"
#include "reference/model.h"

#include <sys/types.h>

enum { WORKER_SEATS = 3 /* consumers of one process */, WORKER_GOT = 16, WORKER_MESSAGE = 65536 };

/* Of the groups; NULL-terminated. */
extern const char *const group_names[MODEL_GROUPS + 1];

enum verb {
    JOIN,
    LEAVE,
    NEXT,
    NEXT_BATCH,
    NEXT_WAIT,
    RECV,
    RELEASE,
    INTACT,
    CONSUMER_WAIT,
    TAKE_ASIDE,
    PRODUCE,
    CLOSE_PRODUCER,
    RESERVE,
    COMMIT,
    FLUSH,
    SEND,
    SENDV,
    SEND_WAIT,
    PRODUCER_WAIT,
    DRAIN,
    END,
    CLOSE, /* the ring; and the process ends, if that could be done */
};

struct order {
    enum verb verb;
    uint32_t seat;
    uint32_t count;    /* NEXT_BATCH; COMMIT: 1: there is somewhere to write */
    uint64_t length;   /* to send; or of the buffer */
    uint64_t position; /* RELEASE, INTACT */
    uint32_t tag;
    int64_t timeout;
    unsigned group; /* JOIN, as the rest */
    struct model_wish wish;
};

struct got {
    uint64_t position;
    uint32_t length, tag;
    unsigned deliveries;
    bool whole; /* what lay there was this tag's */
};

struct answer {
    int code;
    uint32_t count;
    struct got got[WORKER_GOT];
    struct mring_missed missed; /* of a lossy member: the last that it found, told or not */
    bool stayed_whole;          /* RELEASE: what is released was still what it had been */
    char text[256];             /* of an error */
};

/* How a process comes to the ring: by its name, or as a child of the process that made it. */
struct worker_start {
    struct mring *inherited; /* NULL: by name */
    const char *name;
    enum mring_role role;
};

/* A worker, at the other end of *channel. */
pid_t worker_start(const struct worker_start *start, int *channel);

/* False: it did not take it, or did not answer within a time that is beyond all that a call may take. */
bool worker_tell(int channel, const struct order *order);
bool worker_hear(int channel, struct answer *answer);

#endif
