/*
 * What the broker and the links of a process share: one lock, and what a fork has to carry over.
 *
 * meet.lock guards everything in `struct meet_state`, the list of links, the list of served rings and their tables of semaphores. It is
 * a leaf: no call out of this room is made under it but Mach's and the allocator's. In particular a ring's service runs
 * without it; meanwhile the ring is `busy`, and whoever stops the ring waits until it is not.
 *
 * A link's port changes when it is attached, in the child's fork handler, and when the ring gets another broker. So a call over it takes a
 * reference of its own first.
 */
#ifndef MRING_MEET_STATE_H
#define MRING_MEET_STATE_H

#include "meet/meet.h"
#include "meet/rights.h"
#include "meet/semaphores.h"

#include <mach/mach.h>
#include <pthread.h>
#include <stdbool.h>

/* Under which names a ring can be found: its own, and, once it has outlived a broker, the one made of its identity. */
enum { NAME_PUBLIC, NAME_IDENTITY, BROKER_NAMES };

struct broker {
    struct broker *next;       /* of the served rings */
    struct broker_terms terms; /* but for the name, which is the caller's */
    struct ring_owner owner;
    struct broker_service service;
    mach_port_t named[BROKER_NAMES]; /* receive rights, or null */
    struct semaphore_table semaphores;
    bool served; /* by this process: not in a forked child's copy */
};

struct meet_link {
    struct meet_link *next;
    mach_port_t port;     /* a send right of its own (one user reference); null: cannot be reached */
    uint64_t identity[2]; /* 0, 0: found by name and not attached yet */
    struct ring_key key;  /* none: likewise */
    enum mring_role role; /* what the key is for */
    uid_t owner;          /* whose ring it is: who may answer, beside root */
    bool elsewhere;       /* names of its broker's cannot be found here, nor ours there */
    int slot;             /* while a fork is under way: the registered port that carries it, or -1 */
};

struct meet_state {
    pthread_mutex_t
        answering; /* held by the broker's thread while it answers, and over a fork: outermost of all locks */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* what `busy` or a flag below says has changed */
    struct broker *rings;
    struct meet_link *links;
    /* The process's broker: all null while no ring is served. */
    mach_port_t set;
    mach_port_t port;    /* receive right and one send right */
    struct broker *busy; /* its service is being called */
    bool running;        /* there is a thread, and it has begun */
    bool starting;       /* somebody waits for its begin */
    bool stopping;       /* somebody waits for its end */
    pthread_t thread;
};

extern struct meet_state meet;

/* The body of the broker's thread. */
void *broker_serve(void *unused);

/* Take one request: answer it and drop what it brought. */
void broker_answer(mach_msg_header_t *request);

/* A new link, which takes over one user reference of `port`, in the list; NULL when memory is short. */
struct meet_link *link_make(mach_port_t port, const uint64_t identity[2], uid_t owner);

#endif
