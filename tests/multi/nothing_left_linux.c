/*
 * I9: everybody is killed, and nothing remains: no socket name, no lock, no shared memory with a name, and the ring's name is free at once.
 *
 * A round is a world: a creator that produces until the ring is full and sleeps then, members of three groups who work or sleep, one who
 * holds a producer's rights and does not use them, and two who come and go, so that there are always requests and rights on their way. At
 * a random moment, the worlds' beginnings included, all are killed; in every other round, when there is something that could be left.
 */
#include "harness.h"
#include "mring.h"
#include "possessions_linux.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 60, LONGEST_LIFE = 40 /* ms */ };

static char name[48];

static void create(struct mring **ring)
{
    const struct mring_group groups[] = {{.name = "one", .members = 1}, {.name = "many", .members = 4}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = 65536;
    options.groups = groups;
    options.group_count = 2;
    options.error = &error;
    if (mring_create(ring, name, &options) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        exit(EXIT_FAILURE);
    }
}

static struct mring *find(enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *ring;

    options.timeout = MRING_FOREVER;
    EXPECT_OK(mring_open(&ring, name, role, &options));
    return ring;
}

static void produce(void *unused)
{
    static const unsigned char payload[200];
    struct mring_producer *producer;
    struct mring *ring;

    (void)unused;
    create(&ring);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (;;)
        EXPECT_OK(mring_send_wait(producer, payload, sizeof(payload), 0, MRING_FOREVER));
}

static void consume(const char *group, unsigned most)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(mring_join(find(MRING_CONSUME), group, NULL, &consumer));
    for (unsigned count = 0; count < most; count++) {
        EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
    stay_until_killed();
}

/* Reads for a while: then the ring fills up, and the producer and all the others sleep. */
static void consume_some(void *unused)
{
    (void)unused;
    consume("one", 1000);
}

static void work(void *unused)
{
    (void)unused;
    consume("many", UINT32_MAX);
}

static void come_late(void *unused)
{
    (void)unused;
    consume("late", UINT32_MAX);
}

static void hold_rights(void *unused)
{
    (void)unused;
    (void)find(MRING_PRODUCE);
    stay_until_killed();
}

static void come_and_go(void *unused)
{
    (void)unused;
    for (;;)
        EXPECT_OK(mring_close(find(MRING_PRODUCE)));
}

static void (*const inhabitants[])(void *) = {produce,   consume_some, work,        work,
                                              come_late, hold_rights,  come_and_go, come_and_go};
enum { INHABITANTS = sizeof(inhabitants) / sizeof(inhabitants[0]) };

static bool is_ours(const pid_t pids[INHABITANTS], long pid)
{
    for (int at = 0; at < INHABITANTS; at++)
        if (pids[at] == pid)
            return true;
    return false;
}

/* Lines of a table of the kernel's that have one of these processes in a column. */
static unsigned lines_of(const char *path, unsigned column, const pid_t pids[INHABITANTS])
{
    FILE *table = fopen(path, "re");
    char line[512], *rest, *word;
    unsigned count = 0;

    EXPECT(table != NULL, ==, 1);
    while (fgets(line, sizeof(line), table) != NULL) {
        word = strtok_r(line, " \t\n", &rest);
        for (unsigned at = 1; word != NULL && at < column; at++)
            word = strtok_r(NULL, " \t\n", &rest);
        count += word != NULL && is_ours(pids, strtol(word, NULL, 10));
    }
    (void)fclose(table);
    return count;
}

static unsigned locks_of(const pid_t pids[INHABITANTS])
{
    return lines_of("/proc/locks", 5, pids);
}

static unsigned segments_of(const pid_t pids[INHABITANTS])
{
    return lines_of("/proc/sysvipc/shm", 5, pids);
}

/* Whatever they share has no name that could stay: no file of /dev/shm, no segment, is mapped. */
static void check_maps(const pid_t pids[INHABITANTS])
{
    for (int at = 0; at < INHABITANTS; at++) {
        char path[32], line[512];
        FILE *maps;

        (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pids[at]);
        maps = fopen(path, "re");
        EXPECT(maps != NULL, ==, 1);
        while (fgets(line, sizeof(line), maps) != NULL) {
            EXPECT(strstr(line, "/dev/shm/") == NULL, ==, 1);
            EXPECT(strstr(line, "/SYSV") == NULL, ==, 1);
        }
        (void)fclose(maps);
    }
}

static void name_is_free(void *unused)
{
    struct mring *ring;

    (void)unused;
    create(&ring);
    EXPECT_OK(mring_close(ring));
}

static void nap(uint32_t microseconds)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
}

/* However long that takes to make. */
static void await_what_could_be_left(const pid_t pids[INHABITANTS])
{
    while (names_with(name) == 0 || locks_of(pids) == 0)
        nap(1000);
}

static void all_are_killed(void)
{
    uint64_t state = harness_seed;
    unsigned named = 0, locked = 0;

    (void)snprintf(name, sizeof(name), "nothing-left-%d", (int)getpid());
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t pids[INHABITANTS];
        uint32_t first;

        for (int at = 0; at < INHABITANTS; at++)
            pids[at] = child_start(inhabitants[at], NULL);
        if (round % 2 != 0)
            await_what_could_be_left(pids);
        nap(random_below(&state, LONGEST_LIFE * 1000));
        if (random_below(&state, 4) == 0) {
            EXPECT_OK(kill(pids[0], SIGSTOP)); /* what is asked from now on stays in its queue */
            nap(random_below(&state, 2000));
        }
        check_maps(pids);
        named += names_with(name) != 0;
        locked += locks_of(pids) != 0;
        first = random_below(&state, INHABITANTS);
        for (uint32_t at = 0; at < INHABITANTS; at++)
            EXPECT_OK(kill(pids[(first + at) % INHABITANTS], SIGKILL));
        for (int at = 0; at < INHABITANTS; at++) {
            int status = 0;

            EXPECT(waitpid(pids[at], &status, 0), ==, pids[at]);
            if (first == 1) /* the creator went last: nobody can have ended for want of it before */
                EXPECT(WIFSIGNALED(status), !=, 0);
        }
        EXPECT(names_with(name), ==, 0);
        EXPECT(locks_of(pids), ==, 0);
        EXPECT(segments_of(pids), ==, 0);
        child_finish(child_start(name_is_free, NULL));
    }
    (void)printf("  %d rounds; there was a name in %u, a lock in %u\n", ROUNDS, named, locked);
    EXPECT(named, >, ROUNDS / 4);
    EXPECT(locked, >, ROUNDS / 4);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {{"all_are_killed", all_are_killed, 120}};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
