/*
 * iceoryx, by its C calls: messages in place, several groups as subscribers of one topic, and a publisher that waits for who is slow. Its daemon
 * must run (run.sh starts it, with iceoryx.toml). These calls do not tell how long a message is: where lengths differ, it goes before it.
 */
#include "loops.h"

#include <iceoryx_binding_c/log.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUEUE_MOST = 256 };

struct producing {
    iox_pub_storage_t storage;
    iox_pub_t publisher;
    void *loan;
    size_t header;
};

struct channel {
    char topic[32];
    bool sleeps;
    size_t header, length;
    size_t queue;                /* messages */
    struct producing *producing; /* here, once it is opened */
};

struct consuming {
    iox_sub_storage_t storage;
    iox_ws_storage_t set_storage;
    iox_sub_t subscriber;
    iox_ws_t set;
    const void *taken;
    size_t header, length;
};

static void *create(const struct work *work, void *other)
{
    struct channel *channel = calloc(1, sizeof(*channel));

    (void)snprintf(channel->topic, sizeof(channel->topic), "%ld%s", (long)getpid(), other == NULL ? "there" : "back");
    channel->sleeps = work->idle != LOOKS;
    channel->header = work->mixed ? sizeof(uint64_t) : 0;
    channel->length = work->length;
    channel->queue = work->capacity / work->length;
    if (channel->queue > QUEUE_MOST)
        channel->queue = QUEUE_MOST;
    return channel;
}

static void start_runtime(void)
{
    static bool started;
    char name[32];

    if (started)
        return;
    started = true;
    iox_set_loglevel(Iceoryx_LogLevel_Off);
    (void)snprintf(name, sizeof(name), "mring-bench-%ld", (long)getpid());
    iox_runtime_init(name);
}

static void *open_producer(void *of)
{
    struct channel *channel = of;
    struct producing *end = calloc(1, sizeof(*end));
    iox_pub_options_t options;

    start_runtime();
    iox_pub_options_init(&options);
    options.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
    end->header = channel->header;
    end->publisher = iox_pub_init(&end->storage, "mring", "bench", channel->topic, &options);
    channel->producing = end;
    return end;
}

static void *open_consumer(void *of, unsigned group, unsigned member)
{
    const struct timespec slice = {0, 1000 * 1000};
    const struct channel *channel = of;
    struct consuming *end = calloc(1, sizeof(*end));
    iox_sub_options_t options;

    (void)group;
    (void)member;
    start_runtime();
    iox_sub_options_init(&options);
    end->header = channel->header;
    end->length = channel->length;
    options.queueCapacity = channel->queue;
    options.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
    end->subscriber = iox_sub_init(&end->storage, "mring", "bench", channel->topic, &options);
    if (channel->sleeps) {
        end->set = iox_ws_init(&end->set_storage);
        if (iox_ws_attach_subscriber_state(end->set, end->subscriber, SubscriberState_HAS_DATA, 0, NULL) !=
            WaitSetResult_SUCCESS)
            fault("a wait set takes no subscriber");
    }
    /* Its publisher may come later; and nothing tells when it has. */
    while (iox_sub_get_subscription_state(end->subscriber) != SubscribeState_SUBSCRIBED)
        (void)nanosleep(&slice, NULL);
    return end;
}

INLINE void *reserve(void *of, size_t length)
{
    struct producing *end = of;

    if (iox_pub_loan_chunk(end->publisher, &end->loan, (uint32_t)(end->header + length)) != AllocationResult_SUCCESS)
        return NULL;
    return (char *)end->loan + end->header;
}

INLINE void commit(void *of, size_t length)
{
    struct producing *end = of;

    if (end->header != 0)
        *(uint64_t *)end->loan = length;
}

INLINE bool flush(void *of)
{
    struct producing *end = of;

    iox_pub_publish_chunk(end->publisher, end->loan);
    return true;
}

INLINE int next(void *of, struct message *message)
{
    struct consuming *end = of;

    switch (iox_sub_take_chunk(end->subscriber, &end->taken)) {
    case ChunkReceiveResult_SUCCESS:
        break;
    case ChunkReceiveResult_NO_CHUNK_AVAILABLE:
        return 0;
    default:
        fault("iox_sub_take_chunk failed");
    }
    message->data = (const char *)end->taken + end->header;
    message->length = end->header == 0 ? end->length : *(const uint64_t *)end->taken;
    return 1;
}

INLINE void release(void *of)
{
    struct consuming *end = of;

    iox_sub_release_chunk(end->subscriber, end->taken);
}

INLINE void wait_message(void *of)
{
    struct consuming *end = of;
    iox_notification_info_t what[1];
    uint64_t missed;

    (void)iox_ws_wait(end->set, what, 1, &missed);
}

static const struct ops ops = {.reserve = reserve,
                               .commit = commit,
                               .flush = flush,
                               .next = next,
                               .release = release,
                               .wait_message = wait_message};

LOOPS(play_loop, &ops, BORROWED)

/* The daemon keeps what belongs to a process that ends without a word, and minds when it ends itself. */
static void play(struct side *side)
{
    struct consuming *end = side->in;

    play_loop(side);
    if (end != NULL) {
        if (end->set != NULL)
            iox_ws_deinit(end->set);
        iox_sub_deinit(end->subscriber);
    }
    for (unsigned out = 0; out < side->outs && side->seen != NULL; out++)
        iox_pub_deinit(((struct producing *)side->out[out])->publisher);
}

/* In the producer's process, when nobody reads any more. */
static void destroy(void *of)
{
    const struct channel *channel = of;

    if (channel->producing != NULL)
        iox_pub_deinit(channel->producing->publisher);
}

/* The daemon's socket: without it every call would wait for it. */
static bool can(const struct work *work)
{
    (void)work;
    return access("/tmp/roudi", F_OK) == 0;
}

const struct adapter adapter_iceoryx = {.name = "iceoryx",
                                        .origin = DEBIAN,
                                        .fans = true,
                                        .sleeps = true,
                                        .mixes = true,
                                        .names = true,
                                        .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                        .can = can,
                                        .longest = 1 << 16,
                                        .create = create,
                                        .open_producer = open_producer,
                                        .open_consumer = open_consumer,
                                        .play = play,
                                        .destroy = destroy};
