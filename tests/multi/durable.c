/* Durable groups keep their place: while nobody is joined, whoever is killed, and whoever serves the ring. */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KILLS = 8, KEEPERS = 3, HEIRS = KEEPERS + 1 /* and the producer */ };
enum {
    LONGEST_STAY = 700,
    RING_FULL = 1024,
    TOTAL = (2 * KILLS + 1) * LONGEST_STAY + 2 * RING_FULL /* so that it does not end while servers are killed */
};

static char name[MRING_NAME_MAX + 1];
static unsigned places; /* of the group */

/* What processes that can serve the ring say of themselves. */
struct heir_words {
    struct word keeps, serves;
};
static struct heir_words *heir_words;
static struct word *stop;

static void tell(struct heir_words *words, const struct mring *ring)
{
    ring_lock();
    word_store_release(&words->serves, ring->broker != NULL);
    word_store_release(&words->keeps, ring->kept != 0);
    ring_unlock();
}

static struct mring *open_ring(enum mring_role role)
{
    return stage_open(name, role, INT64_C(20) * SECOND);
}

static int join(struct mring *ring, const char *group, unsigned durable, struct mring_consumer **consumer)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.members = places;
    options.durable = durable;
    return mring_join(ring, group, &options, consumer);
}

static void create_ring(struct mring **ring)
{
    static unsigned made;
    struct mring_options options = MRING_OPTIONS_INIT;

    (void)snprintf(name, sizeof(name), "durable-%ld-%u", (long)getpid(), made++);
    options.capacity = 16384;
    options.groups = &(struct mring_group){.name = NULL};
    options.group_count = 0;
    EXPECT_OK(mring_create(ring, name, &options));
}

static void prepare(void)
{
    stage = stage_share(sizeof(*stage));
    heir_words = stage_share(HEIRS * sizeof(*heir_words));
    stop = stage_share(sizeof(*stop));
}

/* Go on where the one before was killed. */
static void produce(void *argument)
{
    struct heir_words *words = argument;
    struct mring *ring = open_ring(MRING_PRODUCE);
    struct mring_producer *producer;
    uint32_t number;
    int code;

    EXPECT_OK(mring_producer(ring, &producer, NULL));
    number = (uint32_t)word_load(&ring->region.view.page->messages);
    while (number < TOTAL) {
        code = mring_send_wait(producer, &number, sizeof(number), number, SECOND / 20);
        tell(words, ring);
        if (code != -ETIMEDOUT)
            EXPECT_OK(code);
        number += code == 0;
        reach(PRODUCER, number);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

struct stay {
    uint32_t messages;
    bool killed; /* with the last of them unreleased */
};

/* Take so many, and leave; or wait to be killed. */
static void stay(void *argument)
{
    const struct stay *this = argument;
    struct mring *ring = open_ring(MRING_CONSUME);
    struct mring_consumer *consumer;
    struct mring_message message;
    int code = 0;

    EXPECT_OK(join(ring, "ledger", 1, &consumer));
    for (uint32_t count = 0; count < this->messages; count++) {
        code = mring_next_wait(consumer, &message, MRING_FOREVER);
        if (code == -EPIPE)
            break;
        EXPECT(code, ==, 1);
        log_message(&message);
        if (!this->killed || count + 1 < this->messages)
            EXPECT_OK(mring_release(consumer, &message));
    }
    if (code == -EPIPE)
        reach(SURVIVOR, 1); /* the end */
    reach(VICTIM, 1);
    if (this->killed)
        stay_until_killed();
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void one_stay(uint64_t *state)
{
    struct stay next = {1 + random_below(state, LONGEST_STAY), random_below(state, 2) == 0};
    pid_t member;

    reach(VICTIM, 0);
    member = child_start(stay, &next);
    await(VICTIM, 1);
    if (next.killed)
        child_kill(member);
    else
        child_finish(member);
}

/* Every number from 0 on, in order; again only where it says so. */
static void check_log(uint32_t count)
{
    uint32_t next = 0;

    for (uint64_t at = 0; at < word_load(&stage->logged); at++) {
        const struct line_of_log *line = &stage->log[at];

        if (line->deliveries == 1 || line->number == next)
            EXPECT(line->number, ==, next);
        EXPECT(line->number, <=, next);
        next += line->number == next;
    }
    EXPECT(next, ==, count);
}

/* ---- members come and go, or are killed, and often nobody is joined ---- */

static void come_and_go(unsigned many)
{
    uint64_t state = harness_seed;
    struct mring_consumer *first;
    struct mring *ring;
    pid_t producer;

    prepare();
    places = many;
    create_ring(&ring);
    EXPECT_OK(join(ring, "ledger", 1, &first));
    EXPECT_OK(mring_leave(first));
    producer = child_start(produce, &heir_words[KEEPERS]);
    while (word_load(&stage->step[SURVIVOR]) == 0) {
        one_stay(&state);
        EXPECT(word_load(&stage->step[PRODUCER]), <=, word_load(&stage->logged) + RING_FULL);
    }
    child_finish(producer);
    check_log(TOTAL);
    EXPECT_OK(mring_close(ring));
}

static void alone_comes_and_goes(void)
{
    come_and_go(1);
}

static void one_of_many_comes_and_goes(void)
{
    come_and_go(4);
}

/* ---- and whoever serves the ring is killed ---- */

static void serve_until_killed(void *unused)
{
    struct mring_consumer *first;
    struct mring *ring;

    (void)unused;
    create_ring(&ring);
    EXPECT_OK(join(ring, "ledger", 1, &first));
    EXPECT_OK(mring_leave(first));
    reach(PRODUCER, 0);
    reach(VICTIM, 1);
    stay_until_killed();
}

/* An heir that does nothing but wait in a group of its own; also after the end of the stream, for those who still have to read it. */
static void keep_alive(void *argument)
{
    struct heir_words *words = argument;
    struct mring *ring = open_ring(MRING_CONSUME);
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    char group[32];

    (void)snprintf(group, sizeof(group), "keeper-%ld", (long)getpid());
    options.members = 1;
    EXPECT_OK(mring_join(ring, group, &options, &consumer));
    while (word_load_acquire(stop) == 0) {
        int code = mring_next_wait(consumer, &message, SECOND / 20);

        if (code == 1)
            EXPECT_OK(mring_release(consumer, &message));
        else if (code == -EPIPE && mring_wait(consumer, 0) == -EPIPE)
            (void)poll(NULL, 0, 20);
        tell(words, ring);
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static unsigned await_server(void)
{
    for (;;)
        for (unsigned heir = 0; heir < HEIRS; heir++)
            if (word_load_acquire(&heir_words[heir].serves) != 0)
                return heir;
}

static void start_heir(pid_t heirs[HEIRS], unsigned heir)
{
    heir_words[heir] = (struct heir_words){{0}, {0}};
    heirs[heir] = child_start(heir == KEEPERS ? produce : keep_alive, &heir_words[heir]);
}

/* Until all but one have heard of the group. */
static void await_kept(unsigned but)
{
    for (unsigned heir = 0; heir < HEIRS; heir++)
        if (heir != but)
            await_word(&heir_words[heir].keeps, 1);
}

static void outlive_servers(unsigned many)
{
    uint64_t state = harness_seed;
    pid_t heirs[HEIRS], creator;

    prepare();
    places = many;
    creator = child_start(serve_until_killed, NULL);
    (void)snprintf(name, sizeof(name), "durable-%ld-0", (long)creator);
    await(VICTIM, 1);
    for (unsigned heir = 0; heir < HEIRS; heir++)
        start_heir(heirs, heir);
    await_kept(HEIRS);
    one_stay(&state);
    child_kill(creator);
    for (int kills = 0; kills < KILLS; kills++) {
        unsigned server = await_server();

        await_kept(server);
        one_stay(&state);
        child_kill(heirs[server]);
        start_heir(heirs, server);
        one_stay(&state);
    }
    while (word_load(&stage->step[SURVIVOR]) == 0)
        one_stay(&state);
    word_store_release(stop, 1);
    for (unsigned heir = 0; heir < HEIRS; heir++)
        child_finish(heirs[heir]);
    check_log(TOTAL);
}

static void alone_outlives_servers(void)
{
    outlive_servers(1);
}

static void many_outlive_servers(void)
{
    outlive_servers(4);
}

/* ---- a keeper that is stopped, and none at all ---- */

/* An heir from before the group was made, that has not looked since; then it takes over, and joins. */
static void idle_heir(void *unused)
{
    struct mring *ring = open_ring(MRING_CONSUME);
    struct mring_consumer *consumer;

    (void)unused;
    reach(SURVIVOR, 1);
    await(SURVIVOR, 2);
    EXPECT(join(ring, "ledger", 1, &consumer), ==, -ETIMEDOUT); /* who has it is stopped */
    reach(SURVIVOR, 3);
    await(SURVIVOR, 4);
    EXPECT_OK(join(ring, "ledger", 1, &consumer)); /* who had it is dead */
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void create_empty(void *unused)
{
    struct mring *ring;

    (void)unused;
    create_ring(&ring);
    reach(VICTIM, 1);
    stay_until_killed();
}

static void make_and_keep(void *unused)
{
    struct mring *ring = open_ring(MRING_CONSUME);
    struct mring_consumer *consumer;

    (void)unused;
    EXPECT_OK(join(ring, "ledger", 1, &consumer));
    EXPECT_OK(mring_leave(consumer));
    EXPECT(ring->kept, !=, 0);
    reach(VICTIM, 2);
    stay_until_killed();
}

static void waited_for_as_long_as_somebody_has_it(void)
{
    pid_t creator, heir, maker;

    prepare();
    places = 1;
    creator = child_start(create_empty, NULL);
    (void)snprintf(name, sizeof(name), "durable-%ld-0", (long)creator);
    await(VICTIM, 1);
    heir = child_start(idle_heir, NULL);
    await(SURVIVOR, 1);
    maker = child_start(make_and_keep, NULL);
    await(VICTIM, 2);
    EXPECT_OK(kill(maker, SIGSTOP));
    child_kill(creator);
    reach(SURVIVOR, 2);
    await(SURVIVOR, 3);
    child_kill(maker);
    reach(SURVIVOR, 4);
    child_finish(heir);
}

/* ---- what it says when asked for something else ---- */

static void contradictions_are_refused(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *passing, *other;
    struct mring *ring;

    places = 2;
    create_ring(&ring);
    EXPECT_OK(join(ring, "passing", 0, &passing));
    options.durable = 1;
    options.error = &error;
    EXPECT(mring_join(ring, "passing", &options, &other), ==, -EINVAL);
    EXPECT(strstr(error.text, "durable") != NULL, ==, 1);
    EXPECT_OK(join(ring, "passing", 0, &other)); /* no place stayed taken */
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(mring_leave(passing));
    EXPECT_OK(join(ring, "passing", 1, &other)); /* it is gone: this makes it */
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(join(ring, "passing", 0, &other)); /* and nobody is held to ask for it */
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"alone_comes_and_goes", alone_comes_and_goes, 60},
        {"one_of_many_comes_and_goes", one_of_many_comes_and_goes, 60},
        {"alone_outlives_servers", alone_outlives_servers, 120},
        {"many_outlive_servers", many_outlive_servers, 120},
        {"waited_for_as_long_as_somebody_has_it", waited_for_as_long_as_somebody_has_it, 60},
        {"contradictions_are_refused", contradictions_are_refused, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
