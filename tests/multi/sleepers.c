/*
 * Several members of a group asleep: who of them is woken for what, and what counts as a wake-up that was lost (`rescued`). It is one only if nobody
 * is awake for the work: not if another was called and comes late to it.
 */
#include "core/group.h"
#include "harness.h"
#include "stage.h"

#include "api/consumer.h"
#include "api/producer.h"
#include "support/late.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { MEMBERS = 3, ROUNDS = 5 };

static struct mring *ring;
static struct group_view watched; /* whose members sleep */
static struct plan {
    struct word keep; /* the number of a message that is not released before `let_go` */
    struct word let_go;
    struct word late; /* a member has not got the right to another one in time */
} * plan;

/*
 * Whom a waker calls for the first time it has to ask the broker about. If that answers late, as its process has no processor, nobody is called, and the
 * scenario is to be played once more.
 */
static bool was_late(const struct wild_turns *turns)
{
    return turns->until != 0;
}

/* A member of the group of this name: logs what it gets, until the stream ends. */
static void take_and_log(void *group)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;

    options.wait = MRING_SLEEP;
    EXPECT_OK(mring_join(ring, group, &options, &consumer));
    while (mring_next_wait(consumer, &message, MRING_FOREVER) == 1) {
        if (was_late(&consumer->turns))
            word_store(&plan->late, 1);
        log_message(&message);
        if (message.tag == word_load(&plan->keep))
            await_word(&plan->let_go, 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
}

/* Announced, and behind the last look before the sleep. */
static void await_asleep(uint32_t line, uint64_t sleeps)
{
    while (word_load(&watched.line[line].sleeps) < sleeps ||
           (word_load_acquire(&group_sleepers(&watched)[0]) >> line & 1) == 0)
        (void)sched_yield();
}

/* One after the other, so that each has the line of its number. */
static void start(pid_t member[], unsigned count, const char *group)
{
    for (unsigned line = 0; line < count; line++) {
        member[line] = child_start(take_and_log, (void *)(uintptr_t)group);
        await_asleep(line, 1);
    }
}

static uint64_t rescued(void)
{
    uint64_t sum = 0;

    for (uint32_t line = 0; line < watched.members; line++)
        sum += word_load(&watched.line[line].rescued);
    return sum;
}

static void make(const struct mring_group *groups, size_t count, unsigned which)
{
    stage_make(&ring, groups, count, 65535);
    plan = stage_share(sizeof(*plan));
    word_store(&plan->keep, UINT64_MAX);
    watched = ring->group[which].view;
    group_view_place_sleepers(&ring->region.view, &watched);
}

static const struct mring_group two = {.name = "g", .members = 2};

static void finish(struct mring_producer *producer, const pid_t member[], unsigned count)
{
    EXPECT_OK(mring_end(producer));
    for (unsigned line = 0; line < count; line++)
        child_finish(member[line]);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* The first of two is called, and does not get a processor; the other one looks up by itself. True: so it was. */
static bool call_who_is_stopped(void)
{
    struct mring_producer *producer;
    pid_t member[2];
    bool called;
    int status;

    make(&two, 1, 0);
    start(member, 2, "g");
    EXPECT_OK(kill(member[0], SIGSTOP));
    EXPECT(waitpid(member[0], &status, WUNTRACED), ==, member[0]);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    send_numbers(producer, 0, 1);
    called = !was_late(&producer->turns[watched.index]);
    EXPECT(word_load(&ring->region.view.page->wakeups), ==, called);
    EXPECT(word_load(&watched.page->sleepers[0]) & 1, ==, 0);
    await_logged(1);
    EXPECT_OK(kill(member[0], SIGCONT));
    EXPECT(rescued(), ==, 0);
    finish(producer, member, 2);
    return called;
}

static void what_another_was_called_for_is_no_rescue(void)
{
    wakers_may_be_late();
    while (!call_who_is_stopped())
        ;
}

/* No group's bit is in the doorbell, so that nobody is called. Who looks up just between these two steps announces itself anew: then, once more. */
static void what_nobody_was_called_for_is_one(void)
{
    struct mring_producer *producer;
    pid_t member[2];

    make(&two, 1, 0);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    start(member, 2, "g");
    for (uint32_t number = 0; number < ROUNDS && rescued() == 0; number++) {
        for (uint32_t line = 0; line < 2; line++)
            await_asleep(line, 1);
        (void)word_take_bit(&ring->region.view.doorbell->groups, watched.index);
        send_numbers(producer, number, 1);
        await_logged(number + 1);
    }
    EXPECT(rescued(), ==, 1);
    finish(producer, member, 2);
}

/*
 * Two groups before. When the members of the third went to sleep the one held it back; what the first of them claims then goes as far as the other
 * has released. The others are asleep, and must not sleep through what that one does next; nor is it a lost wake-up that somebody else holds them back.
 * True: the first has called the second.
 */
static bool have_one_tell_the_others(void)
{
    static const char *const both[] = {"near", "far"};
    static const struct mring_group groups[] = {
        {.name = "near"}, {.name = "far"}, {.name = "g", .members = MEMBERS, .after = both, .after_count = 2}};
    const struct word *awaited;
    struct mring_consumer *near, *far;
    struct mring_producer *producer;
    struct mring_message message[2];
    pid_t member[MEMBERS];
    bool called;

    make(groups, 3, 2);
    awaited = ring->region.view.doorbell->awaited;
    word_store(&plan->keep, 0);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "near", NULL, &near));
    EXPECT_OK(mring_join(ring, "far", NULL, &far));
    send_numbers(producer, 0, 2);
    for (unsigned at = 0; at < 2; at++)
        EXPECT(mring_next(far, &message[at]), ==, 1);
    EXPECT_OK(mring_release(far, &message[0]));
    start(member, MEMBERS, "g");
    EXPECT(word_load(&awaited[0]), ==, 1 << 2);
    EXPECT(word_load(&awaited[1]), ==, 0);
    for (unsigned at = 0; at < 2; at++)
        EXPECT(mring_next(near, &message[at]), ==, 1);
    EXPECT_OK(mring_release(near, &message[1]));
    /* The first has claimed what both have released, and keeps it; the second is called, and tells the other group. */
    await_logged(1);
    called = word_load(&plan->late) == 0;
    if (called) {
        await_word(&watched.line[0].wakeups, 1);
        await_asleep(1, 2);
        await_word(&awaited[1], 1 << 2);
        /* The third stays where it was: more than one of its looks. */
        EXPECT(mring_wait(near, SECOND + SECOND / 2), ==, -ETIMEDOUT);
        EXPECT(rescued(), ==, 0);
    }
    EXPECT_OK(mring_release(far, &message[1]));
    await_logged(2);
    EXPECT(rescued() == 0 || !called, ==, true);
    word_store_release(&plan->let_go, 1);
    EXPECT_OK(mring_leave(near));
    EXPECT_OK(mring_leave(far));
    finish(producer, member, MEMBERS);
    return called;
}

static void who_sleeps_is_told_who_holds_it_back_now(void)
{
    wakers_may_be_late();
    while (!have_one_tell_the_others())
        ;
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"what_another_was_called_for_is_no_rescue", what_another_was_called_for_is_no_rescue, 60},
        {"what_nobody_was_called_for_is_one", what_nobody_was_called_for_is_one, 30},
        {"who_sleeps_is_told_who_holds_it_back_now", who_sleeps_is_told_who_holds_it_back_now, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
