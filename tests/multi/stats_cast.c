#include "stats_cast.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LENGTHS = 300 };

const struct mring_group declared[GROUPS] = {{.name = "log", .members = 1}, {.name = "work", .members = WORKERS}};

struct board *board;
struct mring *ring;
char name[MRING_NAME_MAX + 1];

static void add_to_board(uint64_t *word, uint64_t count)
{
    (void)__atomic_fetch_add(word, count, __ATOMIC_SEQ_CST);
}

static bool stopping(void)
{
    return __atomic_load_n(&board->stop, __ATOMIC_SEQ_CST);
}

void prepare(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(board != MAP_FAILED, !=, 0);
    (void)snprintf(name, sizeof(name), "stats.%ld", (long)getpid());
    options.capacity = CAPACITY;
    options.groups = declared;
    options.group_count = GROUPS;
    EXPECT_OK(mring_create(&ring, name, &options));
}

struct mring *open_to_look(void)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *opened;

    options.timeout = INT64_C(10000000000);
    EXPECT_OK(mring_open(&opened, name, MRING_INSPECT, &options));
    return opened;
}

void consume(void *argument)
{
    unsigned group = (unsigned)(uintptr_t)argument;
    struct mring_message messages[BATCH];
    struct mring_consumer *consumer;
    uint64_t random = harness_seed + (uint64_t)getpid();
    int count;

    while ((count = mring_join(ring, declared[group].name, NULL, &consumer)) == -EUSERS)
        ; /* a killed member's place, which another works up */
    EXPECT_OK(count);
    for (;;) {
        count = mring_next_batch(consumer, messages, 1 + (int)random_below(&random, BATCH));
        if (count == -EPIPE)
            break;
        EXPECT(count, >=, 0);
        for (int at = 0; at < count; at++) {
            uint64_t number;

            memcpy(&number, messages[at].data, sizeof(number));
            EXPECT(number, <, NUMBERS);
            __atomic_store_n(&board->seen[group][number], 1, __ATOMIC_RELAXED);
            add_to_board(&board->redelivered[group], messages[at].deliveries > 1);
        }
        add_to_board(&board->handed[group], (uint64_t)count);
        if (count > 0)
            EXPECT_OK(mring_release(consumer, &messages[count - 1]));
        else
            (void)mring_wait(consumer, MRING_FOREVER);
    }
    EXPECT_OK(mring_leave(consumer));
}

/* One publication of some messages. */
static void publish_some(struct mring_producer *producer, uint64_t *random)
{
    uint64_t count = 1 + random_below(random, BATCH), bytes = 0;
    void *room;

    for (uint64_t at = 0; at < count; at++) {
        uint32_t length = 8 + random_below(random, LENGTHS);
        uint64_t number = __atomic_fetch_add(&board->number, 1, __ATOMIC_RELAXED);

        /* A reserve that has to wait flushes what is committed: it counts as begun before. */
        add_to_board(&board->begun, 1);
        add_to_board(&board->begun_bytes, length);
        bytes += length;
        while (mring_reserve(producer, length, &room) == -EAGAIN)
            (void)mring_wait(producer, MRING_FOREVER);
        memcpy(room, &number, sizeof(number));
        EXPECT_OK(mring_commit(producer, length, 0));
    }
    EXPECT_OK(mring_flush(producer));
    add_to_board(&board->sent, count);
    add_to_board(&board->sent_bytes, bytes);
}

void produce(void *unused)
{
    uint64_t random = harness_seed + (uint64_t)getpid();
    struct mring_producer *producer;
    int code;

    (void)unused;
    while ((code = mring_producer(ring, &producer, NULL)) == -EBUSY)
        ; /* the killed one's lock goes in a moment */
    EXPECT_OK(code);
    while (!stopping() && read_board(&board->number) < NUMBERS - 2 * BATCH)
        publish_some(producer, &random);
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
}

void start_all(struct cast *cast)
{
    cast->logger = child_start(consume, (void *)(uintptr_t)LOG);
    for (unsigned at = 0; at < WORKERS; at++)
        cast->worker[at] = child_start(consume, (void *)(uintptr_t)WORK);
    cast->producer = child_start(produce, NULL);
}

void finish_all(const struct cast *cast)
{
    __atomic_store_n(&board->stop, true, __ATOMIC_SEQ_CST);
    child_finish(cast->producer);
    child_finish(cast->logger);
    for (unsigned at = 0; at < WORKERS; at++)
        child_finish(cast->worker[at]);
}

void take(struct mring *looked_at, struct mring_stats **stats, struct numbers *numbers)
{
    EXPECT_OK(mring_stats(looked_at, stats, NULL));
    *numbers = (struct numbers){.ring = MRING_RING_STATS_INIT};
    EXPECT_OK(mring_stats_ring(*stats, &numbers->ring));
    EXPECT(numbers->ring.groups, ==, GROUPS);
    EXPECT(numbers->ring.members, <=, PLACES);
    for (unsigned at = 0; at < GROUPS; at++) {
        numbers->group[at] = (struct mring_group_stats)MRING_GROUP_STATS_INIT;
        EXPECT_OK(mring_stats_group(*stats, at, &numbers->group[at]));
        EXPECT(strcmp(numbers->group[at].name, declared[at].name), ==, 0);
    }
    EXPECT(mring_stats_group(*stats, GROUPS, &numbers->group[0]), ==, -ENOENT);
    for (unsigned at = 0; at < numbers->ring.members; at++) {
        numbers->member[at] = (struct mring_member_stats)MRING_MEMBER_STATS_INIT;
        EXPECT_OK(mring_stats_member(*stats, at, &numbers->member[at]));
    }
    EXPECT(mring_stats_member(*stats, numbers->ring.members, &numbers->member[0]), ==, -ENOENT);
}
