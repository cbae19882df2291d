/* Semaphores within one task: what the conformance cases 103 to 119 leave out. */
#include "mach/semas.h"

#include <mach/mach_error.h>
#include <sched.h>
#include <sys/time.h>

static mach_port_t receive_only(void)
{
    mach_port_t port = MACH_PORT_NULL;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    return port;
}

static mach_port_t memory_entry(void)
{
    memory_object_size_t size = vm_page_size;
    mach_port_t entry = MACH_PORT_NULL;
    assert_int_equal(mach_make_memory_entry_64(mach_task_self(), &size, 0,
                                               MAP_MEM_NAMED_CREATE | VM_PROT_READ | VM_PROT_WRITE, &entry,
                                               MACH_PORT_NULL),
                     KERN_SUCCESS);
    return entry;
}

static void create_arguments(void **state)
{
    (void)state;
    static const int bad[] = {1, 3, 8, -1, 0x100};
    semaphore_t semaphore = 77;

    assert_int_equal(semaphore_create(mach_task_self(), &semaphore, SYNC_POLICY_FIFO, -1), KERN_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(semaphore_create(mach_task_self(), &semaphore, bad[i], 0), KERN_INVALID_ARGUMENT);
    assert_int_equal(semaphore_create(MACH_PORT_NULL, &semaphore, SYNC_POLICY_FIFO, 0), MACH_SEND_INVALID_DEST);
    assert_int_equal(semaphore, 77);
    for (int policy = 0; policy <= 4; policy += 2) {
        assert_int_equal(semaphore_create(mach_task_self(), &semaphore, policy, INT32_MAX), KERN_SUCCESS);
        assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
        assert_int_equal(semaphore_timedwait(semaphore, semas_at_once), KERN_SUCCESS);
        assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    }
}

static void bad_times(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 1);
    semaphore_t names[] = {semaphore, MACH_PORT_NULL, 0x7777700};
    static const int bad[] = {1000000000, -1, INT32_MIN, INT32_MAX};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
            mach_timespec_t time = {0, bad[j]};
            assert_int_equal(semaphore_timedwait(names[i], time), KERN_INVALID_VALUE);
            assert_int_equal(semaphore_timedwait_signal(names[i], semaphore, time), KERN_INVALID_VALUE);
        }
    assert_int_equal(semas_drain(semaphore), 1);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static void names_that_are_no_semaphores(void **state)
{
    (void)state;
    mach_port_t receive = receive_only(), entry = memory_entry();
    const struct {
        semaphore_t name;
        kern_return_t expected;
    } names[] = {{MACH_PORT_NULL, KERN_INVALID_NAME}, {MACH_PORT_DEAD, KERN_INVALID_NAME},
                 {0x7777700, KERN_INVALID_NAME},      {mach_task_self(), KERN_INVALID_CAPABILITY},
                 {entry, KERN_INVALID_CAPABILITY},    {receive, KERN_INVALID_RIGHT}};
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        semaphore_t name = names[i].name;
        kern_return_t expected = names[i].expected;
        assert_int_equal(semaphore_wait(name), expected);
        assert_int_equal(semaphore_timedwait(name, semas_at_once), expected);
        assert_int_equal(semaphore_signal(name), expected);
        assert_int_equal(semaphore_signal_all(name), expected);
        assert_int_equal(semaphore_signal_thread(name, MACH_PORT_NULL), expected);
        assert_int_equal(semaphore_wait_signal(semaphore, name), expected);
        assert_int_equal(semaphore_wait_signal(name, semaphore), expected);
        assert_int_equal(semaphore_timedwait_signal(semaphore, name, semas_at_once), expected);
    }
    assert_int_equal(semas_drain(semaphore), 0);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    mach_port_deallocate(mach_task_self(), entry);
    mach_port_mod_refs(mach_task_self(), receive, MACH_PORT_RIGHT_RECEIVE, -1);
}

/* 7.2, 7.12: a name whose port died, and one that was made dead. */
static void dead_names_are_no_semaphores(void **state)
{
    mach_port_t dead[2];
    (void)state;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &dead[0]), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(mach_task_self(), dead[0], dead[0], MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(mach_task_self(), dead[0], MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_DEAD_NAME, &dead[1]), KERN_SUCCESS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(semaphore_signal(dead[i]), KERN_INVALID_NAME);
        assert_int_equal(semaphore_destroy(mach_task_self(), dead[i]), KERN_INVALID_ARGUMENT);
        assert_int_equal(semaphore_destroy(mach_task_self(), dead[i]), MACH_SEND_INVALID_RIGHT);
    }
}

static void destroy_arguments(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    assert_int_equal(semaphore_destroy(mach_task_self(), MACH_PORT_NULL), KERN_INVALID_ARGUMENT);
    assert_int_equal(semaphore_destroy(mach_task_self(), memory_entry()), KERN_INVALID_ARGUMENT);
    assert_int_equal(semaphore_destroy(MACH_PORT_NULL, semaphore), MACH_SEND_INVALID_DEST);
    assert_int_equal(semaphore_destroy(mach_task_self(), 0x7777700), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static _Atomic int handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void wait_signal_on_the_dead_and_the_same(void **state)
{
    (void)state;
    struct {
        semaphore_t mine, yours;
    } here = {semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 0)};

    /* A dead semaphore to signal, and nothing taken from the one to wait on. */
    assert_int_equal(mach_port_mod_refs(mach_task_self(), here.yours, MACH_PORT_RIGHT_SEND, 1), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(mach_task_self(), here.yours), KERN_SUCCESS);
    assert_int_equal(semaphore_wait_signal(here.mine, here.yours), KERN_TERMINATED);
    assert_int_equal(semaphore_timedwait_signal(here.mine, here.yours, semas_patience), KERN_TERMINATED);
    assert_int_equal(semaphore_timedwait_signal(here.mine, here.yours, semas_at_once), KERN_TERMINATED);
    assert_int_equal(semaphore_wait_signal(here.yours, here.mine), KERN_TERMINATED);
    assert_int_equal(semas_drain(here.mine), 1);
    assert_int_equal(semaphore_destroy(mach_task_self(), here.yours), KERN_SUCCESS);

    assert_int_equal(semaphore_wait_signal(here.mine, here.mine), KERN_SUCCESS);
    assert_int_equal(semaphore_timedwait_signal(here.mine, here.mine, semas_at_once), KERN_OPERATION_TIMED_OUT);
    assert_int_equal(semas_drain(here.mine), 1);
    assert_int_equal(semaphore_destroy(mach_task_self(), here.mine), KERN_SUCCESS);
}

static void signal_thread_releases_any_waiter(void **state)
{
    (void)state;
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0)};

    assert_int_equal(semaphore_signal_thread(waiter.semaphore, mach_task_self()), KERN_INVALID_ARGUMENT);
    semas_start(&waiter);
    assert_int_equal(semaphore_signal_thread(waiter.semaphore, MACH_PORT_NULL), KERN_SUCCESS);
    assert_int_equal(semas_join(&waiter), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(mach_task_self(), waiter.semaphore), KERN_SUCCESS);
}

/* The right may go while a thread waits: it stays blocked, without the name (7.15), and can still be interrupted. */
static void a_right_may_go_under_a_waiter(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = count_signal}, before;
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0)};

    sigaction(SIGUSR1, &action, &before);
    semas_start(&waiter);
    assert_int_equal(mach_port_deallocate(mach_task_self(), waiter.semaphore), KERN_SUCCESS);
    assert_int_equal(semaphore_signal(waiter.semaphore), KERN_INVALID_NAME);
    assert_int_equal(waiter.result, -1);
    pthread_kill(waiter.thread, SIGUSR1);
    assert_int_equal(semas_join(&waiter), KERN_ABORTED);
    sigaction(SIGUSR1, &before, NULL);
}

/* Those who come and go do not use up the places behind one who stays. */
static void cells_are_not_used_up(void **state)
{
    (void)state;
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0)};

    semas_start(&waiter);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(semaphore_timedwait(waiter.semaphore, (mach_timespec_t){0, 1}), KERN_OPERATION_TIMED_OUT);
    assert_int_equal(semaphore_signal(waiter.semaphore), KERN_SUCCESS);
    assert_int_equal(semas_join(&waiter), KERN_SUCCESS);
    assert_int_equal(semas_drain(waiter.semaphore), 0);
    assert_int_equal(semaphore_destroy(mach_task_self(), waiter.semaphore), KERN_SUCCESS);
}

static void create_and_destroy_leave_nothing(void **state)
{
    (void)state;
    int before = descriptors_open();
    for (int i = 0; i < 2000; i++) {
        semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, i);
        if (i % 2)
            assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
        else
            assert_int_equal(mach_port_deallocate(mach_task_self(), semaphore), KERN_SUCCESS);
    }
    assert_int_equal(descriptors_open(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_arguments),
        cmocka_unit_test(bad_times),
        cmocka_unit_test(names_that_are_no_semaphores),
        cmocka_unit_test(dead_names_are_no_semaphores),
        cmocka_unit_test(destroy_arguments),
        cmocka_unit_test(wait_signal_on_the_dead_and_the_same),
        cmocka_unit_test(signal_thread_releases_any_waiter),
        cmocka_unit_test(a_right_may_go_under_a_waiter),
        cmocka_unit_test(cells_are_not_used_up),
        cmocka_unit_test(create_and_destroy_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
