/*
 * ZeroMQ over its unix sockets: PUSH and PULL to one group, XPUB and SUB to several, where a full subscriber holds the publisher up. Each process
 * has a context of its own, with one thread for the traffic. Both sides always block: who looks all the time keeps that thread from its work.
 *
 * Two things of its ways matter at the end of a stream. A producer must not close its socket before all has been read: it has lingered long
 * enough, it thinks, when the last byte is in the socket's buffer, and a consumer at its high-water mark that sees the other side gone
 * drops what it has not read of that. And PUSH gives a message to whom it likes of those that have room, so that nobody knows how many ends one
 * consumer gets. So ends are sent, whenever there is room, until all have seen one; and the socket is closed when they are gone.
 */
#include "loops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

struct producing {
    const struct work *work;
    unsigned *ended;
    void *context, *socket;
    zmq_msg_t message; /* written in place */
};

struct consuming {
    unsigned *ended;
    void *context, *socket;
    zmq_msg_t message;
};

struct channel {
    const struct work *work;
    char address[64];
    unsigned *ended;             /* shared: how many consumers have seen the end */
    struct producing *producing; /* in the process that opened it */
};

static void must(const char *what, int code)
{
    if (code < 0)
        fault("%s: %s", what, zmq_strerror(zmq_errno()));
}

static void *create(const struct work *work, void *other)
{
    struct channel *channel = calloc(1, sizeof(*channel));

    channel->work = work;
    channel->ended = shared_memory(sizeof(*channel->ended));
    (void)snprintf(channel->address, sizeof(channel->address), "ipc://@mring-bench-%ld-%d", (long)getpid(),
                   other != NULL);
    return channel;
}

/* As many messages as the capacity holds, on each side half. */
static int high_water(const struct work *work)
{
    const size_t messages = work->capacity / work->length / 2;

    return messages < 1 ? 1 : (int)messages;
}

static void set_option(void *socket, int option, int value)
{
    must("zmq_setsockopt", zmq_setsockopt(socket, option, &value, sizeof(value)));
}

/* Until all consumers are there: a PUSH gives none its share before, and a PUB's messages would be lost. */
static void await_consumers(void *context, void *socket, unsigned count)
{
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    zmq_msg_t message;

    must("zmq_connect to the monitor", zmq_connect(monitor, "inproc://monitor"));
    while (count > 0) {
        uint16_t event;

        must("zmq_msg_init", zmq_msg_init(&message));
        must("zmq_msg_recv of an event", zmq_msg_recv(&message, monitor, 0));
        memcpy(&event, zmq_msg_data(&message), sizeof(event));
        must("zmq_msg_close", zmq_msg_close(&message));
        must("zmq_msg_init", zmq_msg_init(&message));
        must("zmq_msg_recv of an address", zmq_msg_recv(&message, monitor, 0));
        must("zmq_msg_close", zmq_msg_close(&message));
        count -= event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    }
    must("zmq_socket_monitor", zmq_socket_monitor(socket, NULL, 0));
    must("zmq_close", zmq_close(monitor));
}

/* A subscription each. */
static void await_subscribers(void *socket, unsigned count)
{
    char subscription[8];

    for (; count > 0; count--)
        must("zmq_recv of a subscription", zmq_recv(socket, subscription, sizeof(subscription), 0));
}

static void *open_producer(void *of)
{
    struct channel *channel = of;
    const struct work *work = channel->work;
    const bool awaited = work->kind != ROUND_TRIP;
    struct producing *end = calloc(1, sizeof(*end));

    channel->producing = end;
    end->work = work;
    end->ended = channel->ended;
    end->context = zmq_ctx_new();
    end->socket = zmq_socket(end->context, work->groups > 1 ? ZMQ_XPUB : ZMQ_PUSH);
    set_option(end->socket, ZMQ_SNDHWM, high_water(work));
    if (work->groups > 1) {
        set_option(end->socket, ZMQ_XPUB_NODROP, 1);
        set_option(end->socket, ZMQ_XPUB_VERBOSE, 1); /* equal subscriptions are told too */
    }
    /* In a round trip both would wait for each other; there the first message does. And a monitor that nobody reads from stops all. */
    if (awaited)
        must("zmq_socket_monitor", zmq_socket_monitor(end->socket, "inproc://monitor", ZMQ_EVENT_HANDSHAKE_SUCCEEDED));
    must("zmq_bind", zmq_bind(end->socket, channel->address));
    if (awaited)
        await_consumers(end->context, end->socket, work->groups * work->members);
    if (work->groups > 1)
        await_subscribers(end->socket, work->groups);
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    const struct channel *channel = of;
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->ended = channel->ended;
    end->context = zmq_ctx_new();
    end->socket = zmq_socket(end->context, channel->work->groups > 1 ? ZMQ_SUB : ZMQ_PULL);
    set_option(end->socket, ZMQ_RCVHWM, high_water(channel->work));
    if (channel->work->groups > 1)
        must("zmq_setsockopt", zmq_setsockopt(end->socket, ZMQ_SUBSCRIBE, "", 0));
    must("zmq_connect", zmq_connect(end->socket, channel->address));
    must("zmq_msg_init", zmq_msg_init(&end->message));
    return end;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    must("zmq_msg_init_size", zmq_msg_init_size(&end->message, length));
    return zmq_msg_data(&end->message);
}

INLINE void commit(void *of, size_t length)
{
    (void)of;
    (void)length;
}

INLINE bool flush(void *of)
{
    struct producing *end = of;

    must("zmq_msg_send", zmq_msg_send(&end->message, end->socket, 0));
    return true;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;
    const int code = zmq_msg_recv(&end->message, end->socket, 0);

    must("zmq_msg_recv", code);
    *message = (struct message){zmq_msg_data(&end->message), (size_t)code};
    return 1;
}

/* The next receive frees it. */
INLINE void release(void *of)
{
    (void)of;
}

INLINE void finish_stream(void *of)
{
    const struct timespec pause = {0, 1000 * 1000};
    struct producing *end = of;
    const struct work *work = end->work;

    while (__atomic_load_n(end->ended, __ATOMIC_RELAXED) < work->groups * work->members) {
        content_write(reserve(end, work->length), work->length, CONTENT_END);
        if (zmq_msg_send(&end->message, end->socket, ZMQ_DONTWAIT) < 0 && zmq_errno() != EAGAIN)
            must("zmq_msg_send of an end", -1);
        must("zmq_msg_close", zmq_msg_close(&end->message));
        (void)nanosleep(&pause, NULL);
    }
}

static const struct ops ops = {
    .reserve = reserve, .commit = commit, .flush = flush, .next = next, .release = release, .finish = finish_stream};

LOOPS(play_loop, &ops, BORROWED)

static void play(struct side *side)
{
    const struct consuming *end = side->in;

    play_loop(side);
    if (side->seen != NULL)
        (void)__atomic_add_fetch(end->ended, 1, __ATOMIC_RELAXED);
}

/* In the producer's process, when all consumers have ended. */
static void destroy(void *of)
{
    const struct producing *end = ((struct channel *)of)->producing;

    if (end == NULL)
        return;
    set_option(end->socket, ZMQ_LINGER, 0);
    must("zmq_close", zmq_close(end->socket));
    must("zmq_ctx_term", zmq_ctx_term(end->context));
}

static bool can(const struct work *work)
{
    return work->groups == 1 || work->members == 1;
}

const struct adapter adapter_zmq = {.name = "ZeroMQ",
                                    .origin = DEBIAN,
                                    .fans = true,
                                    .sleeps = true,
                                    .mixes = true,
                                    .names = true,
                                    .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                    .can = can,
                                    .longest = 1 << 16,
                                    .longest_shared = 1 << 16,
                                    .create = create,
                                    .open_producer = open_producer,
                                    .open_consumer = open_consumer,
                                    .play = play,
                                    .destroy = destroy};
