/*
 * Running out of descriptors on the serving side, and in a producer that has to map a group that is new to it.
 *
 * A broker without descriptors answers with an error or not at all, goes on living without using the processor, and serves again once it
 * has some. A producer that cannot map a group finds no room until it can: the group misses nothing.
 */
#include "api/producer.h"
#include "faults_linux.h"
#include "harness.h"
#include "meet/clock.h"
#include "mring.h"
#include "possessions_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS_MOST = 24 };
static const int64_t SECOND = 1000 * 1000 * 1000, MILLISECOND = 1000 * 1000;

static char name[48];
static int line[2]; /* the test's end, the other process's */

/* A number there, and the answer. */
static long tell(int end, long value)
{
    EXPECT(send(end, &value, sizeof(value), MSG_NOSIGNAL), ==, sizeof(value));
    return value;
}

static bool heard(int end, long *value)
{
    return recv(end, value, sizeof(*value), 0) == (ssize_t)sizeof(*value);
}

static long ask(long value)
{
    long answer = 0;

    (void)tell(line[0], value);
    EXPECT(heard(line[0], &answer), ==, 1);
    return answer;
}

static pid_t other_start(void (*body)(void *))
{
    pid_t child;

    EXPECT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line));
    (void)snprintf(name, sizeof(name), "serving-%d", (int)getpid());
    child = child_start(body, NULL);
    (void)close(line[1]);
    EXPECT(ask(0), >=, 0);
    return child;
}

static void other_finish(pid_t child)
{
    (void)close(line[0]);
    child_finish(child);
}

static struct mring *make(void)
{
    const struct mring_group groups[] = {{.name = "work", .members = 4}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring = NULL;

    options.capacity = 16384;
    options.groups = groups;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, name, &options));
    return ring;
}

static struct mring *open_ring(enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring = NULL;

    options.timeout = MRING_FOREVER;
    EXPECT_OK(mring_open(&ring, name, role, &options));
    return ring;
}

/* ---- the broker ---- */

static long milliseconds_used(void)
{
    struct rusage usage;

    EXPECT_OK(getrusage(RUSAGE_SELF, &usage));
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* n > 0: leaves n - 1 descriptors; n < 0: as many as it likes. The answer is the processor time used so far. */
static void serve_in_want(void *unused)
{
    struct mring *ring = make();
    long n;

    (void)unused;
    (void)close(line[0]);
    while (heard(line[1], &n)) {
        if (n != 0)
            fault_lift();
        if (n > 0)
            fault_arm(&faults[0], (unsigned)n - 1);
        (void)tell(line[1], milliseconds_used());
    }
    EXPECT_OK(mring_close(ring));
}

static bool is_one_of(int code, const int *codes)
{
    while (*codes != 0 && *codes != code)
        codes++;
    return code == *codes;
}

static void check(int code, const int *documented, const struct mring_error *error)
{
    if (code == 0 || is_one_of(code, documented))
        return;
    (void)fprintf(stderr, "%d: %s\n", code, error->text);
    exit(EXIT_FAILURE);
}

static int open_once(struct mring **ring)
{
    static const int documented[] = {-ENOENT, -ENOMEM, -EMFILE, -ETIMEDOUT, 0};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    int code;

    options.error = &error;
    code = mring_open(ring, name, MRING_CONSUME, &options);
    check(code, documented, &error);
    return code;
}

static int join_once(struct mring *ring, const char *group, struct mring_consumer **consumer)
{
    static const int documented[] = {-ENOMEM, -EMFILE, -ETIMEDOUT, 0};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    int code;

    options.error = &error;
    code = mring_join(ring, group, &options, consumer);
    check(code, documented, &error);
    return code;
}

static void a_broker_without_descriptors(void)
{
    pid_t server = other_start(serve_in_want);
    struct mring *ring = open_ring(MRING_CONSUME);
    unsigned failures = 0;

    for (long n = 1; n <= DESCRIPTORS_MOST; n++) {
        struct mring_consumer *consumer;
        struct mring *second;
        long used = ask(n), before;
        int64_t began;

        if (open_once(&second) == 0)
            EXPECT_OK(mring_close(second));
        else
            failures++;
        if (join_once(ring, "late", &consumer) == 0)
            EXPECT_OK(mring_leave(consumer));
        else
            failures++;
        began = clock_now();
        before = ask(0);
        (void)nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
        EXPECT((ask(0) - before) * 2 * MILLISECOND, <, clock_now() - began); /* without a request: it does not spin */
        EXPECT(before, >=, used);
        (void)ask(-1);
        EXPECT_OK(open_once(&second));
        EXPECT_OK(mring_close(second));
        EXPECT_OK(join_once(ring, "late", &consumer));
        EXPECT_OK(mring_leave(consumer));
    }
    (void)printf("  %u of %d requests failed\n", failures, 2 * DESCRIPTORS_MOST);
    EXPECT(failures, >, 0);
    EXPECT_OK(mring_close(ring));
    other_finish(server);
}

/* ---- a producer and a new group ---- */

/* The creator: joins the passing group "late" when told to, and reads as many messages as told, all of them in order. */
static void read_late(void *unused)
{
    struct mring *ring = make();
    struct mring_consumer *consumer = NULL;
    struct mring_message message;
    uint32_t expected = 0;
    bool first = true;
    long count;

    (void)unused;
    (void)close(line[0]);
    while (heard(line[1], &count)) {
        if (count == 0 && consumer != NULL) {
            EXPECT_OK(mring_leave(consumer));
            consumer = NULL;
        } else if (count == 0 && !first) {
            EXPECT_OK(mring_join(ring, "late", NULL, &consumer));
        }
        first = false;
        for (long at = 0; at < count; at++) {
            EXPECT(mring_next_wait(consumer, &message, 20 * SECOND), ==, 1);
            if (at > 0)
                EXPECT(message.tag, ==, expected);
            expected = message.tag + 1;
            EXPECT_OK(mring_release(consumer, &message));
        }
        (void)tell(line[1], expected);
    }
    EXPECT_OK(mring_close(ring));
}

/* Until there is no room, which is within one lap. How many were sent. */
static long send_all_that_fit(struct mring_producer *producer, uint32_t *tag)
{
    static const unsigned char payload[248];
    long sent = 0;
    int code;

    while ((code = mring_send(producer, payload, sizeof(payload), *tag)) == 0) {
        sent++;
        ++*tag;
        EXPECT(sent, <=, 16384 / 256);
    }
    EXPECT(code, ==, -EAGAIN);
    return sent;
}

static void drain_work(struct mring_consumer *work)
{
    struct mring_message message;

    while (mring_next(work, &message) == 1)
        EXPECT_OK(mring_release(work, &message));
}

/* How often the producer could not map the group. */
static unsigned with_fault(const struct fault *fault, struct mring_producer *producer, struct mring_consumer *work)
{
    static const int slept[] = {-ETIMEDOUT, -ENOMEM, 0};
    static uint32_t tag;
    unsigned missed = 0;

    for (unsigned n = 0; n < 12; n++) {
        long sent;

        drain_work(work);
        EXPECT_OK(mring_drain(producer, 20 * SECOND));
        (void)ask(0); /* joined */
        fault_arm(fault, n);
        sent = send_all_that_fit(producer, &tag);
        check(mring_wait(producer, 5 * 1000 * 1000), slept, &(struct mring_error){.text = "a wait for room"});
        fault_lift();
        missed += producer->behind;
        drain_work(work);
        if (sent > 0)
            EXPECT(ask(sent), ==, tag);
        drain_work(work);
        EXPECT_OK(mring_drain(producer, 20 * SECOND)); /* the group is mapped, at last, and has released all */
        (void)ask(0);                                  /* left */
    }
    return missed;
}

static void a_producer_with_a_new_group(void)
{
    pid_t other = other_start(read_late);
    struct mring *ring = open_ring(MRING_PRODUCE);
    struct mring_producer *producer;
    struct mring_consumer *work;
    unsigned all = 0;

    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "work", NULL, &work));
    for (int at = 0; at < FAULTS; at++) {
        unsigned missed = with_fault(&faults[at], producer, work);

        (void)printf("  %s: missed the group %u times\n", faults[at].name, missed);
        all += missed;
    }
    EXPECT(all, >, 0);
    EXPECT_OK(mring_leave(work));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    other_finish(other);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {{"a_broker_without_descriptors", a_broker_without_descriptors, 400},
                                                {"a_producer_with_a_new_group", a_producer_with_a_new_group, 120}};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
