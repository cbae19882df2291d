/*
 * A pipe. A message of one length is that many bytes of it; if lengths differ, the length goes before it. Batches are one write, and what one
 * read brings. In works that look all the time both ends are non-blocking.
 */
#include "loops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 1 << 16 };

struct channel {
    const struct work *work;
    int ends[2];
};

struct producing {
    const struct work *work;
    int fd;
    size_t done, filled; /* of the buffer: written to the pipe, and to be written */
    unsigned char buffer[2 * MOST];
};

struct consuming {
    const struct work *work;
    int fd;
    size_t done, filled; /* of the buffer: handed out, and read */
    unsigned char buffer[2 * MOST];
};

static void *create(const struct work *work, void *other)
{
    struct channel *channel = malloc(sizeof(*channel));

    (void)other;
    channel->work = work;
    if (pipe2(channel->ends, work->idle == LOOKS ? O_CLOEXEC | O_NONBLOCK : O_CLOEXEC) != 0)
        fault("pipe: %m");
    /* More than a user may have is refused; then it is as long as it was. */
    (void)fcntl(channel->ends[1], F_SETPIPE_SZ, (int)work->capacity);
    return channel;
}

static void *open_producer(void *of)
{
    const struct channel *channel = of;
    struct producing *end = calloc(1, sizeof(*end));

    end->work = channel->work;
    end->fd = channel->ends[1];
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    const struct channel *channel = of;
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->work = channel->work;
    end->fd = channel->ends[0];
    return end;
}

/* Bytes before each message. */
INLINE size_t header(const struct work *work)
{
    return work->mixed ? sizeof(uint64_t) : 0;
}

INLINE bool flush(void *of)
{
    struct producing *end = of;
    const ssize_t written = write(end->fd, end->buffer + end->done, end->filled - end->done);

    if (written < 0 && errno != EAGAIN && errno != EINTR)
        fault("write to a pipe: %m");
    if (written > 0)
        end->done += (size_t)written;
    if (end->done < end->filled)
        return false;
    end->done = end->filled = 0;
    return true;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    if (end->filled + header(end->work) + length > sizeof(end->buffer) && !flush(end))
        return NULL;
    return end->buffer + end->filled + header(end->work);
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    if (end->work->mixed)
        memcpy(end->buffer + end->filled, &(uint64_t){length}, sizeof(uint64_t));
    end->filled += header(end->work) + length;
}

/* Read until at least `wanted` bytes lie there, but no more than `most`. */
INLINE bool fill(struct consuming *end, size_t wanted, size_t most)
{
    while (end->filled - end->done < wanted) {
        const ssize_t got = read(end->fd, end->buffer + end->filled, most - (end->filled - end->done));

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            fault("read from a pipe: %s", got == 0 ? "its end" : strerror(errno));
        if (got < 0)
            return false;
        end->filled += (size_t)got;
    }
    return true;
}

INLINE void hand_out(struct consuming *end, struct message *message, size_t length)
{
    *message = (struct message){end->buffer + end->done, length};
    end->done += length;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;
    size_t length = end->work->length;

    if (end->work->mixed) {
        if (!fill(end, sizeof(uint64_t), sizeof(uint64_t)))
            return 0;
        length = (size_t)content_number(end->buffer);
        if (length > MOST)
            fault("a length of %zu", length);
    }
    if (!fill(end, header(end->work) + length, header(end->work) + length))
        return 0;
    end->done += header(end->work);
    hand_out(end, message, length);
    return 1;
}

INLINE int next_batch(void *of, struct message *messages, int most)
{
    struct consuming *end = of;
    const size_t length = end->work->length;
    int count = 0;

    if (!fill(end, length, (size_t)most * length))
        return 0;
    while (end->filled - end->done >= length)
        hand_out(end, &messages[count++], length);
    return count;
}

INLINE void release(void *of)
{
    struct consuming *end = of;

    /* What is left of a batch is part of a message. */
    end->filled -= end->done;
    if (end->filled > 0)
        memmove(end->buffer, end->buffer + end->done, end->filled);
    end->done = 0;
}

static const struct ops ops = {
    .reserve = reserve, .commit = commit, .flush = flush, .next = next, .next_batch = next_batch, .release = release};

LOOPS(play, &ops, BORROWED)

const struct adapter adapter_pipe = {.name = "pipe",
                                     .origin = SYSTEM,
                                     .sleeps = true,
                                     .batches = true,
                                     .mixes = true,
                                     .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                     .longest = MOST,
                                     .longest_shared = sizeof(uint64_t),
                                     .create = create,
                                     .open_producer = open_producer,
                                     .open_consumer = open_consumer,
                                     .play = play};
