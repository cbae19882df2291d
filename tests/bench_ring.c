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
#include "mring.h"

#include "core/atomic.h"
#include "support/bench.h"

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

enum { LINE = 64 };

/* ---- the machine itself ---- */

static double round_trip(void)
{
    const uint64_t turns = 1000 * 1000;
    struct word *line = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    double begin;

    if (fork() == 0) {
        bench_pin(1);
        for (uint64_t turn = 1; turn <= turns; turn++) {
            while (word_load_acquire(&line[0]) != turn)
                ;
            word_store_release(&line[64], turn);
        }
        _exit(EXIT_SUCCESS);
    }
    bench_pin(0);
    begin = bench_seconds();
    for (uint64_t turn = 1; turn <= turns; turn++) {
        word_store_release(&line[0], turn);
        while (word_load_acquire(&line[64]) != turn)
            ;
    }
    begin = bench_seconds() - begin;
    bench_wait_children();
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
        bench_pin(1);
        for (uint64_t at = 0; at < messages; at++) {
            while (at == seen)
                seen = word_load_acquire(tail);
            if (word_load(&slot[at % SLOTS]) != at)
                _exit(EXIT_FAILURE);
            word_store_release(head, at + 1);
        }
        _exit(EXIT_SUCCESS);
    }
    bench_pin(0);
    begin = bench_seconds();
    for (uint64_t at = 0; at < messages; at++) {
        while (at - seen == SLOTS)
            seen = word_load_acquire(head);
        word_store(&slot[at % SLOTS], at);
        word_store_release(tail, at + 1);
    }
    bench_wait_children();
    begin = bench_seconds() - begin;
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
        bench_fail("order", -EBADMSG);
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

    bench_pin(turn);
    if (code != 0)
        bench_fail("join", code);
    code = (work->batch == 1 ? consume_each : consume_batches)(consumer, work->sleeping, &seen);
    if (code != -EPIPE || (work->members == 1 && seen.count != work->messages))
        bench_fail("the stream", code);
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
        bench_fail("create", code);
    for (unsigned group = 0; group < work->groups; group++)
        for (unsigned member = 0; member < work->members; member++, turn++)
            if (fork() == 0)
                consume(ring, work, names[group], turn);
    bench_pin(0);
    if ((code = mring_producer(ring, &producer, NULL)) != 0)
        bench_fail("producer", code);
    begin = bench_seconds();
    (work->batch == 1 ? produce_each : produce_batches)(producer, work);
    (void)mring_end(producer);
    bench_wait_children();
    begin = bench_seconds() - begin;
    (void)mring_producer_close(producer);
    (void)mring_close(ring);
    return (double)work->messages / begin / 1e6;
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
    static double rate[WORKS][BENCH_REPETITIONS_MOST], trip[BENCH_REPETITIONS_MOST], bare[BENCH_REPETITIONS_MOST];
    const struct bench_wish wish = bench_wish(argc, argv);

    for (unsigned turn = 0; turn < wish.repetitions; turn++) {
        trip[turn] = round_trip();
        bare[turn] = bare_queue();
        for (unsigned work = 0; work < WORKS; work++)
            if (bench_wanted(&wish, works[work].name))
                rate[work][turn] = run(&works[work]);
    }
    bench_report("raw round trip of two lines", "ns", trip, wish.repetitions);
    bench_report("bare queue of 8-byte slots, one by one", "M/s", bare, wish.repetitions);
    for (unsigned work = 0; work < WORKS; work++)
        if (bench_wanted(&wish, works[work].name))
            bench_report(works[work].name, "M/s", rate[work], wish.repetitions);
    return EXIT_SUCCESS;
}
