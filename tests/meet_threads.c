/* Brokers that many threads start, stop and ask, also while the process forks. */
#include "meet/state.h"
#include "support/meet_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { STARTERS = 4, ROUNDS = 25 };

static void *start_and_stop(void *context)
{
    struct fixture *fixture = context;
    static unsigned turn;
    const struct broker_terms terms = {.identity = {__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED), 1},
                                       .secret = {{5, 6}}};

    for (int round = 0; round < ROUNDS; round++) {
        struct broker *broker;
        struct meet_link *link;
        struct attach_reply reply;

        if (broker_start(&broker, &terms, &fixture->service, NULL) != 0)
            return NULL;
        if (meet_own(&link, broker, NULL) != 0 || meet_attach(link, MRING_CONSUME, &reply, NULL) != 0 ||
            reply.identity[0] != terms.identity[0])
            return NULL;
        mach_port_deallocate(mach_task_self(), reply.ring);
        mach_port_deallocate(mach_task_self(), reply.doorbell);
        broker_stop(broker);
        meet_close(link);
    }
    return fixture;
}

static void test_threads_start_and_stop(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread[STARTERS];
    int before = descriptors_open();

    for (int at = 0; at < STARTERS; at++)
        assert_int_equal(pthread_create(&thread[at], NULL, start_and_stop, fixture), 0);
    for (int at = 0; at < STARTERS; at++) {
        void *result = NULL;

        assert_int_equal(pthread_join(thread[at], &result), 0);
        assert_ptr_equal(result, fixture);
    }
    assert_int_equal(descriptors_open(), before);
    assert_false(meet.running);
    assert_null(meet.rings);
    assert_null(meet.links);
}

/* Forks go on while other threads start, stop and ask. */
static int nothing(void *context)
{
    struct fixture *fixture = context;

    return attach_and_look(fixture, fixture->link, MRING_CONSUME) == 0 ? 0 : 1;
}

static void test_threads_and_forks(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    void *result = NULL;

    serve_own(fixture);
    assert_int_equal(pthread_create(&thread, NULL, start_and_stop, fixture), 0);
    for (int round = 0; round < ROUNDS; round++)
        assert_int_equal(child_run(nothing, fixture), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, fixture);
    stop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEET_TEST(test_threads_start_and_stop),
        MEET_TEST(test_threads_and_forks),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("meet-threads", tests, NULL, NULL);
}
