/*
 * Groups that are after others, by many processes: members that come by fork or by the ring's name, sleep, and are killed at random.
 *
 * The proof is the ledger (chains.h): a member of a group that is after others looks there for each message that it is handed.
 */
#include "api/consumer.h"
#include "api/producer.h"
#include "chains.h"
#include "harness.h"
#include "support/late.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

enum { BURST = 500, PROCESSES = 24 };

/* ---- a member ---- */

struct part {
    const struct shape *shape;
    struct mring *ring;
    unsigned group;
    bool by_name;
    bool polls; /* it waits in an event loop's way */
    uint64_t seed;
};

/* Handed to this member, and not released. */
struct hand {
    struct mring_message message[64];
    unsigned count;
};

static void take(const struct part *part, struct hand *hand, const struct mring_message *message)
{
    uint32_t number = message->tag;

    EXPECT(message->length, >=, sizeof(number));
    EXPECT(memcmp(message->data, &number, sizeof(number)), ==, 0);
    for (uint64_t left = part->shape->after[part->group]; left != 0; left &= left - 1)
        EXPECT(word_load_acquire(&ledger->done[__builtin_ctzll(left)][number]), >, 0);
    hand->message[hand->count++] = *message;
}

static void finish(const struct part *part, struct mring_consumer *consumer, struct hand *hand)
{
    for (unsigned at = 0; at < hand->count; at++) {
        const struct mring_message *message = &hand->message[at];

        if (message->deliveries == 1)
            word_count(&ledger->first[part->group]);
        word_store_release(&ledger->done[part->group][message->tag], 1);
    }
    if (hand->count > 0)
        EXPECT_OK(mring_release(consumer, &hand->message[hand->count - 1]));
    hand->count = 0;
}

/* As a loop would: a call that finds nothing arms the descriptor. */
static int await_work(const struct part *part, struct mring_consumer *consumer)
{
    struct pollfd polled = {.events = POLLIN};
    int code;

    if (!part->polls)
        return mring_wait(consumer, MRING_FOREVER);
    polled.fd = mring_fd(consumer);
    EXPECT(polled.fd, >=, 0);
    code = mring_wait(consumer, 0);
    if (code != -ETIMEDOUT)
        return code;
    EXPECT(poll(&polled, 1, -1), ==, 1);
    return 0;
}

/* It has asked in vain for whom it was to wake: one thread has all to answer. Such a sleeper looks up by itself. */
static bool was_late(const struct mring_consumer *consumer)
{
    const struct followers *followers = &consumer->followers;
    bool late = followers->retry != 0 || consumer->turns.until != 0;

    for (unsigned group = 0; group < CHAIN_GROUPS; group++)
        late |= followers->of[group] != NULL && followers->of[group]->turns.until != 0;
    return late;
}

static void be_member(void *argument)
{
    struct part *part = argument;
    const char *group = part->shape->groups[part->group].name;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *ring = part->ring;
    struct hand hand = {.count = 0};
    int code;

    options.batch = 1 + random_below(&part->seed, 16);
    if (part->by_name)
        EXPECT_OK(mring_open(&ring, chain_name, MRING_CONSUME, NULL));
    /* A place may be taken for as long as somebody works at what was left on another one. */
    while ((code = mring_join(ring, group, &options, &consumer)) == -EUSERS)
        (void)sched_yield();
    EXPECT_OK(code);
    word_count(&ledger->joined);
    for (;;) {
        code = mring_next(consumer, &message);
        if (code == 1)
            take(part, &hand, &message);
        if (hand.count > 0 && (code != 1 || hand.count == options.batch || random_below(&part->seed, 3) == 0))
            finish(part, consumer, &hand);
        else if (code == 0)
            code = await_work(part, consumer);
        if (code == -EPIPE)
            break;
        EXPECT(code == 1 || code == 0 || code == -EBUSY, ==, true);
        if (was_late(consumer))
            word_store(&ledger->late, 1);
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/* ---- killing at random ---- */

/* In bursts, one for each kill, so that the stream lasts as long as the killing. */
static void send_all(void *argument)
{
    struct mring_producer *producer;
    uint64_t seed = harness_seed;
    unsigned char payload[300] = {0};

    EXPECT_OK(mring_producer(argument, &producer, NULL));
    for (uint32_t number = 0; number < CHAIN_MESSAGES; number++) {
        if (number % BURST == 0)
            await(PRODUCER, number / BURST);
        memcpy(payload, &number, sizeof(number));
        EXPECT_OK(mring_send_wait(producer, payload, sizeof(number) + random_below(&seed, 296), number, MRING_FOREVER));
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
}

struct actor_process {
    pid_t pid;
    struct part part;
};

static void start(struct actor_process *actor, uint64_t *seed)
{
    actor->part.by_name = random_below(seed, 2) == 0;
    actor->part.polls = random_below(seed, 3) == 0;
    actor->part.seed = *seed;
    actor->pid = child_start(be_member, &actor->part);
}

/* `from` is how far each group was when it was last asked. */
static bool all_done(const struct shape *shape, uint32_t from[CHAIN_GROUPS])
{
    bool all = true;

    for (unsigned group = 0; group < shape->count; group++) {
        while (from[group] < CHAIN_MESSAGES && word_load_acquire(&ledger->done[group][from[group]]) != 0)
            from[group]++;
        all &= from[group] == CHAIN_MESSAGES;
    }
    return all;
}

static void kill_at_random(const struct shape *shape)
{
    struct actor_process actor[PROCESSES];
    uint64_t seed = harness_seed;
    unsigned actors = 0;
    uint32_t done[CHAIN_GROUPS] = {0};
    struct mring *ring;
    pid_t sender;

    stage = stage_share(sizeof(*stage));
    chain_make(shape, &ring);
    sender = child_start(send_all, ring);
    for (unsigned group = 0; group < shape->count; group++)
        for (unsigned member = 0; member < shape->groups[group].members || member == 0; member++) {
            actor[actors].part = (struct part){.shape = shape, .ring = ring, .group = group};
            start(&actor[actors++], &seed);
        }
    for (unsigned burst = 0; burst < CHAIN_MESSAGES / BURST; burst++) {
        struct actor_process *victim = &actor[random_below(&seed, actors)];

        if (burst > 0) {
            child_kill(victim->pid);
            start(victim, &seed);
        }
        reach(PRODUCER, burst);
        for (uint32_t pause = random_below(&seed, 2000); pause > 0; pause--)
            (void)sched_yield();
    }
    child_finish(sender);
    for (unsigned at = 0; at < actors; at++)
        child_finish(actor[at].pid);
    EXPECT(all_done(shape, done), ==, true);
    for (unsigned group = 0; group < shape->count; group++)
        EXPECT(word_load(&ledger->first[group]), <=, CHAIN_MESSAGES);
    EXPECT_OK(mring_close(ring));
}

static void a_chain_of_lone_ones_is_killed(void)
{
    kill_at_random(&lone_chain);
}

static void a_chain_of_many_is_killed(void)
{
    kill_at_random(&chain);
}

static void a_diamond_is_killed(void)
{
    kill_at_random(&diamond);
}

/* ---- sleepers ---- */

static uint64_t rescued(struct mring *ring, const struct shape *shape)
{
    uint64_t sum = 0;

    for (unsigned group = 0; group < shape->count; group++) {
        const struct group_view *view = &ring->group[group].view;

        for (uint32_t line = 0; line < view->members; line++)
            sum += word_load(&view->line[line].rescued);
    }
    return sum;
}

/*
 * Each message is sent when the one before has come through all groups, whose members sleep: the first, when all are there. False: who serves the ring
 * was late to answer, so that somebody had to look up by itself, as it should: to be played once more.
 */
static bool come_one_by_one(const struct shape *shape, bool by_name, bool polls)
{
    enum { SENT = 2000 };
    struct actor_process actor[PROCESSES];
    struct mring_producer *producer;
    uint64_t seed = harness_seed;
    struct mring *ring;
    unsigned actors = 0;
    int64_t slowest = 0;
    bool late;

    wakers_may_be_late();
    chain_make(shape, &ring);
    for (unsigned group = 0; group < shape->count; group++)
        for (unsigned member = 0; member < shape->groups[group].members || member == 0; member++) {
            actor[actors].part =
                (struct part){.shape = shape, .ring = ring, .group = group, .by_name = by_name, .polls = polls};
            actor[actors].part.seed = seed++;
            actor[actors].pid = child_start(be_member, &actor[actors].part);
            actors++;
        }
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    await_word(&ledger->joined, actors);
    for (uint32_t number = 0; number < SENT; number++) {
        int64_t begin = stage_clock();

        /* Now and then everybody has gone to sleep before. */
        for (int64_t until = begin + random_below(&seed, 200) * 1000; stage_clock() < until;)
            (void)sched_yield();
        begin = stage_clock();
        EXPECT_OK(mring_send(producer, &number, sizeof(number), number));
        for (unsigned group = 0; group < shape->count; group++)
            await_word(&ledger->done[group][number], 1);
        if (stage_clock() - begin > slowest)
            slowest = stage_clock() - begin;
    }
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at < actors; at++)
        child_finish(actor[at].pid);
    late = word_load(&ledger->late) != 0;
    for (unsigned group = 0; group < shape->count; group++)
        late |= producer->turns[group].until != 0;
    if (!late)
        report_slowest("through all groups", slowest);
    EXPECT(rescued(ring, shape) == 0 || late, ==, true);
    for (unsigned group = 0; group < shape->count; group++)
        EXPECT(word_load(&ledger->first[group]), ==, SENT);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    return !late;
}

static void one_by_one(const struct shape *shape, bool by_name, bool polls)
{
    while (!come_one_by_one(shape, by_name, polls))
        (void)printf("  who serves the ring was late: once more\n");
}

static void forked_sleepers_are_woken(void)
{
    one_by_one(&lone_chain, false, false);
    one_by_one(&diamond, false, false);
}

static void named_sleepers_are_woken(void)
{
    one_by_one(&lone_chain, true, false);
    one_by_one(&chain, true, false);
}

static void who_polls_is_told(void)
{
    one_by_one(&lone_chain, false, true);
    one_by_one(&diamond, true, true);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"forked_sleepers_are_woken", forked_sleepers_are_woken, 120},
        {"named_sleepers_are_woken", named_sleepers_are_woken, 120},
        {"who_polls_is_told", who_polls_is_told, 120},
        {"a_chain_of_lone_ones_is_killed", a_chain_of_lone_ones_is_killed, 120},
        {"a_chain_of_many_is_killed", a_chain_of_many_is_killed, 120},
        {"a_diamond_is_killed", a_diamond_is_killed, 120},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
