/* A unix socket of packets: each message is one. Several consumers of a group read from the same socket. */
#include "loops.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MOST = 1 << 16 };

struct channel {
    int ends[2];
};

struct producing {
    int fd;
    size_t length;
    unsigned char buffer[MOST];
};

struct consuming {
    int fd;
    unsigned char buffer[MOST];
};

static void *create(const struct work *work, void *other)
{
    struct channel *channel = malloc(sizeof(*channel));
    const int type = SOCK_SEQPACKET | SOCK_CLOEXEC | (work->idle == LOOKS ? SOCK_NONBLOCK : 0);
    const int size = (int)work->capacity;

    (void)other;
    if (socketpair(AF_UNIX, type, 0, channel->ends) != 0)
        fault("socketpair: %s", strerror(errno));
    /* Root may have more than the system's limit; others get that. */
    if (setsockopt(channel->ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        (void)setsockopt(channel->ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return channel;
}

static void *open_producer(void *of)
{
    const struct channel *channel = of;
    struct producing *end = calloc(1, sizeof(*end));

    end->fd = channel->ends[0];
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    const struct channel *channel = of;
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->fd = channel->ends[1];
    return end;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    (void)length;
    return end->buffer;
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    end->length = length;
}

INLINE bool flush(void *of)
{
    struct producing *end = of;
    const ssize_t sent = send(end->fd, end->buffer, end->length, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        fault("send: %s", strerror(errno));
    return sent >= 0;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;
    const ssize_t got = recv(end->fd, end->buffer, sizeof(end->buffer), 0);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        fault("recv: %s", got == 0 ? "the end" : strerror(errno));
    if (got < 0)
        return 0;
    *message = (struct message){end->buffer, (size_t)got};
    return 1;
}

INLINE void release(void *of)
{
    (void)of;
}

static const struct ops ops = {.reserve = reserve, .commit = commit, .flush = flush, .next = next, .release = release};

LOOPS(play, &ops, BORROWED)

const struct adapter adapter_seqpacket = {.name = "unix seqpacket",
                                          .origin = SYSTEM,
                                          .sleeps = true,
                                          .mixes = true,
                                          .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                          .longest = MOST,
                                          .longest_shared = MOST,
                                          .create = create,
                                          .open_producer = open_producer,
                                          .open_consumer = open_consumer,
                                          .play = play};
