/* Semaphores within one task: codes, counts, order, hand-off, interruption (cases 103 to 119). */
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

static void case_103_create_arguments(void **state)
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

static void case_104_initial_value(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(semaphore_timedwait(semaphore, semas_at_once), KERN_SUCCESS);
    assert_int_equal(semaphore_timedwait(semaphore, semas_at_once), KERN_OPERATION_TIMED_OUT);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static void case_105_signals_are_kept(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
    for (int i = 0; i < 5; i++)
        assert_int_equal(semaphore_wait(semaphore), KERN_SUCCESS);
    uint64_t before = semas_now();
    assert_int_equal(semaphore_timedwait(semaphore, semas_milliseconds(50)), KERN_OPERATION_TIMED_OUT);
    assert_true(semas_now() - before >= 50000000);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static void case_106_bad_times(void **state)
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

static void case_107_names_that_are_no_semaphores(void **state)
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

/* Four waiters in a known order, four signals; `expected` is the place that each comes to. */
static void check_order(int policy, const int expected[4])
{
    semaphore_t semaphore = semas_new(policy, 0);
    _Atomic int places = 0;
    struct semas_waiter waiters[4];

    memset(waiters, 0, sizeof waiters);
    for (int i = 0; i < 4; i++) {
        waiters[i].semaphore = semaphore;
        waiters[i].places = &places;
        semas_start(&waiters[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
        while (places == i)
            sched_yield();
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(semas_join(&waiters[i]), KERN_SUCCESS);
        assert_int_equal(waiters[i].place, expected[i]);
    }
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static void case_108_order(void **state)
{
    (void)state;
    check_order(SYNC_POLICY_FIFO, (const int[]){1, 2, 3, 4});
    check_order(SYNC_POLICY_REVERSED, (const int[]){4, 3, 2, 1});
}

struct partner {
    semaphore_t semaphore;
    _Atomic int arrived, taken;
    int rounds;
    _Atomic pid_t id;
};

static void *take_rounds(void *argument)
{
    struct partner *partner = argument;
    partner->id = gettid();
    for (int i = 0; i < partner->rounds; i++) {
        partner->arrived++;
        if (semaphore_wait(partner->semaphore) != KERN_SUCCESS)
            abort();
        partner->taken++;
    }
    return NULL;
}

static void case_109_no_barging(void **state)
{
    (void)state;
    struct partner partner = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0), .rounds = 10000};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, take_rounds, &partner), 0);
    for (int i = 0; i < partner.rounds; i++) {
        while (partner.arrived <= i)
            sched_yield();
        semas_until_asleep(getpid(), partner.id);
        assert_int_equal(semaphore_signal(partner.semaphore), KERN_SUCCESS);
        assert_int_equal(semaphore_timedwait(partner.semaphore, semas_at_once), KERN_OPERATION_TIMED_OUT);
        while (partner.taken <= i)
            sched_yield();
    }
    pthread_join(thread, NULL);
    assert_int_equal(semaphore_destroy(mach_task_self(), partner.semaphore), KERN_SUCCESS);
}

static void case_110_signal_all(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    struct semas_waiter waiters[8];

    memset(waiters, 0, sizeof waiters);
    for (int i = 0; i < 8; i++) {
        waiters[i].semaphore = semaphore;
        semas_start(&waiters[i]);
    }
    assert_int_equal(semaphore_signal_all(semaphore), KERN_SUCCESS);
    for (int i = 0; i < 8; i++)
        assert_int_equal(semas_join(&waiters[i]), KERN_SUCCESS);
    assert_int_equal(semaphore_timedwait(semaphore, semas_at_once), KERN_OPERATION_TIMED_OUT);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static void case_111_signal_all_without_waiters(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 2);
    assert_int_equal(semaphore_signal_all(semaphore), KERN_SUCCESS);
    assert_int_equal(semas_drain(semaphore), 2);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static void case_113_destroy_takes_a_reference(void **state)
{
    (void)state;
    semaphore_t one = semas_new(SYNC_POLICY_FIFO, 1);
    assert_int_equal(semaphore_destroy(mach_task_self(), one), KERN_SUCCESS);
    assert_int_equal(semaphore_signal(one), KERN_INVALID_NAME);
    assert_int_equal(semaphore_destroy(mach_task_self(), one), MACH_SEND_INVALID_RIGHT);

    semaphore_t two = semas_new(SYNC_POLICY_FIFO, 1);
    assert_int_equal(mach_port_mod_refs(mach_task_self(), two, MACH_PORT_RIGHT_SEND, 1), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(mach_task_self(), two), KERN_SUCCESS);
    assert_int_equal(semaphore_signal(two), KERN_TERMINATED);
    assert_int_equal(semaphore_signal_all(two), KERN_TERMINATED);
    assert_int_equal(semaphore_signal_thread(two, MACH_PORT_NULL), KERN_TERMINATED);
    assert_int_equal(semaphore_wait(two), KERN_TERMINATED);
    assert_int_equal(semaphore_timedwait(two, semas_at_once), KERN_TERMINATED);
    assert_int_equal(semaphore_destroy(mach_task_self(), two), KERN_SUCCESS);
    assert_int_equal(semaphore_signal(two), KERN_INVALID_NAME);
}

static void case_114_destroy_arguments(void **state)
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

static void check_interrupt(int flags, bool timed)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags}, before;
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0), .timed = timed, .time = semas_patience};

    handled = 0;
    sigaction(SIGUSR1, &action, &before);
    semas_start(&waiter);
    pthread_kill(waiter.thread, SIGUSR1);
    assert_int_equal(semas_join(&waiter), KERN_ABORTED);
    assert_int_equal(handled, 1);
    assert_int_equal(semaphore_signal(waiter.semaphore), KERN_SUCCESS);
    assert_int_equal(semas_drain(waiter.semaphore), 1);
    sigaction(SIGUSR1, &before, NULL);
    assert_int_equal(semaphore_destroy(mach_task_self(), waiter.semaphore), KERN_SUCCESS);
}

static void case_115_handlers_abort(void **state)
{
    (void)state;
    check_interrupt(0, false);
    check_interrupt(SA_RESTART, false);
    check_interrupt(0, true);
    check_interrupt(SA_RESTART, true);
}

static void case_116_ignored_signals_do_not(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0)};

    sigaction(SIGUSR1, &ignore, &before);
    semas_start(&waiter);
    pthread_kill(waiter.thread, SIGUSR1);
    semas_until_asleep(getpid(), waiter.id);
    assert_int_equal(semaphore_signal(waiter.semaphore), KERN_SUCCESS);
    assert_int_equal(semas_join(&waiter), KERN_SUCCESS);
    assert_int_equal(semas_drain(waiter.semaphore), 0);
    sigaction(SIGUSR1, &before, NULL);
    assert_int_equal(semaphore_destroy(mach_task_self(), waiter.semaphore), KERN_SUCCESS);
}

struct race {
    semaphore_t semaphore, go;
    int rounds;
    _Atomic int timed_out, result;
    unsigned nanoseconds;
};

static void *race_to_timeout(void *argument)
{
    struct race *race = argument;
    for (int i = 0; i < race->rounds; i++) {
        while (semaphore_wait(race->go) != KERN_SUCCESS)
            continue;
        mach_timespec_t time = {0, 1 + (int)(race->nanoseconds++ * 37 % 5000)};
        race->result = semaphore_timedwait(race->semaphore, time);
    }
    return NULL;
}

static void case_117_timeout_against_signal(void **state)
{
    (void)state;
    struct race race = {
        .semaphore = semas_new(SYNC_POLICY_FIFO, 0), .go = semas_new(SYNC_POLICY_FIFO, 0), .rounds = 100000};
    pthread_t thread;
    int timed_out = 0;

    assert_int_equal(pthread_create(&thread, NULL, race_to_timeout, &race), 0);
    for (int i = 0; i < race.rounds; i++) {
        race.result = -1;
        assert_int_equal(semaphore_signal(race.go), KERN_SUCCESS);
        for (int spin = i % 64; spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
        assert_int_equal(semaphore_signal(race.semaphore), KERN_SUCCESS);
        while (race.result == -1)
            sched_yield();
        if (race.result == KERN_SUCCESS) {
            assert_int_equal(semas_drain(race.semaphore), 0);
        } else {
            assert_int_equal(race.result, KERN_OPERATION_TIMED_OUT);
            assert_int_equal(semas_drain(race.semaphore), 1);
            timed_out++;
        }
    }
    pthread_join(thread, NULL);
    print_message("timed out in %d of %d races\n", timed_out, race.rounds);
    semaphore_destroy(mach_task_self(), race.semaphore);
    semaphore_destroy(mach_task_self(), race.go);
}

struct pair {
    semaphore_t mine, yours;
    int rounds;
};

static void *pong(void *argument)
{
    struct pair *pair = argument;
    for (int i = 0; i < pair->rounds; i++)
        if (semaphore_wait_signal(pair->mine, pair->yours) != KERN_SUCCESS)
            abort();
    return NULL;
}

static void case_118_wait_signal(void **state)
{
    (void)state;
    struct pair there = {semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 0), 100000};
    struct pair here = {there.yours, there.mine, there.rounds};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, pong, &there), 0);
    pong(&here);
    pthread_join(thread, NULL);
    assert_int_equal(semas_drain(here.mine) + semas_drain(here.yours), 0);

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

static void case_119_signal_thread(void **state)
{
    (void)state;
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0)};

    assert_int_equal(semaphore_signal_thread(waiter.semaphore, MACH_PORT_NULL), KERN_NOT_WAITING);
    assert_int_equal(semas_drain(waiter.semaphore), 0);
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
        cmocka_unit_test(case_103_create_arguments),
        cmocka_unit_test(case_104_initial_value),
        cmocka_unit_test(case_105_signals_are_kept),
        cmocka_unit_test(case_106_bad_times),
        cmocka_unit_test(case_107_names_that_are_no_semaphores),
        cmocka_unit_test(case_108_order),
        cmocka_unit_test(case_109_no_barging),
        cmocka_unit_test(case_110_signal_all),
        cmocka_unit_test(case_111_signal_all_without_waiters),
        cmocka_unit_test(case_113_destroy_takes_a_reference),
        cmocka_unit_test(case_114_destroy_arguments),
        cmocka_unit_test(case_115_handlers_abort),
        cmocka_unit_test(case_116_ignored_signals_do_not),
        cmocka_unit_test(case_117_timeout_against_signal),
        cmocka_unit_test(case_118_wait_signal),
        cmocka_unit_test(case_119_signal_thread),
        cmocka_unit_test(a_right_may_go_under_a_waiter),
        cmocka_unit_test(cells_are_not_used_up),
        cmocka_unit_test(create_and_destroy_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
