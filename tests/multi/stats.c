/*
 * mring_stats by a process that may only look, beside others at work: what it says is held against what they say themselves, and whoever is
 * killed where, no number is wrong in the end, and none goes back.
 */
#include "stats_cast.h"
#include "support/late.h"

enum { SNAPSHOTS = 3000, LAPS = 1000, KILLS = 60, BETWEEN_KILLS = 20 /* snapshots */ };

/* ---- what must be so in any snapshot ---- */

/* What the group was given of the stream. */
static uint64_t given(const struct numbers *numbers, unsigned group)
{
    return numbers->ring.messages - numbers->group[group].lag_messages;
}

/* No lag is negative, and what is given and what lags are all there is: each alone can be checked where the other two are known. */
static void expect_sound(const struct numbers *numbers)
{
    uint64_t places[GROUPS] = {0};

    for (unsigned at = 0; at < GROUPS; at++) {
        const struct mring_group_stats *group = &numbers->group[at];

        EXPECT(group->reached, ==, 1);
        EXPECT(group->cut_off, ==, 0);
        EXPECT(group->lag_messages != MRING_UNKNOWN, ==, 1);
        EXPECT(group->lag_messages, <=, numbers->ring.messages);
        EXPECT(group->lag_bytes, <=, numbers->ring.bytes);
        EXPECT(group->position, <=, numbers->ring.position);
        EXPECT(group->released, <=, group->position);
        EXPECT(group->lag_messages == 0, ==, group->position == numbers->ring.position);
        EXPECT(numbers->ring.position - group->released, <=, 2 * CAPACITY); /* it was seen before the ring was */
    }
    for (unsigned at = 0; at < numbers->ring.members; at++) {
        const struct mring_member_stats *member = &numbers->member[at];

        EXPECT(member->group, <, GROUPS);
        EXPECT(member->rescued, ==, 0);
        EXPECT(member->redelivered, <=, member->messages);
        EXPECT(member->alive, ==, member->process != 0);
        places[member->group] += member->messages;
    }
    for (unsigned at = 0; at < GROUPS; at++)
        EXPECT(places[at], ==, numbers->group[at].messages);
    /* Members count a message when it is handed out: what is claimed is handed out then or later, what is released was. */
    if (numbers->ring.instant) {
        EXPECT(numbers->ring.position - numbers->group[LOG].released, <=, CAPACITY);
        EXPECT(numbers->group[WORK].messages - numbers->group[WORK].redelivered, <=, given(numbers, WORK));
        EXPECT(numbers->group[LOG].messages, >=, given(numbers, LOG));
    }
}

static void expect_no_less(const struct numbers *now, const struct numbers *before)
{
    EXPECT(now->ring.messages, >=, before->ring.messages);
    EXPECT(now->ring.bytes, >=, before->ring.bytes);
    EXPECT(now->ring.position, >=, before->ring.position);
    EXPECT(now->ring.waits, >=, before->ring.waits);
    EXPECT(now->ring.wakeups, >=, before->ring.wakeups);
    EXPECT(now->ring.members, >=, before->ring.members);
    for (unsigned at = 0; at < GROUPS; at++) {
        const struct mring_group_stats *group = &now->group[at], *then = &before->group[at];

        EXPECT(group->position, >=, then->position);
        EXPECT(given(now, at), >=, given(before, at));
        EXPECT(group->messages, >=, then->messages);
        EXPECT(group->redelivered, >=, then->redelivered);
        EXPECT(group->waits, >=, then->waits);
        EXPECT(group->deaths, >=, then->deaths);
        EXPECT(group->aside_ever, >=, then->aside_ever);
    }
    for (unsigned at = 0; at < before->ring.members; at++) {
        const struct mring_member_stats *then = &before->member[at], *place = then;

        for (unsigned to = 0; to < now->ring.members; to++)
            if (now->member[to].group == then->group && now->member[to].place == then->place)
                place = &now->member[to];
        EXPECT(place != then, ==, 1);
        EXPECT(place->messages, >=, then->messages);
        EXPECT(place->redelivered, >=, then->redelivered);
        EXPECT(place->batches, >=, then->batches);
        EXPECT(place->sleeps, >=, then->sleeps);
        EXPECT(place->wakeups, >=, then->wakeups);
    }
}

/* The stream is complete and read: what the board says is what is told. */
static void expect_all(const struct numbers *numbers)
{
    EXPECT(numbers->ring.instant, ==, 1);
    EXPECT(numbers->ring.ended, ==, 1);
    EXPECT(numbers->ring.rescued, ==, 0);
    for (unsigned group = 0; group < GROUPS; group++) {
        uint64_t distinct = 0;

        for (uint64_t number = 0; number < board->number; number++)
            distinct += board->seen[group][number];
        EXPECT(numbers->ring.messages, ==, distinct);
        EXPECT(numbers->group[group].lag_messages, ==, 0);
        EXPECT(numbers->group[group].lag_bytes, ==, 0);
        EXPECT(numbers->group[group].members, ==, 0);
        EXPECT(numbers->group[group].gating, ==, 0);
        EXPECT(numbers->group[group].messages - numbers->group[group].redelivered, <=, distinct);
        EXPECT(numbers->group[group].messages, >=, distinct);
    }
}

/* ---- beside others at work ---- */

static void look_beside_work(void *unused)
{
    struct mring *looked_at = open_to_look();
    struct mring_stats *stats = NULL;
    static struct numbers now, before;
    unsigned instants = 0, taken = 0;

    (void)unused;
    take(looked_at, &stats, &before);
    for (unsigned turn = 0; turn < SNAPSHOTS || now.ring.position < LAPS * CAPACITY; turn++) {
        uint64_t sent = read_board(&board->sent), bytes = read_board(&board->sent_bytes);
        uint64_t handed[GROUPS] = {read_board(&board->handed[LOG]), read_board(&board->handed[WORK])};

        take(looked_at, &stats, &now);
        expect_sound(&now);
        expect_no_less(&now, &before);
        EXPECT(now.ring.messages, >=, sent);
        EXPECT(now.ring.messages, <=, read_board(&board->begun));
        EXPECT(now.ring.bytes, >=, bytes);
        EXPECT(now.ring.bytes, <=, read_board(&board->begun_bytes));
        for (unsigned group = 0; group < GROUPS; group++) {
            EXPECT(now.group[group].messages, >=, handed[group]);
            /* A member counts before it can tell. */
            EXPECT(now.group[group].messages, <=, read_board(&board->handed[group]) + declared[group].members * BATCH);
        }
        taken++;
        instants += now.ring.instant;
        before = now;
    }
    (void)printf("%u of %u snapshots were of one instant\n", instants, taken);
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
}

static void beside_work(void)
{
    struct mring_stats *stats = NULL;
    struct numbers numbers;
    struct cast cast;

    wakers_may_be_late();
    prepare();
    start_all(&cast);
    child_finish(child_start(look_beside_work, NULL));
    finish_all(&cast);
    take(ring, &stats, &numbers);
    expect_sound(&numbers);
    expect_all(&numbers);
    EXPECT(numbers.ring.messages, ==, board->sent);
    EXPECT(numbers.ring.bytes, ==, board->sent_bytes);
    for (unsigned group = 0; group < GROUPS; group++) {
        EXPECT(numbers.group[group].messages, ==, board->sent);
        EXPECT(numbers.group[group].messages, ==, board->handed[group]);
        EXPECT(numbers.group[group].redelivered, ==, 0);
    }
    mring_stats_free(stats);
    EXPECT_OK(mring_close(ring));
}

/* ---- beside kills ---- */

static pid_t *victim(struct cast *cast, uint32_t number)
{
    return number < WORKERS ? &cast->worker[number] : number == WORKERS ? &cast->logger : &cast->producer;
}

static void replace(struct cast *cast, uint32_t number)
{
    pid_t *child = victim(cast, number);

    child_kill(*child);
    *child = number == WORKERS + 1 ? child_start(produce, NULL)
                                   : child_start(consume, (void *)(uintptr_t)(number == WORKERS ? LOG : WORK));
}

static void beside_kills(void)
{
    uint64_t random = harness_seed;
    struct mring_stats *stats = NULL;
    static struct numbers now, before;
    struct mring *looked_at;
    struct cast cast;

    wakers_may_be_late();
    prepare();
    looked_at = open_to_look();
    start_all(&cast);
    take(looked_at, &stats, &before);
    for (unsigned turn = 0; turn < KILLS * BETWEEN_KILLS; turn++) {
        if (turn % BETWEEN_KILLS == 0)
            replace(&cast, random_below(&random, WORKERS + 2));
        take(looked_at, &stats, &now);
        expect_sound(&now);
        expect_no_less(&now, &before);
        before = now;
    }
    finish_all(&cast);
    take(looked_at, &stats, &now);
    expect_no_less(&now, &before);
    expect_all(&now);
    EXPECT(now.ring.messages, >=, board->sent);
    for (unsigned group = 0; group < GROUPS; group++)
        EXPECT(now.group[group].redelivered, >=, board->redelivered[group]);
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"beside_work", beside_work, 60},
        {"beside_kills", beside_kills, 120},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
