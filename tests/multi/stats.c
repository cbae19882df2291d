/*
 * mring_stats by a process that may only look, beside others at work: what it says is held against what they say themselves, and whoever is
 * killed or stopped where, no number is wrong in the end, and none goes back.
 *
 * Each message carries a number of its own, drawn from the board, so that what was published can be counted at its readers.
 */
#include "api/ring.h"
#include "event.h"
#include "harness.h"
#include "mring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { LOG, WORK, GROUPS, WORKERS = 3, CAPACITY = 65536, LENGTHS = 300, BATCH = 8, NUMBERS = 1 << 24, PLACES = 64 };
enum { SNAPSHOTS = 3000, LAPS = 1000, KILLS = 60, BETWEEN_KILLS = 20 /* snapshots */ };

static const struct mring_group declared[GROUPS] = {{.name = "log", .members = 1},
                                                    {.name = "work", .members = WORKERS}};

/* What the processes say of themselves. Counts before the fact (`begun`) and after it bound what is true in between. */
static struct board {
    uint64_t number; /* the next message's */
    uint64_t begun, sent, begun_bytes, sent_bytes;
    uint64_t handed[GROUPS], redelivered[GROUPS];
    bool stop;
    unsigned char seen[GROUPS][NUMBERS];
} * board;

static struct mring *ring;
static char name[MRING_NAME_MAX + 1];

static uint64_t read_board(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void add_to_board(uint64_t *word, uint64_t count)
{
    (void)__atomic_fetch_add(word, count, __ATOMIC_SEQ_CST);
}

static bool stopping(void)
{
    return __atomic_load_n(&board->stop, __ATOMIC_SEQ_CST);
}

static void prepare(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    EXPECT(board != MAP_FAILED, !=, 0);
    (void)snprintf(name, sizeof(name), "stats.%ld", (long)getpid());
    options.capacity = CAPACITY;
    options.groups = declared;
    options.group_count = GROUPS;
    EXPECT_OK(mring_create(&ring, name, &options));
}

static struct mring *open_to_look(void)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring *opened;

    options.timeout = INT64_C(10000000000);
    EXPECT_OK(mring_open(&opened, name, MRING_INSPECT, &options));
    return opened;
}

/* ---- the processes ---- */

static void consume(void *argument)
{
    unsigned group = (unsigned)(uintptr_t)argument;
    struct mring_message messages[BATCH];
    struct mring_consumer *consumer;
    uint64_t random = harness_seed + (uint64_t)getpid();
    int count;

    while ((count = mring_join(ring, declared[group].name, NULL, &consumer)) == -EUSERS)
        ; /* a killed member's place, which another works up */
    EXPECT_OK(count);
    for (;;) {
        count = mring_next_batch(consumer, messages, 1 + (int)random_below(&random, BATCH));
        if (count == -EPIPE)
            break;
        EXPECT(count, >=, 0);
        for (int at = 0; at < count; at++) {
            uint64_t number;

            memcpy(&number, messages[at].data, sizeof(number));
            EXPECT(number, <, NUMBERS);
            __atomic_store_n(&board->seen[group][number], 1, __ATOMIC_RELAXED);
            add_to_board(&board->redelivered[group], messages[at].deliveries > 1);
        }
        add_to_board(&board->handed[group], (uint64_t)count);
        if (count > 0)
            EXPECT_OK(mring_release(consumer, &messages[count - 1]));
        else
            (void)mring_wait(consumer, MRING_FOREVER);
    }
    EXPECT_OK(mring_leave(consumer));
}

/* One publication of some messages. */
static void publish_some(struct mring_producer *producer, uint64_t *random)
{
    uint64_t count = 1 + random_below(random, BATCH), bytes = 0;
    void *room;

    for (uint64_t at = 0; at < count; at++) {
        uint32_t length = 8 + random_below(random, LENGTHS);
        uint64_t number = __atomic_fetch_add(&board->number, 1, __ATOMIC_RELAXED);

        /* A reserve that has to wait flushes what is committed: it counts as begun before. */
        add_to_board(&board->begun, 1);
        add_to_board(&board->begun_bytes, length);
        bytes += length;
        while (mring_reserve(producer, length, &room) == -EAGAIN)
            (void)mring_wait(producer, MRING_FOREVER);
        memcpy(room, &number, sizeof(number));
        EXPECT_OK(mring_commit(producer, length, 0));
    }
    EXPECT_OK(mring_flush(producer));
    add_to_board(&board->sent, count);
    add_to_board(&board->sent_bytes, bytes);
}

static void produce(void *unused)
{
    uint64_t random = harness_seed + (uint64_t)getpid();
    struct mring_producer *producer;
    int code;

    (void)unused;
    while ((code = mring_producer(ring, &producer, NULL)) == -EBUSY)
        ; /* the killed one's lock goes in a moment */
    EXPECT_OK(code);
    while (!stopping() && read_board(&board->number) < NUMBERS - 2 * BATCH)
        publish_some(producer, &random);
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT_OK(mring_producer_close(producer));
}

struct cast {
    pid_t logger, worker[WORKERS], producer;
};

static void start_all(struct cast *cast)
{
    cast->logger = child_start(consume, (void *)(uintptr_t)LOG);
    for (unsigned at = 0; at < WORKERS; at++)
        cast->worker[at] = child_start(consume, (void *)(uintptr_t)WORK);
    cast->producer = child_start(produce, NULL);
}

static void finish_all(const struct cast *cast)
{
    __atomic_store_n(&board->stop, true, __ATOMIC_SEQ_CST);
    child_finish(cast->producer);
    child_finish(cast->logger);
    for (unsigned at = 0; at < WORKERS; at++)
        child_finish(cast->worker[at]);
}

/* ---- snapshots, as numbers ---- */

struct numbers {
    struct mring_ring_stats ring;
    struct mring_group_stats group[GROUPS];
    struct mring_member_stats member[PLACES];
};

static void take(struct mring *looked_at, struct mring_stats **stats, struct numbers *numbers)
{
    EXPECT_OK(mring_stats(looked_at, stats, NULL));
    *numbers = (struct numbers){.ring = MRING_RING_STATS_INIT};
    EXPECT_OK(mring_stats_ring(*stats, &numbers->ring));
    EXPECT(numbers->ring.groups, ==, GROUPS);
    EXPECT(numbers->ring.members, <=, PLACES);
    for (unsigned at = 0; at < GROUPS; at++) {
        numbers->group[at] = (struct mring_group_stats)MRING_GROUP_STATS_INIT;
        EXPECT_OK(mring_stats_group(*stats, at, &numbers->group[at]));
        EXPECT(strcmp(numbers->group[at].name, declared[at].name), ==, 0);
    }
    EXPECT(mring_stats_group(*stats, GROUPS, &numbers->group[0]), ==, -ENOENT);
    for (unsigned at = 0; at < numbers->ring.members; at++) {
        numbers->member[at] = (struct mring_member_stats)MRING_MEMBER_STATS_INIT;
        EXPECT_OK(mring_stats_member(*stats, at, &numbers->member[at]));
    }
    EXPECT(mring_stats_member(*stats, numbers->ring.members, &numbers->member[0]), ==, -ENOENT);
}

/* What the group was given of the stream. */
static uint64_t given(const struct numbers *numbers, unsigned group)
{
    return numbers->ring.messages - numbers->group[group].lag_messages;
}

/* No lag is negative, and what is given and what lags are all there is: each alone can be checked where the other two are known. */
static void expect_sound(const struct numbers *numbers)
{
    uint64_t places[GROUPS] = {0};

    for (unsigned at = 0; at < GROUPS; at++) {
        const struct mring_group_stats *group = &numbers->group[at];

        EXPECT(group->reached, ==, 1);
        EXPECT(group->cut_off, ==, 0);
        EXPECT(group->lag_messages != MRING_UNKNOWN, ==, 1);
        EXPECT(group->lag_messages, <=, numbers->ring.messages);
        EXPECT(group->lag_bytes, <=, numbers->ring.bytes);
        EXPECT(group->position, <=, numbers->ring.position);
        EXPECT(group->released, <=, group->position);
        EXPECT(group->lag_messages == 0, ==, group->position == numbers->ring.position);
        EXPECT(numbers->ring.position - group->released, <=, 2 * CAPACITY); /* it was seen before the ring was */
    }
    for (unsigned at = 0; at < numbers->ring.members; at++) {
        const struct mring_member_stats *member = &numbers->member[at];

        EXPECT(member->group, <, GROUPS);
        EXPECT(member->rescued, ==, 0);
        EXPECT(member->redelivered, <=, member->messages);
        EXPECT(member->alive, ==, member->process != 0);
        places[member->group] += member->messages;
    }
    for (unsigned at = 0; at < GROUPS; at++)
        EXPECT(places[at], ==, numbers->group[at].messages);
    /* Members count a message when it is handed out: what is claimed is handed out then or later, what is released was. */
    if (numbers->ring.instant) {
        EXPECT(numbers->ring.position - numbers->group[LOG].released, <=, CAPACITY);
        EXPECT(numbers->group[WORK].messages - numbers->group[WORK].redelivered, <=, given(numbers, WORK));
        EXPECT(numbers->group[LOG].messages, >=, given(numbers, LOG));
    }
}

static void expect_no_less(const struct numbers *now, const struct numbers *before)
{
    EXPECT(now->ring.messages, >=, before->ring.messages);
    EXPECT(now->ring.bytes, >=, before->ring.bytes);
    EXPECT(now->ring.position, >=, before->ring.position);
    EXPECT(now->ring.waits, >=, before->ring.waits);
    EXPECT(now->ring.wakeups, >=, before->ring.wakeups);
    EXPECT(now->ring.members, >=, before->ring.members);
    for (unsigned at = 0; at < GROUPS; at++) {
        const struct mring_group_stats *group = &now->group[at], *then = &before->group[at];

        EXPECT(group->position, >=, then->position);
        EXPECT(given(now, at), >=, given(before, at));
        EXPECT(group->messages, >=, then->messages);
        EXPECT(group->redelivered, >=, then->redelivered);
        EXPECT(group->waits, >=, then->waits);
        EXPECT(group->deaths, >=, then->deaths);
        EXPECT(group->aside_ever, >=, then->aside_ever);
    }
    for (unsigned at = 0; at < before->ring.members; at++) {
        const struct mring_member_stats *then = &before->member[at], *place = then;

        for (unsigned to = 0; to < now->ring.members; to++)
            if (now->member[to].group == then->group && now->member[to].place == then->place)
                place = &now->member[to];
        EXPECT(place != then, ==, 1);
        EXPECT(place->messages, >=, then->messages);
        EXPECT(place->redelivered, >=, then->redelivered);
        EXPECT(place->batches, >=, then->batches);
        EXPECT(place->sleeps, >=, then->sleeps);
        EXPECT(place->wakeups, >=, then->wakeups);
    }
}

/* The stream is complete and read: what the board says is what is told. */
static void expect_all(const struct numbers *numbers)
{
    EXPECT(numbers->ring.instant, ==, 1);
    EXPECT(numbers->ring.ended, ==, 1);
    EXPECT(numbers->ring.rescued, ==, 0);
    for (unsigned group = 0; group < GROUPS; group++) {
        uint64_t distinct = 0;

        for (uint64_t number = 0; number < board->number; number++)
            distinct += board->seen[group][number];
        EXPECT(numbers->ring.messages, ==, distinct);
        EXPECT(numbers->group[group].lag_messages, ==, 0);
        EXPECT(numbers->group[group].lag_bytes, ==, 0);
        EXPECT(numbers->group[group].members, ==, 0);
        EXPECT(numbers->group[group].gating, ==, 0);
        EXPECT(numbers->group[group].messages - numbers->group[group].redelivered, <=, distinct);
        EXPECT(numbers->group[group].messages, >=, distinct);
    }
}

/* ---- beside others at work ---- */

static void look_beside_work(void *unused)
{
    struct mring *looked_at = open_to_look();
    struct mring_stats *stats = NULL;
    static struct numbers now, before;
    unsigned instants = 0, taken = 0;

    (void)unused;
    take(looked_at, &stats, &before);
    for (unsigned turn = 0; turn < SNAPSHOTS || now.ring.position < LAPS * CAPACITY; turn++) {
        uint64_t sent = read_board(&board->sent), bytes = read_board(&board->sent_bytes);
        uint64_t handed[GROUPS] = {read_board(&board->handed[LOG]), read_board(&board->handed[WORK])};

        take(looked_at, &stats, &now);
        expect_sound(&now);
        expect_no_less(&now, &before);
        EXPECT(now.ring.messages, >=, sent);
        EXPECT(now.ring.messages, <=, read_board(&board->begun));
        EXPECT(now.ring.bytes, >=, bytes);
        EXPECT(now.ring.bytes, <=, read_board(&board->begun_bytes));
        for (unsigned group = 0; group < GROUPS; group++) {
            EXPECT(now.group[group].messages, >=, handed[group]);
            /* A member counts before it can tell. */
            EXPECT(now.group[group].messages, <=, read_board(&board->handed[group]) + declared[group].members * BATCH);
        }
        taken++;
        instants += now.ring.instant;
        before = now;
    }
    (void)printf("%u of %u snapshots were of one instant\n", instants, taken);
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
}

static void beside_work(void)
{
    struct mring_stats *stats = NULL;
    struct numbers numbers;
    struct cast cast;

    prepare();
    start_all(&cast);
    child_finish(child_start(look_beside_work, NULL));
    finish_all(&cast);
    take(ring, &stats, &numbers);
    expect_sound(&numbers);
    expect_all(&numbers);
    EXPECT(numbers.ring.messages, ==, board->sent);
    EXPECT(numbers.ring.bytes, ==, board->sent_bytes);
    for (unsigned group = 0; group < GROUPS; group++) {
        EXPECT(numbers.group[group].messages, ==, board->sent);
        EXPECT(numbers.group[group].messages, ==, board->handed[group]);
        EXPECT(numbers.group[group].redelivered, ==, 0);
    }
    mring_stats_free(stats);
    EXPECT_OK(mring_close(ring));
}

/* ---- beside kills ---- */

static pid_t *victim(struct cast *cast, uint32_t number)
{
    return number < WORKERS ? &cast->worker[number] : number == WORKERS ? &cast->logger : &cast->producer;
}

static void replace(struct cast *cast, uint32_t number)
{
    pid_t *child = victim(cast, number);

    child_kill(*child);
    *child = number == WORKERS + 1 ? child_start(produce, NULL)
                                   : child_start(consume, (void *)(uintptr_t)(number == WORKERS ? LOG : WORK));
}

static void beside_kills(void)
{
    uint64_t random = harness_seed;
    struct mring_stats *stats = NULL;
    static struct numbers now, before;
    struct mring *looked_at;
    struct cast cast;

    prepare();
    looked_at = open_to_look();
    start_all(&cast);
    take(looked_at, &stats, &before);
    for (unsigned turn = 0; turn < KILLS * BETWEEN_KILLS; turn++) {
        if (turn % BETWEEN_KILLS == 0)
            replace(&cast, random_below(&random, WORKERS + 2));
        take(looked_at, &stats, &now);
        expect_sound(&now);
        expect_no_less(&now, &before);
        before = now;
    }
    finish_all(&cast);
    take(looked_at, &stats, &now);
    expect_no_less(&now, &before);
    expect_all(&now);
    EXPECT(now.ring.messages, >=, board->sent);
    for (unsigned group = 0; group < GROUPS; group++)
        EXPECT(now.group[group].redelivered, >=, board->redelivered[group]);
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_close(ring));
}

/* ---- who stops the producer ---- */

static struct event told, go_on;

static void hold_one(void *unused)
{
    struct mring_consumer *consumer;
    struct mring_message message;

    (void)unused;
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    event_send(&told);
    event_wait(&go_on);
    EXPECT_OK(mring_leave(consumer));
}

static void who_stops_the_producer(void)
{
    struct mring_stats *stats = NULL;
    struct mring *looked_at;
    struct numbers numbers;
    pid_t holder, producer, logger;

    prepare();
    told = event_make();
    go_on = event_make();
    looked_at = open_to_look();
    holder = child_start(hold_one, NULL);
    producer = child_start(produce, NULL);
    event_wait(&told);
    logger = child_start(consume, (void *)(uintptr_t)LOG);
    do
        take(looked_at, &stats, &numbers);
    while (!numbers.ring.waiting || numbers.group[LOG].lag_messages != 0 || numbers.group[WORK].waits == 0);
    EXPECT(numbers.ring.producer, ==, producer);
    EXPECT(numbers.ring.waits, >=, numbers.group[WORK].waits);
    EXPECT(numbers.group[LOG].gating, ==, 0);
    EXPECT(numbers.group[WORK].gating, ==, 1);
    EXPECT(numbers.ring.members, ==, 2);
    EXPECT(numbers.member[0].process, ==, logger);
    EXPECT(numbers.member[0].gating, ==, 0);
    EXPECT(numbers.member[1].process, ==, holder);
    EXPECT(numbers.member[1].gating, ==, 1);
    EXPECT(numbers.member[1].held_from, ==, numbers.group[WORK].released);
    EXPECT(numbers.group[WORK].members, ==, 1);
    EXPECT(numbers.group[WORK].members_most, ==, WORKERS);
    /* The group's first message is held, and nobody has claimed the rest but for what that one's claim has. */
    EXPECT(numbers.group[WORK].messages, ==, 1);
    event_send(&go_on);
    child_finish(holder);
    EXPECT_OK(kill(producer, SIGKILL));
    EXPECT(waitpid(producer, NULL, 0), ==, producer);
    take(looked_at, &stats, &numbers);
    EXPECT(numbers.ring.producing, ==, 0);
    EXPECT(numbers.ring.waiting, ==, 0);
    EXPECT(numbers.group[WORK].members, ==, 0);
    EXPECT_OK(kill(logger, SIGKILL));
    EXPECT(waitpid(logger, NULL, 0), ==, logger);
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_close(ring));
}

/* Of groups that are after one another it is the first that holds something; and then the next. */
static void who_stops_a_chain(void)
{
    static const char *const after[] = {"journal"};
    const struct mring_group chain[] = {{.name = "apply", .members = 2, .after = after, .after_count = 1},
                                        {.name = "journal", .members = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group_stats group[2];
    struct mring_stats *stats = NULL;
    struct mring_producer *producer;
    struct mring_consumer *journal;
    struct mring_message message;

    options.groups = chain;
    options.group_count = 2;
    options.capacity = CAPACITY;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "journal", NULL, &journal));
    for (unsigned last = 1, other = 0; last < 2; last--, other++) {
        while (mring_send(producer, "12345678", 8, 0) == 0)
            ;
        EXPECT(mring_wait(producer, 1000 * 1000), ==, -ETIMEDOUT);
        EXPECT_OK(mring_stats(ring, &stats, NULL));
        for (unsigned at = 0; at < 2; at++) {
            group[at] = (struct mring_group_stats)MRING_GROUP_STATS_INIT;
            EXPECT_OK(mring_stats_group(stats, at, &group[at]));
        }
        EXPECT(group[last].gating, ==, 1);
        EXPECT(group[last].waits, >, 0);
        EXPECT(group[other].gating, ==, 0);
        EXPECT(group[0].waits == 0, ==, last == 1);
        EXPECT(group[0].after, ==, UINT64_C(1) << group[1].number);
        while (mring_next(journal, &message) == 1)
            EXPECT_OK(mring_release(journal, &message));
    }
    mring_stats_free(stats);
    EXPECT_OK(mring_leave(journal));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- nobody is disturbed ---- */

static void look_often(void *unused)
{
    struct mring *looked_at = open_to_look();
    struct mring_stats *stats = NULL;
    struct numbers numbers;

    (void)unused;
    for (unsigned turn = 0; turn < 100; turn++) {
        take(looked_at, &stats, &numbers);
        EXPECT(numbers.ring.instant, ==, 1);
        EXPECT(numbers.ring.messages, ==, 100);
        EXPECT(numbers.group[LOG].lag_messages, ==, 90);
    }
    mring_stats_free(stats);
    EXPECT_OK(mring_close(looked_at));
}

struct piece {
    const void *at;
    size_t size;
    void *copy;
};

/* Not a byte of the ring is another one after others have looked. */
static void nothing_is_changed(void)
{
    struct mring_producer *producer;
    struct mring_consumer *consumer[GROUPS];
    struct mring_message message;
    struct piece pieces[4];

    prepare();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned group = 0; group < GROUPS; group++)
        EXPECT_OK(mring_join(ring, declared[group].name, NULL, &consumer[group]));
    for (unsigned at = 0; at < 100; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    for (unsigned at = 0; at < 20; at++) {
        EXPECT(mring_next(consumer[at % GROUPS], &message), ==, 1);
        EXPECT_OK(mring_release(consumer[at % GROUPS], &message));
    }
    pieces[0] = (struct piece){ring->region.view.page, 2 * LAYOUT_PAGE, NULL};
    pieces[1] = (struct piece){ring->region.view.data, CAPACITY, NULL};
    for (unsigned group = 0; group < GROUPS; group++)
        pieces[2 + group] =
            (struct piece){ring->group[group].view.page, layout_group_words(declared[group].members), NULL};
    for (unsigned at = 0; at < 4; at++) {
        pieces[at].copy = malloc(pieces[at].size);
        EXPECT(pieces[at].copy != NULL, ==, 1);
        memcpy(pieces[at].copy, pieces[at].at, pieces[at].size);
    }
    child_finish(child_start(look_often, NULL));
    for (unsigned at = 0; at < 4; at++) {
        EXPECT(memcmp(pieces[at].copy, pieces[at].at, pieces[at].size), ==, 0);
        free(pieces[at].copy);
    }
    EXPECT(word_load(&ring->region.view.doorbell->groups), ==, 0);
    for (unsigned group = 0; group < GROUPS; group++)
        EXPECT_OK(mring_leave(consumer[group]));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* ---- who serves the ring is stopped ---- */

static void serve(void *unused)
{
    struct mring_producer *producer;

    (void)unused;
    prepare();
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned at = 0; at < 10; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    EXPECT(write(told.ends[1], name, sizeof(name)), ==, sizeof(name));
    event_wait(&go_on);
}

static void the_server_is_stopped(void)
{
    struct mring_stats *seen = NULL, *fresh = NULL;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;
    struct mring_group_stats of_group = MRING_GROUP_STATS_INIT;
    struct mring *looked_at, *other;
    struct numbers numbers;
    pid_t server;

    told = event_make();
    go_on = event_make();
    server = child_start(serve, NULL);
    EXPECT(read(told.ends[0], name, sizeof(name)), ==, sizeof(name));
    looked_at = open_to_look();
    other = open_to_look();
    take(looked_at, &seen, &numbers);
    EXPECT_OK(kill(server, SIGSTOP));
    EXPECT(waitpid(server, NULL, WUNTRACED), ==, server);
    /* What was seen before is seen again; what was not is told as that, and the ring's own numbers all the same. */
    take(looked_at, &seen, &numbers);
    EXPECT(numbers.group[WORK].lag_messages, ==, 10);
    for (unsigned turn = 0; turn < 2; turn++) {
        EXPECT_OK(mring_stats(other, &fresh, NULL));
        EXPECT_OK(mring_stats_ring(fresh, &of_ring));
        EXPECT(of_ring.messages, ==, 10);
        EXPECT(of_ring.groups, ==, GROUPS);
        EXPECT(of_ring.unreached, ==, GROUPS);
        EXPECT_OK(mring_stats_group(fresh, WORK, &of_group));
        EXPECT(strcmp(of_group.name, "work"), ==, 0);
        EXPECT(of_group.reached, ==, 0);
        EXPECT(of_group.members_most, ==, WORKERS);
        EXPECT(of_group.lag_messages == MRING_UNKNOWN, ==, 1);
    }
    mring_stats_free(fresh);
    EXPECT_OK(kill(server, SIGCONT));
    fresh = NULL;
    take(other, &fresh, &numbers);
    EXPECT(numbers.group[WORK].lag_messages, ==, 10);
    event_send(&go_on);
    child_finish(server);
    /* And when nobody serves it any more. */
    take(looked_at, &seen, &numbers);
    EXPECT(numbers.ring.producing, ==, 0);
    mring_stats_free(fresh);
    mring_stats_free(seen);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_close(other));
}

/* ---- groups that come and go, forks, arguments ---- */

static void look_in_a_child(void *argument)
{
    struct mring_stats **stats = argument;
    struct mring_consumer *consumer;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;

    /* Its first join takes away what it had of other groups. */
    EXPECT_OK(mring_join(ring, "log", NULL, &consumer));
    EXPECT_OK(mring_stats(ring, stats, NULL));
    EXPECT_OK(mring_stats_ring(*stats, &of_ring));
    EXPECT(of_ring.groups, ==, 3);
    EXPECT(of_ring.unreached, ==, 0);
    EXPECT_OK(mring_leave(consumer));
    mring_stats_free(*stats);
}

static void groups_come_and_go(void)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_ring_stats of_ring = MRING_RING_STATS_INIT;
    struct mring_group_stats of_group = MRING_GROUP_STATS_INIT;
    struct mring_stats *stats = NULL;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_message message;
    struct mring *looked_at;

    prepare();
    looked_at = open_to_look();
    EXPECT(mring_stats(NULL, &stats, NULL), ==, -EINVAL);
    EXPECT(mring_stats(ring, NULL, NULL), ==, -EINVAL);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned at = 0; at < 5; at++)
        EXPECT_OK(mring_send(producer, "12345678", 8, at));
    for (unsigned turn = 0; turn < 3; turn++) {
        options.members = 1 + turn;
        EXPECT_OK(mring_join(ring, "passing", &options, &consumer));
        EXPECT_OK(mring_send(producer, "1234", 4, 0));
        EXPECT_OK(mring_send(producer, "123", 3, 0));
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
        EXPECT_OK(mring_stats(looked_at, &stats, NULL));
        EXPECT_OK(mring_stats_group(stats, 2, &of_group));
        EXPECT(strcmp(of_group.name, "passing"), ==, 0);
        EXPECT(of_group.durable, ==, 0);
        EXPECT(of_group.members, ==, 1);
        EXPECT(of_group.members_most, ==, 1 + turn);
        EXPECT(of_group.messages, ==, 1);
        EXPECT(of_group.lag_messages, ==, 1);
        EXPECT(of_group.lag_bytes, ==, 3);
        if (turn == 2)
            child_finish(child_start(look_in_a_child, &stats));
        EXPECT_OK(mring_leave(consumer));
        EXPECT_OK(mring_stats(looked_at, &stats, NULL));
        EXPECT_OK(mring_stats_ring(stats, &of_ring));
        EXPECT(of_ring.messages, ==, 7 + 2 * turn);
        EXPECT(of_ring.groups, ==, 2);
    }
    of_ring.size = 1;
    EXPECT(mring_stats_ring(stats, &of_ring), ==, -EINVAL);
    /* An older program knows less of it. */
    of_ring.size = offsetof(struct mring_ring_stats, bytes);
    of_ring.bytes = 4711;
    EXPECT_OK(mring_stats_ring(stats, &of_ring));
    EXPECT(of_ring.messages, ==, 11);
    EXPECT(of_ring.bytes, ==, 4711);
    /* One handle for another ring handle. */
    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, WORK, &of_group));
    EXPECT(of_group.lag_messages, ==, 11);
    EXPECT_OK(mring_close(looked_at));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
    mring_stats_free(stats);
    mring_stats_free(NULL);
}

/* What is to become of a group that nobody serves, and that it became of it. */
static void who_is_dropped(void)
{
    const struct mring_group group = {.name = "idle", .members = 2, .unserved = MRING_DROP, .limit = CAPACITY / 2};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group_stats seen = MRING_GROUP_STATS_INIT;
    struct mring_producer *producer;
    struct mring_stats *stats = NULL;
    static const char bytes[CAPACITY / 4];

    options.capacity = CAPACITY;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (int at = 0; at < 3; at++)
        EXPECT_OK(mring_send(producer, bytes, sizeof(bytes), 0));
    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, 0, &seen));
    EXPECT(seen.unserved, ==, MRING_DROP);
    EXPECT(seen.limit, ==, CAPACITY / 2);
    EXPECT(seen.gating, ==, 1); /* further behind than its limit, but there is room */
    EXPECT(seen.dropped, ==, 0);
    EXPECT(seen.cut_off, ==, 0);
    EXPECT_OK(mring_send_wait(producer, bytes, sizeof(bytes), 0, MRING_FOREVER));
    EXPECT_OK(mring_stats(ring, &stats, NULL));
    EXPECT_OK(mring_stats_group(stats, 0, &seen));
    EXPECT(seen.gating, ==, 0);
    EXPECT(seen.dropped, ==, 1);
    EXPECT(seen.cut_off, ==, 1);
    mring_stats_free(stats);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"beside_work", beside_work, 60},
        {"beside_kills", beside_kills, 60},
        {"groups_come_and_go", groups_come_and_go, 30},
        {"nothing_is_changed", nothing_is_changed, 30},
        {"the_server_is_stopped", the_server_is_stopped, 60},
        {"who_is_dropped", who_is_dropped, 30},
        {"who_stops_a_chain", who_stops_a_chain, 30},
        {"who_stops_the_producer", who_stops_the_producer, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
