/*
 * What makes a handle's descriptor readable besides messages: who wakes it, who died, who serves the ring, the clock.
 */
#include "event.h"
#include "harness.h"
#include "polling.h"

#include "api/consumer.h"
#include "api/producer.h"
#include "core/layout.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { HANG_LIMIT = 5000 * TEST_SLOWNESS /* ms, where a promise says one second */ };

static struct mring *out;

/* Poll until a look says something other than that nothing is there. */
static int poll_until_told(struct mring_consumer *consumer, struct mring_message *message)
{
    int code;

    while ((code = mring_next_wait(consumer, message, 0)) == -ETIMEDOUT)
        EXPECT(readable(mring_fd(consumer), HANG_LIMIT), !=, 0);
    return code;
}

static struct mring_consumer *woken;

static void wake_from_handler(int number)
{
    (void)number;
    (void)mring_wake(woken);
}

static void *wake_from_thread(void *unused)
{
    (void)mring_wake(woken);
    return unused;
}

static void waking(void)
{
    struct mring_message message;
    struct sigaction action;
    pthread_t thread;
    int fd;

    out = make_ring(1);
    woken = join(out);
    EXPECT(fd = mring_fd(woken), >=, 0);
    EXPECT(readable(fd, 0), !=, 0); /* until it was looked at */
    EXPECT(mring_wait(woken, 0), ==, -ETIMEDOUT);
    stop_ticks(&woken->sleep);
    EXPECT(readable(fd, 0), ==, 0);
    memset(&action, 0, sizeof(action));
    action.sa_handler = wake_from_handler;
    EXPECT_OK(sigaction(SIGUSR1, &action, NULL));
    for (int turn = 0; turn < 100; turn++) {
        EXPECT_OK(turn % 2 == 0 ? raise(SIGUSR1) : pthread_create(&thread, NULL, wake_from_thread, NULL));
        EXPECT(readable(fd, -1), !=, 0);
        EXPECT(mring_next_wait(woken, &message, 0), ==, -ECANCELED);
        EXPECT(mring_next_wait(woken, &message, 0), ==, -ETIMEDOUT);
        EXPECT(mring_next_wait(woken, &message, 1000 * 1000), ==, -ETIMEDOUT);
        EXPECT(readable(fd, 0), ==, 0);
        if (turn % 2 == 1)
            EXPECT_OK(pthread_join(thread, NULL));
    }
    /* Also one that is in a wait. */
    EXPECT_OK(pthread_create(&thread, NULL, wake_from_thread, NULL));
    EXPECT(mring_wait(woken, MRING_FOREVER), ==, -ECANCELED);
    EXPECT_OK(pthread_join(thread, NULL));
    EXPECT_OK(mring_leave(woken));
    EXPECT_OK(mring_close(out));
}

static void in_a_child(void *consumer)
{
    EXPECT(mring_fd((struct mring_consumer *)consumer), ==, -ESTALE);
    EXPECT_OK(mring_leave(consumer));
}

/* Each when somebody is announced. */
static void send_to_sleepers(const struct mring *ring, struct mring_producer *sender, uint32_t first, uint32_t end)
{
    for (uint32_t number = first; number < end; number++) {
        while (word_load(&ring->region.view.doorbell->groups) == 0)
            (void)sched_yield();
        EXPECT_OK(mring_send(sender, "0123456789", 10, number));
    }
}

/* A semaphore that the producer knows already makes place for a port; and at the end it is readable for good. */
static void from_sleeping_to_polling(void)
{
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    pid_t child;

    out = make_ring(1);
    consumer = join(out);
    child = fork();
    EXPECT(child, >=, 0);
    if (child == 0) {
        EXPECT_OK(mring_producer(out, &producer, NULL));
        send_to_sleepers(out, producer, 0, 100);
        EXPECT_OK(mring_drain(producer, MRING_FOREVER));
        while (word_load_acquire(&out->group[0].view.page->sleepers[0]) == 0) /* it polls, from now on */
            (void)sched_yield();
        get_to_know(out, &producer->group[0], producer->known[0], 0);
        send_to_sleepers(out, producer, 100, 200);
        EXPECT_OK(mring_end(producer));
        EXPECT_OK(mring_producer_close(producer));
        exit(EXIT_SUCCESS);
    }
    for (uint32_t number = 0; number < 200; number++) {
        int code = number < 100 ? mring_next_wait(consumer, &message, MRING_FOREVER) : 0;

        while (number >= 100 && (code = mring_next_wait(consumer, &message, 0)) == -ETIMEDOUT) {
            stop_ticks(&consumer->sleep);
            EXPECT(readable(mring_fd(consumer), -1), !=, 0);
        }
        EXPECT(code, ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT_OK(mring_release(consumer, &message));
        if (number == 99)
            EXPECT(mring_fd(consumer), >=, 0);
    }
    EXPECT(poll_until_told(consumer, &message), ==, -EPIPE);
    EXPECT(readable(mring_fd(consumer), 0), !=, 0);
    EXPECT(mring_wait(consumer, 0), ==, -EPIPE);
    EXPECT(readable(mring_fd(consumer), 0), !=, 0);
    child_finish(child);
    child_finish(child_start(in_a_child, consumer));
    EXPECT(readable(mring_fd(consumer), 0), !=, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

static void produce_and_be_killed(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(out, &producer, NULL));
    EXPECT_OK(mring_send(producer, "first", 5, 1));
    EXPECT_OK(mring_send(producer, "second", 6, 2));
    (void)raise(SIGKILL);
}

static void take_and_be_killed(void *unused)
{
    struct mring_message message;

    (void)unused;
    EXPECT(mring_next_wait(join(out), &message, MRING_FOREVER), ==, 1);
    (void)raise(SIGKILL);
}

/* A peer with messages in its hands, and the producer: both are noticed by who does nothing but poll. */
static void deaths(void)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    bool redelivered = false;
    pid_t producer, peer;
    int code;

    out = make_ring(2);
    peer = child_start(take_and_be_killed, NULL);
    producer = child_start(produce_and_be_killed, NULL);
    child_finish_killed(producer);
    child_finish_killed(peer);
    consumer = join(out);
    EXPECT(mring_fd(consumer), >=, 0);
    while ((code = poll_until_told(consumer, &message)) == 1) {
        redelivered = redelivered || message.deliveries > 1;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EOWNERDEAD);
    EXPECT(redelivered, !=, 0);
    /* Once more while it polls already. */
    EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
    peer = child_start(take_and_be_killed, NULL);
    while (word_load(&out->group[0].view.page->sleepers[0]) != 3)
        (void)sched_yield();
    EXPECT_OK(mring_wake(consumer)); /* busy, as it were, so that the peer gets the messages */
    EXPECT(mring_wait(consumer, 0), ==, -ECANCELED);
    producer = child_start(produce_and_be_killed, NULL);
    child_finish_killed(producer);
    child_finish_killed(peer);
    redelivered = false;
    while ((code = poll_until_told(consumer, &message)) == 1) {
        redelivered = redelivered || message.deliveries > 1;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EOWNERDEAD);
    EXPECT(redelivered, !=, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

/* ---- who serves the ring dies ---- */

static char name[48];
static struct event ready;

static void create_and_be_killed(void *unused)
{
    const struct mring_group group = {.name = "g", .members = 1};
    struct mring_options options = MRING_OPTIONS_INIT;

    (void)unused;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&out, name, &options));
    event_send(&ready);
    (void)pause();
}

static void open_ring(enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = INT64_C(30) * 1000 * 1000 * 1000;
    EXPECT_OK(mring_open(&out, name, role, &options));
}

static void open_and_poll(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t next = 0;
    int code;

    (void)unused;
    open_ring(MRING_CONSUME);
    consumer = join(out);
    EXPECT(mring_fd(consumer), >=, 0);
    EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
    event_send(&ready);
    while ((code = poll_until_told(consumer, &message)) == 1) {
        EXPECT(message.tag, ==, next);
        next++;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT(next, ==, 200);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(out));
}

/* One that does nothing but poll takes the ring over, and is woken by who finds it there. */
static void who_polls_takes_over(void)
{
    struct mring_producer *producer;
    pid_t creator, poller;

    ready = event_make();
    (void)snprintf(name, sizeof(name), "polling-%d", (int)getpid());
    creator = child_start(create_and_be_killed, NULL);
    event_wait(&ready);
    poller = child_start(open_and_poll, NULL);
    event_wait(&ready);
    EXPECT_OK(kill(creator, SIGKILL));
    child_finish_killed(creator);
    open_ring(MRING_PRODUCE);
    EXPECT_OK(mring_producer(out, &producer, NULL));
    send_to_sleepers(out, producer, 0, 200);
    EXPECT_OK(mring_end(producer));
    child_finish(poller);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(out));
}

/* By the clock: nothing is announced, and each is there when its time has come. */
static void dozing(void)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;

    out = make_ring(1);
    options.wait = MRING_DOZE;
    options.interval = 100 * 1000;
    EXPECT_OK(mring_join(out, "g", &options, &consumer));
    EXPECT_OK(mring_producer(out, &producer, NULL));
    EXPECT(mring_fd(consumer), >=, 0);
    for (uint32_t number = 0; number < 100; number++) {
        EXPECT(mring_wait(consumer, 0), ==, -ETIMEDOUT);
        EXPECT(word_load(&out->region.view.doorbell->groups), ==, 0);
        EXPECT_OK(mring_send(producer, "0123456789", 10, number));
        EXPECT(readable(mring_fd(consumer), -1), !=, 0);
        EXPECT(mring_next_wait(consumer, &message, 0), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(out));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"waking", waking, 60}, {"from_sleeping_to_polling", from_sleeping_to_polling, 60},
        {"deaths", deaths, 60}, {"who_polls_takes_over", who_polls_takes_over, 60},
        {"dozing", dozing, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
