/*
 * What the ring does on this machine, for orientation; the comparison with others is another program's work.
 *
 *   bench_ring [REPETITIONS [NAME]]
 *
 * NAME: only work that has this in its name.
 *
 * Producer pinned to the first processor, the first consumer to the second, further consumers in turn. Interleaved
 * repetitions, median and range. Each payload is written, read and checked. First what the machine itself does at that moment: a line
 * bounced between the two processors, and the least that a queue can be. On a virtual machine both change by the second, and
 * by a factor of ten: the ring's figures mean something beside these only.
 */
#define _GNU_SOURCE
#include "mring.h"

#include "core/atomic.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REPETITIONS_MOST = 99, LINE = 64 };

static void fail(const char *what, int code)
{
    (void)fprintf(stderr, "bench_ring: %s: %s\n", what, mring_strerror(code));
    exit(EXIT_FAILURE);
}

static double seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void pin(unsigned turn)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(turn % (unsigned)processors, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static void wait_children(void)
{
    int status;

    while (wait(&status) > 0)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
            fail("a consumer", -EIO);
}

/* ---- the machine itself ---- */

static double round_trip(void)
{
    const uint64_t turns = 1000 * 1000;
    struct word *line = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    double begin;

    if (fork() == 0) {
        pin(1);
        for (uint64_t turn = 1; turn <= turns; turn++) {
            while (word_load_acquire(&line[0]) != turn)
                ;
            word_store_release(&line[64], turn);
        }
        _exit(EXIT_SUCCESS);
    }
    pin(0);
    begin = seconds();
    for (uint64_t turn = 1; turn <= turns; turn++) {
        word_store_release(&line[0], turn);
        while (word_load_acquire(&line[64]) != turn)
            ;
    }
    begin = seconds() - begin;
    wait_children();
    munmap(line, 4096);
    return begin / (double)turns * 1e9;
}

/* Slots of 8 bytes, each side's index on a line of its own and the other's remembered: millions a second. */
static double bare_queue(void)
{
    const uint64_t messages = 30 * 1000 * 1000;
    enum { SLOTS = 8192, SLOT = 2 * LINE / (int)sizeof(struct word) };
    struct word *line = mmap(NULL, 4096 + SLOTS * sizeof(*line), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    struct word *tail = &line[0], *head = &line[SLOT], *slot = &line[4096 / sizeof(*line)];
    uint64_t seen = 0;
    double begin;

    if (fork() == 0) {
        pin(1);
        for (uint64_t at = 0; at < messages; at++) {
            while (at == seen)
                seen = word_load_acquire(tail);
            if (word_load(&slot[at % SLOTS]) != at)
                _exit(EXIT_FAILURE);
            word_store_release(head, at + 1);
        }
        _exit(EXIT_SUCCESS);
    }
    pin(0);
    begin = seconds();
    for (uint64_t at = 0; at < messages; at++) {
        while (at - seen == SLOTS)
            seen = word_load_acquire(head);
        word_store(&slot[at % SLOTS], at);
        word_store_release(tail, at + 1);
    }
    wait_children();
    begin = seconds() - begin;
    munmap(line, 4096 + SLOTS * sizeof(*line));
    return (double)messages / begin / 1e6;
}

/* ---- the ring ---- */

struct work {
    const char *name;
    unsigned groups;
    unsigned members;
    uint64_t messages;
    size_t length;
    unsigned batch;
    bool sleeping;
    bool stages; /* each group is after the one before */
};

/* One consumer's count of what it has seen, and the order of it. */
struct seen {
    uint64_t last;
    uint64_t count;
};

static inline void see(struct seen *seen, const void *data)
{
    uint64_t value;

    memcpy(&value, data, sizeof(value));
    if (value <= seen->last && seen->count != 0)
        fail("order", -EBADMSG);
    seen->last = value;
    seen->count++;
}

static inline void idle_consumer(struct mring_consumer *consumer, bool sleeping)
{
    if (sleeping)
        (void)mring_wait(consumer, MRING_FOREVER);
    else
        pause_cpu();
}

/* Both until the end of the stream, or an error, which is returned. */
static int consume_each(struct mring_consumer *consumer, bool sleeping, struct seen *seen)
{
    for (;;) {
        struct mring_message message;
        int code = mring_next(consumer, &message);

        if (code == 1) {
            see(seen, message.data);
            (void)mring_release(consumer, &message);
        } else if (code == 0) {
            idle_consumer(consumer, sleeping);
        } else {
            return code;
        }
    }
}

static int consume_batches(struct mring_consumer *consumer, bool sleeping, struct seen *seen)
{
    for (;;) {
        struct mring_message message[64];
        int code = mring_next_batch(consumer, message, 64);

        for (int at = 0; at < code; at++)
            see(seen, message[at].data);
        if (code > 0)
            (void)mring_release(consumer, &message[code - 1]);
        else if (code == 0)
            idle_consumer(consumer, sleeping);
        else
            return code;
    }
}

static void consume(struct mring *ring, const struct work *work, const char *group, unsigned turn)
{
    struct mring_consumer *consumer;
    struct seen seen = {0, 0};
    int code = mring_join(ring, group, NULL, &consumer);

    pin(turn);
    if (code != 0)
        fail("join", code);
    code = (work->batch == 1 ? consume_each : consume_batches)(consumer, work->sleeping, &seen);
    if (code != -EPIPE || (work->members == 1 && seen.count != work->messages))
        fail("the stream", code);
    exit(EXIT_SUCCESS);
}

static void idle_producer(struct mring_producer *producer, bool sleeping)
{
    if (sleeping)
        (void)mring_wait(producer, MRING_FOREVER);
}

static void produce_each(struct mring_producer *producer, const struct work *work)
{
    static unsigned char payload[1 << 16];
    const uint64_t messages = work->messages;
    const size_t length = work->length;

    for (uint64_t value = 0; value < messages; value++) {
        memcpy(payload, &value, sizeof(value));
        while (mring_send(producer, payload, length, 0) == -EAGAIN)
            idle_producer(producer, work->sleeping);
    }
}

static void produce_batches(struct mring_producer *producer, const struct work *work)
{
    const uint64_t messages = work->messages;
    const size_t length = work->length;
    unsigned left = work->batch;

    for (uint64_t value = 0; value < messages; value++) {
        void *where;

        while (mring_reserve(producer, length, &where) == -EAGAIN)
            idle_producer(producer, work->sleeping);
        memcpy(where, &value, sizeof(value));
        (void)mring_commit(producer, length, 0);
        if (--left == 0) {
            (void)mring_flush(producer);
            left = work->batch;
        }
    }
}

/* Millions of messages a second. */
static double run(const struct work *work)
{
    static const char *const names[] = {"g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7"};
    struct mring_group groups[8];
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring *ring;
    double begin;
    unsigned turn = 1;
    int code;

    for (unsigned group = 0; group < work->groups; group++)
        groups[group] = (struct mring_group){.name = names[group],
                                             .members = work->members,
                                             .after = group > 0 && work->stages ? &names[group - 1] : NULL,
                                             .after_count = group > 0 && work->stages};
    options.groups = groups;
    options.group_count = work->groups;
    if ((code = mring_create(&ring, NULL, &options)) != 0)
        fail("create", code);
    for (unsigned group = 0; group < work->groups; group++)
        for (unsigned member = 0; member < work->members; member++, turn++)
            if (fork() == 0)
                consume(ring, work, names[group], turn);
    pin(0);
    if ((code = mring_producer(ring, &producer, NULL)) != 0)
        fail("producer", code);
    begin = seconds();
    (work->batch == 1 ? produce_each : produce_batches)(producer, work);
    (void)mring_end(producer);
    wait_children();
    begin = seconds() - begin;
    (void)mring_producer_close(producer);
    (void)mring_close(ring);
    return (double)work->messages / begin / 1e6;
}

static int by_value(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;

    return difference < 0 ? -1 : difference > 0;
}

static void report(const char *name, const char *unit, double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), by_value);
    (void)printf("%-44s %9.1f %-10s (%.1f to %.1f)\n", name, values[count / 2], unit, values[0], values[count - 1]);
}

int main(int argc, char **argv)
{
    static const struct work works[] = {
        {"stream, 8 B, one by one", 1, 1, 30000000, 8, 1, false, false},
        {"stream, 8 B, batches of 32", 1, 1, 30000000, 8, 32, false, false},
        {"stream, 64 B, one by one", 1, 1, 15000000, 64, 1, false, false},
        {"stream, 1 KiB, one by one", 1, 1, 3000000, 1024, 1, false, false},
        {"stream, 8 B, consumer sleeps when idle", 1, 1, 30000000, 8, 1, true, false},
        {"shared group of 2, polling", 1, 2, 20000000, 8, 1, false, false},
        {"shared group of 2, sleeping when idle", 1, 2, 20000000, 8, 1, true, false},
        {"shared group of 2, batches, sleeping", 1, 2, 20000000, 8, 32, true, false},
        {"broadcast to 2 groups, polling", 2, 1, 10000000, 8, 1, false, false},
        {"broadcast to 2 groups, sleeping when idle", 2, 1, 10000000, 8, 1, true, false},
        {"2 groups as stages, polling", 2, 1, 10000000, 8, 1, false, true},
        {"2 groups as stages, sleeping when idle", 2, 1, 10000000, 8, 1, true, true},
        {"2 shared groups of 2 as stages, sleeping", 2, 2, 10000000, 8, 1, true, true},
    };
    enum { WORKS = sizeof(works) / sizeof(works[0]) };
    static double rate[WORKS][REPETITIONS_MOST], trip[REPETITIONS_MOST], bare[REPETITIONS_MOST];
    long repetitions = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    const char *wanted = argc > 2 ? argv[2] : "";

    if (repetitions < 1 || repetitions > REPETITIONS_MOST) {
        (void)fprintf(stderr, "usage: bench_ring [REPETITIONS, 1 to %d [NAME]]\n", REPETITIONS_MOST);
        return EXIT_FAILURE;
    }
    for (long turn = 0; turn < repetitions; turn++) {
        trip[turn] = round_trip();
        bare[turn] = bare_queue();
        for (unsigned work = 0; work < WORKS; work++)
            if (strstr(works[work].name, wanted) != NULL)
                rate[work][turn] = run(&works[work]);
    }
    report("raw round trip of two lines", "ns", trip, (unsigned)repetitions);
    report("bare queue of 8-byte slots, one by one", "M/s", bare, (unsigned)repetitions);
    for (unsigned work = 0; work < WORKS; work++)
        if (strstr(works[work].name, wanted) != NULL)
            report(works[work].name, "M/s", rate[work], (unsigned)repetitions);
    return EXIT_SUCCESS;
}
