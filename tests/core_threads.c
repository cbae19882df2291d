/*
 * The protocol of core/ under load, with members as threads of one process: what ThreadSanitizer can follow (build with
 * MRING_ATOMICS=c11). One producer; a lone group, and two groups of many; after these a lone group, and one of many; sizes from 0 to half the
 * ring, a ring that is always full, members that leave in the middle of a batch and come back. Every group must see every message once,
 * whole, and in order as far as the group promises it (I1, I2, I3); and a group that is after others when it was released there: what a
 * member there wrote before that, in plain memory, is seen.
 *
 *   core_threads [MESSAGES [SEED]]
 */
#include "core/lone.h"
#include "core/shared.h"
#include "core/stage.h"
#include "support/fake_ring.h"
#include "support/random.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 5, MEMBERS = 10, CAPACITY = 16384 };

static const uint32_t members_of[GROUPS] = {1, 2, 4, 1, 2};
static const uint64_t after[GROUPS] = {0, 0, 0, 1 << 0 | 1 << 1, 1 << 2 | 1 << 3};

static struct fake_ring ring;
static uint32_t messages = 100000;
static unsigned long seed;
static atomic_uchar *seen[GROUPS];   /* how often each message was processed */
static unsigned char *proof[GROUPS]; /* that it was, for those after the group */
static atomic_uint processed[GROUPS];
static atomic_bool failed;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "core_threads: line %d: %s (seed %lu)\n", __LINE__, #condition, seed);               \
            atomic_store(&failed, true);                                                                               \
        }                                                                                                              \
    } while (0)

/* Length and content follow from the number and the seed, so any member can check any message. */
static uint32_t length_of(uint32_t number)
{
    uint64_t state = seed + number;

    (void)random_below(&state, 1);
    return random_below(&state, 50) == 0 ? random_below(&state, CAPACITY / 2 - 8) : random_below(&state, 64);
}

static void *produce(void *unused)
{
    static unsigned char payload[CAPACITY];
    struct producer_core producer;

    (void)unused;
    CHECK(producer_core_start(&producer, &ring.view) == 0);
    for (uint32_t number = 0; number < messages && !atomic_load(&failed); number++) {
        uint32_t length = length_of(number);

        memset(payload, (int)(number * 31 & 0xff), length);
        fake_ring_send(&ring, &producer, payload, length, number);
    }
    word_store_release(&ring.view.page->ended, producer_core_tail(&producer) + 1);
    return NULL;
}

static void process(unsigned group, const struct record *record)
{
    uint32_t number = record_tag(record->header);
    const unsigned char *data = record->data;
    uint32_t whole = 0;

    CHECK(number < messages);
    CHECK(record_length(record->header) == length_of(number));
    while (whole < record_length(record->header) && data[whole] == (unsigned char)(number * 31))
        whole++;
    CHECK(whole == record_length(record->header));
    for (uint64_t left = after[group]; left != 0; left &= left - 1)
        CHECK(proof[__builtin_ctzll(left)][number] == 1);
    proof[group][number] = 1;
    CHECK(atomic_fetch_add(&seen[group][number], 1) == 0);
    (void)atomic_fetch_add(&processed[group], 1);
}

static void join(unsigned group, struct consumer_core *consumer, struct upstream before[GROUPS])
{
    fake_ring_join(&ring, group, 1 + group, consumer);
    consumer->upstream = before;
    for (uint64_t left = after[group]; left != 0; left &= left - 1)
        before[consumer->upstreams++] = (struct upstream){.group = ring.group[__builtin_ctzll(left)]};
}

static int next_alone(struct consumer_core *consumer, struct record *record)
{
    int code = 1;

    if (consumer->upstreams == 0)
        return lone_next(consumer, record);
    if (!consumer_core_take(consumer, record) && (code = stage_refill(consumer)) == 1)
        CHECK(consumer_core_take(consumer, record));
    return code;
}

static void *consume_alone(void *argument)
{
    unsigned group = *(const unsigned *)argument;
    struct upstream before[GROUPS];
    struct consumer_core consumer;
    uint32_t expected = 0;

    join(group, &consumer, before);
    while (!atomic_load(&failed)) {
        struct record record;
        int code = next_alone(&consumer, &record);

        CHECK(code >= 0);
        if (code == 1) {
            CHECK(record_tag(record.header) == expected++);
            process(group, &record);
            consumer_core_release(&consumer, consumer.position);
        } else if (consumer_core_ended(&consumer, consumer.position)) {
            break;
        } else {
            (void)sched_yield();
        }
    }
    group_leave(&consumer);
    return NULL;
}

static void *consume_shared(void *argument)
{
    unsigned group = *(const unsigned *)argument;
    uint64_t state = seed ^ (uint64_t)(uintptr_t)&state;
    struct upstream before[GROUPS];
    struct consumer_core consumer;

    join(group, &consumer, before);
    while (!atomic_load(&failed) && atomic_load(&processed[group]) < messages) {
        struct record record;
        int64_t last = -1;
        int code;

        consumer.quick = random_below(&state, 4) * 8; /* now it goes by the newest tail, now by one from before */
        code = shared_claim(&consumer);
        CHECK(code >= 0);
        if (code != 1) {
            (void)sched_yield();
            continue;
        }
        while (consumer_core_take(&consumer, &record)) {
            CHECK(last < 0 || record_tag(record.header) == (uint32_t)last + 1);
            last = record_tag(record.header);
            process(group, &record);
            shared_release(&consumer, consumer.position);
            if (random_below(&state, 1000) == 0) {
                group_leave(&consumer);
                join(group, &consumer, before);
                break;
            }
        }
    }
    group_leave(&consumer);
    return NULL;
}

int main(int argc, char **argv)
{
    static unsigned group_of[MEMBERS];
    pthread_t thread[MEMBERS + 1];
    unsigned started = 0;

    if (argc > 1)
        messages = (uint32_t)strtoul(argv[1], NULL, 10);
    seed = argc > 2 ? strtoul(argv[2], NULL, 10) : (unsigned long)(uintptr_t)&argc >> 4 & 0xffffff;
    (void)printf("core_threads %u %lu\n", messages, seed);
    (void)fflush(stdout); /* a hang is killed, and must leave its seed behind */
    /* One place more than members: a leaver's line may wait for its adopter while he comes back on another. */
    fake_ring_make(&ring, CAPACITY, 8, GROUPS, (const uint32_t[GROUPS]){1, 2 * 4, 4 * 4, 1, 2 * 4});
    for (unsigned group = 0; group < GROUPS; group++) {
        ring.group[group].terms.after = after[group];
        seen[group] = calloc(messages, sizeof(atomic_uchar));
        proof[group] = calloc(messages, 1);
        if (seen[group] == NULL || proof[group] == NULL)
            return EXIT_FAILURE;
    }
    for (unsigned group = 0; group < GROUPS; group++)
        for (unsigned member = 0; member < members_of[group]; member++, started++) {
            group_of[started] = group;
            if (pthread_create(&thread[started], NULL, members_of[group] == 1 ? consume_alone : consume_shared,
                               &group_of[started]) != 0)
                return EXIT_FAILURE;
        }
    if (pthread_create(&thread[started++], NULL, produce, NULL) != 0)
        return EXIT_FAILURE;
    while (started > 0)
        (void)pthread_join(thread[--started], NULL);
    for (unsigned group = 0; group < GROUPS; group++) {
        CHECK(atomic_load(&processed[group]) == messages);
        free(seen[group]);
        free(proof[group]);
    }
    fake_ring_free(&ring);
    return atomic_load(&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
