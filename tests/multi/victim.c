#include "victim.h"

#include "api/ring.h"

#include <sched.h>

const struct mring_group many = {.name = "all", .members = 4};
const struct mring_group lone = {.name = "all", .members = 1};

struct mring *ring;
struct mring_producer *producer;

struct point points[POINTS] = {
    {4, 4}, /* it holds nothing */
    {4, 3}, /* the last of its batch */
    {3, 2}, /* one that it was handed, and one that it was not */
    {1, 0}, /* one that it was handed, and the rest */
    {4, 0}, /* all, handed out */
};

struct point *const part_of_batch = &points[2], *const all_of_batch = &points[4];

void claim_batch(struct mring_consumer **consumer, const struct point *point)
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

void stay(void)
{
    reach(VICTIM, 1);
    stay_until_killed();
}

void hold(void *argument)
{
    struct mring_consumer *consumer;

    claim_batch(&consumer, argument);
    stay();
}

void survive(void *polls)
{
    consume_all(ring, "all", polls != NULL);
}

void make(const struct mring_group *groups, size_t count, unsigned attempts)
{
    stage_make(&ring, groups, count, attempts);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
}

void unmake(void)
{
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

bool are_asleep(uint64_t lines)
{
    return (word_load_acquire(&ring->group[0].view.page->sleepers[0]) & lines) == lines;
}

void await_sleepers(uint64_t lines)
{
    while (!are_asleep(lines))
        (void)sched_yield();
}

void set_up(pid_t *victim, pid_t *survivor, void (*body)(void *), struct point *point, bool polls)
{
    make(&many, 1, 0);
    send_numbers(producer, 0, SENT);
    *victim = child_start(body, point);
    await(VICTIM, 1);
    *survivor = child_start(survive, polls ? &ring : NULL);
    await_logged(SENT - BATCH);
}

void set_up_asleep(pid_t *victim, pid_t *survivor, void (*body)(void *))
{
    make(&many, 1, 0);
    *victim = child_start(body, NULL);
    await_sleepers(1);
    *survivor = child_start(survive, NULL);
    await_sleepers(3);
}

void expect_handed_over(const struct point *point)
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
