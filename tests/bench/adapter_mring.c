/*
 * mring, by its public calls: in place (adapter_mring), in place and inlined (adapter_mring_inlined), the same with each message in lines of its
 * own (adapter_mring_lines), copied in and out (adapter_mring_copy), and the same inlined, of numbers (adapter_mring_value).
 */
#include "loops.h"
#include "mring.h"
#include "mring_inline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONGEST = 1 << 16 };

struct channel {
    struct mring *ring;
    const struct work *work;
    char name[32]; /* empty: none */
};

struct producing {
    struct mring_producer *handle;
    struct mring_writer writer;
    size_t length;
    unsigned char *buffer;
    uint64_t value;
};

struct consuming {
    struct mring_consumer *handle;
    struct mring_reader reader;
    struct mring_message last;
    struct mring_run run;
    unsigned char *buffer;
    uint64_t value;
};

static void must(const char *what, int code, const struct mring_error *error)
{
    if (code < 0)
        fault("%s: %s (%s)", what, mring_strerror(code), error == NULL ? "" : error->text);
}

static enum mring_waiting waiting(const struct work *work)
{
    static const enum mring_waiting ways[] = {
        [LOOKS] = MRING_SPIN, [SLEEPS] = MRING_SPIN_THEN_SLEEP, [BLOCKS] = MRING_SLEEP};

    return ways[work->idle];
}

static void name_group(char name[8], unsigned group)
{
    (void)snprintf(name, 8, "g%u", group);
}

static void *create_ring(const struct work *work, size_t alignment)
{
    struct channel *channel = calloc(1, sizeof(*channel));
    struct mring_group groups[CONSUMERS_MOST];
    char names[CONSUMERS_MOST][8];
    const char *before[CONSUMERS_MOST];
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;

    for (unsigned group = 0; group < work->groups; group++) {
        name_group(names[group], group);
        groups[group] = (struct mring_group){.name = names[group], .members = work->members};
        before[group] = names[group];
        if (work->staged && group > 0) {
            groups[group].after = &before[group - 1];
            groups[group].after_count = 1;
        }
    }
    options.capacity = work->capacity;
    options.alignment = alignment;
    options.groups = groups;
    options.group_count = work->groups;
    options.error = &error;
    channel->work = work;
    if (work->named)
        (void)snprintf(channel->name, sizeof(channel->name), "bench-%ld", (long)getpid());
    must("create", mring_create(&channel->ring, work->named ? channel->name : NULL, &options), &error);
    return channel;
}

static void *create(const struct work *work, void *other)
{
    (void)other;
    return create_ring(work, 8);
}

static void *create_lines(const struct work *work, void *other)
{
    (void)other;
    return create_ring(work, 64);
}

#define MRING_ADAPTER(name_, batches_, longest_, create_, play_)                                                       \
    {                                                                                                                  \
        .name = name_, .origin = MRING, .fans = true, .sleeps = true, .batches = batches_, .mixes = true,              \
        .names = true, .stages = true, .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED, .longest = longest_,       \
        .longest_shared = longest_, .create = create_, .open_producer = open_producer, .open_consumer = open_consumer, \
        .play = play_                                                                                                  \
    }

static void *open_producer(void *of)
{
    const struct channel *channel = of;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    struct producing *end = calloc(1, sizeof(*end));

    options.wait = waiting(channel->work);
    options.error = &error;
    end->buffer = malloc(LONGEST);
    must("producer", mring_producer(channel->ring, &end->handle, &options), &error);
    end->writer = mring_writer(end->handle);
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    const struct channel *channel = of;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct consuming *end = calloc(1, sizeof(*end));
    struct mring *ring = channel->ring;
    char name[8];

    (void)member;
    name_group(name, group);
    options.wait = waiting(channel->work);
    options.error = &error;
    if (channel->work->named) {
        struct mring_open_options open = MRING_OPEN_OPTIONS_INIT;

        open.error = &error;
        must("open", mring_open(&ring, channel->name, MRING_CONSUME, &open), &error);
    }
    must("join", mring_join(ring, name, &options, &end->handle), &error);
    end->reader = mring_reader(end->handle);
    end->buffer = malloc(LONGEST);
    return end;
}

/* ---- both ---- */

INLINE int result(const char *what, int code)
{
    if (code >= 0)
        return code;
    if (code != -EPIPE)
        must(what, code, NULL);
    return -1;
}

INLINE void wait_room(void *of)
{
    struct producing *end = of;

    must("wait for room", mring_wait(end->handle, MRING_FOREVER), NULL);
}

INLINE void wait_message(void *of)
{
    struct consuming *end = of;

    (void)result("wait for a message", mring_wait(end->handle, MRING_FOREVER));
}

INLINE void finish_ring(void *of)
{
    struct producing *end = of;

    must("end", mring_end(end->handle), NULL);
}

/* ---- in place ---- */

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;
    void *where;

    return mring_reserve(end->handle, length, &where) == 0 ? where : NULL;
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    (void)mring_commit(end->handle, length, 0);
}

INLINE bool flush(void *of)
{
    struct producing *end = of;

    return mring_flush(end->handle) == 0;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;
    const int code = mring_next(end->handle, &end->last);

    *message = (struct message){end->last.data, end->last.length};
    return result("next", code);
}

INLINE int next_batch(void *of, struct message *messages, int most)
{
    struct consuming *end = of;
    struct mring_message batch[BATCH_MOST];
    const int code = mring_next_batch(end->handle, batch, most);

    for (int at = 0; at < code; at++)
        messages[at] = (struct message){batch[at].data, batch[at].length};
    if (code > 0)
        end->last = batch[code - 1];
    return result("next", code);
}

INLINE void release(void *of)
{
    struct consuming *end = of;

    (void)mring_release(end->handle, &end->last);
}

INLINE void publish(void *of, size_t length)
{
    struct producing *end = of;

    (void)mring_publish(end->handle, length, 0);
}

INLINE bool published(void *of)
{
    (void)of;
    return true;
}

static const struct ops one_by_one = {.reserve = reserve,
                                      .commit = publish,
                                      .flush = published,
                                      .next = next,
                                      .release = release,
                                      .wait_room = wait_room,
                                      .wait_message = wait_message,
                                      .finish = finish_ring};

static const struct ops in_batches = {.reserve = reserve,
                                      .commit = commit,
                                      .flush = flush,
                                      .next = next,
                                      .next_batch = next_batch,
                                      .release = release,
                                      .wait_room = wait_room,
                                      .wait_message = wait_message,
                                      .finish = finish_ring};

LOOPS(play_in_batches, &in_batches, BORROWED)
LOOPS(play_one_by_one, &one_by_one, BORROWED)

static void play(struct side *side)
{
    (side->work->batch > 1 ? play_in_batches : play_one_by_one)(side);
}

const struct adapter adapter_mring = MRING_ADAPTER("mring", true, LONGEST, create, play);

/* ---- in place, and inlined ---- */

INLINE void *reserve_inlined(void *of, size_t length)
{
    struct producing *end = of;
    void *where;

    return mring_writer_reserve(&end->writer, length, &where) == 0 ? where : NULL;
}

INLINE void publish_inlined(void *of, size_t length)
{
    struct producing *end = of;

    (void)mring_writer_publish(&end->writer, length, 0);
}

INLINE bool flush_inlined(void *of)
{
    struct producing *end = of;

    return mring_writer_flush(&end->writer) == 0;
}

INLINE int next_inlined(void *of, struct message *message)
{
    struct consuming *end = of;
    const int code = mring_reader_next(&end->reader, &end->last);

    *message = (struct message){end->last.data, end->last.length};
    return result("next", code);
}

INLINE void release_inlined(void *of)
{
    struct consuming *end = of;

    (void)mring_reader_release(&end->reader, &end->last);
}

static const struct ops inlined = {.reserve = reserve_inlined,
                                   .commit = publish_inlined,
                                   .flush = published,
                                   .next = next_inlined,
                                   .release = release_inlined,
                                   .wait_room = wait_room,
                                   .wait_message = wait_message,
                                   .finish = finish_ring};

/* ---- the same in batches: in runs, as all messages of these works are equally long ---- */

INLINE int reserve_run(void *of, size_t length, int most, unsigned char **where, size_t *stride)
{
    struct producing *end = of;
    void *found = NULL;
    const int code = mring_writer_reserve_run(&end->writer, length, most, &found);

    *where = found;
    *stride = mring_writer_stride(&end->writer, length);
    return code < 0 ? 0 : code;
}

INLINE void commit_run(void *of, size_t length, int count)
{
    struct producing *end = of;

    (void)mring_writer_commit_run(&end->writer, length, count, 0);
}

INLINE int next_run(void *of, struct message *messages, int most)
{
    struct consuming *end = of;
    const int code = mring_reader_next_run(&end->reader, most, &end->run);

    for (int at = 0; at < code; at++)
        messages[at] =
            (struct message){(const unsigned char *)end->run.data + (size_t)at * end->run.stride, end->run.length};
    return result("next", code);
}

INLINE void release_run(void *of)
{
    struct consuming *end = of;

    (void)mring_reader_release_run(&end->reader, &end->run);
}

static const struct ops in_runs = {.reserve = reserve_inlined,
                                   .commit = publish_inlined,
                                   .flush = flush_inlined,
                                   .next = next_inlined,
                                   .next_batch = next_run,
                                   .release = release_run,
                                   .wait_room = wait_room,
                                   .wait_message = wait_message,
                                   .finish = finish_ring,
                                   .reserve_run = reserve_run,
                                   .commit_run = commit_run};

LOOPS(play_in_runs, &in_runs, COPIED)
LOOPS(play_each_inlined, &inlined, COPIED)

static void play_inlined(struct side *side)
{
    (side->work->batch > 1 ? play_in_runs : play_each_inlined)(side);
}

const struct adapter adapter_mring_inlined = MRING_ADAPTER("mring, inlined", true, LONGEST, create, play_inlined);
const struct adapter adapter_mring_lines =
    MRING_ADAPTER("mring, inlined, by lines", false, LONGEST, create_lines, play_inlined);

/* ---- copied ---- */

INLINE void *buffer_to_send(void *of, size_t length)
{
    struct producing *end = of;

    (void)length;
    return end->buffer;
}

INLINE void hold(void *of, size_t length)
{
    struct producing *end = of;

    end->length = length;
}

INLINE bool send(void *of)
{
    struct producing *end = of;

    return mring_send(end->handle, end->buffer, end->length, 0) == 0;
}

INLINE int receive(void *of, struct message *message)
{
    struct consuming *end = of;
    const int code = mring_recv(end->handle, end->buffer, LONGEST, &end->last);

    *message = (struct message){end->last.data, end->last.length};
    return result("recv", code);
}

INLINE void received(void *of)
{
    (void)of;
}

static const struct ops copied = {.reserve = buffer_to_send,
                                  .commit = hold,
                                  .flush = send,
                                  .next = receive,
                                  .release = received,
                                  .wait_room = wait_room,
                                  .wait_message = wait_message,
                                  .finish = finish_ring};

LOOPS(play_copied, &copied, BORROWED)

const struct adapter adapter_mring_copy = MRING_ADAPTER("mring, copied", false, LONGEST, create, play_copied);

/* ---- numbers, copied, and inlined ---- */

INLINE void *value_to_send(void *of, size_t length)
{
    struct producing *end = of;

    (void)length;
    return &end->value;
}

INLINE bool send_value(void *of)
{
    struct producing *end = of;
    const uint64_t value = end->value;

    return mring_writer_send(&end->writer, &value, sizeof(value), 0) == 0;
}

INLINE int receive_value(void *of, struct message *message)
{
    struct consuming *end = of;
    struct mring_message last = {0};
    uint64_t value = 0;
    const int code = mring_reader_recv(&end->reader, &value, sizeof(value), &last);

    end->value = value;
    *message = (struct message){&end->value, last.length};
    return result("recv", code);
}

static const struct ops by_value = {.reserve = value_to_send,
                                    .commit = hold,
                                    .flush = send_value,
                                    .next = receive_value,
                                    .release = received,
                                    .wait_room = wait_room,
                                    .wait_message = wait_message,
                                    .finish = finish_ring};

LOOPS(play_by_value, &by_value, COPIED)

const struct adapter adapter_mring_value =
    MRING_ADAPTER("mring, by value", false, sizeof(uint64_t), create, play_by_value);
