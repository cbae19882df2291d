/*
 * Many groups asleep, and a producer that tells them to nap (wait/nap.h): messages that come sooner than a nap is long wake nobody, and the others
 * wake as ever; whatever the word says, nobody is missed, and no wait outlasts its time.
 */
#include "harness.h"

#include "api/producer.h"
#include "core/layout.h"
#include "support/late.h"
#include "wait/nap.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

enum { GROUPS = 8, QUICK = 40, ROUNDS = 1000 };
enum {
    PAUSE = 150 * 1000 /* ns: longer than anybody spins */,
    SOON = NAP_MOST_NS / 16 * 14 /* one pass shortens naps by 1/16 */
};

static struct mring *ring;
static struct word *seen; /* messages, by all groups together */

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void prepare(void)
{
    static char names[GROUPS][8];
    struct mring_group groups[GROUPS];
    struct mring_options options = MRING_OPTIONS_INIT;

    wakers_may_be_late();
    for (unsigned at = 0; at < GROUPS; at++) {
        (void)snprintf(names[at], sizeof(names[at]), "g%u", at);
        groups[at] = (struct mring_group){.name = names[at], .members = 1};
    }
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(seen != MAP_FAILED, !=, 0);
    options.groups = groups;
    options.group_count = GROUPS;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

static void consume(void *argument)
{
    struct mring_consumer *consumer;
    struct mring_message message;
    char name[8];
    int code;

    (void)snprintf(name, sizeof(name), "g%u", (unsigned)(uintptr_t)argument);
    EXPECT_OK(mring_join(ring, name, NULL, &consumer));
    while ((code = mring_next_wait(consumer, &message, MRING_FOREVER)) == 1) {
        EXPECT_OK(mring_release(consumer, &message));
        (void)word_count(seen);
    }
    EXPECT(code, ==, -EPIPE);
    EXPECT_OK(mring_leave(consumer));
}

static void pause_for(long nanoseconds)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

static void await_seen(uint64_t count)
{
    while (word_load(seen) != count)
        pause_for(10 * 1000);
}

/* All groups ring: each has announced itself, and nobody has been taken since. */
static void await_all_asleep(void)
{
    while (word_load(&ring->region.view.doorbell->groups) != (UINT64_C(1) << GROUPS) - 1)
        pause_for(100 * 1000);
}

static void send_one(struct mring_producer *producer)
{
    EXPECT_OK(mring_send_wait(producer, "12345678", 8, 0, MRING_FOREVER));
}

static void start_all(pid_t children[GROUPS])
{
    for (unsigned at = 0; at < GROUPS; at++)
        children[at] = child_start(consume, (void *)(uintptr_t)at);
}

static void end_all(struct mring_producer *producer, const pid_t children[GROUPS])
{
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at < GROUPS; at++)
        child_finish(children[at]);
    for (unsigned at = 0; at < GROUPS; at++)
        EXPECT(word_load(&ring->group[at].view.line[0].rescued), ==, 0);
    EXPECT(word_load(&ring->region.view.page->rescued), ==, 0);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* The producer thinks, and says, that a pass takes half a millisecond. */
static void tell_to_nap(struct mring_producer *producer)
{
    producer->naps = (struct nap_gauge){NAP_MOST_NS / 2, now()};
    word_store(&ring->region.view.page->nap, nap_word(NAP_MOST_NS, producer->naps.at));
}

/*
 * A message that comes so soon after the beginning of the one before that nobody's nap can be over finds nobody announced: who was woken for that, or
 * has read it, naps since. How many come so soon is up to the machine, and where none does there is nothing to see; that these wake nobody is not.
 */
static void quick_messages_wake_nobody(void)
{
    const struct word *wakeups;
    struct mring_producer *producer;
    pid_t children[GROUPS];
    uint64_t sent = 0;
    unsigned quick = 0, rounds = 0;

    prepare();
    wakeups = &ring->region.view.page->wakeups;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    start_all(children);
    for (; quick < QUICK && rounds < ROUNDS; rounds++) {
        bool soon = true;
        int64_t before;

        await_all_asleep();
        before = now(); /* first: what is told holds for some time */
        tell_to_nap(producer);
        send_one(producer);
        await_seen(++sent * GROUPS);
        for (unsigned more = 0; more < QUICK / 5 && soon; more++) {
            const uint64_t woken = word_load(wakeups);
            int64_t begun;

            pause_for(PAUSE);
            begun = now();
            send_one(producer);
            soon = now() - before < SOON;
            if (soon)
                EXPECT(word_load(wakeups), ==, woken);
            quick += soon;
            before = begun;
            await_seen(++sent * GROUPS);
        }
    }
    (void)printf("  %u messages came soon enough, in %u rounds\n", quick, rounds);
    EXPECT(word_load(wakeups), >, 0);
    end_all(producer, children);
}

/*
 * Many slept once, and now there is one, whose messages come one after the other: no nap outlasts them, so it never is announced and nobody has to be
 * woken. What was said of the many must not have it nap for ever.
 */
static void what_was_said_of_many_is_forgotten(void)
{
    const struct word *wakeups;
    struct mring_producer *producer;
    pid_t child;
    uint64_t sent = 0;

    prepare();
    wakeups = &ring->region.view.page->wakeups;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    child = child_start(consume, NULL);
    tell_to_nap(producer);
    while (word_load(wakeups) < QUICK) {
        EXPECT(sent, <, 50 * QUICK);
        send_one(producer);
        await_seen(++sent);
    }
    EXPECT_OK(mring_end(producer));
    child_finish(child);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* Told to nap for ever, or for as long as a hostile producer can think of, all are announced in the end, are woken, and see everything. */
static void no_word_keeps_anybody_away(void)
{
    static const uint64_t said[] = {UINT64_MAX, UINT64_C(1) << 63, INT64_MAX, 0, 1};
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    pid_t children[GROUPS];
    struct producer_page *page;
    uint64_t sent = 0;

    prepare();
    page = ring->region.view.page;
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    start_all(children);
    for (size_t at = 0; at < sizeof(said) / sizeof(*said); at++) {
        await_all_asleep();
        send_one(producer);
        word_store(&page->nap, at % 2 == 0 ? said[at] : nap_word(NAP_MASK, now()));
        await_seen(++sent * GROUPS);
        await_all_asleep();
    }
    EXPECT_OK(mring_join(ring, "late", NULL, &consumer));
    word_store(&page->nap, nap_word(NAP_MASK, now()));
    for (int64_t patience = 0; patience < 5 * NAP_MOST_NS; patience += NAP_MOST_NS / 2)
        EXPECT(mring_next_wait(consumer, &message, patience), ==, -ETIMEDOUT);
    EXPECT_OK(mring_wake(consumer));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, -ECANCELED);
    EXPECT_OK(mring_leave(consumer));
    end_all(producer, children);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"quick_messages_wake_nobody", quick_messages_wake_nobody, 120},
        {"what_was_said_of_many_is_forgotten", what_was_said_of_many_is_forgotten, 60},
        {"no_word_keeps_anybody_away", no_word_keeps_anybody_away, 60}};

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
