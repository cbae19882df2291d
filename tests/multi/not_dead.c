/*
 * Members that are not dead, whatever it looks like (a stopped one, one whose child exits), and those that are, though a
 * process goes on (one that became another program by exec, one whose child lives): the first are never robbed of what
 * they hold, the others hold nothing any more.
 */
#include "victim.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void hold_and_exec(void *argument)
{
    struct mring_consumer *consumer;

    claim_batch(&consumer, argument);
    reach(VICTIM, 1);
    await(SURVIVOR, 1);
    (void)execlp("sleep", "sleep", "1000", (char *)NULL);
    EXPECT(errno, ==, 0);
}

static void a_member_that_execs(void)
{
    struct point *point = part_of_batch;
    pid_t victim, survivor;

    set_up(&victim, &survivor, hold_and_exec, point, false);
    await_logged(SENT - point->released);
    EXPECT(waitpid(victim, NULL, WNOHANG), ==, 0); /* what became of it still runs */
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    expect_handed_over(point);
    child_kill(victim);
    unmake();
}

/* ---- forked members ---- */

static void be_stale(struct mring_consumer *consumer)
{
    struct mring_message message;

    EXPECT(mring_next(consumer, &message), ==, -ESTALE);
    EXPECT_OK(mring_leave(consumer)); /* frees the copy, and ends nobody's membership */
}

/* The child outlives it, and does not stand in for it. */
static void hold_and_fork(void *argument)
{
    struct mring_consumer *consumer;

    claim_batch(&consumer, argument);
    (void)fflush(NULL);
    if (fork() == 0) {
        be_stale(consumer);
        reach(PRODUCER, (uint64_t)getpid());
        stay_until_killed();
    }
    stay();
}

static void a_member_that_forked_is_killed(void)
{
    struct point *point = part_of_batch;
    pid_t victim, survivor, child;

    set_up(&victim, &survivor, hold_and_fork, point, false);
    await(PRODUCER, 1);
    child = (pid_t)word_load(&stage->step[PRODUCER]);
    child_kill(victim);
    await_logged(SENT - point->released);
    EXPECT_OK(kill(child, 0));
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    expect_handed_over(point);
    EXPECT_OK(kill(child, SIGKILL));
    while (kill(child, 0) == 0) /* until it was reaped, by whoever does that for orphans */
        (void)sched_yield();
    unmake();
}

/* Waits until it is told, then releases all that it holds, and leaves. */
static void hold_until_told(struct mring_consumer *consumer, const struct point *point)
{
    struct mring_message message;

    reach(VICTIM, 1);
    await(PRODUCER, 1);
    for (unsigned number = point->handed; number < BATCH; number++) {
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT(message.tag, ==, number);
        EXPECT(message.deliveries, ==, 1);
    }
    EXPECT_OK(mring_release(consumer, &message));
    EXPECT_OK(mring_leave(consumer));
}

static void hold_while_child_exits(void *argument)
{
    struct mring_consumer *consumer;
    pid_t child;

    claim_batch(&consumer, argument);
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        be_stale(consumer);
        exit(EXIT_SUCCESS);
    }
    child_finish(child);
    hold_until_told(consumer, argument);
}

static void hold_patiently(void *argument)
{
    struct mring_consumer *consumer;

    claim_batch(&consumer, argument);
    hold_until_told(consumer, argument);
}

/* For two seconds the producer waits for room, and the survivor for work; neither gets what the victim holds. */
static void expect_not_robbed(void)
{
    uint32_t number = SENT;
    int code;

    do
        code = mring_send(producer, &number, sizeof(number), number);
    while (code == 0 && ++number < LOG_MOST);
    EXPECT(code, ==, -EAGAIN);
    EXPECT(mring_send_wait(producer, &number, sizeof(number), number, 2 * (int64_t)SECOND), ==, -ETIMEDOUT);
    await_logged(number - BATCH);
    EXPECT(word_load(&stage->logged), ==, number - BATCH);
    for (uint64_t line = 0; line < number - BATCH; line++) {
        EXPECT(stage->log[line].number, ==, line + BATCH);
        EXPECT(stage->log[line].deliveries, ==, 1);
    }
    reach(PRODUCER, 1);
}

static void a_members_child_exits(void)
{
    pid_t victim, survivor;

    set_up(&victim, &survivor, hold_while_child_exits, part_of_batch, false);
    expect_not_robbed();
    child_finish(victim);
    send_numbers(producer, 0, 1);
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    unmake();
}

static void stop(pid_t victim)
{
    int status;

    EXPECT_OK(kill(victim, SIGSTOP));
    EXPECT(waitpid(victim, &status, WUNTRACED), ==, victim);
    EXPECT(WIFSTOPPED(status), !=, 0);
}

static void a_stopped_member(void)
{
    for (int polls = 0; polls < 2; polls++) {
        pid_t victim, survivor;

        set_up(&victim, &survivor, hold_patiently, part_of_batch, polls != 0);
        stop(victim);
        expect_not_robbed();
        EXPECT_OK(kill(victim, SIGCONT));
        child_finish(victim);
        send_numbers(producer, 0, 1);
        EXPECT_OK(mring_end(producer));
        child_finish(survivor);
        unmake();
    }
}

/*
 * Asleep on line 0 the victim is the one that a waker takes first, and the only one. What the wake-up was
 * for, another finds who sleeps on, when it looks for itself: no wait lasts longer than a second.
 */
static int64_t pass_a_stopped_sleeper(void)
{
    pid_t victim, survivor;
    int64_t took;

    set_up_asleep(&victim, &survivor, survive);
    stop(victim);
    while (!are_asleep(1)) { /* it was just looking */
        EXPECT_OK(kill(victim, SIGCONT));
        await_sleepers(1);
        stop(victim);
    }
    await_sleepers(3);
    took = stage_clock();
    send_numbers(producer, 0, 1);
    EXPECT(are_asleep(1), ==, false);
    await_logged(1);
    took = stage->log[0].at - took;
    EXPECT(stage->log[0].deliveries, ==, 1);
    EXPECT_OK(kill(victim, SIGCONT));
    EXPECT_OK(mring_end(producer));
    child_finish(victim);
    child_finish(survivor);
    EXPECT(word_load(&stage->logged), ==, 1);
    unmake();
    return took;
}

static void a_stopped_sleeper(void)
{
    int64_t slowest = 0;

    for (unsigned round = 0; round < 8; round++) {
        int64_t took = pass_a_stopped_sleeper();

        slowest = took > slowest ? took : slowest;
    }
    report_slowest("past one that was woken, and is stopped", slowest);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_stopped_member", a_stopped_member, 30},
        {"a_stopped_sleeper", a_stopped_sleeper, 60},
        {"a_member_that_execs", a_member_that_execs, 30},
        {"a_member_that_forked_is_killed", a_member_that_forked_is_killed, 30},
        {"a_members_child_exits", a_members_child_exits, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
