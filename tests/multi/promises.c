/*
 * The promises, with real processes: whole messages (I1), one member each (I2), order (I3), sleepers woken (I8). 1 to 8
 * consumers, 1 to 4 groups, sizes from 0 to half the ring, blocking and spinning, rings that are always full, many laps; by calls and by
 * mring_inline.h in turn, as is drawn.
 */
#include "api/ring.h"
#include "harness.h"
#include "mring_inline.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUPS_MOST = 4, MEMBERS_MOST = 8 };

/* One shape of a run. */
struct shape {
    const char *name;
    unsigned groups;
    unsigned members; /* of each group */
    size_t capacity;
    size_t alignment;
    uint32_t longest; /* payload */
    uint32_t messages;
    bool blocking; /* sleep, or poll */
    bool copying;  /* mring_recv, or in place */
    unsigned batch;
};

/* What the consumers tell the test, in memory of its own: how often each message was processed in each group. */
struct ledger {
    unsigned char *seen[GROUPS_MOST];
    size_t size;
};

static const struct shape *shape;
static struct ledger ledger;
static struct mring *ring;

static uint32_t length_of(uint32_t number)
{
    uint64_t state = harness_seed + number;

    (void)random_below(&state, 2);
    return random_below(&state, 20) == 0 ? random_below(&state, shape->longest + 1)
                                         : random_below(&state, shape->longest < 64 ? shape->longest + 1 : 64);
}

static unsigned char byte_of(uint32_t number, uint32_t at)
{
    return (unsigned char)(number * 31 + at);
}

static void ledger_make(uint32_t messages)
{
    ledger.size = messages;
    for (unsigned group = 0; group < GROUPS_MOST; group++) {
        ledger.seen[group] = mmap(NULL, ledger.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
        EXPECT(ledger.seen[group] != MAP_FAILED, ==, 1);
    }
}

static void check_message(unsigned group, const struct mring_message *message)
{
    const unsigned char *data = message->data;
    uint32_t whole = 0;

    EXPECT(message->tag, <, shape->messages);
    EXPECT(message->length, ==, length_of(message->tag));
    while (whole < message->length && data[whole] == byte_of(message->tag, whole))
        whole++;
    EXPECT(whole, ==, message->length);                                                        /* I1 */
    EXPECT(__atomic_fetch_add(&ledger.seen[group][message->tag], 1, __ATOMIC_RELAXED), ==, 0); /* I2 */
}

/* In place, by the calls or by a reader, as is drawn. */
static int take_in_place(struct mring_consumer *consumer, struct mring_reader *reader, uint64_t *random,
                         struct mring_message *message)
{
    int count = 0, code = 0;

    if (random_below(random, 2) == 0)
        return mring_next_batch(consumer, message, (int)shape->batch);
    while (count < (int)shape->batch && (code = mring_reader_next(reader, &message[count])) == 1)
        count++;
    return count > 0 ? count : code;
}

/* One turn of a consumer: how many messages it processed, 0, or -errno. */
static int take_some(struct mring_consumer *consumer, struct mring_reader *reader, uint64_t *random, unsigned group,
                     int64_t *last)
{
    struct mring_message message[16];
    int count;

    if (shape->copying) {
        static unsigned char buffer[1 << 20];

        count = mring_recv(consumer, buffer, sizeof(buffer), message);
    } else {
        count = take_in_place(consumer, reader, random, message);
    }
    for (int at = 0; at < count; at++) {
        EXPECT(message[at].tag, >, *last); /* I3: no member sees an older one after a newer one */
        if (shape->members == 1)
            EXPECT(message[at].tag, ==, *last + 1);
        *last = message[at].tag;
        check_message(group, &message[at]);
    }
    if (count > 0 && !shape->copying)
        EXPECT_OK(random_below(random, 2) == 0 ? mring_release(consumer, &message[count - 1])
                                               : mring_reader_release(reader, &message[count - 1]));
    return count;
}

static void consume(void *argument)
{
    unsigned group = *(const unsigned *)argument;
    char name[] = {'g', (char)('0' + group), '\0'};
    struct mring_consumer *consumer;
    struct mring_reader reader;
    uint64_t random = harness_seed + group;
    int64_t last = -1;
    int count;

    EXPECT_OK(mring_join(ring, name, NULL, &consumer));
    reader = mring_reader(consumer);
    while ((count = take_some(consumer, &reader, &random, group, &last)) >= 0)
        if (count == 0 && shape->blocking)
            count = mring_wait(consumer, MRING_FOREVER);
    EXPECT(count, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void send_all(struct mring_producer *producer)
{
    struct mring_writer writer = mring_writer(producer);
    uint64_t random = harness_seed;

    for (uint32_t number = 0; number < shape->messages; number++) {
        uint32_t length = length_of(number);
        const bool inlined = random_below(&random, 2) == 0;
        unsigned char *where;
        void *room;
        int code;

        while ((code = inlined ? mring_writer_reserve(&writer, length, &room)
                               : mring_reserve(producer, length, &room)) == -EAGAIN)
            if (shape->blocking)
                EXPECT_OK(mring_wait(producer, MRING_FOREVER));
        EXPECT_OK(code);
        where = room;
        for (uint32_t at = 0; at < length; at++)
            where[at] = byte_of(number, at);
        EXPECT_OK(inlined ? mring_writer_commit(&writer, length, number) : mring_commit(producer, length, number));
        if (number % shape->batch == 0)
            EXPECT_OK(random_below(&random, 2) == 0 ? mring_writer_flush(&writer) : mring_flush(producer));
    }
    EXPECT_OK(mring_end(producer));
}

static void run_shape(const struct shape *given)
{
    struct mring_group groups[GROUPS_MOST] = {{.name = "g0", .members = given->members},
                                              {.name = "g1", .members = given->members},
                                              {.name = "g2", .members = given->members},
                                              {.name = "g3", .members = given->members}};
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    pid_t child[GROUPS_MOST * MEMBERS_MOST];
    unsigned children = 0;

    shape = given;
    ledger_make(shape->messages);
    options.capacity = shape->capacity;
    options.alignment = shape->alignment;
    options.groups = groups;
    options.group_count = shape->groups;
    options.error = &error;
    if (mring_create(&ring, NULL, &options) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        exit(EXIT_FAILURE);
    }
    for (unsigned group = 0; group < shape->groups; group++)
        for (unsigned member = 0; member < shape->members; member++)
            child[children++] = child_start(consume, &group);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    send_all(producer);
    while (children > 0)
        child_finish(child[--children]);
    for (unsigned group = 0; group < shape->groups; group++)
        for (uint32_t number = 0; number < shape->messages; number++)
            EXPECT(ledger.seen[group][number], ==, 1);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

#define SHAPES(X)                                                                                                      \
    X(one_consumer, 1, 1, 65536, 8, 8, 200000, true, false, 1)                                                         \
    X(one_consumer_spinning, 1, 1, 65536, 8, 8, 200000, false, false, 1)                                               \
    X(a_copying_consumer, 1, 1, 65536, 8, 3000, 50000, true, true, 1)                                                  \
    X(broadcast_to_four, 4, 1, 65536, 8, 200, 50000, true, false, 4)                                                   \
    X(broadcast_spinning, 2, 1, 65536, 64, 200, 20000, false, false, 16)                                               \
    X(two_workers, 1, 2, 65536, 8, 64, 200000, true, false, 8)                                                         \
    X(eight_workers, 1, 8, 65536, 8, 64, 100000, true, false, 8)                                                       \
    X(eight_workers_copying, 1, 8, 65536, 8, 64, 50000, true, true, 1)                                                 \
    X(workers_and_broadcast, 3, 2, 65536, 8, 500, 30000, true, false, 3)                                               \
    X(the_smallest_ring_always_full, 2, 2, 16384, 8, 8184, 20000, true, false, 1)                                      \
    X(half_the_ring_each, 1, 1, 16384, 64, 8184, 5000, true, false, 1)                                                 \
    X(empty_messages, 1, 4, 16384, 8, 0, 100000, true, false, 16)

#define DEFINE(name, groups, members, capacity, alignment, longest, messages, blocking, copying, batch)                \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        static const struct shape it = {#name,   groups,   members,  capacity, alignment,                              \
                                        longest, messages, blocking, copying,  batch};                                 \
                                                                                                                       \
        run_shape(&it);                                                                                                \
    }
SHAPES(DEFINE)
#define LIST(name, ...) {#name, name, 60},

enum { WINDOW = 50, SLOTS = 64, WINDOW_MESSAGES = 2000 };

static void keep_a_window(void *argument)
{
    struct mring_message message[SLOTS];
    struct mring_consumer *consumer;
    const struct word *waits = &ring->region.view.page->waits, *ended = &ring->region.view.page->ended;
    unsigned taken = 0, given = 0;
    uint64_t slept = 0;
    int code;

    (void)argument;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    while ((code = mring_next(consumer, &message[taken % SLOTS])) >= 0) {
        taken += (unsigned)code;
        if (code == 1)
            continue;
        /* The ring is full: once the producer has gone to sleep, give it room for some records. */
        while (word_load(waits) == slept && word_load(ended) == 0)
            (void)sched_yield();
        slept = word_load(waits);
        for (; taken - given > WINDOW; given++)
            EXPECT_OK(mring_release(consumer, &message[given % SLOTS]));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT(taken, ==, WINDOW_MESSAGES);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/*
 * A lone consumer that polls and never gives back as much as a waiting producer would like to have: it is woken all the same as
 * soon as there is room for its record. Were it left to its own looks, one a second, the time would be up.
 */
static void a_window_is_kept(void)
{
    static const unsigned char payload[1016];
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    pid_t child;

    options.capacity = 65536;
    options.members = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    child = child_start(keep_a_window, NULL);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned sent = 0; sent < WINDOW_MESSAGES; sent++)
        EXPECT_OK(mring_send_wait(producer, payload, sizeof(payload), sent, MRING_FOREVER));
    EXPECT_OK(mring_end(producer));
    child_finish(child);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

enum { HUNDRED_MILLION = 100 * 1000 * 1000 };

static void consume_values(void *argument)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    uint64_t expected = 0;
    int code;

    (void)argument;
    EXPECT_OK(mring_join(ring, "all", NULL, &consumer));
    while ((code = mring_next(consumer, &message)) >= 0) {
        uint64_t value;

        if (code == 0) {
            (void)mring_wait(consumer, MRING_FOREVER);
            continue;
        }
        memcpy(&value, message.data, sizeof(value));
        EXPECT(value, ==, expected);
        expected++;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT(expected, ==, HUNDRED_MILLION);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/* A long stream of small messages, the most of them one by one: many laps, many sleeps (--all). */
static void hundred_million(void)
{
    struct mring_producer *producer;
    struct mring_options options = MRING_OPTIONS_INIT;
    pid_t child;

    options.members = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    child = child_start(consume_values, NULL);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (uint64_t value = 0; value < HUNDRED_MILLION; value++)
        while (mring_send(producer, &value, sizeof(value), 0) == -EAGAIN)
            (void)mring_wait(producer, MRING_FOREVER);
    EXPECT_OK(mring_end(producer));
    child_finish(child);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {SHAPES(LIST){"a_window_is_kept", a_window_is_kept, 30}};
    static const struct scenario long_ones[] = {{"hundred_million", hundred_million, 300}};

    if (argc > 1 && strcmp(argv[1], "hundred_million") == 0)
        return harness_main(argc, argv, long_ones, 1);
    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
