/*
 * What mring_stats tells of who stops the producer, of groups that come and go, and of a ring whose server is stopped; and that to ask changes
 * nothing.
 */
#include "api/ring.h"
#include "event.h"
#include "stats_cast.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* ---- who stops the producer ---- */

static struct event told, go_on;

static void hold_one(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    event_send(&told);
    event_wait(&go_on);
    EXPECT_OK(mring_leave(consumer));
}

static void who_stops_the_producer(void)
{
    struct mring_stats *stats = NULL;
    struct mring *looked_at;
    struct numbers numbers;
    pid_t holder, producer, logger;

    prepare();
    told = event_make();
    go_on = event_make();
    looked_at = open_to_look();
    holder = child_start(hold_one, NULL);
    producer = child_start(produce, NULL);
    event_wait(&told);
    logger = child_start(consume, (void *)(uintptr_t)LOG);
    do
        take(looked_at, &stats, &numbers);
    while (!numbers.ring.waiting || numbers.group[LOG].lag_messages != 0 || numbers.group[WORK].waits == 0);
    EXPECT(numbers.ring.producer, ==, producer);
    EXPECT(numbers.ring.waits, >=, numbers.group[WORK].waits);
    EXPECT(numbers.group[LOG].gating, ==, 0);
    EXPECT(numbers.group[WORK].gating, ==, 1);
    EXPECT(numbers.ring.members, ==, 2);
    EXPECT(numbers.member[0].process, ==, logger);
    EXPECT(numbers.member[0].gating, ==, 0);
    EXPECT(numbers.member[1].process, ==, holder);
    EXPECT(numbers.member[1].gating, ==, 1);
    EXPECT(numbers.member[1].held_from, ==, numbers.group[WORK].released);
    EXPECT(numbers.group[WORK].members, ==, 1);
    EXPECT(numbers.group[WORK].members_most, ==, WORKERS);
    /* The group's first message is held, and nobody has claimed the rest but for what that one's claim has. */
    EXPECT(numbers.group[WORK].messages, ==, 1);
    event_send(&go_on);
    child_finish(holder);
    EXPECT_OK(kill(producer, SIGKILL));
    EXPECT(waitpid(producer, NULL, 0), ==, producer);
    take(looked_at, &stats, &numbers);
    EXPECT(numbers.ring.producing, ==, 0);
    EXPECT(numbers.ring.waiting, ==, 0);
    EXPECT(numbers.group[WORK].members, ==, 0);
    EXPECT_OK(kill(logger, SIGKILL));
    EXPECT(waitpid(logger, NULL, 0), ==, logger);
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_close(ring));
}

/* Of groups that are after one another it is the first that holds something; and then the next. */
static void who_stops_a_chain(void)
{
    static const char *const after[] = {"journal"};
    const struct mring_group chain[] = {{.name = "apply", .members = 2, .after = after, .after_count = 1},
                                        {.name = "journal", .members = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group_stats group[2];
    struct mring_stats *stats = NULL;
    struct mring_producer *producer;
    struct mring_consumer *journal;
    struct mring_message message;

    options.groups = chain;
    options.group_count = 2;
    options.capacity = CAPACITY;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "journal", NULL, &journal));
    for (unsigned last = 1, other = 0; last < 2; last--, other++) {
        while (mring_send(producer, "12345678", 8, 0) == 0)
            ;
        EXPECT(mring_wait(producer, 1000 * 1000), ==, -ETIMEDOUT);
        EXPECT_OK(mring_stats(ring, &stats, NULL));
        for (unsigned at = 0; at < 2; at++) {
            group[at] = (struct mring_group_stats)MRING_GROUP_STATS_INIT;
            EXPECT_OK(mring_stats_group(stats, at, &group[at]));
        }
        EXPECT(group[last].gating, ==, 1);
        EXPECT(group[last].waits, >, 0);
        EXPECT(group[other].gating, ==, 0);
        EXPECT(group[0].waits == 0, ==, last == 1);
        EXPECT(group[0].after, ==, UINT64_C(1) << group[1].number);
        while (mring_next(journal, &message) == 1)
            EXPECT_OK(mring_release(journal, &message));
    }
    mring_stats_free(stats);
    EXPECT_OK(mring_leave(journal));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- nobody is disturbed ---- */

static void look_often(void *unused)
{
    struct mring *looked_at = open_to_look();
    struct mring_stats *stats = NULL;
    struct numbers numbers;

    (void)unused;
    for (unsigned turn = 0; turn < 100; turn++) {
        take(looked_at, &stats, &numbers);
        EXPECT(numbers.ring.instant, ==, 1);
        EXPECT(numbers.ring.messages, ==, 100);
        EXPECT(numbers.group[LOG].lag_messages, ==, 90);
    }
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
}

struct piece {
    const void *at;
    size_t size;
    void *copy;
};

/* Not a byte of the ring is another one after others have looked. */
static void nothing_is_changed(void)
{
    struct mring_producer *producer;
    struct mring_consumer *consumer[GROUPS];
    struct mring_message message;
    struct piece pieces[4];

    prepare();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned group = 0; group < GROUPS; group++)
        EXPECT_OK(mring_join(ring, declared[group].name, NULL, &consumer[group]));
    for (unsigned at = 0; at < 100; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    for (unsigned at = 0; at < 20; at++) {
        EXPECT(mring_next(consumer[at % GROUPS], &message), ==, 1);
        EXPECT_OK(mring_release(consumer[at % GROUPS], &message));
    }
    pieces[0] = (struct piece){ring->region.view.page, 2 * LAYOUT_PAGE, NULL};
    pieces[1] = (struct piece){ring->region.view.data, CAPACITY, NULL};
    for (unsigned group = 0; group < GROUPS; group++)
        pieces[2 + group] =
            (struct piece){ring->group[group].view.page, layout_group_words(declared[group].members), NULL};
    for (unsigned at = 0; at < 4; at++) {
        pieces[at].copy = malloc(pieces[at].size);
        EXPECT(pieces[at].copy != NULL, ==, 1);
        memcpy(pieces[at].copy, pieces[at].at, pieces[at].size);
    }
    child_finish(child_start(look_often, NULL));
    for (unsigned at = 0; at < 4; at++) {
        EXPECT(memcmp(pieces[at].copy, pieces[at].at, pieces[at].size), ==, 0);
        free(pieces[at].copy);
    }
    EXPECT(word_load(&ring->region.view.doorbell->groups), ==, 0);
    for (unsigned group = 0; group < GROUPS; group++)
        EXPECT_OK(mring_leave(consumer[group]));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- who serves the ring is stopped ---- */

static void serve(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    prepare();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned at = 0; at < 10; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    EXPECT(write(told.ends[1], name, sizeof(name)), ==, sizeof(name));
    event_wait(&go_on);
}

static void the_server_is_stopped(void)
{
    struct mring_stats *seen = NULL, *fresh = NULL;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;
    struct mring_group_stats of_group = MRING_GROUP_STATS_INIT;
    struct mring *looked_at, *other;
    struct numbers numbers;
    pid_t server;

    told = event_make();
    go_on = event_make();
    server = child_start(serve, NULL);
    EXPECT(read(told.ends[0], name, sizeof(name)), ==, sizeof(name));
    looked_at = open_to_look();
    other = open_to_look();
    take(looked_at, &seen, &numbers);
    EXPECT_OK(kill(server, SIGSTOP));
    EXPECT(waitpid(server, NULL, WUNTRACED), ==, server);
    /* What was seen before is seen again; what was not is told as that, and the ring's own numbers all the same. */
    take(looked_at, &seen, &numbers);
    EXPECT(numbers.group[WORK].lag_messages, ==, 10);
    for (unsigned turn = 0; turn < 2; turn++) {
        EXPECT_OK(mring_stats(other, &fresh, NULL));
        EXPECT_OK(mring_stats_ring(fresh, &of_ring));
        EXPECT(of_ring.messages, ==, 10);
        EXPECT(of_ring.groups, ==, GROUPS);
        EXPECT(of_ring.unreached, ==, GROUPS);
        EXPECT_OK(mring_stats_group(fresh, WORK, &of_group));
        EXPECT(strcmp(of_group.name, "work"), ==, 0);
        EXPECT(of_group.reached, ==, 0);
        EXPECT(of_group.members_most, ==, WORKERS);
        EXPECT(of_group.lag_messages == MRING_UNKNOWN, ==, 1);
    }
    mring_stats_free(fresh);
    EXPECT_OK(kill(server, SIGCONT));
    fresh = NULL;
    take(other, &fresh, &numbers);
    EXPECT(numbers.group[WORK].lag_messages, ==, 10);
    event_send(&go_on);
    child_finish(server);
    /* And when nobody serves it any more. */
    take(looked_at, &seen, &numbers);
    EXPECT(numbers.ring.producing, ==, 0);
    mring_stats_free(fresh);
    mring_stats_free(seen);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_close(other));
}

/* ---- groups that come and go, forks, arguments ---- */

static void look_in_a_child(void *argument)
{
    struct mring_stats **stats = argument;
    struct mring_consumer *consumer;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;

    /* Its first join takes away what it had of other groups. */
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    EXPECT_OK(mring_stats(ring, stats, NULL));
    EXPECT_OK(mring_stats_ring(*stats, &of_ring));
    EXPECT(of_ring.groups, ==, 3);
    EXPECT(of_ring.unreached, ==, 0);
    EXPECT_OK(mring_leave(consumer));
    mring_stats_free(*stats);
}

static void groups_come_and_go(void)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;
    struct mring_group_stats of_group = MRING_GROUP_STATS_INIT;
    struct mring_stats *stats = NULL;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *looked_at;

    prepare();
    looked_at = open_to_look();
    EXPECT(mring_stats(NULL, &stats, NULL), ==, -EINVAL);
    EXPECT(mring_stats(ring, NULL, NULL), ==, -EINVAL);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned at = 0; at < 5; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    for (unsigned turn = 0; turn < 3; turn++) {
        options.members = 1 + turn;
        EXPECT_OK(mring_join(ring, "passing", &options, &consumer));
        EXPECT_OK(mring_send(producer, "1234", 4, 0));
        EXPECT_OK(mring_send(producer, "123", 3, 0));
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
        EXPECT_OK(mring_stats(looked_at, &stats, NULL));
        EXPECT_OK(mring_stats_group(stats, 2, &of_group));
        EXPECT(strcmp(of_group.name, "passing"), ==, 0);
        EXPECT(of_group.durable, ==, 0);
        EXPECT(of_group.members, ==, 1);
        EXPECT(of_group.members_most, ==, 1 + turn);
        EXPECT(of_group.messages, ==, 1);
        EXPECT(of_group.lag_messages, ==, 1);
        EXPECT(of_group.lag_bytes, ==, 3);
        if (turn == 2)
            child_finish(child_start(look_in_a_child, &stats));
        EXPECT_OK(mring_leave(consumer));
        EXPECT_OK(mring_stats(looked_at, &stats, NULL));
        EXPECT_OK(mring_stats_ring(stats, &of_ring));
        EXPECT(of_ring.messages, ==, 7 + 2 * turn);
        EXPECT(of_ring.groups, ==, 2);
    }
    of_ring.size = 1;
    EXPECT(mring_stats_ring(stats, &of_ring), ==, -EINVAL);
    /* An older program knows less of it. */
    of_ring.size = offsetof(struct mring_ring_stats, bytes);
    of_ring.bytes = 4711;
    EXPECT_OK(mring_stats_ring(stats, &of_ring));
    EXPECT(of_ring.messages, ==, 11);
    EXPECT(of_ring.bytes, ==, 4711);
    /* One handle for another ring handle. */
    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, WORK, &of_group));
    EXPECT(of_group.lag_messages, ==, 11);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    mring_stats_free(stats);
    mring_stats_free(NULL);
}

/* What is to become of a group that nobody serves, and that it became of it. */
static void who_is_dropped(void)
{
    const struct mring_group group = {.name = "idle", .members = 2, .unserved = MRING_DROP, .limit = CAPACITY / 2};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group_stats seen = MRING_GROUP_STATS_INIT;
    struct mring_producer *producer;
    struct mring_stats *stats = NULL;
    static const char bytes[CAPACITY / 4];

    options.capacity = CAPACITY;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (int at = 0; at < 3; at++)
        EXPECT_OK(mring_send(producer, bytes, sizeof(bytes), 0));
    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, 0, &seen));
    EXPECT(seen.unserved, ==, MRING_DROP);
    EXPECT(seen.limit, ==, CAPACITY / 2);
    EXPECT(seen.gating, ==, 1); /* further behind than its limit, but there is room */
    EXPECT(seen.dropped, ==, 0);
    EXPECT(seen.cut_off, ==, 0);
    EXPECT_OK(mring_send_wait(producer, bytes, sizeof(bytes), 0, MRING_FOREVER));
    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, 0, &seen));
    EXPECT(seen.gating, ==, 0);
    EXPECT(seen.dropped, ==, 1);
    EXPECT(seen.cut_off, ==, 1);
    mring_stats_free(stats);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"groups_come_and_go", groups_come_and_go, 30},       {"nothing_is_changed", nothing_is_changed, 30},
        {"the_server_is_stopped", the_server_is_stopped, 60}, {"who_is_dropped", who_is_dropped, 30},
        {"who_stops_a_chain", who_stops_a_chain, 30},         {"who_stops_the_producer", who_stops_the_producer, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
