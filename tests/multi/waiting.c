/*
 * The ways to wait (enum mring_waiting), mixed at random in one group and beside each kind of producer: everything is delivered once, each
 * learns of the end and of the producer's death, and what somebody keeps who announces nothing holds nobody's wish up. That they make no
 * system call, or spare others theirs, is quiet_linux.c's subject.
 */
#include "harness.h"

#include "api/ring.h"
#include "core/layout.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAYS = 4, MEMBERS = 3, ROUNDS = 12, MESSAGES = 20000, INTERVAL = 50 * 1000 };

static struct mring *ring;
static struct totals {
    struct word count, sum;
} * totals; /* of all members together */

static void make_ring(unsigned members)
{
    const struct mring_group group = {.name = "g", .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 16384;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

static void add(struct word *word, uint64_t more)
{
    for (uint64_t seen = word_load(word); !word_cas(word, seen, seen + more);)
        seen = word_load(word);
}

static struct mring_consumer *join(enum mring_waiting way)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;

    options.wait = way;
    options.interval = INTERVAL;
    EXPECT_OK(mring_join(ring, "g", &options, &consumer));
    return consumer;
}

static struct mring_producer *produce(enum mring_waiting way)
{
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    struct mring_producer *producer;

    options.wait = way;
    options.interval = INTERVAL;
    EXPECT_OK(mring_producer(ring, &producer, &options));
    return producer;
}

/* What a child is to do: in which way, and how it ends. */
struct part {
    enum mring_waiting way;
    int end;
};

static void consume(void *argument)
{
    const struct part *part = argument;
    struct mring_consumer *consumer = join(part->way);
    struct mring_message message;
    int code;

    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        add(&totals->count, 1);
        add(&totals->sum, message.tag);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, part->end);
    EXPECT_OK(mring_leave(consumer));
}

static void one_round(uint64_t *state)
{
    enum mring_waiting producers = (enum mring_waiting)random_below(state, WAYS);
    struct mring_producer *producer;
    struct part parts[MEMBERS];
    pid_t children[MEMBERS];

    totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(totals != MAP_FAILED, !=, 0);
    make_ring(MEMBERS);
    for (int member = 0; member < MEMBERS; member++) {
        parts[member] = (struct part){(enum mring_waiting)random_below(state, WAYS), -EPIPE};
        children[member] = child_start(consume, &parts[member]);
    }
    producer = produce(producers);
    for (uint32_t number = 0; number < MESSAGES; number++) {
        EXPECT_OK(mring_send_wait(producer, "0123456789abcdef", random_below(state, 17), number, MRING_FOREVER));
        if (random_below(state, 64) == 0)
            for (uint32_t gap = random_below(state, 40000); gap > 0; gap--)
                pause_cpu();
        if (random_below(state, 64) == 0)
            (void)sched_yield();
    }
    EXPECT_OK(mring_end(producer));
    for (int member = 0; member < MEMBERS; member++)
        child_finish(children[member]);
    EXPECT(word_load(&totals->count), ==, MESSAGES);
    EXPECT(word_load(&totals->sum), ==, (uint64_t)MESSAGES * (MESSAGES - 1) / 2);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    EXPECT_OK(munmap(totals, sizeof(*totals)));
}

static void everything_arrives(void)
{
    uint64_t state = harness_seed;

    for (int round = 0; round < ROUNDS; round++)
        one_round(&state);
}

/* ---- the producer dies ---- */

static void produce_and_be_killed(void *unused)
{
    struct mring_producer *producer = produce(MRING_SPIN_THEN_SLEEP);

    (void)unused;
    for (uint32_t number = 0; number < 100; number++)
        EXPECT_OK(mring_send(producer, "0123456789", 10, number));
    (void)kill(getpid(), SIGKILL);
}

static void the_producer_is_mourned(void)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct part part = {(enum mring_waiting)way, -EOWNERDEAD};
        pid_t producer, consumer;
        int status;

        totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        EXPECT(totals != MAP_FAILED, !=, 0);
        make_ring(1);
        consumer = child_start(consume, &part);
        producer = child_start(produce_and_be_killed, NULL);
        EXPECT(waitpid(producer, &status, 0), ==, producer);
        child_finish(consumer);
        EXPECT(word_load(&totals->count), ==, 100);
        EXPECT_OK(mring_close(ring));
    }
}

/* ---- wishes ---- */

/* As a producer that sleeps for room does; then send what ends the wait of who was to answer. */
static void wish_and_send(void *unused)
{
    struct mring_producer *producer = produce(MRING_SPIN_THEN_SLEEP);
    struct word *want = &ring->group[0].view.page->want;

    (void)unused;
    word_store_release(want, UINT64_MAX / 2);
    while (word_load(want) != 0)
        (void)sched_yield();
    EXPECT_OK(mring_send(producer, "enough", 6, 1));
    EXPECT_OK(mring_producer_close(producer));
}

/* Who waits and keeps a message does not release: the producer is told to look for itself. */
static void wishes_are_answered(void)
{
    for (unsigned way = 0; way < WAYS; way++) {
        struct mring_producer *producer;
        struct mring_consumer *consumer;
        struct mring_message kept, next;
        pid_t wisher;

        make_ring(1);
        producer = produce(MRING_SPIN_THEN_SLEEP);
        EXPECT_OK(mring_send(producer, "kept", 4, 0));
        EXPECT_OK(mring_producer_close(producer));
        consumer = join((enum mring_waiting)way);
        EXPECT(mring_next(consumer, &kept), ==, 1);
        EXPECT(mring_next(consumer, &next), ==, 0);
        wisher = child_start(wish_and_send, NULL);
        EXPECT(mring_next_wait(consumer, &next, MRING_FOREVER), ==, 1);
        child_finish(wisher);
        EXPECT_OK(mring_leave(consumer));
        EXPECT_OK(mring_close(ring));
    }
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"everything_arrives", everything_arrives, 120},
        {"the_producer_is_mourned", the_producer_is_mourned, 60},
        {"wishes_are_answered", wishes_are_answered, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
