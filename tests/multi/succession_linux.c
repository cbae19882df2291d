/*
 * The process that serves a ring is killed, or closes it: the others go on, one of them serves, a new producer comes by the ring's name,
 * and every message is accounted for.
 */
#include "cast.h"
#include "event.h"
#include "meet/clock.h"

#include <errno.h>
#include <mach/mring_mach.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The creator, who is the producer too, is killed: consumers go on without reopening; a new producer comes by name. */
static void creator_killed(void)
{
    pid_t creator, children[4];

    prepare();
    creator = child_start(create_and_stream, NULL);
    (void)await(READY);
    children[0] = child_start(open_and_log, NULL);
    children[1] = child_start(open_and_work, NULL);
    children[2] = child_start(open_and_work, NULL);
    for (int at = 0; at < 3; at++)
        (void)await(READY);
    await_sent(0, 100);
    (void)await(SERVES);
    child_kill(creator);
    EXPECT(await(SERVES).pid, !=, creator);
    children[3] = child_start(open_and_stream, NULL);
    (void)await(READY);
    await_sent(1, 100);
    finish(children, 4);
}

/* It closes the handle that serves the ring instead: the same. */
static void create_and_close(void *unused)
{
    struct mring_producer *producer;
    struct mring *second;
    uint32_t id;

    (void)unused;
    create(name, 0);
    EXPECT_OK(mring_open(&second, name, MRING_CONSUME, NULL)); /* so that its life in the ring goes on */
    id = new_producer(&producer);
    report(READY, id);
    while (!__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE))
        EXPECT_OK(send_one(producer, id, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    report(DONE, 0);
    (void)pause(); /* it lives on */
}

static void creator_closes(void)
{
    pid_t creator, children[3];

    prepare();
    creator = child_start(create_and_close, NULL);
    (void)await(READY);
    children[0] = child_start(open_and_log, NULL);
    children[1] = child_start(open_and_work, NULL);
    (void)await(READY);
    (void)await(READY);
    __atomic_store_n(&board->stop, true, __ATOMIC_RELEASE);
    (void)await(DONE);
    (void)await(SERVES);
    __atomic_store_n(&board->stop, false, __ATOMIC_RELEASE);
    children[2] = child_start(open_and_stream, NULL);
    (void)await(READY);
    await_sent(1, 100);
    finish(children, 3);
    child_kill(creator);
}

/* Take one out of a list of processes. False: it is not there. */
static bool take_out(pid_t *children, size_t *count, pid_t child)
{
    for (size_t at = 0; at < *count; at++)
        if (children[at] == child) {
            memmove(&children[at], &children[at + 1], (--*count - at) * sizeof(*children));
            return true;
        }
    return false;
}

/* One successor after the other is killed, and the last heir serves. */
static void successors_killed(void)
{
    pid_t server, workers[4], logger;
    size_t left = 0;

    prepare();
    server = child_start(create_and_stream, NULL);
    (void)await(READY);
    (void)await(SERVES);
    logger = child_start(open_and_log, NULL);
    while (left < 4)
        workers[left++] = child_start(open_and_work, NULL);
    for (size_t at = 0; at < left + 1; at++)
        (void)await(READY);
    while (left > 1) {
        child_kill(server);
        server = await(SERVES).pid;
        if (server != logger) {
            EXPECT(take_out(workers, &left, server), ==, true);
            continue;
        }
        child_kill(logger);
        logger = child_start(open_and_log, NULL);
        (void)await(READY);
        server = await(SERVES).pid;
        if (server != logger)
            EXPECT(take_out(workers, &left, server), ==, true);
    }
    {
        pid_t rest[4] = {server, logger, workers[0], child_start(open_and_stream, NULL)};

        (void)await(READY);
        if (server == logger)
            rest[0] = child_start(open_and_work, NULL);
        finish(rest, 4);
    }
}

/* ---- a family without a name ---- */

static void child_logs(void *unused)
{
    (void)unused;
    join_and_consume(LOG);
}

/* It has done nothing with the ring yet when its parent, the creator, dies. */
static void child_works_later(void *unused)
{
    struct mring_consumer *consumer;

    (void)unused;
    report(READY, 0);
    await_order();
    EXPECT_OK(mring_join(ring, "another", NULL, &consumer)); /* which only a broker can make */
    EXPECT_OK(mring_leave(consumer));
    join_and_consume(WORK);
}

static void child_produces_later(void *unused)
{
    (void)unused;
    report(READY, 0);
    await_order();
    stream(100 * 1000);
}

static void create_family(void *unused)
{
    (void)unused;
    create(NULL, 0);
    (void)child_start(child_logs, NULL);
    (void)child_start(child_works_later, NULL);
    (void)child_start(child_produces_later, NULL);
    (void)pause();
}

static void family_without_a_name(void)
{
    pid_t creator;
    struct report served;

    prepare();
    EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1)); /* the orphans are waited for here */
    creator = child_start(create_family, NULL);
    for (int at = 0; at < 3; at++)
        (void)await(READY);
    child_kill(creator);
    served = await(SERVES);
    EXPECT(served.pid, !=, creator);
    give_order();
    give_order();
    (void)await(READY);
    (void)await(READY);
    await_sent(0, 100);
    __atomic_store_n(&board->stop, true, __ATOMIC_RELEASE);
    for (int at = 0; at < 3; at++) {
        int status = -1;

        EXPECT(wait(&status), >, 0);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, ==, true);
    }
    check_accounts();
}

/* ---- names ---- */

/* The name is a new ring's before anybody takes over: the old one goes on without it. */
static void name_taken_meanwhile(void)
{
    pid_t creator, children[2];
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct message sent = {PRODUCERS - 1, 0};
    struct mring *found;

    start_all(&creator, children);
    EXPECT_OK(kill(children[0], SIGSTOP));
    EXPECT_OK(kill(children[1], SIGSTOP));
    child_kill(creator);
    create(name, 0);
    EXPECT_OK(kill(children[0], SIGCONT));
    EXPECT_OK(kill(children[1], SIGCONT));
    (void)await(SERVES);
    EXPECT_OK(mring_open(&found, name, MRING_CONSUME, NULL));
    EXPECT_OK(mring_join(found, "log", NULL, &consumer));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_send(producer, &sent, sizeof(sent), 0));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    EXPECT(message.position, ==, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(found));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    child_kill(children[0]);
    child_kill(children[1]);
}

/* A copy of the creator, by the bare call: it has all its descriptors, but is not it, and so has no locks. It ends when it is told to. */
static void create_and_copy(void *argument)
{
    const struct event *end = argument;
    long copy;

    create(name, 0);
    copy = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    EXPECT(copy, >=, 0);
    if (copy == 0) {
        event_wait(end);
        _exit(0);
    }
    report(READY, copy);
    (void)pause();
}

/* The name that a successor takes first, without that one's number. */
struct sight {
    char identity[64];
    bool seen;
};

static void look_for_identity(void *context, uid_t owner, const char *service)
{
    struct sight *sight = context;

    (void)owner;
    sight->seen |= strncmp(service, sight->identity, strlen(sight->identity)) == 0;
}

/* When it was not there yet: `before`, or later. */
static int64_t await_successor(const uint64_t identity[2], int64_t before)
{
    struct sight sight = {.seen = false};
    int64_t looked = before;

    (void)snprintf(sight.identity, sizeof(sight.identity), "mring/%016llx%016llx/", (unsigned long long)identity[0],
                   (unsigned long long)identity[1]);
    while (!sight.seen) {
        before = looked;
        looked = clock_now();
        EXPECT(mring_mach_bootstrap_list(look_for_identity, &sight), ==, KERN_SUCCESS);
    }
    return before;
}

/* The name is held until after there is a successor, which tries for a second. False: that was over before it had the name. */
static bool take_the_name_late(void)
{
    const struct event end = event_make();
    struct mring *found;
    pid_t creator, heir, copy;
    int64_t before;
    int code;

    prepare();
    creator = child_start(create_and_copy, (void *)(uintptr_t)&end);
    copy = (pid_t)await(READY).value;
    heir = child_start(open_and_work, NULL);
    (void)await(READY);
    open_by_name(MRING_INSPECT);
    before = clock_now();
    child_kill(creator);
    before = await_successor(ring->region.view.identity, before);
    event_send(&end);
    EXPECT(waitpid(copy, NULL, 0), ==, copy);
    (void)await_of(SERVES, heir);
    code = mring_open(&found, name, MRING_INSPECT, NULL);
    EXPECT(code == 0 || (code == -ENOENT && clock_now() - before >= SECOND), ==, true);
    if (code == 0)
        EXPECT_OK(mring_close(found));
    EXPECT_OK(mring_close(ring));
    child_kill(heir);
    return code == 0;
}

/* Of a process that is killed the locks may go before the sockets. */
static void name_goes_last(void)
{
    EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); /* the copy is this process's to wait for, then */
    while (!take_the_name_late())
        ;
}

/* A producer can write the header, but not have its heirs serve a name that they did not open the ring by. */
static void create_and_rename(void *unused)
{
    char *written;

    (void)unused;
    create(name, 0);
    written = (char *)(uintptr_t)((struct ring_header *)(uintptr_t)ring->region.base)->name;
    memcpy(written, "another", sizeof("another"));
    report(READY, 0);
    (void)pause();
}

static void name_is_not_the_headers(void)
{
    struct mring_consumer *consumer;
    struct mring *found;
    pid_t creator;

    prepare();
    creator = child_start(create_and_rename, NULL);
    (void)await(READY);
    open_by_name(MRING_CONSUME);
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    child_kill(creator);
    EXPECT(mring_wait(consumer, SECOND / 100), ==, -ETIMEDOUT);
    EXPECT(ring->broker != NULL, ==, true);
    EXPECT(mring_open(&found, "another", MRING_INSPECT, NULL), ==, -ENOENT);
    EXPECT_OK(mring_open(&found, name, MRING_INSPECT, NULL));
    EXPECT_OK(mring_close(found));
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/* So many descriptors may be opened from now on; it is taken back by the second. */
static struct rlimit limit_descriptors(unsigned most)
{
    int next = dup(orders[0]);
    struct rlimit before, limit;

    EXPECT(next, >=, 0);
    (void)close(next);
    EXPECT_OK(getrlimit(RLIMIT_NOFILE, &before));
    limit = (struct rlimit){(rlim_t)next + most, before.rlim_max};
    EXPECT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    return before;
}

/* Whoever has too few descriptors for all of it does not take over half: the ring can be found by its name, or is left to others. */
static void no_half_successor(void)
{
    struct mring_consumer *consumer;
    struct mring *found;
    struct rlimit before;
    pid_t creator;
    unsigned most = 0;

    prepare();
    creator = child_start(create_and_stream, NULL);
    (void)await(READY);
    open_by_name(MRING_CONSUME);
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    child_kill(creator);
    do {
        before = limit_descriptors(most++);
        ring_meet(ring);
        EXPECT_OK(setrlimit(RLIMIT_NOFILE, &before));
        EXPECT(most, <, 100);
    } while (ring->broker == NULL);
    EXPECT(most, >, 5);
    EXPECT_OK(mring_open(&found, name, MRING_INSPECT, NULL));
    EXPECT_OK(mring_close(found));
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/* Everybody dies: the name is free, and a ring made under it has nothing of the old one. */
static void everybody_dies(void)
{
    pid_t creator, children[2];
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *found;

    start_all(&creator, children);
    child_kill(creator);
    (void)await(SERVES);
    EXPECT_OK(kill(children[0], SIGKILL));
    child_kill(children[1]);
    EXPECT(waitpid(children[0], NULL, 0), ==, children[0]);
    EXPECT(mring_open(&found, name, MRING_CONSUME, NULL), ==, -ENOENT);
    create(name, 0);
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    EXPECT(mring_next(consumer, &message), ==, 0);
    EXPECT(word_load(&ring->region.view.page->tail), ==, 0);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void create_strict(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    create(name, 1);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_send(producer, name, sizeof(name), 7));
    report(READY, 0);
    (void)pause();
}

/* A strict ring ends with its last writer: who is there reads what is there, nobody new can come, and the name is free. */
static void strict_ends(void)
{
    pid_t creator;
    struct mring_consumer *consumer, *second;
    struct mring_message message;
    struct mring *found, *old;

    prepare();
    creator = child_start(create_strict, NULL);
    (void)await(READY);
    open_by_name(MRING_CONSUME);
    EXPECT(MACH_PORT_VALID(ring->escrow), ==, false);
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    child_kill(creator);
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    EXPECT(message.tag, ==, 7);
    EXPECT_OK(mring_release(consumer, &message));
    EXPECT(mring_wait(consumer, MRING_FOREVER), ==, -EOWNERDEAD);
    EXPECT(mring_join(ring, "work", NULL, &second), ==, -EPIPE);
    EXPECT(mring_open(&found, name, MRING_CONSUME, NULL), ==, -ENOENT);
    old = ring;
    create(name, 0);
    EXPECT_OK(mring_close(ring));
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(old));
}

/* One who may write takes it over. */
static void strict_writer_serves(void)
{
    struct mring_producer *producer;
    struct mring *found;
    pid_t creator;

    prepare();
    creator = child_start(create_strict, NULL);
    (void)await(READY);
    open_by_name(MRING_PRODUCE);
    child_kill(creator);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT(ring->broker != NULL, ==, true);
    EXPECT_OK(mring_open(&found, name, MRING_CONSUME, NULL));
    EXPECT_OK(mring_close(found));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"creator_killed", creator_killed, 60},
        {"creator_closes", creator_closes, 60},
        {"successors_killed", successors_killed, 60},
        {"family_without_a_name", family_without_a_name, 60},
        {"name_taken_meanwhile", name_taken_meanwhile, 60},
        {"name_goes_last", name_goes_last, 60},
        {"name_is_not_the_headers", name_is_not_the_headers, 60},
        {"no_half_successor", no_half_successor, 60},
        {"everybody_dies", everybody_dies, 60},
        {"strict_ends", strict_ends, 60},
        {"strict_writer_serves", strict_writer_serves, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
