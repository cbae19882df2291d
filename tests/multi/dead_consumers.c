/*
 * Members that are killed while they hold messages, or sleep: what becomes of the messages (I2, I4), and of a producer
 * that waits for their room (I6).
 */
#include "victim.h"

#include "api/ring.h"

#include <errno.h>

static int64_t die_at(struct point *point, bool polls)
{
    int64_t killed, last;
    pid_t victim, survivor;

    set_up(&victim, &survivor, hold, point, polls);
    killed = stage_clock();
    child_kill(victim);
    await_logged(SENT - point->released);
    last = stage->log[SENT - point->released - 1].at;
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    expect_handed_over(point);
    unmake();
    return point->released < BATCH ? last - killed : 0;
}

static void a_killed_consumer(void)
{
    for (int polls = 0; polls < 2; polls++) {
        int64_t slowest = 0;

        for (unsigned at = 0; at < POINTS; at++) {
            int64_t took = die_at(&points[at], polls != 0);

            slowest = took > slowest ? took : slowest;
        }
        report_slowest(polls != 0 ? "handed over to one that polls" : "handed over to a sleeper", slowest);
    }
}

/* ---- sleepers ---- */

/* Sleeps; woken, it takes one message and keeps it. */
static void sleep_and_keep(void *argument)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)argument;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    while (mring_next(consumer, &message) == 0)
        (void)mring_wait(consumer, MRING_FOREVER);
    stay_until_killed();
}

/*
 * Asleep on line 0 the victim is the one that a waker takes first. It dies before there is work, or just after it was
 * woken for it.
 */
static int64_t die_asleep(bool woken, uint64_t *state)
{
    pid_t victim, survivor;
    int64_t sent;

    set_up_asleep(&victim, &survivor, sleep_and_keep);
    if (!woken)
        child_kill(victim);
    sent = stage_clock();
    send_numbers(producer, 0, 1);
    for (uint32_t turn = random_below(state, 50000); woken && turn > 0; turn--)
        pause_cpu();
    if (woken)
        child_kill(victim);
    await_logged(1);
    EXPECT(stage->log[0].number, ==, 0);
    EXPECT(stage->log[0].deliveries, <=, woken ? 2 : 1);
    sent = stage->log[0].at - sent;
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    EXPECT(word_load(&stage->logged), ==, 1);
    unmake();
    return sent;
}

static void a_killed_sleeper(void)
{
    uint64_t state = harness_seed;

    for (int woken = 0; woken < 2; woken++) {
        int64_t slowest = 0;

        for (unsigned round = 0; round < 8; round++) {
            int64_t took = die_asleep(woken != 0, &state);

            slowest = took > slowest ? took : slowest;
        }
        report_slowest(woken != 0 ? "from one that was just woken" : "past one that slept", slowest);
    }
}

/* ---- a producer that a dead member holds up ---- */

static void fill_ring(uint32_t *number)
{
    int code;

    while ((code = mring_send(producer, number, sizeof(*number), *number)) == 0)
        ++*number;
    EXPECT(code, ==, -EAGAIN);
}

/* One more message, asking again and again, or asleep until there is room. */
static int64_t send_one_more(uint32_t number, bool polls)
{
    int64_t began = stage_clock();
    int code;

    do
        code = polls ? mring_send(producer, &number, sizeof(number), number)
                     : mring_send_wait(producer, &number, sizeof(number), number, HANG_LIMIT);
    while (code == -EAGAIN && stage_clock() - began < HANG_LIMIT);
    EXPECT_OK(code);
    return stage_clock() - began;
}

/* It held all of its batch, and somebody is there to take it. */
static int64_t hold_up_declared(bool polls)
{
    pid_t victim, survivor;
    uint32_t number = SENT;
    int64_t took;

    set_up(&victim, &survivor, hold, all_of_batch, false);
    fill_ring(&number);
    child_kill(victim);
    took = send_one_more(number, polls);
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    EXPECT(word_load(&stage->logged), ==, number + 1); /* the victim logged nothing */
    unmake();
    return took;
}

/* The first member of a passing group, of so many places: it holds one message. */
static void hold_in_passing(void *members)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;

    options.members = *(const unsigned *)members;
    EXPECT_OK(mring_join(ring, "passing", &options, &consumer));
    reach(VICTIM, 1);
    EXPECT_OK(mring_wait(consumer, MRING_FOREVER));
    EXPECT(mring_next(consumer, &message), ==, 1);
    reach(VICTIM, 2);
    stay_until_killed();
}

/* The group is gone with it, and holds up nobody. */
static int64_t hold_up_passing(unsigned members, bool polls)
{
    const struct mring_group none = {.name = NULL, .members = 0};
    uint32_t number = 0;
    pid_t victim;
    int64_t took;

    make(&none, 0, 0);
    victim = child_start(hold_in_passing, &members);
    await(VICTIM, 1);
    send_numbers(producer, number++, 1);
    await(VICTIM, 2);
    fill_ring(&number);
    child_kill(victim);
    took = send_one_more(number, polls);
    EXPECT_OK(mring_drain(producer, 0)); /* nobody has anything to read */
    unmake();
    return took;
}

static void a_held_up_producer(void)
{
    int64_t slowest = 0;

    for (int polls = 0; polls < 2; polls++) {
        int64_t took[] = {hold_up_declared(polls != 0), hold_up_passing(1, polls != 0), hold_up_passing(3, polls != 0)};

        for (unsigned at = 0; at < 3; at++)
            slowest = took[at] > slowest ? took[at] : slowest;
    }
    report_slowest("the producer waited", slowest);
}

/* ---- the last of a declared group ---- */

/* The next member gets, in this order or the other, what the dead one held, flagged, and what nobody has claimed. */
static void the_last_of_many(void)
{
    pid_t victim, next;

    for (unsigned at = 0; at < POINTS; at++) {
        uint32_t expected[2] = {points[at].released, BATCH}; /* of those with the flag, and without */

        make(&many, 1, 0);
        send_numbers(producer, 0, SENT);
        victim = child_start(hold, &points[at]);
        await(VICTIM, 1);
        child_kill(victim);
        next = child_start(survive, NULL);
        await_logged(SENT - points[at].released);
        EXPECT_OK(mring_end(producer));
        child_finish(next);
        for (uint64_t line = 0; line < SENT - points[at].released; line++) {
            bool fresh = stage->log[line].deliveries == 1;

            EXPECT(stage->log[line].deliveries, <=, 2);
            EXPECT(stage->log[line].number, ==, expected[fresh]++);
        }
        EXPECT(expected[0], ==, BATCH);
        EXPECT(expected[1], ==, SENT);
        unmake();
    }
}

static void be_handed_all_at_once(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    for (uint32_t number = 0; number < BATCH; number++) {
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT(message.deliveries, ==, 2);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
}

/* Who comes next does not have to wait, though there is a free place for it: it looks for the dead as it joins. */
static void the_one_who_comes_next(void)
{
    pid_t victim;

    make(&many, 1, 0);
    send_numbers(producer, 0, SENT);
    victim = child_start(hold, all_of_batch);
    await(VICTIM, 1);
    child_kill(victim);
    child_finish(child_start(be_handed_all_at_once, NULL));
    unmake();
}

/* Alone, a member may have been handed all that was published when it looked: that is flagged, and nothing else. */
static void the_only_one(void)
{
    for (unsigned at = 0; at < POINTS; at++) {
        pid_t victim, next;
        uint32_t flagged_to;

        make(&lone, 1, 0);
        send_numbers(producer, 0, SENT);
        victim = child_start(hold, &points[at]);
        await(VICTIM, 1);
        child_kill(victim);
        send_numbers(producer, SENT, SENT);
        next = child_start(survive, NULL);
        await_logged(2 * SENT - points[at].released);
        EXPECT_OK(mring_end(producer));
        child_finish(next);
        EXPECT(word_load(&stage->logged), ==, 2 * SENT - points[at].released);
        flagged_to = points[at].released;
        for (uint32_t number = points[at].released; number < 2 * SENT; number++) {
            const struct line_of_log *line = &stage->log[number - points[at].released];

            EXPECT(line->number, ==, number);
            EXPECT(line->deliveries, <=, 2);
            if (line->deliveries == 2)
                EXPECT(flagged_to++, ==, number); /* one piece, from where the dead one held */
        }
        EXPECT(flagged_to, >=, points[at].handed);
        EXPECT(flagged_to, <=, SENT);
        unmake();
    }
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_killed_consumer", a_killed_consumer, 60},           {"a_killed_sleeper", a_killed_sleeper, 60},
        {"a_held_up_producer", a_held_up_producer, 60},         {"the_last_of_many", the_last_of_many, 30},
        {"the_one_who_comes_next", the_one_who_comes_next, 30}, {"the_only_one", the_only_one, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
