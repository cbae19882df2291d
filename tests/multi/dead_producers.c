/*
 * Producers that are killed: consumers get every committed message and nothing else (I1), learn that the producer is
 * gone, and go on with the next one without reopening anything.
 *
 * One member of a lone group logs what it gets, in order; two share the same messages. A producer says before each
 * call that may publish how far it would, and after it that it has: what the log ends with is one of the two. The
 * next producer goes on there.
 */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <signal.h>

enum { WORKERS = 2, ROUNDS = 20, BUDGET = 6000 };

static const struct mring_group groups[] = {{.name = "log", .members = 1}, {.name = "work", .members = WORKERS}};

static struct mring *ring;
static int64_t patience = MRING_FOREVER; /* of consumers, in each wait */

/* Beside the stage; shared as it is. */
struct progress {
    struct word flushing, flushed;    /* how many messages, before and after each flush */
    struct word mourned[1 + WORKERS]; /* the epoch of the last producer that is known to be dead: epochs grow */
    struct word handed[LOG_MOST];     /* how often to a worker */
};
static struct progress *progress;

/* ---- consumers ---- */

/*
 * The producer is gone when all that it published was read: a second look shows that there is nothing more. The
 * logger's only: the next producer may have begun when the others come to know.
 */
static void notice_death(struct mring_consumer *consumer, unsigned who, uint64_t epoch)
{
    struct mring_message message;

    if (who == 0)
        EXPECT(mring_next(consumer, &message), ==, 0);
    word_store_release(&progress->mourned[who], epoch);
}

static uint64_t epoch_now(void)
{
    return word_load_acquire(&ring->region.view.page->epoch);
}

static void consume(const char *group, unsigned who, void (*see)(const struct mring_message *))
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    EXPECT_OK(mring_join(ring, group, NULL, &consumer));
    reach(SURVIVOR, 1);
    for (;;) {
        uint64_t epoch = epoch_now();

        code = mring_next_wait(consumer, &message, patience);
        if (code == 1) {
            EXPECT(message.deliveries, ==, 1);
            see(&message);
            EXPECT_OK(mring_release(consumer, &message));
        } else if (code == -EOWNERDEAD) {
            if (epoch_now() == epoch) /* else it may be the one before who is meant */
                notice_death(consumer, who, epoch);
        } else if (code != -ETIMEDOUT) {
            break;
        }
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

static void count_message(const struct mring_message *message)
{
    word_count(&progress->handed[message->tag]);
}

static void keep_log(void *unused)
{
    (void)unused;
    consume("log", 0, log_message);
}

static void work(void *who)
{
    consume("work", *(const unsigned *)who, count_message);
}

/* ---- producers ---- */

/* A reserve that finds no room flushes what was committed before (R16). */
static void commit_some(struct mring_producer *producer, uint32_t first, uint32_t count)
{
    for (uint32_t number = first; number < first + count; number++) {
        void *where;
        int code;

        word_store_release(&progress->flushing, number);
        while ((code = mring_reserve(producer, sizeof(number), &where)) == -EAGAIN) {
            word_store_release(&progress->flushed, number);
            EXPECT_OK(mring_wait(producer, MRING_FOREVER));
        }
        EXPECT_OK(code);
        *(uint32_t *)where = number;
        EXPECT_OK(mring_commit(producer, sizeof(number), number));
    }
}

static uint32_t publish_some(struct mring_producer *producer, uint32_t first, uint32_t count)
{
    commit_some(producer, first, count);
    word_store_release(&progress->flushing, first + count);
    EXPECT_OK(mring_flush(producer));
    word_store_release(&progress->flushed, first + count);
    return first + count;
}

static uint32_t become_producer(struct mring_producer **producer)
{
    EXPECT_OK(mring_producer(ring, producer, NULL));
    return (uint32_t)word_load(&stage->logged);
}

static void produce_until_killed(void *unused)
{
    struct mring_producer *producer;
    uint32_t next = become_producer(&producer), end = next + BUDGET;
    uint64_t state = harness_seed + next;

    (void)unused;
    reach(PRODUCER, 1);
    while (next < end)
        next = publish_some(producer, next, 1 + random_below(&state, 8));
    stay_until_killed();
}

/* The last words of one that published five: it stays until it is killed. */
static uint32_t publish_five(struct mring_producer **producer)
{
    uint32_t first = become_producer(producer);

    return publish_some(*producer, first, 5);
}

static void stay(void)
{
    reach(PRODUCER, 1);
    stay_until_killed();
}

static void leave_commits_unflushed(void *unused)
{
    struct mring_producer *producer;
    uint32_t next = publish_five(&producer);

    (void)unused;
    commit_some(producer, next, 3);
    stay();
}

static void leave_room_reserved(void *unused)
{
    struct mring_producer *producer;
    uint32_t next = publish_five(&producer);
    void *where;

    (void)unused;
    EXPECT_OK(mring_reserve(producer, sizeof(next), &where));
    *(uint32_t *)where = next;
    stay();
}

static void leave_nothing(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    (void)publish_five(&producer);
    stay();
}

/* Fills the ring, whose readers are stopped, and sleeps. */
static void fall_asleep(void *unused)
{
    struct mring_producer *producer;
    uint32_t next = become_producer(&producer);

    (void)unused;
    reach(PRODUCER, 1);
    for (;;)
        next = publish_some(producer, next, 1);
}

/* ---- scenarios ---- */

static pid_t reader[1 + WORKERS];

static void make(void)
{
    static unsigned who[1 + WORKERS] = {0, 1, 2};

    stage_make(&ring, groups, sizeof(groups) / sizeof(groups[0]), 0);
    progress = stage_share(sizeof(*progress));
    for (unsigned at = 0; at <= WORKERS; at++)
        reader[at] = child_start(at == 0 ? keep_log : work, &who[at]);
    await(SURVIVOR, 1);
}

/* The logger has drained all of the last producer, and knows. Returns how long it took. */
static int64_t await_verdict(void)
{
    int64_t began = stage_clock();

    await_word(&progress->mourned[0], epoch_now());
    return stage_clock() - began;
}

/* All or nothing of the last batch. */
static void expect_log_ends_well(void)
{
    uint64_t logged = word_load(&stage->logged);

    if (logged != word_load(&progress->flushing))
        EXPECT(logged, ==, word_load(&progress->flushed));
}

/* Another producer ends the stream: everybody is told, and has seen everything once. */
static void finish(void)
{
    struct mring_producer *producer;
    uint32_t end = publish_five(&producer);

    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at <= WORKERS; at++)
        child_finish(reader[at]);
    EXPECT(word_load(&stage->logged), ==, end);
    for (uint32_t number = 0; number < end; number++) {
        EXPECT(stage->log[number].number, ==, number);
        EXPECT(word_load(&progress->handed[number]), ==, 1);
    }
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static int64_t kill_one(void (*body)(void *), uint64_t *state)
{
    pid_t producer;

    reach(PRODUCER, 0);
    producer = child_start(body, NULL);
    await(PRODUCER, 1);
    for (uint32_t turn = state != NULL ? random_below(state, 100000) : 0; turn > 0; turn--)
        pause_cpu();
    child_kill(producer);
    return await_verdict();
}

static void at_any_moment(void)
{
    uint64_t state = harness_seed;
    int64_t slowest = 0;

    make();
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t took = kill_one(produce_until_killed, &state);

        slowest = took > slowest ? took : slowest;
        expect_log_ends_well();
    }
    for (unsigned at = 1; at <= WORKERS; at++) /* no other one comes before they know, too */
        await_word(&progress->mourned[at], epoch_now());
    finish();
    report_slowest("told of the producer's death", slowest);
}

static void with_something_unfinished(void)
{
    static void (*const bodies[])(void *) = {leave_commits_unflushed, leave_room_reserved, leave_nothing};

    make();
    for (unsigned deaths = 1; deaths <= 6; deaths++) {
        (void)kill_one(bodies[deaths % 3], NULL);
        EXPECT(word_load(&stage->logged), ==, 5 * deaths);
    }
    finish();
}

/* Those who never wait for long are told all the same. */
static void told_in_short_waits(void)
{
    patience = SECOND / 50;
    make();
    for (unsigned round = 0; round < 3; round++)
        (void)kill_one(leave_nothing, NULL);
    for (unsigned at = 1; at <= WORKERS; at++)
        await_word(&progress->mourned[at], epoch_now());
    finish();
}

static void signal_readers(int number)
{
    for (unsigned at = 0; at <= WORKERS; at++)
        EXPECT_OK(kill(reader[at], number));
}

/* It waited for room; those who make it when it is dead, and the next one, are not misled by its wish. */
static void asleep_for_room(void)
{
    pid_t producer;

    make();
    for (unsigned round = 0; round < 3; round++) {
        uint64_t waits = word_load(&ring->region.view.page->waits);

        signal_readers(SIGSTOP);
        producer = child_start(fall_asleep, NULL);
        await_word(&ring->region.view.page->waits, waits + 1);
        child_kill(producer);
        signal_readers(SIGCONT);
        (void)await_verdict();
        expect_log_ends_well();
    }
    finish();
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"at_any_moment", at_any_moment, 90},
        {"with_something_unfinished", with_something_unfinished, 60},
        {"asleep_for_room", asleep_for_room, 60},
        {"told_in_short_waits", told_in_short_waits, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
