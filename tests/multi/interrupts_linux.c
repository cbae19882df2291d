/*
 * EINTR everywhere: every call, under a storm of signals, whose handler was installed with SA_RESTART or without. Those that wait for
 * messages or room may say -EINTR, and have then done nothing; no other call knows that there was a signal. Nothing is half-made.
 */
#include "api/consumer.h"
#include "event.h"
#include "harness.h"
#include "meet/clock.h"
#include "mring.h"
#include "possessions_linux.h"
#include "support/late.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EVERY = 200 * 1000 /* ns */, TURNS = 40, MESSAGES = 5000 };
static const int64_t MILLISECOND = 1000 * 1000;

static char name[48];
static timer_t timer;
static volatile sig_atomic_t handled;

static void handler(int number)
{
    (void)number;
    handled++;
}

static void storm_at(long nanoseconds)
{
    const struct timespec every = {.tv_nsec = nanoseconds};

    EXPECT_OK(timer_settime(timer, 0, &(struct itimerspec){every, every}, NULL));
}

/* Of this process: timers do not pass to children. */
static void storm_begin(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

    EXPECT_OK(sigaction(SIGUSR1, &action, NULL));
    EXPECT_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    storm_at(EVERY);
}

static void storm_end(void)
{
    EXPECT_OK(timer_delete(timer));
    EXPECT(handled, >, 0);
}

static struct mring *make(const char *called, size_t capacity)
{
    const struct mring_group groups[] = {{.name = "one", .members = 1}, {.name = "many", .members = 2}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring = NULL;

    options.capacity = capacity;
    options.groups = groups;
    options.group_count = 2;
    options.error = &error;
    if (mring_create(&ring, called, &options) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        exit(EXIT_FAILURE);
    }
    return ring;
}

/* ---- a server to open and to join at ---- */

static pid_t server;

static void serve(void *unused)
{
    struct mring *ring = make(name, 16384);

    (void)unused;
    (void)ring;
    stay_until_killed();
}

static void server_start(void)
{
    (void)snprintf(name, sizeof(name), "interrupts-%d", (int)getpid());
    server = child_start(serve, NULL);
}

static void server_end(void)
{
    int status;

    EXPECT_OK(kill(server, SIGKILL));
    EXPECT(waitpid(server, &status, 0), ==, server);
}

static int open_within(struct mring **ring, const char *called, int64_t timeout)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = timeout;
    return mring_open(ring, called, MRING_CONSUME, &options);
}

/* ---- calls that know no signals ---- */

static void create_and_close(void)
{
    char own[64];

    (void)snprintf(own, sizeof(own), "%s-own", name);
    EXPECT_OK(mring_close(make(own, 16384)));
    EXPECT_OK(mring_close(make(NULL, 16384)));
}

static void open_and_join(void)
{
    static const char *const groups[] = {"one", "many", "late"};
    struct mring_consumer *consumer;
    struct mring *ring;

    EXPECT_OK(open_within(&ring, name, 0));
    for (int at = 0; at < 3; at++) {
        EXPECT_OK(mring_join(ring, groups[at], NULL, &consumer));
        EXPECT_OK(mring_leave(consumer));
    }
    EXPECT_OK(mring_close(ring));
}

static void opening_calls(int flags)
{
    struct possessions before, after;
    struct mring *none;
    int64_t began;

    server_start();
    EXPECT_OK(open_within(&none, name, MRING_FOREVER));
    EXPECT_OK(mring_close(none));
    create_and_close();
    open_and_join();
    before = possessions_now();
    storm_begin(flags);
    for (int turn = 0; turn < TURNS; turn++) {
        create_and_close();
        open_and_join();
    }
    began = clock_now();
    EXPECT(open_within(&none, "interrupts-of-nobody", 50 * MILLISECOND), ==, -ENOENT);
    EXPECT(clock_now() - began, >=, 50 * MILLISECOND);
    storm_end();
    after = possessions_now();
    possessions_within(&before, &after, "after a storm");
    server_end();
}

/* Committing its memory takes longer than the time between two signals; there are kernels that undo it at each. */
static void a_large_ring(int flags)
{
    storm_begin(flags);
    storm_at(2 * MILLISECOND);
    EXPECT_OK(mring_close(make(NULL, 128 * 1024 * 1024)));
    storm_end();
}

/* The broker's process is stopped: the whole patience, and no place is lost. */
static void a_stopped_broker(int flags)
{
    struct mring_consumer *first, *second;
    struct mring *ring;
    int64_t began;
    int status;

    server_start();
    EXPECT_OK(open_within(&ring, name, MRING_FOREVER));
    EXPECT_OK(kill(server, SIGSTOP));
    EXPECT(waitpid(server, &status, WUNTRACED), ==, server);
    storm_begin(flags);
    began = clock_now();
    EXPECT(mring_join(ring, "many", NULL, &first), ==, -ETIMEDOUT);
    EXPECT(clock_now() - began, >=, 4900 * MILLISECOND);
    EXPECT_OK(kill(server, SIGCONT));
    EXPECT_OK(mring_join(ring, "many", NULL, &first));
    EXPECT_OK(mring_join(ring, "many", NULL, &second)); /* there are two places */
    EXPECT_OK(mring_leave(first));
    EXPECT_OK(mring_leave(second));
    EXPECT_OK(mring_close(ring));
    storm_end();
    server_end();
}

/* ---- calls that wait ---- */

static struct mring *shared;
static int storm_flags;
static struct event interrupted_once; /* of each consumer */

/* What a call that waits may answer; -EINTR is counted. */
static bool again(int code, int expected, unsigned *interrupted)
{
    if (code == -EINTR)
        ++*interrupted;
    else
        EXPECT(code, ==, expected);
    return code == -EINTR;
}

static void consume(void *group)
{
    const bool copies = strcmp(group, "many") == 0; /* one by next_wait, one by wait and next */
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t expected = 0;
    int code;

    storm_begin(storm_flags);
    EXPECT_OK(mring_join(shared, group, NULL, &consumer));
    EXPECT(mring_wait(consumer, MRING_FOREVER), ==, -EINTR); /* nobody has produced yet */
    event_send(&interrupted_once);
    for (;;) {
        if (copies) {
            while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == -EINTR)
                ;
        } else {
            while ((code = mring_next(consumer, &message)) == 0)
                if ((code = mring_wait(consumer, MRING_FOREVER)) < 0 && code != -EPIPE)
                    EXPECT(code, ==, -EINTR);
        }
        if (code != 1)
            break;
        EXPECT(message.tag, ==, expected);
        expected++;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT(expected, ==, MESSAGES);
    EXPECT(word_load(&consumer->core.line->rescued), ==, 0);
    EXPECT_OK(mring_leave(consumer));
    storm_end();
}

/* All that goes is paced by sleeps on both sides: after each burst that fills the ring, the producer waits until it is drained. */
static void waiting_calls(int flags)
{
    static const unsigned char payload[500];
    struct mring_producer *producer;
    unsigned interrupted = 0;
    pid_t one, many;

    wakers_may_be_late();
    storm_flags = flags;
    shared = make(NULL, 16384);
    interrupted_once = event_make();
    one = child_start(consume, "one");
    many = child_start(consume, "many");
    event_wait(&interrupted_once);
    event_wait(&interrupted_once);
    EXPECT_OK(mring_producer(shared, &producer, NULL));
    storm_begin(flags);
    for (uint32_t sent = 0; sent < MESSAGES; sent++) {
        while (again(mring_send_wait(producer, payload, sizeof(payload), sent, MRING_FOREVER), 0, &interrupted))
            ;
        if (sent % 500 == 0) {
            while (again(mring_drain(producer, MRING_FOREVER), 0, &interrupted))
                ;
            (void)nanosleep(&(struct timespec){.tv_nsec = 5 * MILLISECOND}, NULL); /* for the consumers to sleep */
        }
    }
    EXPECT_OK(mring_end(producer));
    child_finish(one);
    child_finish(many);
    /* Nothing is left to wait for: a wait is over before a signal counts, and one with a time ends by one of the two. */
    EXPECT(mring_wait(producer, MRING_FOREVER), ==, -EPIPE);
    storm_end();
    (void)printf("  the producer was interrupted %u times\n", interrupted);
    EXPECT(word_load(&shared->region.view.page->rescued), ==, 0);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(shared));
}

#define SCENARIOS(X) X(opening_calls) X(a_large_ring) X(a_stopped_broker) X(waiting_calls)

#define DEFINE(test)                                                                                                   \
    static void test##_restarting(void)                                                                                \
    {                                                                                                                  \
        test(SA_RESTART);                                                                                              \
    }                                                                                                                  \
    static void test##_plain(void)                                                                                     \
    {                                                                                                                  \
        test(0);                                                                                                       \
    }
SCENARIOS(DEFINE)
#define LIST(test) {#test "_restarting", test##_restarting, 60}, {#test "_plain", test##_plain, 60},

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {SCENARIOS(LIST)};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
