/*
 * mring send: standard input becomes the messages of a ring.
 *
 * The end of input is the end of the stream, and of nothing else: whoever is interrupted, or fails, goes without a word, like one who is
 * killed, and receivers are told that the stream is not complete.
 */
#include "feed.h"
#include "groups.h"
#include "stop.h"
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

static const char usage[] =
    "usage: mring send [--create [--size BYTES] [--group GROUP[:TERM,...]]...] [--wait SECONDS]\n"
    "                  [--records | --raw] [--no-end] NAME\n"
    "Sends standard input to the ring of this name, a line a message, and stays until all of it was received.\n"
    "  --create    make the ring; without --group nothing is sent before somebody receives, in whatever group\n"
    "  --size      of its memory, also as 64K, 1M, 2G; 1M. Lines of up to nearly half of it stay whole\n"
    "  --group     a group that receives all from the first line on, however late its members come. TERM:\n"
    "                MEMBERS      so many may share it; 16\n"
    "                lossy        it is not waited for, and misses what it is too slow for\n"
    "                after=OTHER  it gets a line when that group has received it\n"
    "                drop=BYTES   it is given up when it is further behind and nobody is there; else it is waited for\n"
    "                lossy=BYTES  likewise it is lossy from then on\n"
    "              and, of a group that `mring recv` makes:\n"
    "                durable      it keeps its place while nobody is there, as all groups of --create do\n"
    "                start=WHERE  it gets lines from there on: now, oldest, a position, or @OTHER: where that group "
    "is\n"
    "  --wait      for the ring to appear; 2, or \"forever\"\n"
    "  --records   the input is of records, each a length (4 bytes, most significant first) and so many bytes\n"
    "  --raw       the input has no lines: send what is read, as it comes\n"
    "  --no-end    the end of input does not end the stream: another may go on sending\n"
    "Exit status: 0 sent and received, 1 failed, 2 usage\n";

struct plan {
    const char *name;
    struct groups groups;
    size_t capacity;
    int64_t wait;
    bool create, no_end;
    int (*feed)(struct feed *feed);
};

static void read_arguments(int argc, char **argv, struct plan *plan)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"create", no_argument, NULL, 'c'},
                                          {"size", required_argument, NULL, 's'},
                                          {"group", required_argument, NULL, 'g'},
                                          {"wait", required_argument, NULL, 'w'},
                                          {"records", no_argument, NULL, 'r'},
                                          {"raw", no_argument, NULL, 'b'},
                                          {"no-end", no_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    int option;

    while ((option = next_option(argc, argv, longs, &command_send)) != -1)
        switch (option) {
        case 'c':
            plan->create = true;
            break;
        case 's':
            plan->capacity = read_size(optarg, "size");
            break;
        case 'g':
            groups_add(&plan->groups, optarg);
            break;
        case 'w':
            plan->wait = seconds_value("wait");
            break;
        case 'n':
            plan->no_end = true;
            break;
        default:
            if (plan->feed != feed_lines)
                usage_error("--records and --raw exclude each other, and themselves");
            plan->feed = option == 'r' ? feed_records : feed_raw;
        }
    plan->name = only_operand(argc, argv);
    if (!plan->create && (plan->capacity != 0 || plan->groups.count != 0))
        usage_error("--size and --group are of a ring to --create");
}

static int create_ring(const struct plan *plan, struct mring **ring, struct mring_error *error)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = plan->capacity;
    options.groups = plan->groups.group;
    options.group_count = plan->groups.count;
    options.error = error;
    return mring_create(ring, plan->name, &options);
}

static int open_ring(const struct plan *plan, struct mring **ring, struct mring_error *error)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = plan->wait;
    options.error = error;
    return mring_open(ring, plan->name, MRING_PRODUCE, &options);
}

/* Of a ring without declared groups: what is published before somebody has joined is for nobody (mring_info). */
static void await_receiver(struct mring *ring)
{
    enum { LOOK_EVERY = 5 /* ms */ };
    struct mring_info info = MRING_INFO_INIT;

    while (mring_info(ring, &info) == 0 && info.groups == 0)
        (void)poll(NULL, 0, LOOK_EVERY);
}

static void wake(void *producer)
{
    (void)mring_producer_wake(producer);
}

/* All that was published has been received, before this process, which may be the one that serves the ring, goes. */
static int drain(struct mring_producer *producer)
{
    int code;

    do
        code = stop_signal() ? -ECANCELED : mring_drain(producer, MRING_FOREVER);
    while (code == -EINTR);
    return code == 0 || code == -ECANCELED ? code : complain_of(code, NULL);
}

static int transmit(const struct plan *plan, struct feed *feed)
{
    int code = stop_watch(wake, feed->producer);

    if (code != 0)
        return complain_of(code, NULL);
    code = plan->feed(feed);
    if (code == 0 && plan->create && !feed->any)
        code = feed_nothing(feed);
    if (code == -ECANCELED && feed->input.length != 0)
        (void)complain("interrupted: the last %zu bytes that were read are not sent", feed->input.length);
    if (code != 0)
        return code;
    if (!plan->no_end)
        (void)mring_end(feed->producer);
    return drain(feed->producer);
}

/* Closes the ring, unless sending came to nothing. */
static int produce(const struct plan *plan, struct mring *ring)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    struct mring_info info = MRING_INFO_INIT;
    static struct feed feed; /* outlives this call, with what is not closed */
    int code;

    options.error = &error;
    code = mring_producer(ring, &feed.producer, &options);
    if (code != 0) {
        (void)mring_close(ring);
        return complain_of(code, &error);
    }
    (void)mring_info(ring, &info);
    feed.longest = info.message_max;
    code = transmit(plan, &feed);
    free(feed.input.memory);
    if (code == -ECANCELED)
        stop_by(stop_signal());
    if (code != 0) /* not closed in good order: the stream is not complete, and whoever receives it is to be told so */
        return code;
    stop_end();
    (void)mring_producer_close(feed.producer);
    (void)mring_close(ring);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct plan plan = {.wait = PATIENCE, .feed = feed_lines};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    int code;

    read_arguments(argc, argv, &plan);
    code = plan.create ? create_ring(&plan, &ring, &error) : open_ring(&plan, &ring, &error);
    if (code != 0)
        return complain_of(code, &error);
    if (plan.create && plan.groups.count == 0)
        await_receiver(ring);
    return produce(&plan, ring);
}

const struct command command_send = {"send", run, usage};
