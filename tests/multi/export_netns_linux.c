/*
 * A ring in a descriptor where names are not seen: in another network namespace, beside its maker and after it. And nothing is left when
 * everybody is killed, also of descriptors that nobody has but a socket. It takes root, or a kernel that lets users have namespaces.
 */
#include "importer.h"

#include "api/ring.h"
#include "support/late.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { SKIPPED = 77, ROUNDS = 40, LONGEST_LIFE = 20 /* ms */, SECOND = 1000 * 1000 * 1000 };

static char name[48];
static struct event reports, told, checked;
static int to_outsider[2];

static bool go_elsewhere(void)
{
    return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static void name_ring(void)
{
    (void)snprintf(name, sizeof(name), "export-%d", (int)getpid());
    reports = event_make();
    told = event_make();
    checked = event_make();
    make_pair(to_outsider);
}

/* ---- beside its maker ---- */

static void outsider_logs(void *fd)
{
    struct mring *ring, *again;

    EXPECT(go_elsewhere(), ==, 1);
    EXPECT(mring_open(&ring, name, MRING_CONSUME, NULL), ==, -ENOENT);
    ring = import_ring(*(int *)fd);
    again = import_ring(export_as(ring, MRING_CONSUME)); /* from in there, too */
    consume_stream(again, "log", &reports);
    EXPECT_OK(mring_close(again));
    EXPECT_OK(mring_fsck(ring, NULL));
    EXPECT_OK(mring_close(ring));
}

static void outsider_produces(void *fd)
{
    struct mring *ring;

    EXPECT(go_elsewhere(), ==, 1);
    ring = import_ring(*(int *)fd);
    send_stream(ring);
    EXPECT_OK(mring_close(ring));
}

static void insider_works(void *unused)
{
    struct mring *ring;

    (void)unused;
    EXPECT_OK(mring_open(&ring, name, MRING_CONSUME, NULL));
    consume_stream(ring, "work", &reports);
    EXPECT_OK(mring_close(ring));
}

/* Both ways over the border: messages, room, and wake-ups. */
static void beside_its_maker(void)
{
    pid_t logger, producer, worker;
    struct mring *ring;
    int fds[2];

    wakers_may_be_late();
    name_ring();
    ring = importer_ring(name, 0);
    fds[0] = export_as(ring, MRING_CONSUME);
    fds[1] = export_as(ring, MRING_PRODUCE);
    logger = child_start(outsider_logs, &fds[0]);
    worker = child_start(insider_works, NULL);
    producer = child_start(outsider_produces, &fds[1]);
    child_finish(logger);
    child_finish(producer);
    child_finish(worker);
    check_reports(&reports, 2);
    check_nobody_was_rescued(ring);
    EXPECT_OK(mring_close(ring));
}

/* ---- after its maker ---- */

static void make_and_export(void *unused)
{
    struct mring *ring = importer_ring(name, 0);

    (void)unused;
    send_descriptor(to_outsider[1], export_as(ring, MRING_PRODUCE));
    (void)pause();
}

/* What it has goes on; what needs who serves the ring says that nobody can be found. */
static void outsider_is_left(void *unused)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *other;
    struct mring *ring, *again;
    int fd = receive_descriptor(to_outsider[0]), exported;

    (void)unused;
    EXPECT(go_elsewhere(), ==, 1);
    ring = import_ring(fd);
    event_send(&told);
    consume_stream(ring, "log", &reports);
    EXPECT(ring->broker == NULL, ==, 1);
    ring_meet(ring);
    EXPECT(word_load(&ring->served_by), ==, word_load(&ring->region.view.page->broker)); /* it asks no more */
    event_send(&checked);
    options.error = &error;
    EXPECT(mring_import(fd, &again, &options), ==, -ENOENT);
    EXPECT(strstr(error.text, "namespace") != NULL, ==, 1);
    EXPECT(mring_export(ring, MRING_CONSUME, &exported, &error), ==, -EPIPE);
    EXPECT(mring_join(ring, "new", NULL, &other), ==, -EPIPE);
    EXPECT_OK(mring_close(ring));
}

static void insider_succeeds(void *unused)
{
    struct mring *ring;

    (void)unused;
    EXPECT_OK(mring_open(&ring, name, MRING_CONSUME, NULL));
    event_send(&told);
    consume_stream(ring, "work", &reports);
    EXPECT(ring->broker != NULL, ==, 1);
    event_wait(&checked); /* it serves the ring as long as it is looked for */
    EXPECT_OK(mring_close(ring));
}

static void after_its_maker(void)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    pid_t maker, outsider, insider;
    struct mring *ring;
    int fd, status;

    name_ring();
    maker = child_start(make_and_export, NULL);
    fd = receive_descriptor(to_outsider[0]);
    send_descriptor(to_outsider[1], fd);
    outsider = child_start(outsider_is_left, NULL);
    event_wait(&told);
    insider = child_start(insider_succeeds, NULL);
    event_wait(&told);
    EXPECT_OK(kill(maker, SIGKILL));
    EXPECT(waitpid(maker, &status, 0), ==, maker);
    options.timeout = MRING_FOREVER;
    EXPECT_OK(
        mring_open(&ring, name, MRING_PRODUCE, &options)); /* it has taken over the name, where the others see it */
    send_stream(ring);
    child_finish(insider);
    EXPECT_OK(mring_close(ring));
    child_finish(outsider);
    check_reports(&reports, 2);
}

/* Alone, it does not begin to serve what others would look for in vain. */
static void outsider_is_alone(void *unused)
{
    struct mring *ring;
    struct mring_consumer *consumer;
    int fd = receive_descriptor(to_outsider[0]);

    (void)unused;
    EXPECT(go_elsewhere(), ==, 1);
    ring = import_ring(fd);
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    event_send(&told);
    event_wait(&reports);
    for (int look = 0; look < 10; look++)
        EXPECT(mring_wait(consumer, SECOND / 10), ==, -ETIMEDOUT);
    EXPECT(ring->broker == NULL, ==, 1);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void an_outsider_takes_nobodys_place(void)
{
    pid_t maker, outsider;
    int status;

    name_ring();
    maker = child_start(make_and_export, NULL);
    send_descriptor(to_outsider[1], receive_descriptor(to_outsider[0]));
    outsider = child_start(outsider_is_alone, NULL);
    event_wait(&told);
    EXPECT_OK(kill(maker, SIGKILL));
    EXPECT(waitpid(maker, &status, 0), ==, maker);
    event_send(&reports);
    child_finish(outsider);
}

/* ---- everybody is killed ---- */

/* Unix sockets there are in this network namespace: all of them are of these processes, or of none. */
static unsigned sockets_now(void)
{
    FILE *table = fopen("/proc/self/net/unix", "re");
    unsigned count = 0;
    int byte;

    EXPECT(table != NULL, ==, 1);
    while ((byte = fgetc(table)) != EOF)
        count += byte == '\n';
    (void)fclose(table);
    return count;
}

/* A descriptor that only the socket has which is in it: the kernel has to look for it. */
static void leave_in_itself(int fd)
{
    int ends[2];

    make_pair(ends);
    send_descriptor(ends[0], fd);
    send_descriptor(ends[0], ends[1]);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void export_for_ever(void *unused)
{
    struct mring *ring = importer_ring(name, 0);

    (void)unused;
    for (;;) {
        int fd = export_as(ring, MRING_CONSUME);

        send_descriptor(to_outsider[1], fd);
        leave_in_itself(fd);
        (void)close(fd);
    }
}

static void import_for_ever(void *unused)
{
    (void)unused;
    for (;;) {
        struct mring *ring = NULL;
        struct mring_consumer *consumer = NULL;
        int fd = receive_descriptor(to_outsider[0]);

        if (mring_import(fd, &ring, NULL) == 0 && mring_join(ring, "work", NULL, &consumer) == 0)
            (void)mring_wait(consumer, SECOND / 1000);
        (void)mring_leave(consumer);
        (void)mring_close(ring);
        (void)close(fd);
    }
}

static void nap(uint32_t microseconds)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
}

/* The kernel gives back what it has to look for after a while; the time limit of the scenario ends a wait in vain. */
static void await_sockets(unsigned count)
{
    int ends[2];

    while (sockets_now() > count) {
        make_pair(ends); /* a socket that is closed has it look */
        (void)close(ends[0]);
        (void)close(ends[1]);
        nap(1000);
    }
}

static void name_is_free(void)
{
    EXPECT_OK(mring_close(importer_ring(name, 0)));
}

static void nothing_is_left(void)
{
    uint64_t state = harness_seed;
    unsigned before;

    EXPECT(go_elsewhere(), ==, 1);
    name_ring();
    name_is_free(); /* with it comes the name server's thread, which stays in this process */
    before = sockets_now();
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t children[3];

        name_ring();
        children[0] = child_start(export_for_ever, NULL);
        children[1] = child_start(import_for_ever, NULL);
        children[2] = child_start(import_for_ever, NULL);
        nap(random_below(&state, LONGEST_LIFE * 1000));
        for (int at = 0; at < 3; at++)
            EXPECT_OK(kill(children[at], SIGKILL));
        for (int at = 0; at < 3; at++)
            child_finish_killed(children[at]);
        for (int at = 0; at < 2; at++) {
            (void)close(to_outsider[at]);
            (void)close(reports.ends[at]);
            (void)close(told.ends[at]);
            (void)close(checked.ends[at]);
        }
        await_sockets(before);
        name_is_free();
    }
}

static bool may_go(void)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0)
        _exit(go_elsewhere() ? EXIT_SUCCESS : EXIT_FAILURE);
    return waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"beside_its_maker", beside_its_maker, 60},
        {"after_its_maker", after_its_maker, 60},
        {"an_outsider_takes_nobodys_place", an_outsider_takes_nobodys_place, 30},
        {"nothing_is_left", nothing_is_left, 120},
    };

    if (!may_go()) {
        (void)printf("this user may not have a network namespace here\n");
        return SKIPPED;
    }
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
