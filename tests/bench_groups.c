/*
 * What groups and members cost on this machine, for orientation: 1, 4, 16 and 64 groups, and 1 to 1024 members.
 *
 *   bench_groups [REPETITIONS [NAME]]
 *
 * NAME: only what has this in its name.
 *
 * All members are in one process, on the second processor, which polls one after the other, or has a thread for each that sleeps; the producer is
 * on the first. Interleaved repetitions, median and range, and as a ratio to the first line of its kind in the same repetition: only that means
 * something where others use the machine.
 */
#include "mring.h"

#include "api/producer.h"
#include "support/bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BURST = 1000, BURSTS = 100, DELIVERIES = 4 * 1000 * 1000, LOSSY = 2 * 1000 * 1000, SCANS = 100, WAKES = 50 };

struct crowd {
    unsigned groups;
    unsigned members; /* in each */
    bool lossy;
};

/* What the two processes tell each other. */
static struct {
    struct word ready; /* the members are there */
    struct word order; /* 1: they are to read nothing */
    struct word obeyed;
    struct word sent; /* messages */
} * said;

static struct mring *ring;
static struct mring_producer *producer;
static char name[MRING_GROUPS_MAX][16];

/* ---- the members ---- */

static struct mring_consumer *member[MRING_MEMBERS_MAX];
static unsigned members; /* those for whom the stream goes on are the first */
static uint64_t seen;

/* False: the stream is complete. */
static bool read_some(struct mring_consumer *consumer)
{
    struct mring_message message[64];
    int count = mring_next_batch(consumer, message, 64);

    if (count > 0) {
        seen += (unsigned)count;
        (void)mring_release(consumer, &message[count - 1]); /* of a lossy group it may be too late */
    } else if (count != 0 && count != -EOVERFLOW && count != -EPIPE) {
        bench_fail("next", count);
    }
    return count != -EPIPE;
}

static void pause_reading(void)
{
    word_store_release(&said->obeyed, 1);
    while (word_load_acquire(&said->order) != 0)
        pause_cpu();
    word_store_release(&said->obeyed, 0);
}

static void join_all(const struct crowd *crowd)
{
    bench_pin(1);
    for (; members < crowd->groups * crowd->members; members++) {
        int code = mring_join(ring, name[members % crowd->groups], NULL, &member[members]);

        if (code != 0)
            bench_fail("join", code);
    }
}

static void poll_all(const struct crowd *crowd)
{
    join_all(crowd);
    word_store_release(&said->ready, 1);
    while (members > 0) {
        for (unsigned at = 0; at < members; at++)
            if (!read_some(member[at]))
                member[at--] = member[--members];
        if (word_load_acquire(&said->order) != 0)
            pause_reading();
    }
    if (!crowd->lossy && seen != word_load(&said->sent) * crowd->groups)
        bench_fail("the stream", -EIO);
    exit(EXIT_SUCCESS);
}

static void *sleep_between(void *consumer)
{
    while (read_some(consumer))
        (void)mring_wait((struct mring_consumer *)consumer, MRING_FOREVER);
    return NULL;
}

static void sleep_all(const struct crowd *crowd)
{
    pthread_t thread[MRING_MEMBERS_MAX];

    join_all(crowd);
    word_store_release(&said->ready, 1);
    for (unsigned at = 0; at < members; at++)
        if (pthread_create(&thread[at], NULL, sleep_between, member[at]) != 0)
            bench_fail("a thread", -EAGAIN);
    for (unsigned at = 0; at < members; at++)
        (void)pthread_join(thread[at], NULL);
    exit(EXIT_SUCCESS);
}

/* ---- the producer ---- */

static void begin(const struct crowd *crowd, void (*members_do)(const struct crowd *crowd))
{
    struct mring_group groups[MRING_GROUPS_MAX];
    struct mring_options options = MRING_OPTIONS_INIT;
    int code;

    for (unsigned at = 0; at < crowd->groups; at++) {
        (void)snprintf(name[at], sizeof(name[at]), "g%u", at);
        groups[at] = (struct mring_group){.name = name[at], .members = crowd->members, .lossy = crowd->lossy};
    }
    options.groups = groups;
    options.group_count = crowd->groups;
    word_store(&said->ready, 0);
    word_store(&said->order, 0);
    word_store(&said->sent, 0);
    if ((code = mring_create(&ring, NULL, &options)) != 0)
        bench_fail("create", code);
    (void)fflush(NULL);
    if (fork() == 0)
        members_do(crowd);
    bench_pin(0);
    if ((code = mring_producer(ring, &producer, NULL)) != 0)
        bench_fail("produce", code);
    while (word_load_acquire(&said->ready) == 0)
        pause_cpu();
}

static void end(void)
{
    (void)mring_end(producer);
    bench_wait_children();
    (void)mring_producer_close(producer);
    (void)mring_close(ring);
}

static void order(uint64_t pause)
{
    word_store_release(&said->order, pause);
    while (word_load_acquire(&said->obeyed) != pause)
        pause_cpu();
}

static void send(uint64_t messages)
{
    for (uint64_t left = messages; left > 0; left--)
        while (mring_send(producer, &left, sizeof(left), 0) == -EAGAIN)
            ;
    word_add_own(&said->sent, messages);
}

/* All that was sent is read, and the room for it known. */
static void settle(void)
{
    while (producer_scan(producer) < producer_core_tail(&producer->core))
        producer_back_off();
    producer_rescan(producer);
}

/* ---- what is measured: nanoseconds ---- */

/* The producer's processor time: of a message that finds room, in bursts; the members pause meanwhile, or not. */
static double publish(const struct crowd *crowd, bool paused)
{
    double spent = 0;

    begin(crowd, poll_all);
    for (unsigned burst = 0; burst < BURSTS; burst++) {
        if (paused)
            order(1);
        spent -= bench_processor_seconds();
        send(BURST);
        spent += bench_processor_seconds();
        if (paused)
            order(0);
        settle();
    }
    end();
    return spent / BURSTS / BURST * 1e9;
}

static double publish_paused(const struct crowd *crowd)
{
    return publish(crowd, true);
}

static double publish_polled(const struct crowd *crowd)
{
    return publish(crowd, false);
}

static double stream(const struct crowd *crowd, uint64_t messages)
{
    double spent;

    begin(crowd, poll_all);
    spent = bench_seconds();
    send(messages);
    if (!crowd->lossy)
        settle();
    spent = bench_seconds() - spent;
    end();
    return spent / (double)messages * 1e9;
}

/* Are all, lone members, announced as sleeping? */
static bool all_sleep(const struct crowd *crowd)
{
    for (unsigned at = 0; at < crowd->groups; at++)
        if (word_load(&producer->group[at].view.page->sleepers[0]) == 0)
            return false;
    return true;
}

/* The same, for a message for which all are woken. */
static double publish_asleep(const struct crowd *crowd)
{
    double spent = 0;

    begin(crowd, sleep_all);
    for (unsigned turn = 0; turn < WAKES; turn++) {
        while (!all_sleep(crowd))
            pause_cpu();
        spent -= bench_processor_seconds();
        send(1);
        spent += bench_processor_seconds();
    }
    end();
    return spent / WAKES * 1e9;
}

/* The whole stream: of a message in one group. */
static double deliver(const struct crowd *crowd)
{
    return stream(crowd, DELIVERIES / crowd->groups) / crowd->groups;
}

/* Of a message to lossy groups, which nobody waits for. */
static double broadcast(const struct crowd *crowd)
{
    return stream(crowd, LOSSY);
}

/* Of a scan, when all have just read something. */
static double scan(const struct crowd *crowd)
{
    double spent = 0;

    begin(crowd, poll_all);
    for (unsigned turn = 0; turn < SCANS; turn++) {
        send(crowd->members);
        settle();
        send(crowd->members);
        order(1);
        spent -= bench_seconds();
        (void)producer_scan(producer);
        spent += bench_seconds();
        order(0);
    }
    end();
    return spent / SCANS * 1e9;
}

/* ---- the figures ---- */

enum { CROWDS = 4, KINDS = 7 };

static const struct kind {
    const char *name;
    double (*measure)(const struct crowd *crowd);
    struct crowd crowd[CROWDS];
} kinds[KINDS] = {
    {"publish, members pause", publish_paused, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"publish, members poll", publish_polled, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"publish, lossy groups", broadcast, {{1, 1, 1}, {4, 1, 1}, {16, 1, 1}, {64, 1, 1}}},
    {"publish, members sleep", publish_asleep, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"stream, for each delivery", deliver, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"rescan", scan, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"rescan", scan, {{1, 1, 0}, {1, 16, 0}, {1, 256, 0}, {1, 1024, 0}}},
};

static double figure[KINDS][CROWDS][BENCH_REPETITIONS_MOST], ratio[KINDS][CROWDS][BENCH_REPETITIONS_MOST];

static void measure_all(const struct bench_wish *wish, unsigned turn)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned at = 0; at < CROWDS && bench_wanted(wish, kinds[kind].name); at++) {
            figure[kind][at][turn] = kinds[kind].measure(&kinds[kind].crowd[at]);
            ratio[kind][at][turn] = figure[kind][at][turn] / figure[kind][0][turn];
        }
}

static void report_all(const struct bench_wish *wish)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned at = 0; at < CROWDS && bench_wanted(wish, kinds[kind].name); at++) {
            const struct crowd *crowd = &kinds[kind].crowd[at];
            char line[64];

            (void)snprintf(line, sizeof(line), "%s: %u x %u", kinds[kind].name, crowd->groups, crowd->members);
            bench_report(line, "ns", figure[kind][at], wish->repetitions);
            bench_report("", "times", ratio[kind][at], wish->repetitions);
        }
}

int main(int argc, char **argv)
{
    const struct bench_wish wish = bench_wish(argc, argv);

    said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (said == MAP_FAILED)
        bench_fail("mmap", -errno);
    for (unsigned turn = 0; turn < wish.repetitions; turn++)
        measure_all(&wish, turn);
    report_all(&wish);
    return EXIT_SUCCESS;
}
