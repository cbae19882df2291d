/* The calls that wait: what ends them, and what they wait for. */
#include "api/ring.h"
#include "mring.h"
#include "support/late.h"
#include "support/random.h"
#include "support/ring.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct mring_group lone[] = {{.name = "lone", .members = 1}};

static void on_signal(int number)
{
    (void)number;
}

struct signaller {
    pthread_t target;
    atomic_bool enough;
};

/*
 * A signal may come before the wait has begun: one is sent every two milliseconds until there were enough. (Not until the thread is
 * cancelled: AddressSanitizer takes what a cancelled thread leaves on its stack for an overflow.)
 */
static void *signal_thread(void *context)
{
    const struct timespec interval = {0, 2 * 1000 * 1000};
    struct signaller *signaller = context;

    while (!atomic_load(&signaller->enough) && pthread_kill(signaller->target, SIGUSR1) == 0)
        nanosleep(&interval, NULL);
    return NULL;
}

static void a_handler_ends_a_wait(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct sigaction action;
    struct mring_consumer *consumer;
    struct signaller signaller = {.target = pthread_self()};
    pthread_t thread;

    (void)state;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(pthread_create(&thread, NULL, signal_thread, &signaller), 0);
    assert_int_equal(mring_wait(consumer, MRING_FOREVER), -EINTR);
    atomic_store(&signaller.enough, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void *wake_thread(void *consumer)
{
    assert_int_equal(mring_wake((struct mring_consumer *)consumer), 0);
    return NULL;
}

/* A declared group that nobody has joined yet holds the drain up, and so does a member that has not released. */
static void a_drain_waits_for_everybody(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer, *passing;
    struct mring_message message;
    pid_t child;
    int status;

    (void)state;
    options.members = 2;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    assert_int_equal(mring_drain(producer, MRING_FOREVER), 0);
    assert_int_equal(mring_join(ring, "passing", &options, &passing), 0);
    for (uint32_t sent = 0; sent < 100; sent++)
        assert_int_equal(mring_send(producer, "0123456789", 10, sent), 0);
    assert_int_equal(mring_drain(producer, 0), -ETIMEDOUT);
    child = fork();
    if (child == 0) {
        bool right = mring_join(ring, "lone", NULL, &consumer) == 0;

        while (right && mring_next_wait(consumer, &message, MRING_FOREVER) == 1)
            right = mring_release(consumer, &message) == 0;
        _exit(right && mring_leave(consumer) == 0 ? 0 : 1);
    }
    assert_int_equal(mring_end(producer), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_drain(producer, 1000 * 1000), -ETIMEDOUT);
    for (int left = 100; left > 0; left--) {
        assert_int_equal(mring_next(passing, &message), 1);
        assert_int_equal(mring_drain(producer, 0), -ETIMEDOUT);
        assert_int_equal(mring_release(passing, &message), 0);
    }
    assert_int_equal(mring_drain(producer, MRING_FOREVER), 0);
    assert_int_equal(mring_leave(passing), 0);
    assert_int_equal(mring_drain(producer, 0), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* Asleep in the drain, and woken by the last release: by an event, which the counter of lost ones confirms. */
static void a_drain_is_woken(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    const struct producer_page *page = ring->region.view.page;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    for (uint32_t turn = 0; turn < 50; turn++) {
        const uint64_t slept = word_load(&page->waits);

        assert_int_equal(mring_send(producer, "0123456789", 10, turn), 0);
        assert_int_equal(mring_send(producer, "0123456789", 10, turn), 0);
        child = fork();
        if (child == 0) {
            bool right = mring_join(ring, "lone", NULL, &consumer) == 0;

            while (word_load(&page->waits) == slept)
                (void)sched_yield();
            right = right && mring_next(consumer, &message) == 1 && mring_release(consumer, &message) == 0 &&
                    mring_next(consumer, &message) == 1 && mring_release(consumer, &message) == 0;
            _exit(right && mring_leave(consumer) == 0 ? 0 : 1);
        }
        assert_int_equal(mring_drain(producer, MRING_FOREVER), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    assert_int_equal(word_load(&page->rescued), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* A full ring and an empty one: the calls that wait come back when their time is up, and when there is something to do. */
static void calls_that_wait(void **state)
{
    static const char payload[8000];
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t sent = 0;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    while (mring_send_wait(producer, payload, sizeof(payload), sent, 0) == 0)
        sent++;
    assert_in_range(sent, 7, 8);
    assert_int_equal(mring_send_wait(producer, payload, sizeof(payload), sent, 1000 * 1000), -ETIMEDOUT);
    assert_int_equal(mring_send_wait(producer, payload, 1 << 20, 0, MRING_FOREVER), -EMSGSIZE);
    child = fork();
    if (child == 0) {
        bool right = mring_join(ring, "lone", NULL, &consumer) == 0;

        for (uint32_t next = 0; right && next <= sent; next++)
            right = mring_next_wait(consumer, &message, MRING_FOREVER) == 1 && message.tag == next &&
                    message.length == sizeof(payload) && mring_release(consumer, &message) == 0;
        right = right && mring_next_wait(consumer, &message, 1000 * 1000) == -ETIMEDOUT && mring_leave(consumer) == 0;
        _exit(right ? 0 : 1);
    }
    assert_int_equal(mring_send_wait(producer, payload, sizeof(payload), sent, MRING_FOREVER), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_end(producer), 0);
    assert_int_equal(mring_send_wait(producer, payload, 1, 0, MRING_FOREVER), -EPIPE);
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(mring_next_wait(consumer, &message, MRING_FOREVER), -EPIPE);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void each_way_to_wait_ends(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_producer_options producing = MRING_PRODUCER_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    pthread_t thread;

    (void)state;
    options.wait = (enum mring_waiting)4;
    assert_int_equal(mring_join(ring, "lone", &options, &consumer), -EINVAL);
    options.wait = producing.wait = MRING_DOZE;
    options.interval = producing.interval = -1;
    assert_int_equal(mring_join(ring, "lone", &options, &consumer), -EINVAL);
    assert_int_equal(mring_producer(ring, &producer, &producing), -EINVAL);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    options.interval = INT64_MAX;
    for (unsigned way = 0; way < 4; way++) {
        options.wait = (enum mring_waiting)way;
        assert_int_equal(mring_join(ring, "lone", &options, &consumer), 0);
        assert_int_equal(mring_wait(consumer, 0), -ETIMEDOUT);
        assert_int_equal(mring_wait(consumer, 100 * 1000), -ETIMEDOUT);
        for (unsigned turn = 0; turn < 20; turn++) {
            assert_int_equal(pthread_create(&thread, NULL, wake_thread, consumer), 0);
            assert_int_equal(mring_wait(consumer, MRING_FOREVER), -ECANCELED);
            assert_int_equal(pthread_join(thread, NULL), 0);
        }
        assert_int_equal(mring_send(producer, "now", 3, way), 0);
        assert_int_equal(mring_next_wait(consumer, &message, MRING_FOREVER), 1);
        assert_int_equal(message.tag, way);
        assert_int_equal(mring_leave(consumer), 0);
    }
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static void wake_ends_a_wait_or_the_next(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    pthread_t thread;
    uint64_t sleeps;

    (void)state;
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(mring_wake(consumer), 0);
    assert_int_equal(mring_wake(consumer), 0);
    assert_int_equal(mring_wait(consumer, MRING_FOREVER), -ECANCELED);
    assert_int_equal(mring_wait(consumer, 1000), -ETIMEDOUT);
    for (unsigned turn = 0; turn < 200; turn++) {
        assert_int_equal(pthread_create(&thread, NULL, wake_thread, consumer), 0);
        assert_int_equal(mring_wait(consumer, MRING_FOREVER), -ECANCELED);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    /* The credits of wakes whose flag was seen before the sleep must not end later sleeps, one each. */
    for (unsigned turn = 0; turn < 1000; turn++) {
        assert_int_equal(mring_wake(consumer), 0);
        assert_int_equal(mring_wait(consumer, MRING_FOREVER), -ECANCELED);
    }
    sleeps = word_load(&ring->group[0].view.line[0].sleeps);
    assert_int_equal(mring_wait(consumer, 1000 * 1000), -ETIMEDOUT);
    assert_true(word_load(&ring->group[0].view.line[0].sleeps) - sleeps < 10);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    while (mring_send(producer, "0123456789", 10, 0) == 0)
        ;
    assert_int_equal(mring_wake(producer), 0);
    assert_int_equal(mring_wait(producer, MRING_FOREVER), -ECANCELED);
    /* Also where there is something to do. */
    assert_int_equal(mring_wake(consumer), 0);
    assert_int_equal(mring_wait(consumer, MRING_FOREVER), -ECANCELED);
    assert_int_equal(mring_wait(consumer, MRING_FOREVER), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_close(ring), 0);
}

static bool readable(int descriptor, int milliseconds)
{
    struct pollfd polled = {descriptor, POLLIN, 0};

    return poll(&polled, 1, milliseconds) == 1;
}

static void *send_thread(void *producer)
{
    assert_int_equal(mring_send(producer, "now", 3, 0), 0);
    return NULL;
}

/* Woken from other threads of this process, which is what a sanitizer sees. */
static void a_descriptor_tells(void **state)
{
    struct mring *ring = make_ring(NULL, lone, 1);
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    pthread_t thread;
    int descriptor;

    (void)state;
    assert_int_equal(mring_join(ring, "lone", NULL, &consumer), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
    descriptor = mring_fd(consumer);
    assert_true(descriptor >= 0);
    assert_int_equal(mring_fd(consumer), descriptor);
    assert_true(readable(descriptor, 0));
    for (unsigned turn = 0; turn < 100; turn++) {
        void *(*body)(void *) = turn % 2 == 0 ? send_thread : wake_thread;

        assert_int_equal(mring_next_wait(consumer, &message, 0), -ETIMEDOUT);
        assert_int_equal(pthread_create(&thread, NULL, body, turn % 2 == 0 ? (void *)producer : (void *)consumer), 0);
        assert_true(readable(descriptor, -1));
        if (turn % 2 == 0) {
            assert_int_equal(mring_next_wait(consumer, &message, MRING_FOREVER), 1);
            assert_int_equal(mring_release(consumer, &message), 0);
        } else {
            assert_int_equal(mring_wait(consumer, MRING_FOREVER), -ECANCELED);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    while (mring_send_wait(producer, "0123456789", 10, 0, 0) == 0)
        ;
    assert_true(readable(mring_fd(producer), 0));
    assert_int_equal(mring_wait(producer, 0), -ETIMEDOUT);
    while (mring_next(consumer, &message) == 1)
        assert_int_equal(mring_release(consumer, &message), 0);
    assert_true(readable(mring_fd(producer), -1));
    assert_int_equal(mring_wait(producer, 0), 0);
    assert_int_equal(mring_end(producer), 0);
    assert_true(readable(descriptor, -1));
    assert_int_equal(mring_next_wait(consumer, &message, 0), -EPIPE);
    assert_true(readable(descriptor, 0));
    assert_int_equal(mring_leave(consumer), 0);
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* Commits are long not seen, and may have overwritten all that is. */
static void commit_or_flush(struct mring_producer *producer, uint64_t *random)
{
    size_t length = random_below(random, 2) != 0 ? 8 : random_below(random, 4000);
    void *place;

    if (random_below(random, 40) == 0)
        assert_int_equal(mring_flush(producer), 0);
    if (mring_reserve(producer, length, &place) == 0)
        assert_int_equal(mring_commit(producer, length, 0), 0);
}

/* Where nobody else takes it, what a wait has found is there for the next call; else who waits would go round and round. */
static void what_a_wait_finds_is_there(void **state)
{
    static const struct mring_group lossy[] = {{.name = "lone", .lossy = 1},
                                               {.name = "many", .members = 4, .lossy = 1}};

    (void)state;
    for (unsigned group = 0; group < 2; group++) {
        struct mring *ring = make_ring(NULL, lossy, 2);
        struct mring_producer *producer;
        struct mring_consumer *consumer;
        struct mring_message message;
        uint64_t random = group;

        assert_int_equal(mring_producer(ring, &producer, NULL), 0);
        assert_int_equal(mring_join(ring, lossy[group].name, NULL, &consumer), 0);
        for (unsigned step = 0; step < 400000; step++) {
            int found, code;

            commit_or_flush(producer, &random);
            if (random_below(&random, 4) != 0)
                continue;
            found = mring_wait(consumer, 0);
            code = mring_next(consumer, &message);
            assert_int_equal(found, code == 0 ? -ETIMEDOUT : 0);
            if (code == 1)
                (void)mring_release(consumer, &message);
        }
        assert_int_equal(mring_leave(consumer), 0);
        assert_int_equal(mring_producer_close(producer), 0);
        assert_int_equal(mring_close(ring), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_tells),
        cmocka_unit_test(a_handler_ends_a_wait),
        cmocka_unit_test(a_drain_waits_for_everybody),
        cmocka_unit_test(a_drain_is_woken),
        cmocka_unit_test(calls_that_wait),
        cmocka_unit_test(each_way_to_wait_ends),
        cmocka_unit_test(wake_ends_a_wait_or_the_next),
        cmocka_unit_test(what_a_wait_finds_is_there),
    };

    wakers_may_be_late();
    return cmocka_run_group_tests_name("api-wait", tests, NULL, NULL);
}
