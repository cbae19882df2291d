/*
 * Hand-over without names: a ring in a descriptor, over an exec, over a socket, as a service manager passes it, used by many, and after its
 * maker and the ring's are gone.
 */
#include "importer.h"
#include "possessions_linux.h"

#include "api/ring.h"
#include "support/late.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { WORKERS = 4, SECOND = 1000 * 1000 * 1000, FIRST_PASSED = 3 };

static struct event reports;
static int to_importer[2]; /* sockets */

/* ---- exec ---- */

static void exec_logger(void *fd)
{
    become_importer("log", *(int *)fd, 50, &reports, NULL);
}

static void exec_worker(void *fd)
{
    become_importer("work", *(int *)fd, 50, &reports, NULL);
}

static void exec_producer(void *fd)
{
    become_importer("produce", *(int *)fd, 50, &reports, NULL);
}

/* One logs, many share the work; here it is produced. */
static void over_an_exec(void)
{
    struct mring *ring = importer_ring(NULL, 0);
    int fd = export_as(ring, MRING_CONSUME);
    pid_t workers[WORKERS];
    pid_t logger;

    wakers_may_be_late();
    reports = event_make();
    logger = child_start(exec_logger, &fd);
    for (int at = 0; at < WORKERS; at++)
        workers[at] = child_start(exec_worker, &fd);
    send_stream(ring);
    child_finish(logger);
    for (int at = 0; at < WORKERS; at++)
        child_finish(workers[at]);
    check_reports(&reports, 2);
    check_nobody_was_rescued(ring);
    EXPECT_OK(mring_close(ring));
}

static void read_all(void *unused)
{
    struct mring *ring;

    (void)unused;
    ring = import_ring(receive_descriptor(to_importer[1]));
    consume_stream(ring, "work", &reports);
    EXPECT_OK(mring_close(ring));
}

/* The other way round: who has made the ring reads, and the producer was executed. */
static void a_producer_over_an_exec(void)
{
    struct mring *ring = importer_ring(NULL, 0);
    int fd = export_as(ring, MRING_PRODUCE);
    pid_t producer, worker;

    wakers_may_be_late();
    reports = event_make();
    make_pair(to_importer);
    worker = child_start(read_all, NULL);
    send_descriptor(to_importer[0], fd);
    producer = child_start(exec_producer, &fd);
    consume_stream(ring, "log", &reports);
    child_finish(producer);
    child_finish(worker);
    check_reports(&reports, 2);
    check_nobody_was_rescued(ring);
    EXPECT_OK(mring_close(ring));
}

/* ---- a socket ---- */

static void import_and_hand_on(void *unused)
{
    struct mring *ring = import_ring(receive_descriptor(to_importer[1]));

    (void)unused;
    send_descriptor(to_importer[1], export_as(ring, MRING_CONSUME));
    consume_stream(ring, "log", &reports);
    EXPECT_OK(mring_close(ring));
}

/* Processes that were there before the ring; one has its descriptor from another that had the ring in the same way. */
static void over_a_socket(void)
{
    pid_t first, second;
    struct mring *ring;
    int second_pair[2];

    wakers_may_be_late();
    reports = event_make();
    make_pair(to_importer);
    first = child_start(import_and_hand_on, NULL);
    memcpy(second_pair, to_importer, sizeof(second_pair));
    make_pair(to_importer);
    second = child_start(read_all, NULL);
    ring = importer_ring(NULL, 1); /* strict: with no more rights than the role's */
    send_descriptor(second_pair[0], export_as(ring, MRING_PRODUCE));
    send_descriptor(to_importer[0], receive_descriptor(second_pair[0]));
    send_stream(ring);
    child_finish(first);
    child_finish(second);
    check_reports(&reports, 2);
    check_nobody_was_rescued(ring);
    EXPECT_OK(mring_close(ring));
}

/* ---- a service manager ---- */

/*
 * As sd_listen_fds(3) says: the first passed descriptor is 3, LISTEN_PID is this process, and nothing else of the manager's is kept. Managers that
 * store descriptors drop those which show a hang-up or an error.
 */
static void service(void *fd)
{
    char pid[32], *const environment[] = {pid, "LISTEN_FDS=1", "LISTEN_FDNAMES=ring", NULL};
    struct pollfd stored = {.fd = *(int *)fd, .events = POLLIN};

    EXPECT(poll(&stored, 1, 0), ==, 1);
    EXPECT(stored.revents, ==, POLLIN);
    (void)snprintf(pid, sizeof(pid), "LISTEN_PID=%ld", (long)getpid());
    become_importer("log", *(int *)fd, FIRST_PASSED, &reports, environment);
}

static void by_a_service_manager(void)
{
    struct mring *ring = importer_ring(NULL, 0);
    int fd = export_as(ring, MRING_CONSUME);
    pid_t passed = (reports = event_make(), child_start(service, &fd));
    struct mring_consumer *worker;

    EXPECT_OK(close(fd)); /* the service's is as good */
    EXPECT_OK(mring_join(ring, "work", NULL, &worker));
    EXPECT_OK(mring_leave(worker));
    make_pair(to_importer);
    send_descriptor(to_importer[0], export_as(ring, MRING_CONSUME));
    {
        pid_t other = child_start(read_all, NULL);

        send_stream(ring);
        child_finish(passed);
        child_finish(other);
    }
    check_reports(&reports, 2);
    EXPECT_OK(mring_close(ring));
}

/* ---- when somebody is gone ---- */

static struct event told;

static void create_and_export(void *unused)
{
    struct mring *ring = importer_ring(NULL, 0);

    (void)unused;
    for (int at = 0; at < 2; at++)
        send_descriptor(to_importer[1], export_as(ring, MRING_PRODUCE));
    (void)pause();
}

/* It has the ring by a descriptor alone, and told it when its maker is gone. */
static void import_and_succeed(void *fd)
{
    struct mring *ring = import_ring(*(int *)fd);
    struct mring_consumer *consumer;

    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    event_send(&told);
    while (ring->broker == NULL)
        EXPECT(mring_wait(consumer, SECOND / 100), <=,
               0); /* 0: others found this process, and sent, before it could tell */
    event_send(&told);
    EXPECT_OK(mring_leave(consumer));
    consume_stream(ring, "work", &reports);
    EXPECT_OK(mring_close(ring));
}

/* The ring has no name, and the process whose broker is in the descriptors is dead. */
static void after_its_maker_was_killed(void)
{
    pid_t maker, heir, logger;
    struct mring *ring;
    int fds[2], status;

    reports = event_make();
    told = event_make();
    make_pair(to_importer);
    maker = child_start(create_and_export, NULL);
    for (int at = 0; at < 2; at++)
        fds[at] = receive_descriptor(to_importer[0]);
    heir = child_start(import_and_succeed, &fds[0]);
    event_wait(&told);
    EXPECT_OK(kill(maker, SIGKILL));
    EXPECT(waitpid(maker, &status, 0), ==, maker);
    event_wait(&told);
    logger = child_start(exec_logger, &fds[1]);
    ring = import_ring(fds[0]);
    send_stream(ring);
    child_finish(logger);
    child_finish(heir);
    check_reports(&reports, 2);
    EXPECT_OK(mring_close(ring));
}

static void import_and_work(void *fd)
{
    struct mring *ring = import_ring(*(int *)fd);

    event_send(&told);
    consume_stream(ring, "work", &reports);
    EXPECT_OK(mring_close(ring));
}

/* Somebody comes at the very moment: one who may wait gets in. Before it, it may become the successor itself. */
static void wait_for_successor(void *fd)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring;

    options.timeout = MRING_FOREVER;
    EXPECT_OK(mring_import(*(int *)fd, &ring, &options));
    consume_stream(ring, "log", &reports);
    EXPECT_OK(mring_close(ring));
}

static void while_its_maker_is_killed(void)
{
    pid_t maker, heir, logger;
    uint64_t state = harness_seed;
    struct mring *ring;
    int fds[2], status;

    reports = event_make();
    told = event_make();
    make_pair(to_importer);
    maker = child_start(create_and_export, NULL);
    for (int at = 0; at < 2; at++)
        fds[at] = receive_descriptor(to_importer[0]);
    heir = child_start(import_and_work, &fds[0]);
    event_wait(&told);
    logger = child_start(wait_for_successor, &fds[1]);
    (void)usleep(random_below(&state, 3000));
    EXPECT_OK(kill(maker, SIGKILL));
    EXPECT(waitpid(maker, &status, 0), ==, maker);
    ring = NULL;
    while (mring_import(fds[1], &ring, NULL) == -ENOENT)
        (void)usleep(1000);
    send_stream(ring);
    child_finish(logger);
    child_finish(heir);
    check_reports(&reports, 2);
    EXPECT_OK(mring_close(ring));
}

/* Stopped, it does not answer, and who asks does not wait for ever; a moment later all is well. */
static void while_its_maker_is_stopped(void)
{
    struct mring *ring = NULL;
    int fds[2];
    pid_t maker;
    int status;

    make_pair(to_importer);
    maker = child_start(create_and_export, NULL);
    for (int at = 0; at < 2; at++)
        fds[at] = receive_descriptor(to_importer[0]);
    EXPECT_OK(kill(maker, SIGSTOP));
    EXPECT(waitpid(maker, &status, WUNTRACED), ==, maker);
    EXPECT(mring_import(fds[0], &ring, NULL), ==, -ETIMEDOUT);
    EXPECT_OK(kill(maker, SIGCONT));
    ring = import_ring(fds[0]);
    EXPECT_OK(mring_close(ring));
    EXPECT_OK(kill(maker, SIGKILL));
    EXPECT(waitpid(maker, &status, 0), ==, maker);
    EXPECT(mring_import(fds[0], &ring, NULL), ==, -ENOENT);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"over_an_exec", over_an_exec, 60},
        {"a_producer_over_an_exec", a_producer_over_an_exec, 60},
        {"over_a_socket", over_a_socket, 60},
        {"by_a_service_manager", by_a_service_manager, 60},
        {"after_its_maker_was_killed", after_its_maker_was_killed, 60},
        {"while_its_maker_is_killed", while_its_maker_is_killed, 60},
        {"while_its_maker_is_stopped", while_its_maker_is_stopped, 60},
    };

    if (was_importer(argc, argv))
        return EXIT_SUCCESS;
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
