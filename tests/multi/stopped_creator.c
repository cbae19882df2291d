/*
 * The process that made a ring is stopped, neither dead nor able to answer: whoever goes on with the ring is not held up by it. A
 * producer that has never woken a certain sleeper must ask the creator for its semaphore; it does not wait for the answer for long.
 */
#include "api/producer.h"
#include "stage.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

enum { MESSAGES = 5 };

static char name[MRING_NAME_MAX + 1];

static void serve(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    (void)unused;
    EXPECT_OK(mring_create(&ring, name, &options));
    stay_until_killed();
}

static struct mring *open_ring(enum mring_role role)
{
    return stage_open(name, role, 10 * INT64_C(1000000000));
}

static void sleep_and_read(void *unused)
{
    struct mring *ring = open_ring(MRING_CONSUME);
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    EXPECT(mring_wait(consumer, SECOND / 100), ==, -ETIMEDOUT); /* its semaphore is with the creator now */
    reach(SURVIVOR, 1);
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        log_message(&message);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void await_sleeper(const struct mring_producer *producer)
{
    while (word_load_acquire(&producer->group[0].view.page->sleepers[0]) == 0)
        (void)sched_yield();
}

static void it_delays_no_call(void)
{
    struct mring_producer *producer;
    struct mring *ring;
    pid_t creator, reader;
    int64_t slowest = 0;

    stage = stage_share(sizeof(*stage));
    (void)snprintf(name, sizeof(name), "stopped-creator.%ld", (long)getpid());
    creator = child_start(serve, NULL);
    reader = child_start(sleep_and_read, NULL);
    ring = open_ring(MRING_PRODUCE);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    await(SURVIVOR, 1);
    EXPECT_OK(kill(creator, SIGSTOP));
    for (uint32_t number = 0; number < MESSAGES; number++) {
        int64_t began, took;

        await_sleeper(producer);
        began = stage_clock();
        EXPECT_OK(mring_send(producer, &number, sizeof(number), number));
        took = stage_clock() - began;
        slowest = took > slowest ? took : slowest;
        await_logged(number + 1);
    }
    EXPECT(slowest, <, 3 * (int64_t)SECOND); /* asked for: one; an answer that was waited for would take five */
    (void)printf("  the longest mring_send: %lld ms\n", (long long)(slowest / 1000000));
    EXPECT_OK(mring_end(producer));
    child_finish(reader);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    child_kill(creator);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {{"it_delays_no_call", it_delays_no_call, 120}};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
