/*
 * Removing durable groups that nobody serves: the producer goes on, the name is free, and nobody who is in a group, or comes to one, has it taken
 * away; also when whoever serves the ring is killed.
 */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CAPACITY = 16384,
    RECORD = 16,
    LAP = CAPACITY / RECORD,
    REMOVALS = 400,
    COMERS = 3,
    PLACES = 4,
    NUMBERS = 1 << 26
};

static char name[MRING_NAME_MAX + 1];
static struct mring *ring;

static struct words {
    struct word stop, sent, removed, stays;
    unsigned char times[NUMBERS]; /* that a message was given to somebody */
} * words;

static void create_ring(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    stage = stage_share(sizeof(*stage));
    words = stage_share(sizeof(*words));
    (void)snprintf(name, sizeof(name), "removal-%ld", (long)getpid());
    options.capacity = CAPACITY;
    options.groups = &(struct mring_group){.name = "log"};
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, name, &options));
}

static struct mring *open_ring(enum mring_role role)
{
    return stage_open(name, role, INT64_C(20) * SECOND);
}

static int join_in(struct mring *which, const char *group, unsigned durable, struct mring_consumer **consumer)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.members = PLACES;
    options.durable = durable;
    return mring_join(which, group, &options, consumer);
}

static struct mring_consumer *join(const char *group)
{
    struct mring_consumer *consumer;

    EXPECT_OK(join_in(ring, group, 1, &consumer));
    return consumer;
}

static void make_ledger(void)
{
    EXPECT_OK(mring_leave(join("ledger")));
}

/* Its next message is of this number, and given to it first. */
static void expect_next(struct mring_consumer *consumer, uint32_t number)
{
    struct mring_message message;

    EXPECT(mring_next_wait(consumer, &message, HANG_LIMIT), ==, 1);
    EXPECT(message.tag, ==, number);
    EXPECT(message.deliveries, ==, 1);
    EXPECT_OK(mring_release(consumer, &message));
}

/* ---- the producer goes on ---- */

static void flood_in_a_child(void *unused)
{
    struct mring_consumer *log;
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "log", NULL, &log));
    EXPECT(flood(producer, log, 3 * LAP, 0), <, LAP);
    reach(PRODUCER, 1);
    EXPECT_OK(mring_wait(producer, MRING_FOREVER));
    reach(PRODUCER, 2);
    EXPECT(flood(producer, log, 3 * LAP, 0), ==, 3 * LAP);
    EXPECT_OK(mring_leave(log));
    EXPECT_OK(mring_producer_close(producer));
}

/* Nobody owed it a wake-up. */
static void expect_no_rescue(void)
{
    struct mring_ring_stats told = MRING_RING_STATS_INIT;
    struct mring_stats *stats = NULL;

    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_ring(stats, &told));
    EXPECT(told.rescued, ==, 0);
    mring_stats_free(stats);
}

/* It sleeps for the room that the group keeps; members that were killed there with messages held keep nothing any more. */
static void a_waiting_producer_goes_on(void)
{
    int64_t slowest = 0;

    for (int turn = 0; turn < 4; turn++) {
        pid_t producer;
        int64_t began;

        create_ring();
        make_ledger();
        producer = child_start(flood_in_a_child, NULL);
        await(PRODUCER, 1);
        (void)usleep(turn % 2 == 0 ? 0 : 300 * 1000);
        began = stage_clock();
        EXPECT_OK(mring_group_remove(ring, "ledger", NULL));
        await(PRODUCER, 2);
        slowest = stage_clock() - began > slowest ? stage_clock() - began : slowest;
        child_finish(producer);
        expect_no_rescue();
        EXPECT_OK(mring_close(ring));
    }
    report_slowest("until the producer went on", slowest);
}

/* ---- nor do those before it mind who slept there ---- */

static void sleep_behind_the_log(void *unused)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    options.durable = 1;
    options.after = (const char *const[]){"log"};
    options.after_count = 1;
    EXPECT_OK(mring_join(ring, "ledger", &options, &consumer));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
}

static void who_slept_there_is_forgotten(void)
{
    const struct word *awaited;
    struct mring_producer *producer;
    struct mring_consumer *log;
    pid_t member;

    create_ring();
    awaited = &ring->region.view.doorbell->awaited[0];
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "log", NULL, &log));
    member = child_start(sleep_behind_the_log, NULL);
    await_word(awaited, UINT64_C(1) << 1);
    child_kill(member);
    EXPECT_OK(mring_group_remove(ring, "ledger", NULL));
    send_numbers(producer, 0, 1);
    expect_next(log, 0);
    EXPECT(word_load(awaited), ==, 0);
    EXPECT_OK(mring_leave(log));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- not under a living member ---- */

static void hold_one(void *unused)
{
    struct mring_message message;
    struct mring_consumer *consumer = join("ledger");

    (void)unused;
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    reach(VICTIM, 1);
    stay_until_killed();
}

static void refused_while_one_lives(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer *producer;
    struct mring_consumer *own;
    struct mring_message message;
    pid_t member;

    create_ring();
    make_ledger();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    send_numbers(producer, 0, 3);
    member = child_start(hold_one, NULL);
    await(VICTIM, 1);
    EXPECT(mring_group_remove(ring, "ledger", &error), ==, -EBUSY);
    EXPECT(strstr(error.text, "\"ledger\"") != NULL && strstr(error.text, "member") != NULL, ==, 1);
    EXPECT_OK(kill(member, SIGSTOP));
    EXPECT(mring_group_remove(ring, "ledger", NULL), ==, -EBUSY);
    child_kill(member);
    own = join("ledger");
    EXPECT(mring_group_remove(ring, "ledger", NULL), ==, -EBUSY);
    EXPECT(mring_next(own, &message), ==, 1); /* it was all there still */
    EXPECT(message.tag, ==, 0);
    EXPECT_OK(mring_leave(own));
    EXPECT_OK(mring_group_remove(ring, "ledger", NULL));
    EXPECT(mring_group_remove(ring, "ledger", &error), ==, -ENOENT);
    own = join("ledger"); /* another one, from now on */
    send_numbers(producer, 3, 1);
    expect_next(own, 3);
    EXPECT_OK(mring_leave(own));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void other_groups_stay(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *passing;
    struct mring *looking;

    create_ring();
    make_ledger();
    EXPECT(mring_group_remove(NULL, "ledger", NULL), ==, -EINVAL);
    EXPECT(mring_group_remove(ring, NULL, NULL), ==, -EINVAL);
    EXPECT(mring_group_remove(ring, "a/b", NULL), ==, -EINVAL);
    EXPECT(mring_group_remove(ring, "nobody", &error), ==, -ENOENT);
    EXPECT(mring_group_remove(ring, "log", &error), ==, -EOPNOTSUPP);
    EXPECT(strstr(error.text, "declared") != NULL, ==, 1);
    EXPECT_OK(join_in(ring, "passing", 0, &passing));
    EXPECT(mring_group_remove(ring, "passing", NULL), ==, -EBUSY);
    EXPECT_OK(mring_leave(passing));
    EXPECT(mring_group_remove(ring, "passing", NULL), ==, -ENOENT); /* it went with its member */
    looking = open_ring(MRING_INSPECT);
    EXPECT(mring_group_remove(looking, "ledger", &error), ==, -EACCES);
    EXPECT_OK(mring_close(looking));
    EXPECT_OK(mring_group_remove(ring, "ledger", NULL));
    EXPECT_OK(mring_close(ring));
}

/* ---- beside members that come and go ---- */

static void stream(void *unused)
{
    struct mring *opened = open_ring(MRING_PRODUCE);
    struct mring_producer *producer;
    uint32_t number = 0;

    (void)unused;
    EXPECT_OK(mring_producer(opened, &producer, NULL));
    while (word_load_acquire(&words->stop) == 0) {
        int code = mring_send_wait(producer, &number, sizeof(number), number, SECOND / 50);

        if (code != -ETIMEDOUT)
            EXPECT_OK(code);
        number += code == 0;
        word_store_release(&words->sent, number);
    }
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(opened));
}

/* Never is it told that its group was given up; and what it gets nobody had before it, in this incarnation of the group or another. */
static void stay(struct mring *opened, uint64_t *state)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(join_in(opened, "ledger", 1, &consumer));
    for (uint32_t left = random_below(state, 200); left > 0; left--) {
        int code = mring_next_wait(consumer, &message, SECOND / 20);

        if (code == -ETIMEDOUT || code == -EOWNERDEAD)
            continue;
        EXPECT(code, ==, 1);
        EXPECT(message.deliveries, ==, 1);
        EXPECT(message.tag, <, NUMBERS);
        EXPECT(__atomic_fetch_add(&words->times[message.tag], 1, __ATOMIC_RELAXED), ==, 0);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
    word_count(&words->stays);
}

static void come_and_go(void *argument)
{
    uint64_t state = harness_seed + *(const unsigned *)argument;
    struct mring *opened = open_ring(MRING_CONSUME);

    while (word_load_acquire(&words->stop) == 0) {
        stay(opened, &state);
        (void)usleep(random_below(&state, 3000));
    }
    EXPECT_OK(mring_close(opened));
}

static void remove_often(void *argument)
{
    uint64_t state = harness_seed ^ *(const unsigned *)argument;
    struct mring *opened = open_ring(MRING_CONSUME);

    while (word_load_acquire(&words->stop) == 0) {
        int code = mring_group_remove(opened, "ledger", NULL);

        EXPECT(code == 0 || code == -EBUSY || code == -ENOENT || code == -EPIPE || code == -ETIMEDOUT, ==, 1);
        if (code == 0)
            word_count(&words->removed);
        (void)usleep(random_below(&state, 1000));
    }
    EXPECT_OK(mring_close(opened));
}

static void read_log(void *unused)
{
    struct mring *opened = open_ring(MRING_CONSUME);
    struct mring_consumer *consumer;

    (void)unused;
    EXPECT_OK(mring_join(opened, "log", NULL, &consumer));
    for (uint32_t number = 0; word_load_acquire(&words->stop) == 0;) {
        struct mring_message message;
        int code = mring_next_wait(consumer, &message, SECOND / 20);

        if (code != 1)
            continue;
        EXPECT(message.tag, ==, number++);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(opened));
}

enum { CAST = 3 + COMERS };

static void start_cast(pid_t cast[CAST])
{
    cast[0] = child_start(stream, NULL);
    cast[1] = child_start(read_log, NULL);
    cast[2] = child_start(remove_often, &(unsigned){0});
    for (unsigned comer = 0; comer < COMERS; comer++)
        cast[3 + comer] = child_start(come_and_go, &comer);
}

static void finish_cast(const pid_t cast[CAST])
{
    word_store_release(&words->stop, 1);
    for (unsigned at = 0; at < CAST; at++)
        child_finish(cast[at]);
    (void)printf("  %llu stays, %llu times removed, %llu messages\n", (unsigned long long)word_load(&words->stays),
                 (unsigned long long)word_load(&words->removed), (unsigned long long)word_load(&words->sent));
}

static void removed_beside_comers(void)
{
    pid_t cast[CAST];

    create_ring();
    start_cast(cast);
    await_word(&words->removed, REMOVALS);
    finish_cast(cast);
    EXPECT_OK(mring_close(ring));
}

/* ---- and whoever serves the ring is killed ---- */

static void serve_until_killed(void *unused)
{
    struct stage *shared = stage;

    (void)unused;
    create_ring();
    stage = shared;
    reach(VICTIM, 1);
    stay_until_killed();
}

/* Nobody serves the ring: this one does then, and removes the group. */
static void remove_and_serve(void *unused)
{
    struct mring *opened = open_ring(MRING_CONSUME);

    (void)unused;
    reach(SURVIVOR, 1);
    await(SURVIVOR, 2);
    EXPECT_OK(mring_group_remove(opened, "ledger", NULL));
    reach(SURVIVOR, 3);
    stay_until_killed();
}

/* It stays removed, also when another comes to serve the ring to whom somebody could bring it who had kept it. */
static void a_successor_removes(void)
{
    pid_t creator, successor;
    struct mring_producer *producer;
    struct mring_consumer *consumer;

    stage = stage_share(sizeof(*stage));
    creator = child_start(serve_until_killed, NULL);
    (void)snprintf(name, sizeof(name), "removal-%ld", (long)creator);
    await(VICTIM, 1);
    ring = open_ring(MRING_PRODUCE);
    make_ledger();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    send_numbers(producer, 0, 3);
    successor = child_start(remove_and_serve, NULL);
    await(SURVIVOR, 1);
    child_kill(creator);
    reach(SURVIVOR, 2);
    await(SURVIVOR, 3);
    child_kill(successor);
    consumer = join("ledger");
    send_numbers(producer, 3, 1);
    expect_next(consumer, 3);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_group_remove(ring, "ledger", NULL)); /* whoever serves it now */
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_waiting_producer_goes_on", a_waiting_producer_goes_on, 60},
        {"who_slept_there_is_forgotten", who_slept_there_is_forgotten, 30},
        {"refused_while_one_lives", refused_while_one_lives, 30},
        {"other_groups_stay", other_groups_stay, 30},
        {"removed_beside_comers", removed_beside_comers, 120},
        {"a_successor_removes", a_successor_removes, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
