/* A port from the inside, for port.c and port_status.c. */
#ifndef MRING_MACH_PORT_INNER_H
#define MRING_MACH_PORT_INNER_H

#include "port.h"
#include "port_limit.h"

#include <pthread.h>

struct channel {
    uint64_t serial;
    int fd;
};

struct port {
    struct mach_object object;
    int send;
    int receive; /* -1: the receive right is elsewhere, or ended */
    int queue;
    _Atomic bool dead;
    _Atomic bool unclaimed;
    struct port_limit limit;
    pthread_mutex_t lock;

    /* Under the lock. */
    bool guarded, strict;
    mach_port_msgcount_t messages; /* the limit, as we set it */
    uint64_t context;              /* the guard, when it is guarded */
    mach_port_seqno_t sequence;
    mach_port_mscount_t made; /* send rights, ever */
    uint32_t channel_count, channel_room;
    uint64_t serial; /* of the last channel */
    struct channel *channels;
};
_Static_assert(sizeof(struct port) <= OBJECT_CELL, "a port fits a cell");

#endif
