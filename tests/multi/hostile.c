/*
 * Peers that misbehave on purpose, at full speed, while others work: they harm themselves (I7).
 *
 * A member that writes garbage into its group's words: the producer and the other groups go on exactly. A producer that writes garbage
 * into the ring: consumers, those who attach among them, go on or say so, and none of them crashes or stays.
 */
#include "api/consumer.h"
#include "harness.h"
#include "mring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES = 50000, LONGEST = 300, HOSTILE_MS = 2000 };

static struct mring *ring;
static struct word *stop;    /* shared by all processes of a scenario */
static struct word *started; /* how many hostile processes are at it */

static void share_words(void)
{
    struct word *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);

    EXPECT(words != MAP_FAILED, ==, 1);
    stop = &words[0];
    started = &words[1];
}

static void make_ring(const char *name)
{
    static const struct mring_group groups[] = {
        {.name = "lone", .members = 1}, {.name = "many", .members = 3}, {.name = "bad", .members = 4}};
    const struct mring_options options = {
        .size = sizeof(options), .capacity = 65536, .groups = groups, .group_count = 3};

    EXPECT_OK(mring_create(&ring, name, &options));
}

/* A word as a member might leave it, or any. */
static uint64_t garbage(uint64_t *random)
{
    uint64_t tail = word_load(&ring->region.view.page->tail);

    switch (random_below(random, 6)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - random_below(random, 64);
    case 2:
        return tail - random_below(random, 8000) * 8;
    case 3:
        return random_below(random, 1024) * 8;
    case 4:
        return *random;
    default:
        return tail + random_below(random, 1 << 20);
    }
}

static void scribble(void *base, uint64_t size, uint64_t *random)
{
    word_store((struct word *)base + random_below(random, (uint32_t)(size / 8)), garbage(random));
}

/* ---- a hostile member ---- */

static void scribble_group(void *seed)
{
    uint64_t random = harness_seed + *(const uint64_t *)seed;
    struct mring_consumer *consumer;
    const struct group_view *group;

    if (mring_join(ring, "bad", NULL, &consumer) != 0)
        _exit(EXIT_SUCCESS); /* another is at it already */
    group = &consumer->core.group;
    word_count(started);
    while (word_load(stop) == 0) {
        scribble(group->page, 0x300, &random);
        scribble(group->line, group->members * sizeof(struct member_line), &random);
        scribble(group->aside, sizeof(struct aside_page), &random);
        word_store(&group->page->sleepers[0], UINT64_MAX);
        word_store(&ring->region.view.doorbell->groups, UINT64_MAX);
    }
    _exit(EXIT_SUCCESS); /* its handle's own words may be anything by now */
}

/*
 * One that is never caught: its group's position is always the tail, and nothing is held. All the rest is for the producer to run after:
 * sleepers that are not there, of owners that nobody knows, and wishes.
 */
static void pretend(void *seed)
{
    uint64_t random = harness_seed + *(const uint64_t *)seed;
    struct mring_consumer *consumer;
    const struct group_view *group;

    EXPECT_OK(mring_join(ring, "bad", NULL, &consumer));
    group = &consumer->core.group;
    word_count(started);
    while (word_load(stop) == 0) {
        struct member_line *line = &group->line[random_below(&random, group->members)];

        word_store_release(&group->page->claim.low, word_load(&ring->region.view.page->tail));
        word_store(&group->page->sleepers[0], UINT64_MAX);
        word_store(&ring->region.view.doorbell->groups, UINT64_MAX);
        word_store(&line->owner, garbage(&random));
        word_store(&group->page->want, garbage(&random));
        word_store(&group->page->deaths, garbage(&random));
        word_store(&group->page->orphans, 1);
    }
    _exit(EXIT_SUCCESS);
}

static uint32_t length_of(uint32_t number)
{
    return number * 7919 % LONGEST;
}

static void check_message(const struct mring_message *message)
{
    const unsigned char *data = message->data;
    uint32_t whole = 0;

    EXPECT(message->length, ==, length_of(message->tag));
    EXPECT(message->deliveries, ==, 1);
    while (whole < message->length && data[whole] == (unsigned char)(message->tag + whole))
        whole++;
    EXPECT(whole, ==, message->length);
}

/* A member of an honest group: what it gets is whole and in order. How many it got is added to *argument. */
static void consume(const char *group, struct word *count)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    int64_t last = -1;
    uint64_t got = 0;
    int code;

    EXPECT_OK(mring_join(ring, group, NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        EXPECT(message.tag, >, last);
        last = message.tag;
        check_message(&message);
        got++;
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT(code, ==, -EPIPE);
    for (; got > 0; got--)
        word_count(count);
    EXPECT_OK(mring_leave(consumer));
}

static void consume_lone(void *count)
{
    consume("lone", count);
}

static void consume_many(void *count)
{
    consume("many", count);
}

static void produce(struct mring_producer *producer)
{
    unsigned char payload[LONGEST];

    for (uint32_t number = 0; number < MESSAGES; number++) {
        for (uint32_t at = 0; at < length_of(number); at++)
            payload[at] = (unsigned char)(number + at);
        EXPECT_OK(mring_send_wait(producer, payload, length_of(number), number, MRING_FOREVER));
    }
}

/* Some joins while it goes on: the broker reads the group's words as well. What they come to is the hostile one's to say. */
static void try_joins(void)
{
    for (unsigned left = 20; left > 0; left--) {
        struct mring_consumer *consumer;

        if (mring_join(ring, "bad", NULL, &consumer) == 0)
            EXPECT_OK(mring_leave(consumer));
    }
}

static void await(const struct word *word, uint64_t least)
{
    const struct timespec moment = {0, 1000 * 1000};

    while (word_load(word) < least)
        (void)nanosleep(&moment, NULL);
}

/* Honest groups get everything, whoever else is there. Was the bad group cut off? */
static bool go_on_beside(void (*be_hostile)(void *seed), unsigned count)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer *producer;
    uint64_t seeds[2] = {1, 2};
    pid_t hostile[2], honest[3];
    struct word *counts;
    int cut;

    share_words();
    make_ring(NULL);
    counts = stop + 2;
    for (unsigned at = 0; at < count; at++) {
        hostile[at] = child_start(be_hostile, &seeds[at]);
        await(started, 1);
    }
    honest[0] = child_start(consume_lone, &counts[0]);
    honest[1] = child_start(consume_many, &counts[1]);
    honest[2] = child_start(consume_many, &counts[1]);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    try_joins();
    produce(producer);
    try_joins();
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at < 3; at++)
        child_finish(honest[at]);
    EXPECT(word_load(&counts[0]), ==, MESSAGES);
    EXPECT(word_load(&counts[1]), ==, MESSAGES);
    cut = mring_trouble(producer, &error);
    if (cut == 1)
        (void)printf("  %s\n", error.text);
    word_store(stop, 1);
    for (unsigned at = 0; at < count; at++)
        (void)waitpid(hostile[at], NULL, 0);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    return cut == 1;
}

static void a_member_harms_its_own_group(void)
{
    EXPECT(go_on_beside(scribble_group, 2), ==, true);
}

static void a_pretender_is_run_after_in_vain(void)
{
    (void)go_on_beside(pretend, 1);
}

/* ---- what a member of one's own group can do: not hold a call past its time ---- */

static void wave_orphans(void *nothing)
{
    struct mring_consumer *consumer;

    (void)nothing;
    EXPECT_OK(mring_join(ring, "bad", NULL, &consumer));
    word_count(started);
    while (word_load(stop) == 0)
        word_store(&consumer->core.group.page->orphans, 1);
    EXPECT_OK(mring_leave(consumer));
}

static void a_wait_ends_in_time(void)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    pid_t hostile;

    share_words();
    make_ring(NULL);
    hostile = child_start(wave_orphans, NULL);
    await(started, 1);
    EXPECT_OK(mring_join(ring, "bad", NULL, &consumer));
    EXPECT(mring_next_wait(consumer, &message, 50 * 1000 * 1000), ==, -ETIMEDOUT);
    word_store(stop, 1);
    child_finish(hostile);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

/* ---- a hostile producer ---- */

static void read_message(const struct mring_message *message)
{
    const unsigned char *data = message->data;
    static volatile unsigned char sink;

    for (uint32_t at = 0; at < message->length; at++)
        sink = (unsigned char)(sink ^ data[at]);
}

/* Whatever comes is read, every byte; -EBADMSG comes with words. */
static void survive(struct mring_consumer *consumer)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_message message;
    int code = mring_next_wait(consumer, &message, 1000 * 1000);

    if (code == 1) {
        read_message(&message);
        EXPECT_OK(mring_release(consumer, &message));
    } else if (code == -EBADMSG || code == -ECONNABORTED) {
        EXPECT(mring_trouble(consumer, &error), ==, 1);
        EXPECT(error.text[0], !=, '\0');
    } else {
        EXPECT(code == -ETIMEDOUT || code == -EPIPE || code == -EBUSY || code == -EOWNERDEAD, ==, 1);
    }
}

static void survive_as_member(const char *group)
{
    struct mring_consumer *consumer;

    while (word_load(stop) == 0) {
        int code = mring_join(ring, group, NULL, &consumer);

        /* The words that it would begin at are damaged, or the directory speaks of groups and members that are not there. */
        if (code != 0) {
            EXPECT(code == -EBADMSG || code == -EUSERS || code == -EPIPE || code == -ECONNABORTED || code == -EINVAL ||
                       code == -ENOSPC || code == -ETIMEDOUT || code == -E2BIG,
                   ==, 1);
            continue;
        }
        for (unsigned turns = 200; turns > 0 && word_load(stop) == 0; turns--)
            survive(consumer);
        EXPECT_OK(mring_leave(consumer));
    }
    EXPECT_OK(mring_close(ring));
}

static void survive_lone(void *nothing)
{
    (void)nothing;
    survive_as_member("lone");
}

static void survive_many(void *nothing)
{
    (void)nothing;
    survive_as_member("many");
}

/* Attaches again and again, to what it may find. */
static void survive_attaching(void *name)
{
    EXPECT_OK(mring_close(ring));
    while (word_load(stop) == 0) {
        struct mring *opened;
        struct mring_info info = MRING_INFO_INIT;
        int code = mring_open(&opened, name, MRING_CONSUME, NULL);

        if (code != 0) {
            EXPECT(code, ==, -EPROTO);
            continue;
        }
        EXPECT_OK(mring_info(opened, &info));
        EXPECT_OK(mring_close(opened));
    }
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Good messages, so that there is something to believe, and then anything anywhere. */
static void scribble_ring(struct mring_producer *producer)
{
    unsigned char *base = (unsigned char *)ring->region.base;
    uint64_t random = harness_seed, size = RING_DATA_OFFSET + ring->region.view.capacity;
    int64_t end = now_ms() + HOSTILE_MS;
    static const unsigned char payload[100];

    while (now_ms() < end) {
        for (unsigned left = random_below(&random, 20); left > 0; left--)
            (void)mring_send(producer, payload, random_below(&random, sizeof(payload)), left);
        for (unsigned left = 50; left > 0; left--) {
            scribble(base + RING_PRODUCER_OFFSET, 0x300, &random);
            scribble(base + RING_DATA_OFFSET, 2048, &random);
            scribble(base, random_below(&random, 100) == 0 ? 80 : size, &random);
        }
    }
}

static void consumers_survive_a_producer(void)
{
    struct mring_producer *producer;
    char name[64];
    pid_t children[4];

    share_words();
    (void)snprintf(name, sizeof(name), "hostile-%ld", (long)getpid());
    make_ring(name);
    children[0] = child_start(survive_lone, NULL);
    children[1] = child_start(survive_many, NULL);
    children[2] = child_start(survive_many, NULL);
    children[3] = child_start(survive_attaching, name);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    scribble_ring(producer);
    word_store(stop, 1);
    for (unsigned at = 0; at < sizeof(children) / sizeof(*children); at++)
        child_finish(children[at]);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"a_member_harms_its_own_group", a_member_harms_its_own_group, 120},
        {"a_pretender_is_run_after_in_vain", a_pretender_is_run_after_in_vain, 120},
        {"a_wait_ends_in_time", a_wait_ends_in_time, 30},
        {"consumers_survive_a_producer", consumers_survive_a_producer, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
