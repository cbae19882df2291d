/*
 * A named ring whose creator dies, alone or with everybody else: those who are attached go on, and the name is free.
 */
#include "stage.h"

#include <errno.h>
#include <unistd.h>

static const struct mring_group groups[] = {{.name = "log", .members = 1}};

static char name[32];

static void serve(void *unused)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    (void)unused;
    options.groups = groups;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, name, &options));
    reach(VICTIM, 1);
    stay_until_killed();
}

static struct mring *open_ring(enum mring_role role)
{
    return stage_open(name, role, HANG_LIMIT);
}

/* Reads what is there, then waits, when it is told: for the first time, with nobody left who could be asked for anything. */
static void read_by_name(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    EXPECT_OK(mring_join(open_ring(MRING_CONSUME), "log", NULL, &consumer));
    reach(SURVIVOR, 1);
    await(PRODUCER, 1);
    while (mring_next(consumer, &message) == 1) {
        log_message(&message);
        EXPECT_OK(mring_release(consumer, &message));
    }
    await(VICTIM, 2);
    EXPECT(mring_wait(consumer, MRING_FOREVER), ==, -EOWNERDEAD);
}

static void send_by_name(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(open_ring(MRING_PRODUCE), &producer, NULL));
    send_numbers(producer, 0, 10);
    reach(PRODUCER, 1);
    stay_until_killed();
}

enum { CREATOR, SENDER, READER, ALL };

static void start_all(pid_t child[ALL])
{
    stage = stage_share(sizeof(*stage));
    child[CREATOR] = child_start(serve, NULL);
    await(VICTIM, 1);
    child[READER] = child_start(read_by_name, NULL);
    await(SURVIVOR, 1);
    child[SENDER] = child_start(send_by_name, NULL);
    await_logged(10);
    for (uint32_t number = 0; number < 10; number++)
        EXPECT(stage->log[number].number, ==, number);
}

static void name_it(const char *what)
{
    (void)snprintf(name, sizeof(name), "%s-%ld", what, (long)getpid());
}

/* The name is free at once, and what is made under it begins anew. */
static void all_die(void)
{
    struct mring *ring;

    name_it("all-die");
    for (unsigned round = 0; round < 6; round++) {
        pid_t child[ALL];

        start_all(child);
        for (unsigned at = 0; at < ALL; at++)
            child_kill(child[(at + round) % ALL]);
    }
    EXPECT(mring_open(&ring, name, MRING_CONSUME, NULL), ==, -ENOENT);
}

/* Who is left can be woken by nobody, but is told that nobody produces any more. */
static void all_but_one_die(void)
{
    pid_t child[ALL];

    name_it("all-but-one-die");
    start_all(child);
    child_kill(child[CREATOR]);
    child_kill(child[SENDER]);
    reach(VICTIM, 2);
    child_finish(child[READER]);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"all_die", all_die, 30},
        {"all_but_one_die", all_but_one_die, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
