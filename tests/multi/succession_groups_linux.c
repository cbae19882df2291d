/* What becomes of passing groups, whose entries a successor does not have; and all of it at once, again and again. */
#include "cast.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool ordered(int milliseconds)
{
    struct pollfd order = {.fd = orders[0], .events = POLLIN};

    return poll(&order, 1, milliseconds) == 1;
}

/* Join a passing group, hold the first message until told, then read on: a group of one misses no number. */
static void hold_in_passing(unsigned members)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct message last, next;
    int code;

    open_by_name(MRING_CONSUME);
    options.members = members;
    options.batch = 1;
    EXPECT_OK(mring_join(ring, "passing", &options, &consumer));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    memcpy(&last, message.data, sizeof(last));
    report(READY, last.number);
    while (!ordered(20)) {
        (void)mring_wait(consumer, 0);
        tell_news();
    }
    await_order();
    memcpy(&next, message.data, sizeof(next)); /* nobody has written there */
    EXPECT(memcmp(&next, &last, sizeof(next)), ==, 0);
    EXPECT_OK(mring_release(consumer, &message));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1 || code == -EOWNERDEAD) {
        if (code != 1)
            continue;
        memcpy(&next, message.data, sizeof(next));
        if (members == 1)
            EXPECT(next.number, ==, next.producer == last.producer ? last.number + 1 : 0);
        last = next;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void hold_alone(void *unused)
{
    (void)unused;
    hold_in_passing(1);
}

static void hold_among_many(void *unused)
{
    (void)unused;
    hold_in_passing(4);
}

/* Join a passing group and never wait in it: a group of one misses no number. */
static void poll_in_passing(unsigned members)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct message last = {0, 0}, next;
    int code;

    open_by_name(MRING_CONSUME);
    options.members = members;
    EXPECT_OK(mring_join(ring, "passing", &options, &consumer));
    report(READY, 0);
    while ((code = mring_next(consumer, &message)) >= 0) {
        if (code == 0) {
            (void)sched_yield();
            continue;
        }
        memcpy(&next, message.data, sizeof(next));
        if (members == 1 && last.number != 0)
            EXPECT(next.number, ==, next.producer == last.producer ? last.number + 1 : 0);
        last = next;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void poll_alone(void *unused)
{
    (void)unused;
    poll_in_passing(1);
}

static void poll_among_many(void *unused)
{
    (void)unused;
    poll_in_passing(4);
}

/* The member of a passing group keeps what it holds from a new producer, and its place: `stopped` while all that happens, or not. */
static void member_kept(bool stopped)
{
    pid_t creator, children[4];

    start_all(&creator, children);
    children[2] = child_start(hold_alone, NULL);
    (void)await(READY);
    if (stopped)
        EXPECT_OK(kill(children[2], SIGSTOP));
    child_kill(creator);
    (void)await(SERVES);
    children[3] = child_start(open_and_flood, NULL);
    (void)await(READY);
    EXPECT(await_of(FULL, children[3]).value, <, LAP);
    if (stopped)
        EXPECT_OK(kill(children[2], SIGCONT));
    give_order();
    await_sent(1, 2 * LAP);
    finish(children, 4);
}

static void passing_member_kept(void)
{
    member_kept(false);
}

static void stopped_member_kept(void)
{
    member_kept(true);
}

/* Who joins its group at the successor is in the same group: what one holds the other is not given. */
static void passing_group_found(void)
{
    pid_t creator, children[5];

    start_all(&creator, children);
    children[2] = child_start(hold_among_many, NULL);
    (void)await(READY);
    child_kill(creator);
    (void)await(SERVES);
    children[3] = child_start(open_and_flood, NULL);
    (void)await(READY);
    children[4] = child_start(hold_among_many, NULL);
    (void)await(READY);
    (void)await_of(FULL, children[3]);
    give_order();
    give_order();
    await_sent(1, 2 * LAP);
    finish(children, 5);
}

/* Whose member never waits: it comes to the successor all the same, so that a new producer reckons with it, and others can join it. */
static void polling_member_found(void)
{
    pid_t creator, children[4];

    start_all(&creator, children);
    children[2] = child_start(poll_alone, NULL);
    (void)await(READY);
    child_kill(creator);
    (void)await(SERVES);
    children[3] = child_start(open_and_flood, NULL);
    (void)await(READY);
    await_sent(1, 2 * LAP);
    finish(children, 4);
}

static void polling_group_found(void)
{
    pid_t creator, children[5];

    start_all(&creator, children);
    children[2] = child_start(poll_among_many, NULL);
    (void)await(READY);
    child_kill(creator);
    (void)await(SERVES);
    children[3] = child_start(open_and_flood, NULL);
    (void)await(READY);
    children[4] = child_start(hold_among_many, NULL);
    (void)await(READY);
    give_order();
    await_sent(1, 2 * LAP);
    finish(children, 5);
}

/* All members of a passing group die with the creator: it holds nobody up, and its name can be had. */
static void passing_group_dead(void)
{
    pid_t creator, children[4];
    pid_t member;

    start_all(&creator, children);
    member = child_start(hold_alone, NULL);
    (void)await(READY);
    EXPECT_OK(kill(member, SIGKILL));
    child_kill(creator);
    EXPECT(waitpid(member, NULL, 0), ==, member);
    (void)await(SERVES);
    children[2] = child_start(open_and_flood, NULL);
    (void)await(READY);
    await_sent(1, 2 * LAP);
    children[3] = child_start(hold_alone, NULL);
    (void)await(READY);
    give_order();
    finish(children, 4);
}

/* ---- the storm ---- */

/* Come and go, in a group of one's own and in one of several, until the end: a stay of one alone has no gap. */
static void come_and_go(void *unused)
{
    uint64_t state = harness_seed + (uint64_t)getpid();
    bool ready = false;

    (void)unused;
    open_by_name(MRING_CONSUME);
    for (;;) {
        struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
        bool alone = random_below(&state, 2) == 0;
        struct mring_consumer *consumer;
        struct mring_message message;
        struct message last = {0, 0}, next;
        char group[32] = "together";
        uint32_t count = 0;
        int code = 0;

        options.members = alone ? 1 : 8;
        if (alone)
            (void)snprintf(group, sizeof(group), "alone-%ld", (long)getpid());
        code = mring_join(ring, group, &options, &consumer);
        if (code == -EPIPE && __atomic_load_n(&board->stop, __ATOMIC_ACQUIRE))
            break; /* everybody else is gone by now */
        EXPECT_OK(code);
        if (!ready)
            report(READY, 0);
        ready = true;
        for (uint32_t most = random_below(&state, 200); count < most; count++) {
            code = mring_next_wait(consumer, &message, SECOND / 20);
            tell_news();
            if (code != 1)
                break;
            memcpy(&next, message.data, sizeof(next));
            if (alone && count > 0)
                EXPECT(next.number, ==, next.producer == last.producer ? last.number + 1 : 0);
            last = next;
            EXPECT_OK(mring_release(consumer, &message));
        }
        EXPECT_OK(mring_leave(consumer));
        tell_news();
        if (count == 0 && code == -EPIPE)
            break;
    }
    EXPECT_OK(mring_close(ring));
}

enum { KILLS = 120, ROLES = 6 };

static void (*const roles[ROLES])(void *) = {open_and_stream, open_and_log, open_and_work,
                                             open_and_work,   come_and_go,  come_and_go};

/* Who plays each of them now, and whether he has said that he could serve the ring. */
static pid_t players[ROLES];
static bool heirs[ROLES];

/* ROLES: it is dead by now. */
static size_t role_of(pid_t player)
{
    size_t role = 0;

    while (role < ROLES && players[role] != player)
        role++;
    return role;
}

/* The next report of this kind by one who still plays: his role. */
static size_t await_player(enum report_kind kind)
{
    size_t role;

    do
        role = role_of(await(kind).pid);
    while (role == ROLES);
    return role;
}

static void replace(size_t role)
{
    child_kill(players[role]);
    heirs[role] = false;
    players[role] = child_start(roles[role], NULL);
}

/* With the last heir the ring would end: wait until there is one who will not be killed. */
static void await_heir_besides(size_t first, size_t second)
{
    for (;;) {
        for (size_t role = 0; role < ROLES; role++)
            if (heirs[role] && role != first && role != second)
                return;
        heirs[await_player(HEIR)] = true;
    }
}

static void doze(uint64_t *state, uint32_t milliseconds)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = random_below(state, milliseconds * 1000 * 1000)}, NULL);
}

/*
 * Whoever serves the ring is killed at any moment, and replaced, more than a hundred times; and often another right after, who may just be
 * about to take over.
 */
static void brokers_killed_at_random(void)
{
    uint64_t state = harness_seed;
    bool ready[ROLES] = {false};
    size_t missing = ROLES;

    prepare();
    players[0] = child_start(create_and_stream, NULL);
    (void)await(READY);
    for (size_t role = 1; role < ROLES; role++)
        players[role] = child_start(roles[role], NULL);
    for (int kills = 0; kills < KILLS; kills++) {
        size_t server = await_player(SERVES);
        size_t other = random_below(&state, ROLES);

        await_heir_besides(server, other);
        doze(&state, 5);
        replace(server);
        if (other != server && random_below(&state, 2) == 0) {
            doze(&state, 20);
            replace(other);
        }
    }
    while (missing > 0) { /* who comes after the end finds nothing */
        size_t role = await_player(READY);

        missing -= !ready[role];
        ready[role] = true;
    }
    finish(players, ROLES);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"passing_member_kept", passing_member_kept, 60},
        {"stopped_member_kept", stopped_member_kept, 60},
        {"passing_group_found", passing_group_found, 60},
        {"polling_member_found", polling_member_found, 60},
        {"polling_group_found", polling_group_found, 60},
        {"passing_group_dead", passing_group_dead, 60},
        {"brokers_killed_at_random", brokers_killed_at_random, 240},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
