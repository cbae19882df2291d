/*
 * Members that are killed, stopped, forked or replaced by exec while they hold messages: what becomes of the messages (I2, I4), and of a
 * producer that waits for their room (I6).
 *
 * Each scenario: the leader serves the ring and produces; a victim claims a batch of four (0 .. 3) while it is the only member, and comes
 * to a certain point in it; a survivor joins, reads the four others, and waits.
 */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 4, SENT = 8 };

static const struct mring_group shared = {"all", 4};
static const struct mring_group lone = {"all", 1};

static struct mring *ring;
static struct mring_producer *producer;

/* How far the victim comes in its batch. */
struct point {
    const char *name;
    unsigned handed, released;
};

static void claim_batch(struct mring_consumer **consumer, const struct point *point)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_message message[BATCH];

    options.batch = BATCH;
    EXPECT_OK(mring_join(ring, "all", &options, consumer));
    for (unsigned at = 0; at < point->handed; at++) {
        EXPECT(mring_next(*consumer, &message[at]), ==, 1);
        EXPECT(message[at].tag, ==, at);
        EXPECT(message[at].deliveries, ==, 1);
    }
    if (point->released > 0)
        EXPECT_OK(mring_release(*consumer, &message[point->released - 1]));
}

static void stay(void)
{
    reach(VICTIM, 1);
    for (;;)
        (void)pause();
}

static void hold(void *argument)
{
    struct mring_consumer *consumer;

    claim_batch(&consumer, argument);
    stay();
}

static void hold_and_exec(void *argument)
{
    struct mring_consumer *consumer;

    claim_batch(&consumer, argument);
    reach(VICTIM, 1);
    await(SURVIVOR, 1);
    (void)execlp("sleep", "sleep", "1000", (char *)NULL);
    EXPECT(errno, ==, 0);
}

static void survive(void *polls)
{
    consume_all(ring, "all", polls != NULL);
}

static void make(const struct mring_group *groups, size_t count, unsigned attempts)
{
    stage_make(&ring, groups, count, attempts);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
}

static void unmake(void)
{
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* The victim holds, the survivor has read all else. */
static void set_up(pid_t *victim, pid_t *survivor, void (*body)(void *), struct point *point, bool polls)
{
    make(&shared, 1, 0);
    send_numbers(producer, 0, SENT);
    *victim = child_start(body, point);
    await(VICTIM, 1);
    *survivor = child_start(survive, polls ? &ring : NULL);
    await_logged(SENT - BATCH);
}

/* What the survivor was handed: everything the victim did not claim, then what that had not released, flagged, each in order. */
static void expect_handed_over(const struct point *point)
{
    uint32_t number = BATCH;
    uint64_t line = 0;

    EXPECT(word_load(&stage->logged), ==, SENT - point->released);
    for (; number < SENT; number++, line++) {
        EXPECT(stage->log[line].number, ==, number);
        EXPECT(stage->log[line].deliveries, ==, 1);
    }
    for (number = point->released; number < BATCH; number++, line++) {
        EXPECT(stage->log[line].number, ==, number);
        EXPECT(stage->log[line].deliveries, ==, 2);
    }
}

static struct point points[] = {
    {"nothing", 4, 4},        {"the last of a batch", 4, 3}, {"part of a batch", 3, 2},
    {"one of a batch", 1, 0}, {"all of a batch", 4, 0},
};
enum { POINTS = sizeof(points) / sizeof(points[0]) };

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

static void a_member_that_execs(void)
{
    struct point *point = &points[2];
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
        for (;;)
            (void)pause();
    }
    stay();
}

static void a_member_that_forked_is_killed(void)
{
    struct point *point = &points[2];
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

    set_up(&victim, &survivor, hold_while_child_exits, &points[2], false);
    expect_not_robbed();
    child_finish(victim);
    send_numbers(producer, 0, 1);
    EXPECT_OK(mring_end(producer));
    child_finish(survivor);
    unmake();
}

static void a_stopped_member(void)
{
    for (int polls = 0; polls < 2; polls++) {
        pid_t victim, survivor;
        int status;

        set_up(&victim, &survivor, hold_patiently, &points[2], polls != 0);
        EXPECT_OK(kill(victim, SIGSTOP));
        EXPECT(waitpid(victim, &status, WUNTRACED), ==, victim);
        EXPECT(WIFSTOPPED(status), !=, 0);
        expect_not_robbed();
        EXPECT_OK(kill(victim, SIGCONT));
        child_finish(victim);
        send_numbers(producer, 0, 1);
        EXPECT_OK(mring_end(producer));
        child_finish(survivor);
        unmake();
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
    for (;;)
        (void)pause();
}

static void await_sleepers(uint64_t lines)
{
    const struct group_page *page = ring->group[0].view.page;

    while ((word_load_acquire(&page->sleepers[0]) & lines) != lines)
        (void)sched_yield();
}

/* Asleep on line 0 the victim is the one that a waker takes first. It dies before there is work, or just after it was woken for it. */
static int64_t die_asleep(bool woken, uint64_t *state)
{
    pid_t victim, survivor;
    int64_t sent;

    make(&shared, 1, 0);
    victim = child_start(sleep_and_keep, NULL);
    await_sleepers(1);
    survivor = child_start(survive, NULL);
    await_sleepers(3);
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

    set_up(&victim, &survivor, hold, &points[4], false);
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
    for (;;)
        (void)pause();
}

/* The group is gone with it, and holds up nobody. */
static int64_t hold_up_passing(unsigned members, bool polls)
{
    const struct mring_group none = {NULL, 0};
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

/* The next member is handed, in this order or the other, what the dead one held, flagged, and what nobody has claimed. */
static void the_last_of_many(void)
{
    pid_t victim, next;

    for (unsigned at = 0; at < POINTS; at++) {
        uint32_t expected[2] = {points[at].released, BATCH}; /* of those with the flag, and without */

        make(&shared, 1, 0);
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

    make(&shared, 1, 0);
    send_numbers(producer, 0, SENT);
    victim = child_start(hold, &points[4]);
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

/* ---- messages that kill ---- */

enum { POISONED = 5 };

static void die_of_poison(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        if (message.tag == POISONED)
            (void)raise(SIGKILL);
        log_message(&message);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

static unsigned members_it_kills(void)
{
    unsigned killed = 0;
    int status;

    for (;; killed++) {
        pid_t child = child_start(die_of_poison, NULL);

        EXPECT(waitpid(child, &status, 0), ==, child);
        if (WIFEXITED(status))
            break;
        EXPECT(WTERMSIG(status), ==, SIGKILL);
    }
    EXPECT(WEXITSTATUS(status), ==, EXIT_SUCCESS);
    return killed;
}

static void take_it_out(unsigned deliveries)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t number;

    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    EXPECT(mring_take_aside(consumer, &number, sizeof(number) - 1, &message), ==, -EMSGSIZE);
    EXPECT(message.length, ==, sizeof(number));
    EXPECT(mring_take_aside(consumer, &number, sizeof(number), &message), ==, 1);
    EXPECT(number, ==, POISONED);
    EXPECT(message.tag, ==, POISONED);
    EXPECT(message.deliveries, ==, deliveries);
    EXPECT(mring_take_aside(consumer, &number, sizeof(number), &message), ==, 0);
    EXPECT_OK(mring_leave(consumer));
}

static void be_poisoned(const struct mring_group *group, unsigned attempts)
{
    unsigned expected = attempts != 0 ? attempts : 5; /* the default that the header names */
    unsigned seen[SENT] = {0};

    make(group, 1, attempts);
    send_numbers(producer, 0, SENT);
    EXPECT_OK(mring_end(producer));
    EXPECT(members_it_kills(), ==, expected);
    for (uint64_t line = 0; line < word_load(&stage->logged); line++)
        seen[stage->log[line].number]++;
    for (uint32_t number = 0; number < SENT; number++)
        EXPECT(seen[number], ==, number != POISONED);
    take_it_out(expected);
    EXPECT_OK(mring_drain(producer, 0));
    unmake();
}

static void a_message_that_kills(void)
{
    static const unsigned attempts[] = {0, 1, 2, 7};

    for (unsigned at = 0; at < sizeof(attempts) / sizeof(attempts[0]); at++) {
        be_poisoned(&shared, attempts[at]);
        be_poisoned(&lone, attempts[at]);
    }
}

/* ---- those who take over die, too ---- */

enum { ROUNDS = 40, ADOPTERS = 3, ROUND_SENT = 64 };

static struct word *touched; /* per message: how often it was handed out; shared with the children */

/* Takes all there is, in batches, and pauses: at any moment one of several that hold something, or that take over from the dead. */
static void adopt(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    while ((code = mring_join(ring, "all", NULL, &consumer)) == -EUSERS)
        (void)sched_yield(); /* a living one works up what was left on the place of a dead one */
    EXPECT_OK(code);
    while ((code = mring_next(consumer, &message)) >= 0) {
        if (code == 0) {
            (void)mring_wait(consumer, MRING_FOREVER);
            continue;
        }
        EXPECT(word_load(&touched[message.tag]), <, message.deliveries);
        word_count(&touched[message.tag]);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
}

/* Start some, and kill them in quick succession, while they are at it; the others see to what is left of them. */
static void those_who_take_over_die(void)
{
    uint64_t state = harness_seed;
    pid_t child[ADOPTERS + 1];

    make(&shared, 1, 1000); /* nothing is set aside */
    touched = (struct word *)(void *)stage->log;
    child[ADOPTERS] = child_start(adopt, NULL);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (unsigned at = 0; at < ADOPTERS; at++)
            child[at] = child_start(adopt, NULL);
        send_numbers(producer, round * ROUND_SENT, ROUND_SENT);
        for (unsigned at = 0; at < ADOPTERS; at++) {
            for (uint32_t turn = random_below(&state, 30000); turn > 0; turn--)
                pause_cpu();
            child_kill(child[at]);
        }
    }
    EXPECT_OK(mring_end(producer));
    child_finish(child[ADOPTERS]);
    for (uint32_t number = 0; number < ROUNDS * ROUND_SENT; number++)
        EXPECT(word_load(&touched[number]), >=, 1);
    EXPECT_OK(mring_drain(producer, 0));
    unmake();
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_killed_consumer", a_killed_consumer, 60},
        {"a_killed_sleeper", a_killed_sleeper, 60},
        {"a_held_up_producer", a_held_up_producer, 60},
        {"a_stopped_member", a_stopped_member, 30},
        {"a_member_that_execs", a_member_that_execs, 30},
        {"a_member_that_forked_is_killed", a_member_that_forked_is_killed, 30},
        {"a_members_child_exits", a_members_child_exits, 30},
        {"the_last_of_many", the_last_of_many, 30},
        {"the_one_who_comes_next", the_one_who_comes_next, 30},
        {"the_only_one", the_only_one, 30},
        {"a_message_that_kills", a_message_that_kills, 60},
        {"those_who_take_over_die", those_who_take_over_die, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
