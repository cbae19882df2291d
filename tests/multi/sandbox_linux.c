/*
 * In a sandbox: a consumer and a producer that have joined, and then may make no other system calls than ring/doc/rights.md lists (seccomp
 * kills for any other), go on: they sleep and are woken, take over what a killed peer held, learn of the producer's death, find who serves
 * the ring when its creator was killed, or serve it themselves, and leave.
 */
#include "harness.h"
#include "users.h"

#include "core/atomic.h"
#include "mring.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BURSTS = 400, MESSAGES = 40000 };

/* The same call under the names that it has on different machines. */
#if defined(SYS_newfstatat)
#define SYS_FSTAT SYS_newfstatat
#else
#define SYS_FSTAT SYS_fstat
#endif
#if defined(SYS_epoll_wait)
#define SYS_EPOLL_WAIT SYS_epoll_wait
#define SYS_POLL       SYS_poll
#else
#define SYS_EPOLL_WAIT SYS_epoll_pwait
#define SYS_POLL       SYS_ppoll
#endif

static struct mring *ring;
static bool confined = true; /* by a filter, or by nobody, to see with strace what it would have to let through */

static void confine(void)
{
    static const int allowed[] = {
        /* waiting, waking and verdicts */
        SYS_futex, SYS_futex_waitv, SYS_membarrier, SYS_fcntl, SYS_sched_yield, SYS_restart_syscall, SYS_clock_gettime,
        /* the first wait of a handle, and the first wake-up of each peer: a semaphore, and a word with the broker */
        SYS_memfd_create, SYS_ftruncate, SYS_fchmod, SYS_FSTAT, SYS_fstatfs, SYS_mmap, SYS_mprotect, SYS_madvise,
        SYS_pwrite64, SYS_socketpair, SYS_setsockopt, SYS_getsockopt, SYS_epoll_create1, SYS_epoll_ctl, SYS_EPOLL_WAIT,
        SYS_POLL, SYS_ppoll, SYS_sendmsg, SYS_recvmsg, SYS_shutdown, SYS_getrandom, SYS_getpid, SYS_geteuid,
        SYS_getegid, SYS_prlimit64, SYS_rt_sigprocmask, SYS_brk, SYS_clone3, SYS_prctl, SYS_rseq, SYS_set_robust_list,
        SYS_get_robust_list, SYS_gettid,
        /* finding who serves the ring now; its thread may be the first of the process */
        SYS_socket, SYS_connect, SYS_rt_sigaction,
        /* taking the ring over, and serving it */
        SYS_bind, SYS_listen, SYS_accept4, SYS_openat,
        /* a descriptor for an event loop, and what that is rung by; a broker has some of it too */
        SYS_timerfd_create, SYS_timerfd_settime, SYS_eventfd2, SYS_read, SYS_write, SYS_ioctl,
        /* and the end */
        SYS_munmap, SYS_close, SYS_exit, SYS_exit_group};
    enum { COUNT = sizeof(allowed) / sizeof(allowed[0]) };
    struct sock_filter filter[2 * COUNT + 2];
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    size_t at = 0;

    filter[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t call = 0; call < COUNT; call++) {
        filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[call], 0, 1);
        filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (confined)
        EXPECT_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    else
        (void)syscall(SYS_getppid); /* a mark in the trace */
}

static void make_ring(unsigned members)
{
    const struct mring_group group = {.name = "g", .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 65536;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

/* Bursts with gaps, so that the others fall asleep; then, by order, the end or a violent death. */
static void produce(struct mring_producer *producer)
{
    uint64_t state = harness_seed;

    for (uint32_t number = 0; number < MESSAGES; number++) {
        int code;

        if (number % (MESSAGES / BURSTS) == 0)
            for (uint32_t gap = random_below(&state, 200000); gap > 0; gap--)
                pause_cpu();
        while ((code = mring_send(producer, &number, sizeof(number), number)) == -EAGAIN)
            EXPECT_OK(mring_wait(producer, MRING_FOREVER));
        EXPECT_OK(code);
    }
}

static void produce_and_be_killed(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    produce(producer);
    (void)kill(getpid(), SIGKILL);
}

static void produce_confined(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    confine();
    produce(producer);
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    _exit(EXIT_SUCCESS);
}

static void hold_and_be_killed(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    (void)kill(getpid(), SIGKILL);
}

/* The last result, and whether something was redelivered. */
static int consume_all(struct mring_consumer *consumer, bool *redelivered)
{
    struct mring_message message;
    int code;

    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        *redelivered = *redelivered || message.deliveries > 1;
        EXPECT_OK(mring_release(consumer, &message));
    }
    return code;
}

static const char *to_join = "g";

static void consume_confined(void *expected)
{
    struct mring_consumer *consumer;
    bool redelivered = false;
    int code;

    EXPECT_OK(mring_join(ring, to_join, NULL, &consumer));
    confine();
    code = consume_all(consumer, &redelivered);
    EXPECT(code, ==, *(const int *)expected);
    EXPECT(redelivered, ==, code == -EOWNERDEAD);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
    _exit(EXIT_SUCCESS);
}

/* One peer dies with messages in its hands, then the producer. */
static void a_consumer_among_the_dying(void)
{
    int expected = -EOWNERDEAD;
    pid_t holder, producer, consumer;

    make_ring(2);
    holder = child_start(hold_and_be_killed, NULL);
    producer = child_start(produce_and_be_killed, NULL);
    child_finish_killed(holder);
    consumer = child_start(consume_confined, &expected);
    child_finish_killed(producer);
    child_finish(consumer);
    EXPECT_OK(mring_close(ring));
}

static void everybody(unsigned members)
{
    int expected = -EPIPE;
    pid_t consumer[4], producer;

    make_ring(members);
    for (unsigned member = 0; member < members; member++)
        consumer[member] = child_start(consume_confined, &expected);
    producer = child_start(produce_confined, NULL);
    for (unsigned member = 0; member < members; member++)
        child_finish(consumer[member]);
    child_finish(producer);
    EXPECT_OK(mring_close(ring));
}

/* Those before wake those behind, of whom they find out only then. */
static void everybody_in_stages(void)
{
    static const char *const before[] = {"g"};
    const struct mring_group groups[] = {{.name = "g", .members = 2},
                                         {.name = "h", .members = 2, .after = before, .after_count = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    int expected = -EPIPE;
    pid_t consumer[4], producer;

    options.capacity = 65536;
    options.groups = groups;
    options.group_count = 2;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    for (unsigned member = 0; member < 4; member++) {
        to_join = groups[member / 2].name;
        consumer[member] = child_start(consume_confined, &expected);
    }
    producer = child_start(produce_confined, NULL);
    for (unsigned member = 0; member < 4; member++)
        child_finish(consumer[member]);
    child_finish(producer);
    EXPECT_OK(mring_close(ring));
}

/* As in an event loop: the wait is poll's. */
static void consume_polling(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    confine();
    EXPECT(mring_fd(consumer), >=, 0);
    while ((code = mring_next_wait(consumer, &message, 0)) == 1 || code == -ETIMEDOUT) {
        struct pollfd polled = {mring_fd(consumer), POLLIN, 0};

        if (code == 1)
            EXPECT_OK(mring_release(consumer, &message));
        else
            EXPECT(poll(&polled, 1, -1), ==, 1);
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
    _exit(EXIT_SUCCESS);
}

static void produce_polling(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    confine();
    EXPECT(mring_fd(producer), >=, 0);
    for (uint32_t number = 0; number < MESSAGES; number++) {
        struct pollfd polled = {mring_fd(producer), POLLIN, 0};
        int code;

        while ((code = mring_send_wait(producer, &number, sizeof(number), number, 0)) == -ETIMEDOUT)
            EXPECT(poll(&polled, 1, -1), ==, 1);
        EXPECT_OK(code);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    _exit(EXIT_SUCCESS);
}

static void polling(void)
{
    pid_t consumer[2], producer;

    make_ring(2);
    for (int member = 0; member < 2; member++)
        consumer[member] = child_start(consume_polling, NULL);
    producer = child_start(produce_polling, NULL);
    for (int member = 0; member < 2; member++)
        child_finish(consumer[member]);
    child_finish(producer);
    EXPECT_OK(mring_close(ring));
}

static void alone(void)
{
    everybody(1);
}

static void sharing(void)
{
    everybody(4);
}

/* ---- who serves the ring dies ---- */

static char name[48];
static struct event ready, killed;

static void create_and_be_killed(void *strict)
{
    const struct mring_group group = {.name = "g", .members = 2};
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 65536;
    options.groups = &group;
    options.group_count = 1;
    options.strict = *(const unsigned *)strict;
    EXPECT_OK(mring_create(&ring, name, &options));
    event_send(&ready);
    (void)pause();
}

static void open_by_name(enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;

    options.timeout = INT64_C(30) * 1000 * 1000 * 1000;
    EXPECT_OK(mring_open(&ring, name, role, &options));
}

static void open_and_consume_confined(void *unused)
{
    struct mring_consumer *consumer;
    bool redelivered = false;

    (void)unused;
    open_by_name(MRING_CONSUME);
    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    event_send(&ready);
    confine();
    EXPECT(consume_all(consumer, &redelivered), ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
    _exit(EXIT_SUCCESS);
}

/* Begin when the creator is dead. */
static void open_and_produce(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    open_by_name(MRING_PRODUCE);
    event_send(&ready);
    event_wait(&killed);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    produce(producer);
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static pid_t start_and_await(void (*body)(void *), void *argument)
{
    pid_t child = child_start(body, argument);

    event_wait(&ready);
    return child;
}

static void kill_creator(pid_t creator)
{
    EXPECT_OK(kill(creator, SIGKILL));
    child_finish_killed(creator);
}

static void begin(unsigned strict, pid_t *creator, pid_t *consumer)
{
    ready = event_make();
    killed = event_make();
    (void)snprintf(name, sizeof(name), "sandbox-%d", (int)getpid());
    *creator = start_and_await(create_and_be_killed, &strict);
    *consumer = start_and_await(open_and_consume_confined, NULL);
}

/* A consumer of a strict ring cannot take it over: it finds the one who does. */
static void another_takes_over(void)
{
    pid_t creator, consumer, producer;

    begin(1, &creator, &consumer);
    producer = start_and_await(open_and_produce, NULL);
    kill_creator(creator);
    event_send(&killed);
    child_finish(producer);
    child_finish(consumer);
}

/* The only one left takes the ring over, from inside its sandbox. */
static void the_confined_takes_over(void)
{
    pid_t creator, consumer, producer;

    begin(0, &creator, &consumer);
    kill_creator(creator);
    producer = start_and_await(open_and_produce, NULL);
    event_send(&killed);
    child_finish(producer);
    child_finish(consumer);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_consumer_among_the_dying", a_consumer_among_the_dying, 60},
        {"alone", alone, 60},
        {"sharing", sharing, 60},
        {"stages", everybody_in_stages, 60},
        {"polling", polling, 60},
        {"another_takes_over", another_takes_over, 60},
        {"the_confined_takes_over", the_confined_takes_over, 60},
    };

    confined = getenv("MRING_TRACE") == NULL;
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
