/*
 * What groups and members cost the producer on this machine: 1, 4, 16 and 64 groups, and 1 to 1024 members. What they cost beside peers, each in a
 * process of its own, awake and asleep, is the bench's work ("groups", "broadcast").
 *
 *   bench-groups [REPETITIONS]
 *
 * All members are in one process, on the second processor, which polls one after the other; the producer is on the first. Interleaved repetitions,
 * median and range, and as a ratio to the first line of its kind in the same repetition: only that means something where others use the machine.
 */
#include "mring.h"

#include "api/producer.h"
#include "clock.h"
#include "pin.h"
#include "statistics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPETITIONS_MOST = 99, BURST = 1000, BURSTS = 100, LOSSY = 2 * 1000 * 1000, SCANS = 100 };

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

static _Noreturn void fail(const char *what, int code)
{
    (void)fprintf(stderr, "bench-groups: %s: %s\n", what, mring_strerror(code));
    exit(EXIT_FAILURE);
}

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
        fail("next", count);
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
    pin(1);
    for (; members < crowd->groups * crowd->members; members++) {
        int code = mring_join(ring, name[members % crowd->groups], NULL, &member[members]);

        if (code != 0)
            fail("join", code);
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
        fail("the stream", -EIO);
    exit(EXIT_SUCCESS);
}

/* ---- the producer ---- */

static void begin(const struct crowd *crowd)
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
        fail("create", code);
    (void)fflush(NULL);
    if (fork() == 0)
        poll_all(crowd);
    pin(0);
    if ((code = mring_producer(ring, &producer, NULL)) != 0)
        fail("produce", code);
    while (word_load_acquire(&said->ready) == 0)
        pause_cpu();
}

static void end(void)
{
    int status;

    (void)mring_end(producer);
    if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        fail("the members", -EIO);
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
        producer_back_off(producer);
    producer_rescan(producer);
}

/* ---- what is measured: nanoseconds ---- */

/* The producer's processor time: of a message that finds room, in bursts; the members pause meanwhile, or not. */
static double publish(const struct crowd *crowd, bool paused)
{
    int64_t spent = 0;

    begin(crowd);
    for (unsigned burst = 0; burst < BURSTS; burst++) {
        if (paused)
            order(1);
        spent -= now_cpu();
        send(BURST);
        spent += now_cpu();
        if (paused)
            order(0);
        settle();
    }
    end();
    return (double)spent / BURSTS / BURST;
}

static double publish_paused(const struct crowd *crowd)
{
    return publish(crowd, true);
}

static double publish_polled(const struct crowd *crowd)
{
    return publish(crowd, false);
}

/* Of a message to lossy groups, which nobody waits for. */
static double publish_lossy(const struct crowd *crowd)
{
    int64_t spent;

    begin(crowd);
    spent = now();
    send(LOSSY);
    spent = now() - spent;
    end();
    return (double)spent / LOSSY;
}

/* Of a scan, when all have just read something. */
static double scan(const struct crowd *crowd)
{
    int64_t spent = 0;

    begin(crowd);
    for (unsigned turn = 0; turn < SCANS; turn++) {
        send(crowd->members);
        settle();
        send(crowd->members);
        order(1);
        spent -= now();
        (void)producer_scan(producer);
        spent += now();
        order(0);
    }
    end();
    return (double)spent / SCANS;
}

/* ---- the figures ---- */

enum { CROWDS = 4, KINDS = 5 };

static const struct kind {
    const char *name;
    double (*measure)(const struct crowd *crowd);
    struct crowd crowd[CROWDS];
} kinds[KINDS] = {
    {"publish, members pause", publish_paused, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"publish, members poll", publish_polled, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"publish, lossy groups", publish_lossy, {{1, 1, 1}, {4, 1, 1}, {16, 1, 1}, {64, 1, 1}}},
    {"rescan, groups", scan, {{1, 1, 0}, {4, 1, 0}, {16, 1, 0}, {64, 1, 0}}},
    {"rescan, members", scan, {{1, 1, 0}, {1, 16, 0}, {1, 256, 0}, {1, 1024, 0}}},
};

static double figure[KINDS][CROWDS][REPETITIONS_MOST], ratio[KINDS][CROWDS][REPETITIONS_MOST];

static void measure_all(unsigned turn)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned at = 0; at < CROWDS; at++) {
            figure[kind][at][turn] = kinds[kind].measure(&kinds[kind].crowd[at]);
            ratio[kind][at][turn] = figure[kind][at][turn] / figure[kind][0][turn];
        }
}

static void report_all(unsigned repetitions)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned at = 0; at < CROWDS; at++) {
            const struct crowd *crowd = &kinds[kind].crowd[at];
            const struct summary ns = summarise(figure[kind][at], repetitions);
            const struct summary times = summarise(ratio[kind][at], repetitions);

            (void)printf("%-24s %2u x %-4u %9.1f ns (%.1f to %.1f), %.2f times (%.2f to %.2f)\n", kinds[kind].name,
                         crowd->groups, crowd->members, ns.median, ns.low, ns.high, times.median, times.low,
                         times.high);
        }
}

int main(int argc, char **argv)
{
    const unsigned long repetitions = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;

    if (repetitions < 1 || repetitions > REPETITIONS_MOST) {
        (void)fprintf(stderr, "usage: bench-groups [REPETITIONS, 1 to %d]\n", REPETITIONS_MOST);
        return 2;
    }
    said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (said == MAP_FAILED)
        fail("mmap", -errno);
    for (unsigned turn = 0; turn < repetitions; turn++)
        measure_all(turn);
    report_all((unsigned)repetitions);
    return EXIT_SUCCESS;
}
