/*
 * mring recv: a member of a group, that writes what it receives to standard output.
 *
 * A message is released when it has been written, and not before: when this process is killed another member gets it. So what was
 * just written may be written by another once more, but nothing is lost. Who cannot write what it was handed does not leave the group,
 * which would release it, but ends by a signal, as if killed.
 */
#include "feed.h"
#include "output.h"
#include "stop.h"
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: mring recv [--group GROUP] [--wait SECONDS] [--count MESSAGES] [--records] [--follow] NAME\n"
    "Joins a group of the ring of this name, and writes each message that it gets to standard output, as it is.\n"
    "Every group gets all messages; those who receive in one group share them.\n"
    "  --group    its name; \"all\"\n"
    "  --wait     for the ring to appear; 1, or \"forever\"\n"
    "  --count    end after so many messages\n"
    "  --records  write before each message its length: 4 bytes, most significant first\n"
    "  --follow   when the sender was killed, wait for another one\n"
    "Exit status: 0 the stream is complete, or --count reached; 1 failed; 2 usage; 3 the sender was killed before the "
    "end of the\n"
    "stream, or a line was longer than a message and went to several receivers\n";

enum {
    BATCH = 512,           /* messages; of two pieces at most, and writev takes 1024 */
    CHUNK_MAX = 128 * 1024 /* bytes */
};

struct receiver {
    struct mring_consumer *consumer;
    unsigned long long left; /* messages to be written yet */
    bool records, follow;
    size_t chunk; /* so many bytes are written, and then released, at once: the sender goes on meanwhile */
    size_t alignment;
    uint64_t next; /* the position behind the last message */
    bool torn;     /* a line is: its other pieces are with other receivers */
    struct mring_message message[BATCH];
    struct iovec piece[2 * BATCH];
    unsigned char prefix[BATCH][4];
};

/* ---- writing ---- */

static void look_for_torn_line(struct receiver *receiver, const struct mring_message *message)
{
    uint64_t size = 8 + (uint64_t)message->length; /* with its header (mring_options.capacity) */

    if (message->tag == FEED_REST && message->position != receiver->next && !receiver->torn) {
        (void)complain("a line is longer than this ring's messages, and its pieces went to several receivers");
        receiver->torn = true;
    }
    receiver->next = message->position + (size + receiver->alignment - 1) / receiver->alignment * receiver->alignment;
}

static bool has_prefix(const struct receiver *receiver, const struct mring_message *message)
{
    return receiver->records && (message->length != 0 || message->tag != FEED_NOTHING);
}

static size_t size_of(const struct receiver *receiver, const struct mring_message *message)
{
    return message->length + (has_prefix(receiver, message) ? sizeof(receiver->prefix[0]) : 0);
}

/* As pieces to be written. How many they are. */
static int lay_out(struct receiver *receiver, const struct mring_message *message, int count)
{
    struct iovec *piece = receiver->piece;

    for (int at = 0; at < count; at++) {
        uint32_t length = message[at].length;

        look_for_torn_line(receiver, &message[at]);
        if (has_prefix(receiver, &message[at])) {
            unsigned char *prefix = receiver->prefix[at];

            for (int byte = 0; byte < 4; byte++)
                prefix[byte] = (unsigned char)(length >> (24 - 8 * byte));
            *piece++ = (struct iovec){prefix, 4};
        }
        *piece++ = (struct iovec){(void *)(uintptr_t)message[at].data, length};
    }
    return (int)(piece - receiver->piece);
}

/* Write these, and release those that were written whole: all, unless writing fails. 0, -errno. */
static int write_chunk(struct receiver *receiver, const struct mring_message *message, int count)
{
    size_t written;
    int code = output_all(receiver->piece, lay_out(receiver, message, count), &written);
    int whole = 0;

    while (whole < count && written >= size_of(receiver, &message[whole]))
        written -= size_of(receiver, &message[whole++]);
    if (whole > 0)
        (void)mring_release(receiver->consumer, &message[whole - 1]);
    return code;
}

/* How many of these are a chunk: one at least. */
static int chunk_of(const struct receiver *receiver, const struct mring_message *message, int count)
{
    size_t size = size_of(receiver, &message[0]);
    int taken = 1;

    while (taken < count && (size += size_of(receiver, &message[taken])) <= receiver->chunk)
        taken++;
    return taken;
}

/* Write all that was handed out. 0; -ECANCELED: a signal came before the end; or -errno of the output. */
static int write_messages(struct receiver *receiver, int count)
{
    const struct mring_message *message = receiver->message;
    int code = 0;

    while (count > 0 && code == 0) {
        int taken = chunk_of(receiver, message, count);

        code = stop_signal() ? -ECANCELED : write_chunk(receiver, message, taken);
        message += taken;
        count -= taken;
    }
    return code;
}

/* ---- receiving ---- */

/* Why nothing more comes. An exit code. */
static int end_of_stream(const struct receiver *receiver, int code)
{
    struct mring_error trouble = MRING_ERROR_INIT;

    if (code == -EOWNERDEAD) {
        (void)complain("the sender ended before the end of the stream; all that it had sent is received");
        return EXIT_TROUBLE;
    }
    if (code == -EPIPE)
        return receiver->torn ? EXIT_TROUBLE : EXIT_DONE;
    (void)mring_trouble(receiver->consumer, &trouble);
    return complain_of(code, &trouble);
}

/* This process holds messages that it could not write: it ends without leaving the group, which would release them. */
static _Noreturn void end_of_output(int code)
{
    if (code == -ECANCELED)
        stop_by(stop_signal());
    if (code == -EPIPE)
        stop_by(SIGPIPE);
    exit(complain("standard output: %s", strerror(-code)));
}

/* Nothing is at hand. 0: look again; else why nothing will be. */
static int wait_for_more(const struct receiver *receiver)
{
    int code = mring_wait(receiver->consumer, MRING_FOREVER);

    return code == -EINTR || code == -ECANCELED || (code == -EOWNERDEAD && receiver->follow) ? 0 : code;
}

/* Returns with nothing held. An exit code, or -ECANCELED: a signal came. */
static int receive(struct receiver *receiver)
{
    while (receiver->left > 0) {
        int most = receiver->left < BATCH ? (int)receiver->left : BATCH;
        int count, code;

        if (stop_signal())
            return -ECANCELED;
        count = mring_next_batch(receiver->consumer, receiver->message, most);
        if (count == 0)
            count = wait_for_more(receiver);
        if (count < 0)
            return end_of_stream(receiver, count);
        code = write_messages(receiver, count);
        if (code != 0)
            end_of_output(code);
        receiver->left -= (unsigned)count;
    }
    return receiver->torn ? EXIT_TROUBLE : EXIT_DONE;
}

/* ---- the command ---- */

struct plan {
    const char *name, *group;
    int64_t wait;
};

static void read_arguments(int argc, char **argv, struct plan *plan, struct receiver *receiver)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
                                          {"group", required_argument, NULL, 'g'},
                                          {"wait", required_argument, NULL, 'w'},
                                          {"count", required_argument, NULL, 'n'},
                                          {"records", no_argument, NULL, 'r'},
                                          {"follow", no_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    int option;

    while ((option = next_option(argc, argv, longs, &command_recv)) != -1)
        switch (option) {
        case 'g':
            plan->group = optarg;
            break;
        case 'w':
            plan->wait = seconds_value("wait");
            break;
        case 'n':
            receiver->left = read_number(optarg, 1, ULONG_MAX, "count");
            break;
        case 'r':
            receiver->records = true;
            break;
        default:
            receiver->follow = true;
        }
    plan->name = only_operand(argc, argv);
}

static int open_ring(const struct plan *plan, struct mring **ring, struct mring_error *error)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = plan->wait;
    options.error = error;
    return mring_open(ring, plan->name, MRING_CONSUME, &options);
}

static int join_group(const struct plan *plan, struct mring *ring, struct receiver *receiver, struct mring_error *error)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_info info = MRING_INFO_INIT;

    options.error = error;
    (void)mring_info(ring, &info);
    receiver->alignment = info.alignment;
    receiver->chunk = info.capacity / 8 < CHUNK_MAX ? info.capacity / 8 : CHUNK_MAX;
    return mring_join(ring, plan->group, &options, &receiver->consumer);
}

static void wake(void *consumer)
{
    (void)mring_consumer_wake(consumer);
}

static int run(int argc, char **argv)
{
    static struct receiver receiver = {.left = ULLONG_MAX};
    struct plan plan = {.group = "all", .wait = PATIENCE};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    int code;

    read_arguments(argc, argv, &plan, &receiver);
    code = open_ring(&plan, &ring, &error);
    if (code == 0)
        code = join_group(&plan, ring, &receiver, &error);
    if (code != 0)
        return complain_of(code, &error);
    (void)signal(SIGPIPE, SIG_IGN);
    code = stop_watch(wake, receiver.consumer);
    code = code != 0 ? complain_of(code, NULL) : receive(&receiver);
    stop_end();
    (void)mring_leave(receiver.consumer);
    (void)mring_close(ring);
    if (code == -ECANCELED)
        stop_by(stop_signal());
    return code;
}

const struct command command_recv = {"recv", run, usage};
