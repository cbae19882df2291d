/*
 * Semaphores between tasks: what deaths, stops and forks do, beyond the conformance cases 112 and 120 and the scenarios S3, S4
 * and S8.
 *
 * Random choices come from a seed that is printed; MRING_SEED sets it.
 */
#include "mach/semas.h"
#include "support/sanitizers.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % bound;
}

/* What waiting children and the test tell each other. */
struct board {
    _Atomic int places;
    _Atomic bool stop;
    struct {
        _Atomic int ready, result, place, wakes;
    } line[16];
    _Atomic int owner;
    _Atomic uint64_t ending, ended; /* when the owner was about to go, and when its last waiter knew */
};

static struct board *board;
static int number; /* of the child about to be started */

static int set_up(void **state)
{
    (void)state;
    memset(board, 0, sizeof *board);
    for (int i = 0; i < 16; i++)
        board->line[i].result = -1;
    return 0;
}

/* From then on the only thing this task can sleep in is its wait: whatever a first wait needs, it has. */
static void get_ready(semaphore_t semaphore)
{
    semaphore_timedwait(semaphore, (mach_timespec_t){0, 1});
    board->line[number].ready = getpid();
}

static int wait_once(void *context)
{
    (void)context;
    semaphore_t semaphore = semas_first();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    get_ready(semaphore);
    kern_return_t kr = semaphore_wait(semaphore);
    board->line[number].place = atomic_fetch_add(&board->places, 1) + 1;
    board->line[number].result = kr;
    return 0;
}

static pid_t start(int (*body)(void *), int line)
{
    number = line;
    return child_start(body, NULL);
}

static void until_waiting(int line)
{
    while (board->line[line].ready == 0)
        sched_yield();
    semas_until_asleep(board->line[line].ready, 0);
}

static pid_t start_waiting(int line)
{
    pid_t child = start(wait_once, line);
    until_waiting(line);
    return child;
}

/* A child that destroys only drops its right (7.12). */
static int destroy_foreign(void *context)
{
    (void)context;
    semaphore_t semaphore = semas_first();
    CHECK(semaphore_destroy(mach_task_self(), semaphore) == KERN_SUCCESS);
    CHECK(semaphore_signal(semaphore) == KERN_SUCCESS); /* the reference of another look-up */
    return 0;
}

static int destroy_after_second_look_up(void *context)
{
    semas_first();
    return destroy_foreign(context);
}

static void destroy_by_another_task_is_nothing(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    semas_pass_on(semaphore, 0, 0);
    assert_int_equal(child_run(destroy_after_second_look_up, NULL), 0);
    assert_int_equal(semas_drain(semaphore), 1);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

static int use_parents_name(void *name)
{
    CHECK(semaphore_signal(*(semaphore_t *)name) == KERN_INVALID_NAME);
    CHECK(semaphore_wait(*(semaphore_t *)name) == KERN_INVALID_NAME);
    return 0;
}

static void names_vanish_over_fork(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 1);
    assert_int_equal(child_run(use_parents_name, &semaphore), 0);
    assert_int_equal(semas_drain(semaphore), 1);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

/* ---- S3: the owner dies ---- */

static int pipe_in[2];

/* The owner: makes the semaphores, starts two children that wait, and then goes as `board->owner` says. */
enum { OWNER_KILLED, OWNER_EXITS, OWNER_EXECS };

static int wait_for_termination(void *context)
{
    (void)context;
    semaphore_t ports[3];
    semas_inherited(ports);
    get_ready(ports[0]);
    kern_return_t kr = semaphore_wait(ports[0]);
    board->ended = semas_now();
    CHECK(semaphore_signal(ports[0]) == KERN_TERMINATED);
    CHECK(semaphore_signal_all(ports[0]) == KERN_TERMINATED);
    CHECK(semaphore_signal(ports[1]) == KERN_TERMINATED);
    CHECK(semaphore_timedwait(ports[1], semas_at_once) == KERN_TERMINATED);
    board->line[number].result = kr;
    return 0;
}

static int own(void *context)
{
    int end = *(int *)context;
    semas_pass_on(semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 2), 0);
    start(wait_for_termination, 0);
    start(wait_for_termination, 1);
    until_waiting(0);
    until_waiting(1);
    CHECK(board->line[0].result == -1 && board->line[1].result == -1);
    board->ending = semas_now();
    board->owner = 1;
    if (end == OWNER_EXITS)
        exit(0);
    if (end == OWNER_EXECS) {
        dup2(pipe_in[0], 0);
        close(pipe_in[1]);
        execl("/bin/cat", "cat", (char *)NULL);
        _exit(1);
    }
    for (;;)
        pause();
}

static void check_owner_death(int end)
{
    set_up(NULL);
    assert_int_equal(pipe(pipe_in), 0);
    pid_t owner = child_start(own, &end);
    while (!board->owner)
        sched_yield();
    if (end == OWNER_KILLED) {
        board->ending = semas_now();
        kill(owner, SIGKILL);
    }
    while (board->line[0].result == -1 || board->line[1].result == -1)
        sched_yield();
    print_message("terminated after %u microseconds\n", (unsigned)((board->ended - board->ending) / 1000));
    assert_int_equal(board->line[0].result, KERN_TERMINATED);
    assert_int_equal(board->line[1].result, KERN_TERMINATED);
    if (end == OWNER_EXECS)
        assert_int_equal(kill(owner, 0), 0);
    close(pipe_in[0]);
    close(pipe_in[1]);
    assert_int_equal(child_end(owner), end == OWNER_KILLED ? -SIGKILL : 0);
}

static void owners_are_killed_exit_and_exec(void **state)
{
    (void)state;
    check_owner_death(OWNER_KILLED);
    check_owner_death(OWNER_EXITS);
    check_owner_death(OWNER_EXECS);
}

/* The owner's own right may be long gone: it is still the owner. */
static int own_without_a_right(void *context)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    (void)context;
    semas_pass_on(semaphore, 0, 0);
    start(wait_once, 0);
    CHECK(mach_port_deallocate(mach_task_self(), semaphore) == KERN_SUCCESS);
    semas_pass_on(0, 0, 0);
    until_waiting(0);
    board->owner = 1;
    for (;;)
        pause();
}

/* ... and it is again the one who may destroy it when the right comes back. */
static int own_once_more(void *context)
{
    (void)context;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    semas_pass_on(semaphore, 0, 0);
    start(wait_once, 0);
    until_waiting(0);
    CHECK(mach_port_deallocate(mach_task_self(), semaphore) == KERN_SUCCESS);
    CHECK(semaphore_destroy(mach_task_self(), semas_first()) == KERN_SUCCESS);
    while (board->line[0].result == -1)
        sched_yield();
    return board->line[0].result == KERN_TERMINATED ? 0 : 1;
}

static void ownership_does_not_need_a_right(void **state)
{
    (void)state;
    pid_t owner = child_start(own_without_a_right, NULL);
    while (!board->owner)
        sched_yield();
    assert_int_equal(board->line[0].result, -1);
    kill(owner, SIGKILL);
    assert_int_equal(child_end(owner), -SIGKILL);
    set_up(NULL);
    assert_int_equal(child_run(own_once_more, NULL), 0);
}

/* ---- S4: waiters die, or are stopped ---- */

/* The signal may find the first not yet dead. What it was given, but did not take, comes to the second. */
static void a_signal_during_the_death_is_not_lost(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
        set_up(NULL);
        semas_pass_on(semaphore, 0, 0);
        pid_t first = start_waiting(0), second = start_waiting(1);
        kill(first, SIGKILL);
        assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
        assert_int_equal(child_end(first), -SIGKILL);
        assert_int_equal(child_end(second), 0);
        assert_int_equal(board->line[1].result, KERN_SUCCESS);
        assert_int_equal(semas_drain(semaphore), 0);
        assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
    }
}

static void a_stopped_waiter_holds_up_nobody(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    semas_pass_on(semaphore, 0, 0);
    pid_t first = start_waiting(0), second = start_waiting(1);
    int status;
    kill(first, SIGSTOP);
    assert_int_equal(waitpid(first, &status, WUNTRACED), first);
    assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
    assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
    assert_int_equal(child_end(second), 0);
    /* More laps of the cells than one, around the one that the stopped waiter still has. */
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(semaphore_timedwait(semaphore, (mach_timespec_t){0, 1}), KERN_OPERATION_TIMED_OUT);
        assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
        assert_int_equal(semas_drain(semaphore), 1);
    }
    kill(first, SIGCONT);
    assert_int_equal(child_end(first), 0);
    assert_int_equal(board->line[0].result, KERN_SUCCESS);
    assert_int_equal(semas_drain(semaphore), 0);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

/* Whoever wakes to `stop` ends. */
static int wait_until_stopped(void *context)
{
    (void)context;
    semaphore_t semaphore = semas_first();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    board->line[number].ready = getpid();
    for (;;) {
        CHECK(semaphore_wait(semaphore) == KERN_SUCCESS);
        board->line[number].wakes++;
        if (board->stop)
            return 0;
    }
}

static int wakes(void)
{
    int sum = 0;
    for (int i = 0; i < 16; i++)
        sum += board->line[i].wakes;
    return sum;
}

static void waiters_killed_at_random(void **state)
{
    (void)state;
    enum { WAITERS = 6, KILLS = 300 };
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    pid_t children[WAITERS];
    int signals = 0;

    semas_pass_on(semaphore, 0, 0);
    for (int i = 0; i < WAITERS; i++)
        children[i] = start(wait_until_stopped, i);
    for (int killed = 0; killed < KILLS; killed++) {
        for (uint32_t burst = random_below(40); burst > 0; burst--, signals++)
            assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
        uint32_t who = random_below(WAITERS);
        kill(children[who], SIGKILL);
        for (uint32_t burst = random_below(4); burst > 0; burst--, signals++)
            assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
        child_end(children[who]);
        children[who] = start(wait_until_stopped, (int)who);
    }
    board->stop = true;
    for (int i = 0; i < WAITERS; i++, signals++)
        assert_int_equal(semaphore_signal(semaphore), KERN_SUCCESS);
    /* Tokens that died with a waiter leave others waiting: they get new ones, and each of these is counted. */
    for (int i = 0; i < WAITERS; i++) {
        int status;
        while (waitpid(children[i], &status, WNOHANG) == 0) {
            if (semaphore_signal_thread(semaphore, MACH_PORT_NULL) == KERN_SUCCESS)
                signals++;
            sched_yield();
        }
        assert_int_equal(status, 0);
    }
    int seen = wakes() + semas_drain(semaphore);
    print_message("%d signals, %d wakes and tokens, %d kills\n", signals, seen, KILLS);
    assert_in_range(seen, signals - KILLS, signals);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

/* ---- S8 and more tasks ---- */

static int answer(void *context)
{
    int rounds = *(int *)context;
    semaphore_t ports[3];
    semas_inherited(ports);
    for (int i = 0; i < rounds; i++) {
        CHECK(semaphore_wait(ports[0]) == KERN_SUCCESS);
        CHECK(semaphore_signal(ports[1]) == KERN_SUCCESS);
    }
    return 0;
}

static void ping_pong(void **state)
{
    (void)state;
    int rounds = 20000;
    semaphore_t there = semas_new(SYNC_POLICY_FIFO, 0), back = semas_new(SYNC_POLICY_FIFO, 0);
    semas_pass_on(there, back, 0);
    pid_t child = child_start(answer, &rounds);
    for (int i = 0; i < rounds; i++)
        assert_int_equal(semaphore_wait_signal(back, there), KERN_SUCCESS);
    assert_int_equal(child_end(child), 0);
    assert_int_equal(semas_drain(there) + semas_drain(back), 0);
    semaphore_destroy(mach_task_self(), there);
    semaphore_destroy(mach_task_self(), back);
}

/* A grandchild makes its own way through registered ports, with a keeper of its own. */
static int pass_down(void *context)
{
    (void)context;
    semaphore_t semaphore = semas_first();
    semaphore_t own = semas_new(SYNC_POLICY_FIFO, 0);
    semas_pass_on(semaphore, own, 0);
    get_ready(semaphore);
    int rounds = 100;
    pid_t child = child_start(answer, &rounds);
    for (int i = 0; i < rounds; i++) {
        CHECK(semaphore_signal(semaphore) == KERN_SUCCESS);
        CHECK(semaphore_wait(own) == KERN_SUCCESS);
    }
    return child_end(child);
}

static void generations(void **state)
{
    (void)state;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    semas_pass_on(semaphore, 0, 0);
    assert_int_equal(child_run(pass_down, NULL), 0);
    assert_int_equal(semas_drain(semaphore), 0);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

/* More than one robust list and one vector of futexes can take. */
static int wait_on_many(void *context)
{
    (void)context;
    semaphore_t ports[3];
    semas_inherited(ports);
    kern_return_t kr = semaphore_timedwait(ports[0], (mach_timespec_t){0, 1});
    return kr == KERN_OPERATION_TIMED_OUT ? 0 : 1;
}

static void many_semaphores(void **state)
{
    (void)state;
    enum { MANY = 400 };
    static semaphore_t many[MANY];
    for (int i = 0; i < MANY; i++) {
        many[i] = semas_new(SYNC_POLICY_FIFO, 0);
        semas_pass_on(many[i], 0, 0);
        if (i % 100 == 0)
            assert_int_equal(child_run(wait_on_many, NULL), 0);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(semaphore_destroy(mach_task_self(), many[i]), KERN_SUCCESS);
}

/* Threads create, wait and signal while the process forks: the children work, and the parent goes on. */
struct busy {
    _Atomic bool stop;
};

static void *create_and_destroy(void *argument)
{
    struct busy *busy = argument;
    while (!busy->stop) {
        semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
        if (semaphore_timedwait(semaphore, (mach_timespec_t){0, 1000}) != KERN_OPERATION_TIMED_OUT ||
            semaphore_signal(semaphore) != KERN_SUCCESS || semaphore_wait(semaphore) != KERN_SUCCESS ||
            semaphore_destroy(mach_task_self(), semaphore) != KERN_SUCCESS)
            abort();
    }
    return NULL;
}

static int signal_once(void *context)
{
    (void)context;
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    CHECK(semaphore_signal(semaphore) == KERN_SUCCESS && semaphore_wait(semaphore) == KERN_SUCCESS);
    CHECK(semaphore_signal(semas_first()) == KERN_SUCCESS);
    return 0;
}

static void forks_amid_calls(void **state)
{
    (void)state;
    struct busy busy = {false};
    pthread_t threads[3];
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);

    semas_pass_on(semaphore, 0, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, create_and_destroy, &busy), 0);
    for (int i = 0; i < 200; i++) {
        pid_t child = child_start(signal_once, NULL);
        assert_int_equal(semaphore_timedwait(semaphore, semas_patience), KERN_SUCCESS);
        assert_int_equal(child_end(child), 0);
    }
    busy.stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(semaphore_destroy(mach_task_self(), semaphore), KERN_SUCCESS);
}

/* A signal that comes to a child as soon as it is there: `early` is the semaphore that its handler signals. */
static semaphore_t early;
static volatile sig_atomic_t early_result;

static void signal_early(int which)
{
    (void)which;
    early_result = semaphore_signal(early);
}

static void raise_early(void)
{
    if (early != MACH_PORT_NULL)
        raise(SIGUSR1);
}

/* Before the layer's own constructor, so that the child runs this before it does what the layer has to do in it. */
__attribute__((constructor(101))) static void enlist_early(void)
{
    pthread_atfork(NULL, NULL, raise_early);
}

static int early_was_told(void *context)
{
    (void)context;
    return early_result == KERN_INVALID_NAME ? 0 : 1;
}

static void a_signal_comes_with_the_fork(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = signal_early}, before;
    sigset_t mask;

    if (THREAD_SANITIZED) /* in the child of a process with threads it keeps signals back for good */
        skip();
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    early = semas_new(SYNC_POLICY_FIFO, 0);
    early_result = -1;
    assert_int_equal(child_run(early_was_told, NULL), 0);
    assert_int_equal(early_result, -1);
    assert_int_equal(semas_drain(early), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGUSR1), 0);
    assert_int_equal(semaphore_destroy(mach_task_self(), early), KERN_SUCCESS);
    early = MACH_PORT_NULL;
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(destroy_by_another_task_is_nothing, set_up),
        cmocka_unit_test_setup(names_vanish_over_fork, set_up),
        cmocka_unit_test_setup(owners_are_killed_exit_and_exec, set_up),
        cmocka_unit_test_setup(ownership_does_not_need_a_right, set_up),
        cmocka_unit_test_setup(a_signal_during_the_death_is_not_lost, set_up),
        cmocka_unit_test_setup(a_stopped_waiter_holds_up_nobody, set_up),
        cmocka_unit_test_setup(waiters_killed_at_random, set_up),
        cmocka_unit_test_setup(ping_pong, set_up),
        cmocka_unit_test_setup(generations, set_up),
        cmocka_unit_test_setup(many_semaphores, set_up),
        cmocka_unit_test_setup(forks_amid_calls, set_up),
        cmocka_unit_test_setup(a_signal_comes_with_the_fork, set_up),
    };
    const char *given = getenv("MRING_SEED");
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)getpid();
    if (seed == 0)
        seed = 1;
    printf("MRING_SEED=%#llx\n", (unsigned long long)seed);
    board = semas_shared(sizeof *board);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
