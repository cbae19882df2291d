/*
 * As much as a ring can have: 64 groups, 1024 members, each a process, under the usual limit of 1024 descriptors. And what each part of a ring
 * costs in descriptors, as the README says it.
 */
#include "harness.h"
#include "mring.h"
#include "possessions_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMBERS_EACH = MRING_MEMBERS_MAX / MRING_GROUPS_MAX, MESSAGES = 64, SETTLING = 5000 };
static const int64_t SECOND = 1000 * 1000 * 1000;

static struct mring *ring;
static char group_name[MRING_GROUPS_MAX][8];

static void limit_descriptors(rlim_t soft)
{
    struct rlimit limit;

    EXPECT_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = soft;
    EXPECT_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

static int create(unsigned groups, unsigned members, struct mring_error *error)
{
    struct mring_group group[MRING_GROUPS_MAX];
    struct mring_options options = MRING_OPTIONS_INIT;

    for (unsigned at = 0; at < groups; at++) {
        (void)snprintf(group_name[at], sizeof(group_name[at]), "g%u", at);
        group[at] = (struct mring_group){.name = group_name[at], .members = members};
    }
    options.capacity = 16384;
    options.groups = group;
    options.group_count = groups;
    options.error = error;
    return mring_create(&ring, NULL, &options);
}

/* ---- what it costs ---- */

static size_t had;

/*
 * So many descriptors more, or fewer, than when this was asked last; the broker's thread may be about to close some of an answer's. However long that
 * takes: what never comes to be is seen by the scenario's time being up.
 */
static void expect_more(const char *what, long more)
{
    size_t has = possessions_now().descriptors;

    for (unsigned turn = 0; (long)has - (long)had != more; turn++) {
        if (turn == SETTLING)
            (void)fprintf(stderr, "  %s: %+ld so far, and not %+ld\n", what, (long)has - (long)had, more);
        (void)usleep(1000);
        has = possessions_now().descriptors;
    }
    (void)printf("  %s: %+ld\n", what, more);
    had = has;
}

static char name[48];

static void serve(void *line)
{
    const struct mring_group group = {.name = "g0", .members = 4};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_consumer *consumer;
    char byte = 0;

    options.groups = &group;
    options.group_count = 1;
    had = possessions_now().descriptors;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    expect_more("creator, with one group", 11 + 1);
    EXPECT_OK(mring_close(ring));
    expect_more("closed", -12);
    EXPECT_OK(mring_create(&ring, name, &options));
    expect_more("creator, with a name", 12 + 8);
    EXPECT_OK(mring_join(ring, "g0", NULL, &consumer));
    expect_more("its member of a declared group", 0);
    EXPECT(mring_wait(consumer, 1000 * 1000), ==, -ETIMEDOUT);
    expect_more("asleep", 1);
    EXPECT_OK(mring_leave(consumer));
    expect_more("gone", 0); /* the broker keeps the place's semaphore until another sleeps there */
    EXPECT(write(*(const int *)line, &byte, 1), ==, 1);
    EXPECT(read(*(const int *)line, &byte, 1), ==, 1);
    expect_more("when another process has slept in its place, in a passing group that is gone, and as the producer", 2);
    EXPECT_OK(mring_close(ring));
}

static void the_costs_are_as_documented(void)
{
    struct mring_producer *producer;
    struct mring_consumer *declared, *passing;
    int line[2];
    pid_t server;
    char byte;

    EXPECT_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line));
    (void)snprintf(name, sizeof(name), "scale-%d", (int)getpid());
    server = child_start(serve, &line[1]);
    EXPECT(read(line[0], &byte, 1), ==, 1);
    had = possessions_now().descriptors;
    EXPECT_OK(mring_open(&ring, name, MRING_CONSUME, NULL));
    expect_more("opened, to consume", 6 + 2);
    EXPECT_OK(mring_join(ring, "g0", NULL, &declared));
    expect_more("member of a declared group, whose entry it keeps anyway", 0);
    EXPECT_OK(mring_join(ring, "late", NULL, &passing));
    expect_more("member of a passing group", 1);
    EXPECT(mring_wait(declared, 1000 * 1000), ==, -ETIMEDOUT);
    expect_more("asleep", 1);
    EXPECT(mring_wait(passing, 1000 * 1000), ==, -ETIMEDOUT);
    expect_more("asleep", 1);
    EXPECT_OK(mring_leave(declared));
    EXPECT_OK(mring_leave(passing));
    EXPECT_OK(mring_close(ring));
    expect_more("closed", -11);
    EXPECT_OK(mring_open(&ring, name, MRING_PRODUCE, NULL));
    expect_more("opened, to produce", 6 + 1);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    expect_more("producer, with a declared group, and one that is gone with its member", 0);
    EXPECT_OK(mring_send(producer, "", 1, 0));
    EXPECT(mring_drain(producer, 1000 * 1000), ==, -ETIMEDOUT);
    expect_more("asleep", 1);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    expect_more("closed", -8);
    EXPECT(write(line[0], &byte, 1), ==, 1);
    child_finish(server);
}

/* ---- all of it ---- */

static unsigned *read_by; /* messages, of each group; shared with the members */

static void consume(void *group)
{
    const unsigned at = *(const unsigned *)group;
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    EXPECT_OK(mring_join(ring, group_name[at], NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        (void)__atomic_fetch_add(&read_by[at], 1, __ATOMIC_RELAXED);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

/* It sleeps, and has its semaphore, before those of the members have used up what there is: without one it cannot wait. */
static struct mring_producer *produce_first(void)
{
    struct mring_producer *producer;
    uint32_t first = 0;

    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_send(producer, &first, sizeof(first), first));
    EXPECT(mring_drain(producer, 1000 * 1000), ==, -ETIMEDOUT);
    return producer;
}

static void run_all(rlim_t descriptors)
{
    static pid_t child[MRING_MEMBERS_MAX];
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer *producer;

    read_by = mmap(NULL, MRING_GROUPS_MAX * sizeof(*read_by), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(read_by != MAP_FAILED, ==, 1);
    limit_descriptors(descriptors);
    if (create(MRING_GROUPS_MAX, MEMBERS_EACH, &error) != 0)
        (void)fprintf(stderr, "%s\n", error.text);
    EXPECT(error.code, ==, 0);
    producer = produce_first();
    for (unsigned at = 0; at < MRING_MEMBERS_MAX; at++) {
        unsigned group = at % MRING_GROUPS_MAX;

        child[at] = child_start(consume, &group);
    }
    for (uint32_t sent = 1; sent < MESSAGES; sent++)
        EXPECT_OK(mring_send_wait(producer, &sent, sizeof(sent), sent, 20 * SECOND));
    EXPECT_OK(mring_drain(producer, 60 * SECOND));
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at < MRING_MEMBERS_MAX; at++)
        child_finish(child[at]);
    for (unsigned at = 0; at < MRING_GROUPS_MAX; at++)
        EXPECT(read_by[at], ==, MESSAGES);
    limit_descriptors(
        4 *
        MRING_MEMBERS_MAX); /* they may be all in use: each member that slept has left its semaphore with the broker */
    (void)printf("  %zu descriptors in the end\n", possessions_now().descriptors);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void all_with_1024_descriptors(void)
{
    run_all(1024);
}

static void all_with_256_descriptors(void)
{
    run_all(256);
}

/* Too few for 64 groups: said so, with the number, and nothing stays. */
static void groups_with_64_descriptors(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct possessions before, after;

    EXPECT_OK(create(1, MEMBERS_EACH, NULL));
    EXPECT_OK(mring_close(ring));
    before = possessions_now();
    limit_descriptors(64);
    EXPECT(create(MRING_GROUPS_MAX, MEMBERS_EACH, &error), ==, -EMFILE);
    (void)printf("  %s\n", error.text);
    EXPECT(strstr(error.text, "RLIMIT_NOFILE is 64") != NULL, ==, 1);
    after = possessions_now();
    possessions_within(&before, &after, "after the failure");
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"the_costs_are_as_documented", the_costs_are_as_documented, 30},
        {"groups_with_64_descriptors", groups_with_64_descriptors, 30},
        {"all_with_1024_descriptors", all_with_1024_descriptors, 240},
        {"all_with_256_descriptors", all_with_256_descriptors, 240},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
