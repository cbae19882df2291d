/*
 * The public calls under load, with everybody a thread of one process, which is what ThreadSanitizer can follow (build with MRING_ATOMICS=c11): on a
 * small ring a producer that goes by each way to send, and waits for room asleep; groups of one and of many, one after both, lossy ones, and one that
 * is turned lossy as nobody is there, whose members come, go and sleep; one who only looks, by mring_stats and mring_fsck; and one who makes a group again and again, so that its place in the directory is written anew. What a member did in plain memory before it released a message,
 * those of the group after its own see; each group sees each message once, or knows that it missed it (I2, I4, I5).
 *
 * Not here: messages of groups that a join makes, whose words are mapped for members besides, as ThreadSanitizer cannot know that two addresses are one memory;
 * and `rescued`: who waits for the group to be turned, and who waits for a message, do so for the same second, and where all is so slow a waker may take
 * longer than the moment that is left to it then (wait/announced.c).
 *
 *   api-threads [MESSAGES [SEED]]
 */
#include "mring.h"
#include "mring_inline.h"
#include "support/random.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 16384, LONGEST = 512, MESSAGES_MOST = 1 << 20 };
enum { ONE, MANY, AFTER, LOSSY, LOSSY_MANY, TURNED, GROUPS };

static const char *const both[] = {"one", "many"};
static const struct mring_group groups[GROUPS] = {
    [ONE] = {.name = "one", .members = 1},
    [MANY] = {.name = "many", .members = 3 * 2},
    [AFTER] = {.name = "after", .members = 2 * 2, .after = both, .after_count = 2},
    [LOSSY] = {.name = "lossy", .members = 1, .lossy = 1},
    [LOSSY_MANY] = {.name = "lossy many", .members = 2 * 2, .lossy = 1},
    [TURNED] = {.name = "turned", .members = 1, .unserved = MRING_TURN_LOSSY, .limit = 4096},
};

static struct mring *ring;
static uint32_t messages = 20000;
static unsigned long seed;
static atomic_uint sent;
static atomic_uchar *seen[GROUPS];
static unsigned char *done[GROUPS]; /* plain: by who released it, for those after */
static atomic_uint got[GROUPS], missed[GROUPS];
static atomic_uint looks;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "api-threads: line %d: %s (seed %lu)\n", __LINE__, #condition, seed);                \
            exit(EXIT_FAILURE);                                                                                        \
        }                                                                                                              \
    } while (0)

/* Length and content follow from the number, so that anybody can check any message. */
static uint32_t length_of(uint32_t number)
{
    uint64_t state = seed + number;

    (void)random_below(&state, 1);
    return random_below(&state, 10) == 0 ? random_below(&state, LONGEST) : random_below(&state, 32);
}

static bool is_whole(const void *data, uint32_t length, uint32_t number)
{
    const unsigned char *byte = data;

    for (uint32_t at = 0; at < length; at++)
        if (byte[at] != (unsigned char)(number * 31))
            return false;
    return number < messages && length == length_of(number);
}

/* ---- the producer ---- */

/* Room for a message, waiting for it if need be. */
static void *reserve(struct mring_producer *producer, uint32_t length)
{
    void *where = NULL;
    int code;

    while ((code = mring_reserve(producer, length, &where)) == -EAGAIN)
        CHECK(mring_wait(producer, MRING_FOREVER) == 0);
    CHECK(code == 0);
    return where;
}

static void send_batch(struct mring_producer *producer, uint32_t first, uint32_t count)
{
    for (uint32_t number = first; number < first + count; number++) {
        memset(reserve(producer, length_of(number)), (int)(number * 31 & 0xff), length_of(number));
        CHECK(mring_commit(producer, length_of(number), number) == 0);
    }
    CHECK(mring_flush(producer) == 0);
}

static void send_inline(struct mring_producer *producer, struct mring_writer *writer, uint32_t number)
{
    unsigned char payload[LONGEST];
    int code;

    memset(payload, (int)(number * 31 & 0xff), length_of(number));
    while ((code = mring_writer_send(writer, payload, length_of(number), number)) == -EAGAIN)
        CHECK(mring_wait(producer, MRING_FOREVER) == 0);
    CHECK(code == 0);
}

static void *produce(void *unused)
{
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_writer writer;
    uint64_t state = seed;

    (void)unused;
    options.wait = MRING_SLEEP;
    CHECK(mring_producer(ring, &producer, &options) == 0);
    writer = mring_writer(producer);
    for (uint32_t number = 0, count; number < messages; number += count) {
        unsigned char payload[LONGEST];

        count = 1;
        switch (random_below(&state, 3)) {
        case 0:
            memset(payload, (int)(number * 31 & 0xff), length_of(number));
            CHECK(mring_send_wait(producer, payload, length_of(number), number, MRING_FOREVER) == 0);
            break;
        case 1:
            send_inline(producer, &writer, number);
            break;
        default:
            count = 1 + random_below(&state, messages - number < 8 ? messages - number : 8);
            send_batch(producer, number, count);
        }
        atomic_store(&sent, number + count);
    }
    CHECK(mring_end(producer) == 0);
    CHECK(mring_drain(producer, MRING_FOREVER) == 0);
    CHECK(mring_producer_close(producer) == 0);
    return NULL;
}

/* ---- members ---- */

static struct mring_consumer *join(const char *group, enum mring_waiting wait)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    int code;

    options.wait = wait;
    options.members = 4;
    options.batch = 8;
    while ((code = mring_join(ring, group, &options, &consumer)) == -EUSERS)
        (void)sched_yield();
    CHECK(code == 0);
    return consumer;
}

static void process(unsigned group, const struct mring_message *message)
{
    CHECK(is_whole(message->data, message->length, message->tag));
    CHECK(message->deliveries == 1);
    for (size_t before = 0; before < groups[group].after_count; before++)
        CHECK(done[before][message->tag] == 1);
    CHECK(atomic_fetch_add(&seen[group][message->tag], 1) == 0);
    done[group][message->tag] = 1;
    (void)atomic_fetch_add(&got[group], 1);
}

static void *consume_inline(void *unused)
{
    struct mring_consumer *consumer = join("one", MRING_SLEEP);
    struct mring_reader reader = mring_reader(consumer);
    struct mring_message message;
    int code;

    (void)unused;
    while ((code = mring_reader_next(&reader, &message)) >= 0) {
        if (code == 0) {
            code = mring_wait(consumer, MRING_FOREVER);
            CHECK(code == 0 || code == -EPIPE);
            continue;
        }
        process(ONE, &message);
        CHECK(mring_reader_release(&reader, &message) == 0);
    }
    CHECK(code == -EPIPE);
    CHECK(mring_leave(consumer) == 0);
    return NULL;
}

/* A member of one that shares, by calls; it leaves in the midst of a batch, and comes back. */
static void *consume(void *argument)
{
    const unsigned group = *(const unsigned *)argument;
    struct mring_consumer *consumer = join(groups[group].name, MRING_SLEEP);
    struct mring_message message;
    uint64_t state = seed ^ (uint64_t)(uintptr_t)&state;
    int code;

    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        process(group, &message);
        CHECK(mring_release(consumer, &message) == 0);
        if (random_below(&state, 300) == 0) {
            CHECK(mring_leave(consumer) == 0);
            consumer = join(groups[group].name, random_below(&state, 2) == 0 ? MRING_SLEEP : MRING_SPIN_THEN_SLEEP);
        }
    }
    CHECK(code == -EPIPE);
    CHECK(mring_leave(consumer) == 0);
    return NULL;
}

static void *consume_lossy(void *argument)
{
    const unsigned group = *(const unsigned *)argument;
    struct mring_consumer *consumer;
    struct mring_message message;
    unsigned char copy[LONGEST];
    int code;

    /* Further than the ring is long: it has been turned, or nobody came so far. */
    while (group == TURNED && atomic_load(&sent) < messages / 2)
        (void)sched_yield();
    consumer = join(groups[group].name, MRING_SLEEP);
    while ((code = mring_recv(consumer, copy, sizeof(copy), &message)) != -EPIPE) {
        if (code == 1) {
            CHECK(is_whole(copy, message.length, message.tag));
            (void)atomic_fetch_add(&got[group], 1);
        } else if (code == -EOVERFLOW) {
            struct mring_missed gap = MRING_MISSED_INIT;

            CHECK(mring_missed(consumer, &gap) == 1);
            (void)atomic_fetch_add(&missed[group], (unsigned)gap.messages);
        } else {
            CHECK(code == 0);
            code = mring_wait(consumer, MRING_FOREVER);
            CHECK(code == 0 || code == -EPIPE);
        }
    }
    CHECK(mring_leave(consumer) == 0);
    return NULL;
}

/* ---- who looks, and whom they find ---- */

/* Groups that are gone at once. Their names and terms differ. */
static void *come_and_go(void *unused)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    (void)unused;
    options.lossy = 1;
    for (unsigned turn = 0; atomic_load(&sent) < messages; turn++) {
        struct mring_consumer *consumer;

        options.members = 1 + turn % 3;
        CHECK(mring_join(ring, turn % 2 == 0 ? "passing" : "passing too", &options, &consumer) == 0);
        CHECK(mring_leave(consumer) == 0);
    }
    return NULL;
}

static void check_finding(void *unused, const struct mring_finding *finding)
{
    (void)unused;
    if (finding->weight != MRING_NOTE)
        (void)fprintf(stderr, "place %d of %s: %s\n", finding->place, finding->group, finding->text);
    CHECK(finding->weight == MRING_NOTE);
}

/* Until all is sent, and once at least: what is told may be old, and never goes back. */
static void *look(void *unused)
{
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;
    struct mring_stats *stats = NULL;
    uint64_t position = 0;

    (void)unused;
    options.report = check_finding;
    do {
        struct mring_ring_stats told = MRING_RING_STATS_INIT;

        CHECK(mring_stats(ring, &stats, NULL) == 0);
        CHECK(mring_stats_ring(stats, &told) == 0);
        CHECK(told.groups >= GROUPS && told.cut_offs == 0);
        CHECK(told.position >= position);
        position = told.position;
        CHECK(mring_fsck(ring, &options) == 0);
        (void)atomic_fetch_add(&looks, 1);
    } while (atomic_load(&sent) < messages);
    mring_stats_free(stats);
    return NULL;
}

/* ---- all of it ---- */

static void account(void)
{
    for (unsigned group = 0; group < GROUPS; group++) {
        (void)printf("%s: got %u, missed %u\n", groups[group].name, atomic_load(&got[group]),
                     atomic_load(&missed[group]));
        CHECK(atomic_load(&got[group]) + atomic_load(&missed[group]) == messages);
        CHECK(group >= LOSSY || atomic_load(&missed[group]) == 0);
        free(seen[group]);
        free(done[group]);
    }
    CHECK(atomic_load(&missed[TURNED]) > 0);
    (void)printf("looked at %u times\n", atomic_load(&looks));
    CHECK(atomic_load(&looks) > 0);
}

int main(int argc, char **argv)
{
    static const struct {
        void *(*run)(void *);
        unsigned group;
    } parts[] = {{produce, 0},
                 {consume_inline, ONE},
                 {consume, MANY},
                 {consume, MANY},
                 {consume, MANY},
                 {consume, AFTER},
                 {consume, AFTER},
                 {consume_lossy, LOSSY},
                 {consume_lossy, TURNED},
                 {consume_lossy, LOSSY_MANY},
                 {consume_lossy, LOSSY_MANY},
                 {look, 0},
                 {come_and_go, 0}};
    enum { PARTS = sizeof(parts) / sizeof(*parts) };
    struct mring_options options = MRING_OPTIONS_INIT;
    static unsigned group_of[PARTS];
    pthread_t thread[PARTS];

    if (argc > 1)
        messages = (uint32_t)strtoul(argv[1], NULL, 10) % MESSAGES_MOST;
    seed = argc > 2 ? strtoul(argv[2], NULL, 10) : (unsigned long)(uintptr_t)&argc >> 4 & 0xffffff;
    (void)printf("api-threads %u %lu\n", messages, seed);
    (void)fflush(stdout); /* a hang is killed, and must leave its seed behind */
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = GROUPS;
    CHECK(mring_create(&ring, NULL, &options) == 0);
    for (unsigned group = 0; group < GROUPS; group++) {
        seen[group] = calloc(messages, sizeof(atomic_uchar));
        done[group] = calloc(messages, 1);
        CHECK(seen[group] != NULL && done[group] != NULL);
    }
    for (unsigned part = 0; part < PARTS; part++) {
        group_of[part] = parts[part].group;
        CHECK(pthread_create(&thread[part], NULL, parts[part].run, &group_of[part]) == 0);
    }
    for (unsigned part = 0; part < PARTS; part++)
        CHECK(pthread_join(thread[part], NULL) == 0);
    account();
    CHECK(mring_close(ring) == 0);
    return EXIT_SUCCESS;
}
