/*
 * mring recv: a member of a group, that writes what it receives to standard output.
 *
 * A message is released when it has been written, and not before: when this process is killed another member gets it. So what was
 * just written may be written by another once more, but nothing is lost. Who cannot write what it was handed does not leave the group,
 * which would release it, but ends by a signal, as if killed.
 */
#include "feed.h"
#include "groups.h"
#include "output.h"
#include "stop.h"
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: mring recv [--group GROUP[:TERM,...]] [--wait SECONDS] [--count MESSAGES] [--records] [--follow] NAME\n"
    "Joins a group of the ring of this name, and writes each message that it gets to standard output, as it is.\n"
    "Every group gets all messages; those who receive in one group share them.\n"
    "  --group    its name; \"all\". If it is to be made, it is on the TERMs of `mring send --group`\n"
    "  --wait     for the ring to appear; 2, or \"forever\"\n"
    "  --count    end after so many messages\n"
    "  --records  write before each message its length: 4 bytes, most significant first\n"
    "  --follow   when the sender was killed, wait for another one\n"
    "Exit status: 0 the stream is complete, or --count reached; 1 failed; 2 usage; 3 the sender was killed before the "
    "end of the\n"
    "stream, or a line was longer than a message, and pieces of it went elsewhere\n";

enum { BATCH = 4096 /* messages */, CHUNK_MAX = 128 * 1024 /* bytes */, PREFIX = 4 };

struct receiver {
    struct mring_consumer *consumer;
    unsigned long long left; /* messages to be written yet */
    bool records, follow;
    size_t chunk; /* so many bytes are written, and then released, at once: the sender goes on meanwhile */
    size_t alignment;
    uint64_t next; /* the position behind the last message */
    bool torn;     /* a line is: other pieces of it did not come here */
    uint64_t missed, missed_bytes;
    struct output output;
    struct mring_message message[BATCH];
};

/* ---- writing ---- */

static void look_for_torn_line(struct receiver *receiver, const struct mring_message *message)
{
    uint64_t size = 8 + (uint64_t)message->length; /* with its header (mring_options.capacity) */

    if (message->tag == FEED_REST && message->position != receiver->next && !receiver->torn) {
        (void)complain("a line is longer than this ring's messages, and not all of its pieces came here");
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
    return message->length + (has_prefix(receiver, message) ? PREFIX : 0);
}

static bool copy_out(struct receiver *receiver, const struct mring_message *message)
{
    unsigned char prefix[PREFIX];

    for (int byte = 0; byte < PREFIX; byte++)
        prefix[byte] = (unsigned char)(message->length >> (24 - 8 * byte));
    return output_add(&receiver->output, prefix, has_prefix(receiver, message) ? PREFIX : 0) &&
           output_add(&receiver->output, message->data, message->length);
}

/* The sender did not wait for this group, which is a lossy one. */
static void count_missed(struct receiver *receiver)
{
    struct mring_missed missed = MRING_MISSED_INIT;

    if (mring_missed(receiver->consumer, &missed) == 1) {
        receiver->missed += missed.messages;
        receiver->missed_bytes += missed.bytes;
    }
}

/* Write what was copied of these. How many were written whole; the code in *code. */
static int write_copies(struct receiver *receiver, const struct mring_message *message, int count, int *code)
{
    size_t written;
    int whole = 0;

    *code = output_write(&receiver->output, &written);
    while (whole < count && written >= size_of(receiver, &message[whole])) {
        look_for_torn_line(receiver, &message[whole]);
        written -= size_of(receiver, &message[whole++]);
    }
    return whole;
}

/*
 * Write these, and release those that were written whole: all, unless writing fails. 0, -errno. In a lossy group they may have been written over
 * while they were copied: the oldest first, so that all are whole if that one is. What becomes of them behind that is no matter.
 */
static int write_chunk(struct receiver *receiver, const struct mring_message *message, int count)
{
    int whole, code;

    for (int at = 0; at < count; at++)
        if (!copy_out(receiver, &message[at]))
            return -ENOMEM;
    if (mring_intact(receiver->consumer, &message[0]) == 0) {
        receiver->output.length = 0;
        receiver->left += (unsigned)count;
        if (mring_release(receiver->consumer, &message[count - 1]) == -EOVERFLOW)
            count_missed(receiver);
        return 0;
    }
    whole = write_copies(receiver, message, count, &code);
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
        if (count == -EOVERFLOW) {
            count_missed(receiver);
            continue;
        }
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
    const char *name;
    struct group_value group; /* as it is, or is to be made */
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
            plan->group = group_value(optarg);
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
    struct mring_join_options options = plan->group.terms;
    struct mring_info info = MRING_INFO_INIT;

    options.error = error;
    (void)mring_info(ring, &info);
    receiver->alignment = info.alignment;
    receiver->chunk = info.capacity / 8 < CHUNK_MAX ? info.capacity / 8 : CHUNK_MAX;
    return mring_join(ring, plan->group.name, &options, &receiver->consumer);
}

static void wake(void *consumer)
{
    (void)mring_consumer_wake(consumer);
}

static int run(int argc, char **argv)
{
    static struct receiver receiver = {.left = ULLONG_MAX};
    struct plan plan = {.group = {"all", MRING_JOIN_OPTIONS_INIT}, .wait = PATIENCE};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    int code;

    read_arguments(argc, argv, &plan, &receiver);
    code = open_ring(&plan, &ring, &error);
    if (code != 0)
        return complain_of(code, &error);
    code = join_group(&plan, ring, &receiver, &error);
    if (code != 0) {
        (void)mring_close(ring);
        return complain_of(code, &error);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    code = stop_watch(wake, receiver.consumer);
    code = code != 0 ? complain_of(code, NULL) : receive(&receiver);
    stop_end();
    if (receiver.missed != 0)
        (void)complain("missed %" PRIu64 " messages of %" PRIu64 " bytes", receiver.missed, receiver.missed_bytes);
    (void)mring_leave(receiver.consumer);
    (void)mring_close(ring);
    if (code == -ECANCELED)
        stop_by(stop_signal());
    return code;
}

const struct command command_recv = {"recv", run, usage};
