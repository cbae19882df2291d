/*
 * Lossy groups beside a producer that never waits, members as threads of one process: what ThreadSanitizer can follow (build with
 * MRING_ATOMICS=c11). What a member is told was whole must be, and what a group's members got and missed is together what was
 * sent, exactly, however they are lapped, come and go (I5).
 *
 *   core_lossy_threads [MESSAGES [SEED]]
 */
#include "core/lossy.h"
#include "core/shared.h"
#include "support/fake_ring.h"
#include "support/random.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 2, MEMBERS = 4, CAPACITY = 16384 };

static const uint32_t members_of[GROUPS] = {1, MEMBERS - 1};

static struct fake_ring ring;
static uint32_t messages = 300000;
static unsigned long seed;
static atomic_ullong got[GROUPS], missed[GROUPS], bytes[GROUPS]; /* of both */
static unsigned long long sent_bytes;
static atomic_bool failed;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "core_lossy_threads: line %d: %s (seed %lu)\n", __LINE__, #condition, seed);         \
            atomic_store(&failed, true);                                                                               \
        }                                                                                                              \
    } while (0)

static uint32_t length_of(uint32_t number)
{
    uint64_t state = seed + number;

    return random_below(&state, 50) == 0 ? random_below(&state, CAPACITY / 2 - 8) : random_below(&state, 64);
}

/* Now and then it stands back, so that some members keep up for a while. */
static void *produce(void *unused)
{
    static unsigned char payload[CAPACITY];
    struct producer_core producer;
    uint64_t state = seed;

    (void)unused;
    CHECK(producer_core_start(&producer, &ring.view) == 0);
    for (uint32_t number = 0; number < messages && !atomic_load(&failed); number++) {
        uint32_t length = length_of(number);

        memset(payload, (int)(number * 31 & 0xff), length);
        fake_ring_send(&ring, &producer, payload, length, number);
        sent_bytes += length;
        if (random_below(&state, 400) == 0)
            (void)sched_yield();
    }
    word_store_release(&ring.view.page->ended, producer_core_tail(&producer) + 1); /* [END] */
    return NULL;
}

static void check_whole(const unsigned char *copy, const struct record *record)
{
    uint32_t number = record_tag(record->header), length = record_length(record->header), same = 0;

    CHECK(number < messages && length == length_of(number));
    while (same < length && copy[same] == (unsigned char)(number * 31))
        same++;
    CHECK(same == length);
}

static void note_missed(unsigned group, const struct consumer_core *member)
{
    (void)atomic_fetch_add(&missed[group], member->lossy.gap.messages);
    (void)atomic_fetch_add(&bytes[group], member->lossy.gap.bytes);
}

/* 1: a message was got; 0: nothing is there. */
static int take(unsigned group, struct consumer_core *member)
{
    unsigned char copy[CAPACITY];
    struct record record;
    int code = lossy_next(member, &record);

    if (code == 0) {
        code = group == 0 ? lossy_refill(member) : shared_claim(member);
        if (code >= 0)
            code = lossy_next(member, &record);
    }
    CHECK(code >= 0 || code == -EOVERFLOW);
    if (code == 1) {
        copy_racing(copy, record.data, record_length(record.header));
        code = lossy_release(member, record.position, record_length(record.header));
        if (code == 0) {
            check_whole(copy, &record);
            (void)atomic_fetch_add(&got[group], 1);
            (void)atomic_fetch_add(&bytes[group], record_length(record.header));
            return 1;
        }
    }
    if (code == -EOVERFLOW)
        note_missed(group, member);
    return code == -EOVERFLOW;
}

static void *consume(void *argument)
{
    unsigned group = *(const unsigned *)argument;
    uint64_t state = seed ^ (uint64_t)(uintptr_t)&state;
    struct consumer_core member;

    fake_ring_join(&ring, group, 1 + group, &member);
    while (!atomic_load(&failed) && atomic_load(&got[group]) + atomic_load(&missed[group]) < messages) {
        if (take(group, &member) == 0)
            (void)sched_yield();
        /* As one who knows of a producer's death, while its successor goes on. */
        if (group > 0 && random_below(&state, 20) == 0)
            shared_look_beyond(&member);
        if (random_below(&state, 2000) == 0) {
            group_leave(&member);
            fake_ring_join(&ring, group, 1 + group, &member);
        }
    }
    group_leave(&member);
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
    (void)printf("core_lossy_threads %u %lu\n", messages, seed);
    (void)fflush(stdout); /* a hang is killed, and must leave its seed behind */
    /* More places than members: a leaver's line may wait for its adopter while he comes back on another. */
    fake_ring_make(&ring, CAPACITY, 8, GROUPS, (const uint32_t[GROUPS]){1, 4 * MEMBERS});
    for (unsigned group = 0; group < GROUPS; group++) {
        ring.group[group].terms.lossy = 1;
        for (unsigned member = 0; member < members_of[group]; member++, started++) {
            group_of[started] = group;
            if (pthread_create(&thread[started], NULL, consume, &group_of[started]) != 0)
                return EXIT_FAILURE;
        }
    }
    if (pthread_create(&thread[started++], NULL, produce, NULL) != 0)
        return EXIT_FAILURE;
    while (started > 0)
        (void)pthread_join(thread[--started], NULL);
    for (unsigned group = 0; group < GROUPS; group++) {
        (void)printf("group %u: got %llu, missed %llu\n", group, atomic_load(&got[group]), atomic_load(&missed[group]));
        CHECK(atomic_load(&got[group]) + atomic_load(&missed[group]) == messages);
        CHECK(atomic_load(&bytes[group]) == sent_bytes);
    }
    fake_ring_free(&ring);
    return atomic_load(&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
