/* Semaphores: cases 103 to 120. */
#include "mach/conformance/conformance.h"
#include "mach/semas.h"

#include <sched.h>

#define CASES(X)                                                                                                       \
    X(103, "create: values and policies")                                                                              \
    X(104, "an initial value")                                                                                         \
    X(105, "signals are kept")                                                                                         \
    X(106, "times that are none come before names that are none")                                                      \
    X(107, "names that are no semaphores")                                                                             \
    X(108, "the order of waiting threads")                                                                             \
    X(109, "no barging, 10,000 rounds")                                                                                \
    X(110, "signal_all releases all who wait")                                                                         \
    X(111, "signal_all without waiters does nothing")                                                                  \
    X(112, "destroy ends all waits, in other tasks too")                                                               \
    X(113, "destroy takes a reference")                                                                                \
    X(114, "destroy what is no semaphore")                                                                             \
    X(115, "a signal handler aborts a wait, under SA_RESTART too")                                                     \
    X(116, "an ignored signal does not")                                                                               \
    X(117, "a timeout against a signal, 100,000 races")                                                                \
    X(118, "wait_signal, 100,000 rounds")                                                                              \
    X(119, "signal_thread without waiters")                                                                            \
    X(120, "the order of waiting tasks")

CASES(CONFORMANCE_DECLARE)

const struct conformance_case cases_semaphore[] = {CASES(CONFORMANCE_ROW){NULL, NULL, NULL}};

static const semaphore_t NEVER_HELD = 0x12340003;

static kern_return_t poll(semaphore_t semaphore)
{
    return semaphore_timedwait(semaphore, semas_at_once);
}

static void destroyed(semaphore_t semaphore)
{
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, semaphore));
}

/* ---- 103 to 107: arguments and counts ---- */

static void refused(semaphore_t *semaphore, int policy, int value)
{
    semaphore_t before = *semaphore;

    GIVES(KERN_INVALID_ARGUMENT, semaphore_create(SELF, semaphore, policy, value));
    HOLDS("name untouched", *semaphore == before);
}

static void case_103(void)
{
    semaphore_t semaphore = 77;

    refused(&semaphore, SYNC_POLICY_FIFO, -1);
    refused(&semaphore, SYNC_POLICY_FIXED_PRIORITY, 0);
    refused(&semaphore, 3, 0);
    refused(&semaphore, 8, 0);
    refused(&semaphore, -1, 0);
    GIVES(KERN_SUCCESS, semaphore_create(SELF, &semaphore, SYNC_POLICY_FIFO, 0));
    GIVES(KERN_SUCCESS, semaphore_create(SELF, &semaphore, SYNC_POLICY_REVERSED, 0));
}

static void case_104(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 3);

    for (int i = 0; i < 3; i++)
        GIVES(KERN_SUCCESS, poll(semaphore));
    GIVES(KERN_OPERATION_TIMED_OUT, poll(semaphore));
    destroyed(semaphore);
}

static void case_105(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);

    for (int i = 0; i < 5; i++)
        GIVES(KERN_SUCCESS, semaphore_signal(semaphore));
    for (int i = 0; i < 5; i++)
        GIVES(KERN_SUCCESS, semaphore_wait(semaphore));
    uint64_t before = semas_now();
    GIVES(KERN_OPERATION_TIMED_OUT, semaphore_timedwait(semaphore, semas_milliseconds(50)));
    HOLDS("after at least 50 ms", semas_now() - before >= 50000000);
    destroyed(semaphore);
}

static void case_106(void)
{
    const semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 1), names[] = {semaphore, MACH_PORT_NULL, NEVER_HELD};
    const int nanoseconds[] = {1000000000, -1};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t j = 0; j < sizeof nanoseconds / sizeof *nanoseconds; j++)
            GIVES(KERN_INVALID_VALUE, semaphore_timedwait(names[i], (mach_timespec_t){0, nanoseconds[j]}));
    HOLDS("the count is untouched", semas_drain(semaphore) == 1);
}

static void case_107(void)
{
    mach_port_t receive = MACH_PORT_NULL;
    GIVES(KERN_SUCCESS, mach_port_allocate(SELF, MACH_PORT_RIGHT_RECEIVE, &receive));
    const struct {
        semaphore_t name;
        kern_return_t expected;
    } names[] = {{MACH_PORT_NULL, KERN_INVALID_NAME},
                 {MACH_PORT_DEAD, KERN_INVALID_NAME},
                 {NEVER_HELD, KERN_INVALID_NAME},
                 {SELF, KERN_INVALID_CAPABILITY},
                 {fresh_entry(1, RW), KERN_INVALID_CAPABILITY},
                 {receive, KERN_INVALID_RIGHT}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        GIVES(names[i].expected, semaphore_wait(names[i].name));
        GIVES(names[i].expected, poll(names[i].name));
        GIVES(names[i].expected, semaphore_signal(names[i].name));
        GIVES(names[i].expected, semaphore_signal_all(names[i].name));
        GIVES(names[i].expected, semaphore_signal_thread(names[i].name, MACH_PORT_NULL));
    }
}

/* ---- 108 to 112: order and hand-off ---- */

/* Waiters one after the other, and as many signals; `places` are those they should come to. */
static void check_order(int policy, const int places[4])
{
    semaphore_t semaphore = semas_new(policy, 0);
    struct semas_waiter waiters[4] = {0};
    _Atomic int came = 0;
    bool in_order = true;

    for (int i = 0; i < 4; i++) {
        waiters[i].semaphore = semaphore;
        waiters[i].places = &came;
        semas_start(&waiters[i]);
    }
    for (int i = 0; i < 4; i++) {
        GIVES(KERN_SUCCESS, semaphore_signal(semaphore));
        while (came == i)
            sched_yield();
    }
    for (int i = 0; i < 4; i++) {
        GIVES(KERN_SUCCESS, semas_join(&waiters[i]));
        in_order = in_order && waiters[i].place == places[i];
    }
    HOLDS("in the policy's order", in_order);
    destroyed(semaphore);
}

static void case_108(void)
{
    check_order(SYNC_POLICY_FIFO, (const int[]){1, 2, 3, 4});
    check_order(SYNC_POLICY_REVERSED, (const int[]){4, 3, 2, 1});
}

/* A thread that waits again and again. */
struct partner {
    semaphore_t semaphore;
    int rounds;
    _Atomic int arrived, taken;
    _Atomic uint64_t id;
};

static void *take_rounds(void *argument)
{
    struct partner *partner = argument;

    partner->id = own_thread();
    for (int i = 0; i < partner->rounds; i++) {
        partner->arrived++;
        if (semaphore_wait(partner->semaphore) != KERN_SUCCESS)
            abort();
        partner->taken++;
    }
    return NULL;
}

static void case_109(void)
{
    struct partner partner = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0), .rounds = 10000};
    int stolen = 0, refused_signals = 0;
    pthread_t thread;

    HOLDS("a thread waits", pthread_create(&thread, NULL, take_rounds, &partner) == 0);
    for (int i = 0; i < partner.rounds; i++) {
        while (partner.arrived <= i)
            sched_yield();
        semas_until_asleep(getpid(), partner.id);
        refused_signals += semaphore_signal(partner.semaphore) != KERN_SUCCESS;
        stolen += poll(partner.semaphore) != KERN_OPERATION_TIMED_OUT;
        if (stolen > 0)
            break; /* the waiter would wait for ever */
        while (partner.taken <= i)
            sched_yield();
    }
    HOLDS("no signal stolen by a poll", stolen == 0);
    HOLDS("every signal given", refused_signals == 0);
    if (stolen == 0)
        pthread_join(thread, NULL);
    destroyed(partner.semaphore);
}

static void case_110(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    struct semas_waiter waiters[8] = {0};

    for (int i = 0; i < 8; i++) {
        waiters[i].semaphore = semaphore;
        semas_start(&waiters[i]);
    }
    GIVES(KERN_SUCCESS, semaphore_signal_all(semaphore));
    for (int i = 0; i < 8; i++)
        GIVES(KERN_SUCCESS, semas_join(&waiters[i]));
    GIVES(KERN_OPERATION_TIMED_OUT, poll(semaphore));
    destroyed(semaphore);
}

static void case_111(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 2);

    GIVES(KERN_SUCCESS, semaphore_signal_all(semaphore));
    HOLDS("the count is still 2", semas_drain(semaphore) == 2);
    destroyed(semaphore);
}

/* What a waiting child tells; in memory that it shares with its parent. */
struct child_waiter {
    _Atomic int *places;
    _Atomic pid_t ready;
    _Atomic int place;
};

/* Once `ready` is set, the wait is all that this task can sleep in: what a first wait needs, it has. */
static int wait_in_child(void *context)
{
    struct child_waiter *waiter = context;
    semaphore_t semaphore = semas_first();

    semaphore_timedwait(semaphore, (mach_timespec_t){0, 1});
    waiter->ready = getpid();
    kern_return_t kr = semaphore_wait(semaphore);
    if (waiter->places != NULL)
        waiter->place = atomic_fetch_add(waiter->places, 1) + 1;
    return kr;
}

static pid_t start_child_waiter(struct child_waiter *waiter)
{
    pid_t child = child_start(wait_in_child, waiter);

    while (waiter->ready == 0)
        sched_yield();
    semas_until_asleep(child, 0);
    return child;
}

static void case_112(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);
    struct semas_waiter waiters[2] = {{.semaphore = semaphore}, {.semaphore = semaphore}};

    semas_pass_on(semaphore, MACH_PORT_NULL, MACH_PORT_NULL);
    semas_start(&waiters[0]);
    pid_t child = start_child_waiter(semas_shared(sizeof(struct child_waiter)));
    semas_start(&waiters[1]);
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, semaphore));
    GIVES(KERN_TERMINATED, semas_join(&waiters[0]));
    GIVES(KERN_TERMINATED, semas_join(&waiters[1]));
    GIVES(KERN_TERMINATED, child_end(child));
}

/* ---- 113, 114: destroy ---- */

static void case_113(void)
{
    semaphore_t one = semas_new(SYNC_POLICY_FIFO, 1), two = semas_new(SYNC_POLICY_FIFO, 1);

    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, one));
    GIVES(KERN_INVALID_NAME, semaphore_signal(one));
    GIVES(MACH_SEND_INVALID_RIGHT, semaphore_destroy(SELF, one));
    GIVES(KERN_SUCCESS, mach_port_mod_refs(SELF, two, MACH_PORT_RIGHT_SEND, 1));
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, two));
    GIVES(KERN_TERMINATED, semaphore_signal(two));
    GIVES(KERN_TERMINATED, semaphore_signal_all(two));
    GIVES(KERN_TERMINATED, semaphore_signal_thread(two, MACH_PORT_NULL));
    GIVES(KERN_TERMINATED, semaphore_wait(two));
    GIVES(KERN_TERMINATED, poll(two));
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, two));
    GIVES(KERN_INVALID_NAME, semaphore_signal(two));
}

static void case_114(void)
{
    GIVES(KERN_INVALID_ARGUMENT, semaphore_destroy(SELF, MACH_PORT_NULL));
    GIVES(KERN_INVALID_ARGUMENT, semaphore_destroy(SELF, fresh_entry(1, RW)));
}

/* ---- 115 to 117: interruptions, timeouts ---- */

static _Atomic int handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void check_interrupt(int flags, bool timed)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0), .timed = timed, .time = semas_patience};

    handled = 0;
    sigaction(SIGUSR1, &action, NULL);
    semas_start(&waiter);
    pthread_kill(waiter.thread, SIGUSR1);
    GIVES(KERN_ABORTED, semas_join(&waiter));
    HOLDS("the handler ran", handled == 1);
    GIVES(KERN_SUCCESS, semaphore_signal(waiter.semaphore));
    HOLDS("nothing was taken", semas_drain(waiter.semaphore) == 1);
    destroyed(waiter.semaphore);
}

static void case_115(void)
{
    check_interrupt(0, false);
    check_interrupt(SA_RESTART, false);
    check_interrupt(0, true);
    check_interrupt(SA_RESTART, true);
}

static void case_116(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct semas_waiter waiter = {.semaphore = semas_new(SYNC_POLICY_FIFO, 0)};

    sigaction(SIGUSR1, &ignore, NULL);
    semas_start(&waiter);
    pthread_kill(waiter.thread, SIGUSR1);
    semas_until_asleep(getpid(), waiter.id);
    GIVES(KERN_SUCCESS, semaphore_signal(waiter.semaphore));
    GIVES(KERN_SUCCESS, semas_join(&waiter));
    HOLDS("the signal was taken", semas_drain(waiter.semaphore) == 0);
    destroyed(waiter.semaphore);
}

struct race {
    semaphore_t semaphore, go;
    int rounds;
    _Atomic int result; /* -1 while the waiter has not returned */
};

static void *race_to_timeout(void *argument)
{
    struct race *race = argument;

    for (unsigned i = 0; i < (unsigned)race->rounds; i++) {
        while (semaphore_wait(race->go) != KERN_SUCCESS)
            continue;
        race->result = semaphore_timedwait(race->semaphore, (mach_timespec_t){0, 1 + (int)(i * 37 % 5000)});
    }
    return NULL;
}

static void case_117(void)
{
    struct race race = {
        .semaphore = semas_new(SYNC_POLICY_FIFO, 0), .go = semas_new(SYNC_POLICY_FIFO, 0), .rounds = 100000};
    int wrong = 0, refused_signals = 0;
    pthread_t thread;

    HOLDS("a thread waits", pthread_create(&thread, NULL, race_to_timeout, &race) == 0);
    for (int i = 0; i < race.rounds; i++) {
        race.result = -1;
        refused_signals += semaphore_signal(race.go) != KERN_SUCCESS;
        for (int spin = i % 64; spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
        refused_signals += semaphore_signal(race.semaphore) != KERN_SUCCESS;
        while (race.result == -1)
            sched_yield();
        int left = semas_drain(race.semaphore);
        wrong +=
            !((race.result == KERN_SUCCESS && left == 0) || (race.result == KERN_OPERATION_TIMED_OUT && left == 1));
    }
    pthread_join(thread, NULL);
    HOLDS("taken or left, never lost", wrong == 0);
    HOLDS("every signal given", refused_signals == 0);
    destroyed(race.semaphore);
    destroyed(race.go);
}

/* ---- 118 to 120 ---- */

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

static void case_118(void)
{
    struct pair there = {semas_new(SYNC_POLICY_FIFO, 0), semas_new(SYNC_POLICY_FIFO, 0), 100000};
    struct pair here = {there.yours, there.mine, there.rounds};
    pthread_t thread;

    HOLDS("two threads", pthread_create(&thread, NULL, pong, &there) == 0);
    pong(&here);
    pthread_join(thread, NULL);
    HOLDS("no signal too many", semas_drain(here.mine) + semas_drain(here.yours) == 0);
    GIVES(KERN_SUCCESS, mach_port_mod_refs(SELF, here.yours, MACH_PORT_RIGHT_SEND, 1));
    GIVES(KERN_SUCCESS, semaphore_destroy(SELF, here.yours));
    GIVES(KERN_TERMINATED, semaphore_wait_signal(here.mine, here.yours));
}

static void case_119(void)
{
    semaphore_t semaphore = semas_new(SYNC_POLICY_FIFO, 0);

    GIVES(KERN_NOT_WAITING, semaphore_signal_thread(semaphore, MACH_PORT_NULL));
    HOLDS("the count is still 0", semas_drain(semaphore) == 0);
}

static void check_order_over_tasks(int policy, const int places[3])
{
    struct {
        struct child_waiter waiter;
        _Atomic int came;
    } *shared = semas_shared(sizeof *shared);
    semaphore_t semaphore = semas_new(policy, 0);
    struct semas_waiter a = {.semaphore = semaphore, .places = &shared->came}, c = a;

    shared->waiter.places = &shared->came;
    semas_pass_on(semaphore, MACH_PORT_NULL, MACH_PORT_NULL);
    semas_start(&a);
    pid_t b = start_child_waiter(&shared->waiter);
    semas_start(&c);
    for (int i = 0; i < 3; i++) {
        GIVES(KERN_SUCCESS, semaphore_signal(semaphore));
        while (shared->came == i)
            sched_yield();
    }
    GIVES(KERN_SUCCESS, semas_join(&a));
    GIVES(KERN_SUCCESS, child_end(b));
    GIVES(KERN_SUCCESS, semas_join(&c));
    HOLDS("in the policy's order", a.place == places[0] && shared->waiter.place == places[1] && c.place == places[2]);
    destroyed(semaphore);
}

static void case_120(void)
{
    check_order_over_tasks(SYNC_POLICY_FIFO, (const int[]){1, 2, 3});
    check_order_over_tasks(SYNC_POLICY_REVERSED, (const int[]){3, 2, 1});
}
