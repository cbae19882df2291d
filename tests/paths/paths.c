/*
 * The paths of messages, for callgrind and strace to count (run.sh). Without an argument: their names. paths NAME: takes that one, on a fresh ring in which
 * there is always room, and nobody sleeps, and prints how many messages were counted. That is what is called by `counted` alone: not what
 * sets up, nor the first bursts, nor what the other side has to do so that the path can go on. (The words that they touch are counted by cost.c;
 * that processes side by side make no system call is seen by multi/quiet_linux.c.)
 *
 * The clock is at the pace of a stream, a microsecond for each burst, so that members of a group of many claim as they do in one. What is done a
 * few times a second, as to look for the dead, is done at the first call, and then due no more. Nor does the producer's handle take times by the processor's
 * counter: lines are taken over as in a stream.
 */
#include "mring.h"
#include "mring_inline.h"

#include "api/producer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BURST = 128,
    WARM = 100,    /* bursts: once around the ring and more */
    BURSTS = 1000, /* that are counted */
    BATCH = 32
};

static struct mring_producer *producer;
static struct mring_consumer *consumer;
static int failed;
static long bursts_gone;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){.tv_sec = 1000, .tv_nsec = 1000 * bursts_gone};
    return 0;
}

/* ---- the paths, a burst of messages each ---- */

static inline void send_each(size_t length)
{
    static const unsigned char text[64];

    for (unsigned number = 0; number < BURST; number++)
        failed |= mring_send(producer, text, length, number);
}

static void send_8(void)
{
    send_each(8);
}

static void send_64(void)
{
    send_each(64);
}

static void reserve_8(void)
{
    for (unsigned number = 0; number < BURST; number++) {
        void *where;

        failed |= mring_reserve(producer, 8, &where);
        memset(where, 0, 8);
        failed |= mring_commit(producer, 8, number);
        failed |= mring_flush(producer);
    }
}

static void publish_8(void)
{
    for (unsigned number = 0; number < BURST; number++) {
        void *where;

        failed |= mring_reserve(producer, 8, &where);
        memset(where, 0, 8);
        failed |= mring_publish(producer, 8, number);
    }
}

static void write_8(void)
{
    struct mring_writer writer = mring_writer(producer);

    for (unsigned number = 0; number < BURST; number++) {
        void *where;

        if (mring_writer_reserve(&writer, 8, &where) != 0)
            abort();
        memset(where, 0, 8);
        failed |= mring_writer_publish(&writer, 8, number);
    }
}

/* Numbers, from and to registers. */
static void write_values(void)
{
    struct mring_writer writer = mring_writer(producer);

    for (uint64_t number = 0; number < BURST; number++)
        if (mring_writer_send(&writer, &number, sizeof(number), 0) != 0)
            abort();
}

static void read_values(void)
{
    struct mring_reader reader = mring_reader(consumer);
    uint64_t sum = 0;

    for (unsigned number = 0; number < BURST; number++) {
        struct mring_message message;
        uint64_t value;

        if (mring_reader_recv(&reader, &value, sizeof(value), &message) != 1)
            abort();
        sum += value;
    }
    failed |= sum == 1;
}

/* BATCH at a time are published. */
static void commit_8(void)
{
    for (unsigned number = 0; number < BURST;) {
        for (const unsigned end = number + BATCH; number < end; number++) {
            void *where;

            failed |= mring_reserve(producer, 8, &where);
            memset(where, 0, 8);
            failed |= mring_commit(producer, 8, number);
        }
        failed |= mring_flush(producer);
    }
}

static void write_batches(void)
{
    struct mring_writer writer = mring_writer(producer);

    for (unsigned number = 0; number < BURST;) {
        for (const unsigned end = number + BATCH; number < end; number++) {
            void *where;

            if (mring_writer_reserve(&writer, 8, &where) != 0)
                abort();
            memset(where, 0, 8);
            failed |= mring_writer_commit(&writer, 8, number);
        }
        failed |= mring_writer_flush(&writer);
    }
}

/* Where less room is known of, a run is shorter. */
static void write_runs(void)
{
    struct mring_writer writer = mring_writer(producer);
    const size_t stride = mring_writer_stride(&writer, 8);
    int count;

    for (int left = BURST; left > 0; left -= count) {
        void *where = NULL;

        count = mring_writer_reserve_run(&writer, 8, left < BATCH ? left : BATCH, &where);
        if (count < 1)
            abort();
        for (int at = 0; at < count; at++)
            memset((unsigned char *)where + (size_t)at * stride, at, 8);
        failed |= mring_writer_commit_run(&writer, 8, count, 0);
        failed |= mring_writer_flush(&writer);
    }
}

static inline void take_one(void)
{
    struct mring_message message;

    failed |= mring_next(consumer, &message) ^ 1;
    failed |= mring_release(consumer, &message);
}

static void take_each(void)
{
    for (unsigned number = 0; number < BURST; number++)
        take_one();
}

static void read_each(void)
{
    struct mring_reader reader = mring_reader(consumer);

    for (unsigned number = 0; number < BURST; number++) {
        struct mring_message message;

        if (mring_reader_next(&reader, &message) != 1)
            abort();
        failed |= mring_reader_release(&reader, &message);
    }
}

/* Of many, a batch ends with what was claimed: it may be shorter than asked for. */
static void take_batches(void)
{
    struct mring_message message[BATCH];
    int taken;

    for (unsigned left = BURST; left > 0; left -= (unsigned)taken) {
        taken = mring_next_batch(consumer, message, BATCH);
        if (taken < 1)
            abort();
        failed |= mring_release(consumer, &message[taken - 1]);
    }
}

/* Each message is read, else nothing would be left that is done for it. */
static void read_runs(void)
{
    struct mring_reader reader = mring_reader(consumer);
    uint64_t sum = 0;
    int taken;

    for (unsigned left = BURST; left > 0; left -= (unsigned)taken) {
        struct mring_run run;

        taken = mring_reader_next_run(&reader, BATCH, &run);
        if (taken < 1)
            abort();
        for (int at = 0; at < taken; at++)
            sum += *(const uint64_t *)(const void *)((const unsigned char *)run.data + (size_t)at * run.stride);
        failed |= mring_reader_release_run(&reader, &run);
    }
    failed |= sum == 1;
}

/* No backlog: each message is looked for once in vain, then sent, then taken. */
static void in_turn(void)
{
    for (uint64_t number = 0; number < BURST; number++) {
        struct mring_message none;

        failed |= mring_next(consumer, &none);
        failed |= mring_send(producer, &number, sizeof(number), 0);
        take_one();
    }
}

static void do_nothing(void)
{
}

struct path {
    const char *name;
    unsigned members; /* of the group; one does all, and the other is only there */
    void (*before)(void), (*counted)(void), (*after)(void);
};

static const struct path paths[] = {
    {"reserve-commit-flush", 1, do_nothing, reserve_8, take_each},
    {"reserve-publish", 1, do_nothing, publish_8, take_each},
    {"writer", 1, do_nothing, write_8, take_each},
    {"writer-send", 1, do_nothing, write_values, take_each},
    {"commit-batch", 1, do_nothing, commit_8, take_each},
    {"writer-batch", 1, do_nothing, write_batches, take_each},
    {"writer-run", 1, do_nothing, write_runs, take_each},
    {"send-8", 1, do_nothing, send_8, take_each},
    {"send-64", 1, do_nothing, send_64, take_each},
    {"next-release", 1, send_8, take_each, do_nothing},
    {"reader", 1, send_8, read_each, do_nothing},
    {"reader-recv", 1, send_8, read_values, do_nothing},
    {"next-batch", 1, send_8, take_batches, do_nothing},
    {"reader-run", 1, write_runs, read_runs, do_nothing},
    {"in-turn", 1, do_nothing, in_turn, do_nothing},
    {"shared-next-release", 2, send_8, take_each, do_nothing},
    {"shared-reader", 2, send_8, read_each, do_nothing},
    {"shared-reader-recv", 2, send_8, read_values, do_nothing},
    {"shared-next-batch", 2, send_8, take_batches, do_nothing},
    {"shared-reader-run", 2, write_runs, read_runs, do_nothing},
    {"shared-in-turn", 2, do_nothing, in_turn, do_nothing},
};

/* ---- counting ---- */

static __attribute__((noinline)) void counted(void (*path)(void))
{
    path();
    __asm__ volatile("" ::: "memory"); /* it returns here, and does not go on to be the path */
}

static void called(void (*path)(void))
{
    path();
}

static void go(const struct path *path, unsigned bursts, void (*call)(void (*)(void)))
{
    for (; bursts > 0; bursts--) {
        path->before();
        call(path->counted);
        path->after();
        bursts_gone++;
    }
}

/* For strace: no call that anything else makes. */
static void mark(void)
{
    failed |= write(-1, "counted", 7) != -1;
}

static void open_ring(unsigned members)
{
    const struct mring_group group = {.name = "g", .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.capacity = 64 * 1024;
    options.groups = &group;
    options.group_count = 1;
    failed |= mring_create(&ring, NULL, &options);
    for (unsigned member = 0; member < members && failed == 0; member++)
        failed |= mring_join(ring, "g", NULL, &consumer);
    if (failed != 0 || mring_producer(ring, &producer, NULL) != 0)
        abort();
    producer->core.owned.timed = false;
}

static int count(const struct path *path)
{
    open_ring(path->members);
    go(path, WARM, called);
    mark();
    go(path, BURSTS, counted);
    mark();
    (void)printf("%d\n", BURSTS * BURST);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    for (size_t at = 0; at < sizeof(paths) / sizeof(paths[0]); at++)
        if (argc < 2)
            (void)puts(paths[at].name);
        else if (strcmp(argv[1], paths[at].name) == 0)
            return count(&paths[at]);
    return argc < 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
