/*
 * Groups that start in the past, beside a producer at full speed: never at what is overwritten, never between two messages. Each message
 * begins with its own position.
 */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 200, CAPACITY = 16384, JOINS = 400, JOINERS = 3, STAY = 400 };

static struct mring *ring;

struct words {
    struct word log; /* what the log has released for certain */
    struct word stop;
    struct word made[MRING_START_GROUP + 1]; /* groups that began so */
    struct word refused;
};
static struct words *words;

static void produce(void *unused)
{
    uint64_t state = harness_seed, payload[LONGEST / 8] = {0};
    struct mring_producer *producer;

    (void)unused;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    while (word_load(&words->stop) == 0) {
        size_t length = 8 + random_below(&state, LONGEST - 8 + 1);
        int code = mring_send_wait(producer, payload, length, 0, MRING_FOREVER);

        EXPECT_OK(code);
        payload[0] += record_size(length, 8);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
}

static void check(const struct mring_message *message)
{
    uint64_t position;

    EXPECT(message->length, >=, sizeof(position));
    memcpy(&position, message->data, sizeof(position));
    EXPECT(position, ==, message->position);
}

static void keep_log(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int code;

    (void)unused;
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        check(&message);
        EXPECT_OK(mring_release(consumer, &message));
        word_store_release(&words->log, message.position + record_size(message.length, 8));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

/* Read on for a while: whole, and without a gap, since such a group has one member. The position of a message that was there. */
static uint64_t read_on(struct mring_consumer *consumer, const struct mring_message *first, uint32_t count)
{
    uint64_t next = first->position + record_size(first->length, 8);
    struct mring_message message;
    uint64_t last = first->position;

    for (; count > 0 && mring_next_wait(consumer, &message, MRING_FOREVER) == 1; count--) {
        EXPECT(message.position, ==, next);
        check(&message);
        next = message.position + record_size(message.length, 8);
        last = message.position;
        EXPECT_OK(mring_release(consumer, &message));
    }
    return last;
}

static void one_group(uint64_t *state, uint64_t *known)
{
    const uint64_t before = word_load_acquire(&words->log);
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    char group[48];
    int code;

    (void)snprintf(group, sizeof(group), "%ld", (long)getpid());
    options.members = 1;
    options.error = &error;
    options.start = (enum mring_start)random_below(state, MRING_START_GROUP + 1);
    options.start_group = "log";
    options.position = *known + (random_below(state, 4) == 0 ? 8 * random_below(state, 40) : 0);
    code = mring_join(ring, group, &options, &consumer);
    if (code == -ERANGE) {
        EXPECT(options.start, ==, MRING_START_POSITION);
        EXPECT(strstr(error.text, "the oldest does at") != NULL, ==, 1);
        word_count(&words->refused);
        *known = before;
        return;
    }
    EXPECT_OK(code);
    word_count(&words->made[options.start]);
    if (mring_next_wait(consumer, &message, MRING_FOREVER) == 1) {
        uint64_t after;

        check(&message);
        after = word_load_acquire(&words->log) + record_size(LONGEST, 8);
        if (options.start == MRING_START_POSITION)
            EXPECT(message.position, ==, options.position);
        if (options.start == MRING_START_GROUP)
            EXPECT(message.position, >=, before);
        if (options.start == MRING_START_GROUP || options.start == MRING_START_OLDEST)
            EXPECT(message.position, <=, after);
        EXPECT_OK(mring_release(consumer, &message));
        *known = read_on(consumer, &message, random_below(state, STAY));
    }
    EXPECT_OK(mring_leave(consumer));
}

static void join_again_and_again(void *argument)
{
    uint64_t state = harness_seed + *(const unsigned *)argument, known = 0;

    for (int count = 0; count < JOINS; count++)
        one_group(&state, &known);
}

static void beside_a_producer(void)
{
    const struct mring_group log = {.name = "log", .members = 1};
    struct mring_options options = MRING_OPTIONS_INIT;
    pid_t producer, reader, joiners[JOINERS];

    words = stage_share(sizeof(*words));
    options.capacity = CAPACITY;
    options.groups = &log;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    producer = child_start(produce, NULL);
    reader = child_start(keep_log, NULL);
    for (unsigned joiner = 0; joiner < JOINERS; joiner++)
        joiners[joiner] = child_start(join_again_and_again, &joiner);
    for (unsigned joiner = 0; joiner < JOINERS; joiner++)
        child_finish(joiners[joiner]);
    word_store(&words->stop, 1);
    child_finish(producer);
    child_finish(reader);
    for (int start = 0; start <= MRING_START_GROUP; start++)
        EXPECT(word_load(&words->made[start]), >, 0);
    EXPECT(word_load(&words->refused), >, 0);
    (void)printf("  %llu bytes; groups began now %llu times, at the oldest %llu, at a position %llu, and not %llu, at "
                 "a group's %llu\n",
                 (unsigned long long)word_load(&words->log), (unsigned long long)word_load(&words->made[0]),
                 (unsigned long long)word_load(&words->made[1]), (unsigned long long)word_load(&words->made[2]),
                 (unsigned long long)word_load(&words->refused), (unsigned long long)word_load(&words->made[3]));
    EXPECT_OK(mring_close(ring));
}

/* ---- what is refused, and how ---- */

static int try(enum mring_start start, uint64_t position, const char *other, struct mring_error *error)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    int code;

    *error = (struct mring_error)MRING_ERROR_INIT;
    options.error = error;
    options.start = start;
    options.position = position;
    options.start_group = other;
    code = mring_join(ring, "new", &options, &consumer);
    if (code == 0)
        EXPECT_OK(mring_leave(consumer));
    return code;
}

static void what_cannot_be_is_refused(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_error error;
    struct mring_info info = MRING_INFO_INIT;

    options.groups = &(struct mring_group){.name = ""};
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (int count = 0; count < 3; count++)
        EXPECT_OK(mring_send(producer, "12345678", 8, 0));
    EXPECT_OK(try(MRING_START_POSITION, 16, NULL, &error));
    EXPECT_OK(try(MRING_START_POSITION, 48, NULL, &error));
    EXPECT(try(MRING_START_POSITION, 24, NULL, &error), ==, -ERANGE);
    EXPECT(strstr(error.text, "position 24:") != NULL, ==, 1);
    EXPECT(strstr(error.text, "at 0, and the stream ends at 48") != NULL, ==, 1);
    EXPECT(try(MRING_START_POSITION, 64, NULL, &error), ==, -ERANGE);
    EXPECT(try(MRING_START_GROUP, 0, "nobody", &error), ==, -ENOENT);
    EXPECT(strstr(error.text, "\"nobody\"") != NULL, ==, 1);
    EXPECT(try(MRING_START_GROUP, 0, NULL, &error), ==, -EINVAL);
    EXPECT(try(MRING_START_GROUP, 0, "", &error), ==, -EINVAL);
    EXPECT(try((enum mring_start)4, 0, NULL, &error), ==, -EINVAL);
    EXPECT_OK(mring_info(ring, &info));
    EXPECT(info.groups, <=,
           1); /* what was refused is not there; the last that was left goes when its place is needed */
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"beside_a_producer", beside_a_producer, 90},
        {"what_cannot_be_is_refused", what_cannot_be_is_refused, 10},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
