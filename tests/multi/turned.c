/*
 * A group that nobody serves is turned lossy, by producers that are killed at any moment, while others come to it at any moment, are stopped, and go. What
 * its members got, each message once, and what they were told they missed, is what was sent, in messages and bytes; the other group gets all; and
 * nobody waits for it again.
 */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { CAPACITY = 16384, WORDS_MOST = 8, READERS = 2, MOST = 1 << 22, VICTIMS = 50, WHILE_STOPPED = 5000 };

static struct mring *ring;

static struct {
    struct word stop, sent, joined;
    struct word told[READERS], told_bytes[READERS];
    struct word got[MOST];
} * shared;

/* Message n: so many times its number. */
static uint32_t words_of(uint32_t number)
{
    return 1 + number % WORDS_MOST;
}

static void expect_whole(const uint32_t *words, const struct mring_message *message)
{
    EXPECT(message->length, ==, words_of(message->tag) * sizeof(*words));
    for (uint32_t at = 0; at < words_of(message->tag); at++)
        EXPECT(words[at], ==, message->tag);
}

static void count_got(const uint32_t *words, const struct mring_message *message)
{
    expect_whole(words, message);
    EXPECT(message->tag, <, MOST);
    word_count(&shared->got[message->tag]);
}

/* ---- producers ---- */

static void produce(void *unused)
{
    struct mring_producer *producer = succeed_producer(ring);
    int code;

    (void)unused;
    while (word_load(&shared->stop) == 0) {
        uint32_t number = (uint32_t)word_load(&ring->region.view.page->messages), words[WORDS_MOST];

        word_store(&shared->sent, number);
        if (number == MOST) { /* a fast machine: who kills this one comes yet */
            await_word(&shared->stop, 1);
            break;
        }
        for (uint32_t at = 0; at < words_of(number); at++)
            words[at] = number;
        code = mring_send_wait(producer, words, words_of(number) * sizeof(*words), number, SECOND / 50);
        if (code != -ETIMEDOUT)
            EXPECT_OK(code);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
}

/* ---- members ---- */

/* The other group: all, and in order. */
static void keep_log(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint32_t next = 0;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) != -EPIPE) {
        if (code == -EOWNERDEAD)
            continue;
        EXPECT(code, ==, 1);
        EXPECT(message.tag, ==, next++);
        expect_whole(message.data, &message);
        EXPECT_OK(mring_release(consumer, &message));
    }
    word_store(&shared->sent, next);
    EXPECT_OK(mring_leave(consumer));
}

/* Killed with a message in its hands, and more that it has claimed if there is room for others. */
static void be_victim(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    EXPECT_OK(mring_join(ring, "slow", NULL, &consumer));
    for (uint32_t count = 0; count < VICTIMS; count++) {
        EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
        if (count == VICTIMS - 1)
            break;
        count_got(message.data, &message);
        EXPECT_OK(mring_release(consumer, &message));
    }
    reach(VICTIM, 1);
    stay_until_killed();
}

/* In place, or by a copy. 1: it was whole; else as the call that says otherwise. */
static int take(struct mring_consumer *consumer, bool in_place)
{
    uint32_t words[WORDS_MOST];
    struct mring_message message;
    int code;

    if (in_place) {
        code = mring_next(consumer, &message);
        if (code != 1)
            return code;
        memcpy(words, message.data, message.length < sizeof(words) ? message.length : sizeof(words));
        code = mring_release(consumer, &message);
        code = code == 0 ? 1 : code;
    } else {
        code = mring_recv(consumer, words, sizeof(words), &message);
    }
    if (code == 1)
        count_got(words, &message);
    return code;
}

/* Until it has had so many answers. True: the stream is complete. */
static bool stay(struct mring_consumer *consumer, unsigned reader, uint32_t answers)
{
    struct mring_missed missed = MRING_MISSED_INIT;
    int code = 0;

    while (answers-- > 0 && code != -EPIPE) {
        code = take(consumer, answers % 2 == 0);
        if (code == -EOVERFLOW) {
            EXPECT(mring_missed(consumer, &missed), ==, 1);
            word_add_own(&shared->told[reader], missed.messages);
            word_add_own(&shared->told_bytes[reader], missed.bytes);
        } else if (code == 0) {
            code = mring_wait(consumer, SECOND / 50);
            EXPECT(code == 0 || code == -ETIMEDOUT || code == -EOWNERDEAD || code == -EPIPE, ==, 1);
        } else {
            EXPECT(code == 1 || code == -EPIPE || code == -EOWNERDEAD, ==, 1);
        }
    }
    return code == -EPIPE;
}

static void come_and_go(void *argument)
{
    const unsigned reader = *(const unsigned *)argument;
    uint64_t state = harness_seed + reader;
    bool complete = false;

    while (!complete) {
        struct mring_consumer *consumer;
        int code;

        (void)usleep(random_below(&state, 400 * 1000));
        code = mring_join(ring, "slow", NULL, &consumer);
        if (code == -EUSERS) /* the other one is there */
            continue;
        EXPECT_OK(code);
        word_store_release(&shared->joined, 1);
        complete = stay(consumer, reader, random_below(&state, 20000));
        EXPECT_OK(mring_leave(consumer));
    }
}

/* ---- rounds ---- */

static bool is_turned(void)
{
    struct mring_group_stats group = MRING_GROUP_STATS_INIT;
    struct mring_stats *stats = NULL;

    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, 1, &group));
    mring_stats_free(stats);
    EXPECT(group.turned, ==, group.lossy);
    return group.turned;
}

static void make_ring(unsigned members, bool after)
{
    static const char *const log[] = {"log"};
    const struct mring_group groups[] = {{.name = "log"},
                                         {.name = "slow",
                                          .members = members,
                                          .after = log,
                                          .after_count = after,
                                          .unserved = MRING_TURN_LOSSY,
                                          .limit = CAPACITY / 2}};
    struct mring_options options = MRING_OPTIONS_INIT;

    stage = stage_share(sizeof(*stage));
    shared = stage_share(sizeof(*shared));
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = 2;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

static void expect_all_accounted_for(void)
{
    const uint64_t sent = word_load(&shared->sent);
    uint64_t got = 0, left_bytes = 0, told = 0, told_bytes = 0;

    for (uint32_t number = 0; number < sent; number++) {
        uint64_t times = word_load(&shared->got[number]);

        EXPECT(times, <=, 1);
        got += times;
        left_bytes += (1 - times) * words_of(number) * sizeof(uint32_t);
    }
    for (unsigned reader = 0; reader < READERS; reader++) {
        told += word_load(&shared->told[reader]);
        told_bytes += word_load(&shared->told_bytes[reader]);
    }
    EXPECT(got + told, ==, sent);
    EXPECT(left_bytes, ==, told_bytes);
}

/* One who stands in the group and is stopped holds nobody up. */
static void stop_a_while(pid_t reader)
{
    uint64_t more = word_load(&shared->sent) + WHILE_STOPPED;

    EXPECT_OK(kill(reader, SIGSTOP));
    await_word(&shared->sent, more < MOST ? more : MOST);
    EXPECT_OK(kill(reader, SIGCONT));
}

/* Others come when it is turned, or at any moment. */
static bool turn(unsigned members, bool after, bool late, uint64_t *state)
{
    pid_t producer, log, victim, reader[READERS];
    bool turned;

    make_ring(members, after);
    log = child_start(keep_log, NULL);
    victim = child_start(be_victim, NULL);
    producer = child_start(produce, NULL);
    await(VICTIM, 1);
    child_kill(victim);
    for (unsigned kills = random_below(state, 4); kills > 0; kills--) {
        (void)usleep(random_below(state, 200 * 1000));
        child_kill(producer);
        producer = child_start(produce, NULL);
    }
    while (late && !is_turned())
        (void)usleep(1000);
    for (unsigned index = 0; index < READERS; index++)
        reader[index] = child_start(come_and_go, &index);
    await_word(&shared->joined, 1);
    turned = is_turned();
    for (unsigned kills = 3; kills > 0; kills--) {
        if (turned)
            stop_a_while(reader[kills % READERS]);
        (void)usleep(random_below(state, 200 * 1000));
        child_kill(producer);
        producer = child_start(produce, NULL);
    }
    word_store(&shared->stop, 1);
    child_finish(producer);
    child_finish(log);
    for (unsigned index = 0; index < READERS; index++)
        child_finish(reader[index]);
    expect_all_accounted_for();
    EXPECT(mring_fsck(ring, NULL), ==, 0);
    turned = is_turned();
    EXPECT_OK(mring_close(ring));
    return turned;
}

static void turn_many_times(bool late)
{
    uint64_t state = harness_seed;
    unsigned turned = 0;

    for (unsigned way = 0; way < 8; way++) {
        bool was = turn(way % 2 != 0 ? 4 : 1, way / 2 % 2 != 0, late, &state);

        EXPECT(was || !late, ==, 1);
        turned += was;
    }
    (void)printf("  %u of 8 turned\n", turned);
}

static void who_comes_later_knows_it_all(void)
{
    turn_many_times(true);
}

static void who_comes_meanwhile_knows_it_all(void)
{
    turn_many_times(false);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"who_comes_later_knows_it_all", who_comes_later_knows_it_all, 150},
        {"who_comes_meanwhile_knows_it_all", who_comes_meanwhile_knows_it_all, 150},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
