/* Groups that nobody serves, and that have a limit: the producer gives them up, and never one that has a living member. */
#include "api/ring.h"
#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 16384, RECORD = 16, LAP = CAPACITY / RECORD, LIMIT = CAPACITY / 2, SCENE_GROUPS = 2 };

static struct mring *ring;

struct words {
    struct word stop, produced, stays, anew;
    struct word next; /* the number that the group comes to next */
};
static struct words *words;

static void make_ring(unsigned members, enum mring_unserved unserved, size_t limit)
{
    const struct mring_group groups[SCENE_GROUPS] = {
        {.name = "log", .members = 1}, {.name = "slow", .members = members, .unserved = unserved, .limit = limit}};
    struct mring_options options = MRING_OPTIONS_INIT;

    stage = stage_share(sizeof(*stage));
    words = stage_share(sizeof(*words));
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = SCENE_GROUPS;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

static int join(const char *group, unsigned members, size_t limit, struct mring_consumer **consumer,
                struct mring_error *error)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;

    options.members = members;
    options.durable = 1;
    options.unserved = limit != 0 ? MRING_DROP : MRING_STOP;
    options.limit = limit;
    options.error = error;
    return mring_join(ring, group, &options, consumer);
}

struct visit {
    const char *group;
    unsigned members;
    size_t limit;
    bool held; /* with a message that it has not released */
};

static void visit(void *argument)
{
    const struct visit *this = argument;
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(join(this->group, this->members, this->limit, &consumer, NULL));
    reach(VICTIM, 1);
    if (this->held)
        EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
    reach(VICTIM, 2);
    stay_until_killed();
}

static pid_t start_visit(struct visit *visitor, struct mring_producer *producer, struct mring_consumer *log)
{
    pid_t pid;

    reach(VICTIM, 0);
    pid = child_start(visit, visitor);
    await(VICTIM, 1);
    (void)flood(producer, log, 8, MRING_FOREVER);
    await(VICTIM, 2);
    return pid;
}

/* ---- dropped ---- */

static void open_both(struct mring_producer **producer, struct mring_consumer **log)
{
    EXPECT_OK(mring_producer(ring, producer, NULL));
    EXPECT_OK(mring_join(ring, "log", NULL, log));
}

static void close_all(struct mring_producer *producer, struct mring_consumer *log)
{
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_leave(log));
    EXPECT_OK(mring_close(ring));
}

static void expect_dropped_declared(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *consumer;

    EXPECT(join("slow", 1, 0, &consumer, &error), ==, -ECONNABORTED);
    EXPECT(strstr(error.text, "nobody served it") != NULL && strstr(error.text, "limit of 8192 bytes") != NULL, ==, 1);
}

/* Never joined; left; killed with and without a message held: each time the producer goes on, and the log misses nothing. */
static void dropped_once_nobody_is_there(void)
{
    int64_t slowest = 0;

    for (int way = 0; way < 8; way++) {
        struct visit visitor = {"slow", way % 2 != 0 ? 4 : 1, 0, way / 2 == 3};
        struct mring_producer *producer;
        struct mring_consumer *log, *left;
        struct mring_error error = MRING_ERROR_INIT;
        int64_t begin;

        make_ring(visitor.members, MRING_DROP, LIMIT);
        open_both(&producer, &log);
        if (way / 2 == 1) {
            EXPECT_OK(join("slow", visitor.members, 0, &left, NULL));
            EXPECT_OK(mring_leave(left));
        } else if (way / 2 >= 2) {
            child_kill(start_visit(&visitor, producer, log));
        }
        begin = stage_clock();
        EXPECT(flood(producer, log, 3 * LAP, HANG_LIMIT), ==, 3 * LAP);
        slowest = stage_clock() - begin > slowest ? stage_clock() - begin : slowest;
        EXPECT(mring_producer_trouble(producer, &error), ==, 1);
        EXPECT(strstr(error.text, "\"slow\"") != NULL, ==, 1);
        expect_dropped_declared();
        close_all(producer, log);
    }
    report_slowest("until the producer went on", slowest);
}

/* One that a join made: the next one makes it anew, from now on; with several, in the same ring, one after the other. */
static void a_durable_one_is_made_anew(void)
{
    struct mring_producer *producer;
    struct mring_consumer *log, *consumer;
    struct mring_message message;

    make_ring(1, MRING_DROP, LIMIT);
    open_both(&producer, &log);
    for (int turn = 0; turn < 4; turn++) {
        struct visit visitor = {"ledger", turn % 2 != 0 ? 4 : 1, LIMIT, true};

        child_kill(start_visit(&visitor, producer, log));
        EXPECT(flood(producer, log, 2 * LAP, HANG_LIMIT), ==, 2 * LAP);
        EXPECT_OK(join("ledger", visitor.members, LIMIT, &consumer, NULL));
        EXPECT(mring_next(consumer, &message), ==, 0);
        (void)flood(producer, log, 3, MRING_FOREVER);
        for (uint32_t number = 0; number < 3; number++) {
            EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
            EXPECT(message.tag, ==, number);
            EXPECT(message.deliveries, ==, 1);
            EXPECT_OK(mring_release(consumer, &message));
        }
        EXPECT_OK(mring_leave(consumer));
        EXPECT(flood(producer, log, 2 * LAP, HANG_LIMIT), ==, 2 * LAP); /* or else the next turn's would go on there */
    }
    close_all(producer, log);
}

/* ---- turned lossy ---- */

/* What the members of the group have come to, of messages that are numbers from 0 on. */
struct account {
    uint32_t next;   /* they are given, or told that it is missed, what comes from here on */
    uint32_t missed; /* so many */
    uint32_t again;  /* given to one who was killed before */
};

static int join_slow(struct mring_consumer **consumer)
{
    return mring_join(ring, "slow", NULL, consumer);
}

/* Read on to the end of what there is. Each message that was not seen before is the next, or what lies between was missed. */
static void settle(struct account *account, struct mring_consumer *consumer)
{
    struct mring_missed missed = MRING_MISSED_INIT;
    struct mring_message message;
    int code;

    while ((code = mring_next(consumer, &message)) != 0) {
        if (code == -EOVERFLOW) {
            EXPECT(mring_missed(consumer, &missed), ==, 1);
            EXPECT(missed.bytes, ==, missed.messages * sizeof(uint32_t));
            account->missed += (uint32_t)missed.messages;
            account->next += (uint32_t)missed.messages;
            continue;
        }
        EXPECT(code, ==, 1);
        if (message.deliveries > 1) {
            account->again++;
            EXPECT(message.tag, <=, account->next);
        } else {
            EXPECT(message.tag, ==, account->next);
        }
        account->next += message.tag == account->next;
        EXPECT_OK(mring_release(consumer, &message));
    }
}

/* Some are read, and the last of those is held by one that is killed. */
static void read_and_be_killed(void *argument)
{
    struct account *account = argument;
    struct mring_consumer *consumer;
    struct mring_message message;

    EXPECT_OK(join_slow(&consumer));
    for (uint32_t count = 0; count < 50; count++) {
        EXPECT(mring_next_wait(consumer, &message, MRING_FOREVER), ==, 1);
        EXPECT(message.tag, ==, count);
        if (count < 49)
            EXPECT_OK(mring_release(consumer, &message));
    }
    account->next = 50;
    reach(VICTIM, 1);
    stay_until_killed();
}

/* What those see who look on, of whom one has looked before it was turned. Nobody is in the group then. */
static void expect_seen(struct mring_stats **stats, uint32_t sent, const struct account *account)
{
    struct mring_group_stats group = MRING_GROUP_STATS_INIT;

    EXPECT_OK(mring_stats(ring, stats, NULL));
    EXPECT_OK(mring_stats_group(*stats, 1, &group));
    EXPECT(strcmp(group.name, "slow"), ==, 0);
    EXPECT(group.turned, ==, group.lossy);
    EXPECT(group.turned, ==, account != NULL);
    EXPECT(group.gating, ==, account == NULL);
    EXPECT(group.lag_messages, ==, account != NULL ? 0 : sent);
    EXPECT(group.missed, ==, account != NULL ? account->missed : 0);
    EXPECT(group.missed_bytes, ==, group.missed * sizeof(uint32_t));
    EXPECT(mring_fsck(ring, NULL), ==, 0);
}

/*
 * A lap and so many more are sent, while it is turned. Then a member comes, and another, and each message is accounted for. With many
 * places what the dead one had claimed is given to who comes, flagged, if it is there, or missed.
 */
static void turn(unsigned members, uint32_t more, bool new_producer)
{
    struct account *account = stage_share(sizeof(*account));
    struct mring_producer *producer;
    struct mring_consumer *log, *consumer;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_stats *stats = NULL;
    uint32_t sent = 100;
    pid_t victim;

    make_ring(members, MRING_TURN_LOSSY, LIMIT);
    open_both(&producer, &log);
    (void)flood(producer, log, sent, MRING_FOREVER);
    expect_seen(&stats, sent, NULL);
    victim = child_start(read_and_be_killed, account);
    await(VICTIM, 1);
    child_kill(victim);
    account->next = members == 1 ? 49 : 50; /* a lone one's successor is given it anew, flagged, or misses it */
    for (uint32_t end = LAP + more; sent < end; sent++) {
        struct mring_message message;

        EXPECT_OK(mring_send_wait(producer, &sent, sizeof(sent), sent, HANG_LIMIT));
        EXPECT(mring_next(log, &message), ==, 1);
        EXPECT_OK(mring_release(log, &message));
    }
    EXPECT(mring_producer_trouble(producer, &error), ==, 0);
    if (new_producer) {
        EXPECT_OK(mring_producer_close(producer));
        EXPECT_OK(mring_producer(ring, &producer, NULL));
    }
    EXPECT_OK(join_slow(&consumer));
    if (members > 1)
        account->next = 49; /* it was claimed, with others, and not released */
    settle(account, consumer);
    EXPECT(account->next, ==, sent);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(join_slow(&consumer));
    for (uint32_t end = sent + 3 * LAP; sent < end; sent++) { /* it holds nobody back */
        struct mring_message message;

        EXPECT_OK(mring_send(producer, &sent, sizeof(sent), sent));
        EXPECT(mring_next(log, &message), ==, 1);
        EXPECT_OK(mring_release(log, &message));
    }
    settle(account, consumer);
    EXPECT(account->next, ==, sent);
    EXPECT(account->missed, >, 0);
    EXPECT_OK(mring_leave(consumer));
    expect_seen(&stats, sent, account);
    mring_stats_free(stats);
    close_all(producer, log);
}

static void turned_lossy_and_nothing_is_unaccounted_for(void)
{
    static const uint32_t more[] = {60, 100, LAP / 2, 3 * LAP};

    for (size_t at = 0; at < sizeof(more) / sizeof(*more); at++)
        for (unsigned way = 0; way < 4; way++)
            turn(way % 2 != 0 ? 4 : 1, more[at], way / 2 != 0);
}

/* ---- not dropped ---- */

/* A member that is stopped serves: the producer waits. And with MRING_STOP it waits for nobody, too. */
static void not_while_one_lives(void)
{
    struct visit visitor = {"slow", 4, 0, true};
    struct mring_producer *producer;
    struct mring_consumer *log;
    pid_t member;

    make_ring(4, MRING_DROP, LIMIT);
    open_both(&producer, &log);
    member = start_visit(&visitor, producer, log);
    EXPECT_OK(kill(member, SIGSTOP));
    EXPECT(flood(producer, log, 3 * LAP, INT64_C(2) * SECOND), <, LAP);
    child_kill(member);
    EXPECT(flood(producer, log, 3 * LAP, HANG_LIMIT), ==, 3 * LAP);
    expect_dropped_declared();
    close_all(producer, log);

    make_ring(4, MRING_STOP, 0);
    open_both(&producer, &log);
    EXPECT(flood(producer, log, 3 * LAP, INT64_C(2) * SECOND), <, LAP);
    close_all(producer, log);
}

/* Below its limit it is left alone, whatever others do to fill the ring. */
static void not_below_its_limit(void)
{
    struct mring_producer *producer;
    struct mring_consumer *log, *consumer;
    struct mring_message message;

    make_ring(1, MRING_DROP, LIMIT);
    open_both(&producer, &log);
    EXPECT_OK(join("ledger", 1, CAPACITY / 8, &consumer, NULL)); /* a second one, which is behind */
    EXPECT_OK(mring_leave(consumer));
    (void)flood(producer, log, LAP * 3 / 4, MRING_FOREVER);
    EXPECT_OK(join("slow", 1, 0, &consumer, NULL));
    for (int count = 0; count < LAP * 5 / 8; count++) {
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
    EXPECT_OK(mring_leave(consumer));
    EXPECT(flood(producer, log, LAP / 3, HANG_LIMIT), ==, LAP / 3); /* the other one was dropped for this */
    EXPECT_OK(join("slow", 1, 0, &consumer, NULL));
    EXPECT(mring_next(consumer, &message), ==, 1);
    EXPECT(message.tag, ==, LAP * 5 / 8);
    EXPECT_OK(mring_leave(consumer));
    close_all(producer, log);
}

/* ---- members that come just when the producer gives their group up ---- */

static void stream(void *unused)
{
    struct mring_producer *producer = succeed_producer(ring);
    int code;

    (void)unused;
    while (word_load(&words->stop) == 0) {
        uint32_t number = (uint32_t)word_load(&ring->region.view.page->messages);

        code = mring_send_wait(producer, &number, sizeof(number), number, SECOND / 50);
        if (code != -ETIMEDOUT)
            EXPECT_OK(code);
        word_store(&words->produced, number);
    }
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
}

/* Stay for a moment: what it is given is whole and without a gap; it is never told that its group was given up. Then be away. */
static void come_and_go(void *argument)
{
    uint64_t state = harness_seed + *(const unsigned *)argument;
    const uint32_t stays = 12;

    for (uint32_t stay = 0; stay < stays; stay++) {
        struct mring_consumer *consumer;
        struct mring_message message;
        uint32_t expected = 0, count = random_below(&state, 2 * LAP);
        int code;

        code = join("ledger", 1, LIMIT, &consumer, NULL);
        if (code == -EUSERS) { /* another is there */
            stay--;
            (void)usleep(random_below(&state, 100 * 1000));
            continue;
        }
        EXPECT_OK(code);
        word_count(&words->stays);
        for (uint32_t at = 0; at < count; at++) {
            code = mring_next_wait(consumer, &message, SECOND);
            if (code == -EOWNERDEAD || code == -ETIMEDOUT)
                continue;
            EXPECT(code, ==, 1);
            if (expected == 0) {
                uint64_t before = word_load(&words->next);

                EXPECT(message.tag, >=, before);
                word_store(&words->anew, word_load(&words->anew) + (message.tag > before));
            } else {
                EXPECT(message.tag, ==, expected);
            }
            expected = message.tag + 1;
            word_store(&words->next, expected);
            EXPECT_OK(mring_release(consumer, &message));
        }
        EXPECT_OK(mring_leave(consumer));
        (void)usleep(random_below(&state, 1200 * 1000));
    }
}

static void coming_and_giving_up(void)
{
    enum { COMERS = 2 };
    struct mring_options options = MRING_OPTIONS_INIT;
    uint64_t state = harness_seed;
    pid_t producer;
    int status, left = COMERS;

    words = stage_share(sizeof(*words));
    options.capacity = CAPACITY;
    options.groups = &(struct mring_group){.name = ""};
    EXPECT_OK(mring_create(&ring, NULL, &options));
    producer = child_start(stream, NULL);
    for (unsigned comer = 0; comer < COMERS; comer++)
        (void)child_start(come_and_go, &comer);
    while (left > 0) {
        pid_t ended;

        (void)usleep(random_below(&state, 1500 * 1000));
        child_kill(producer);
        producer = child_start(stream, NULL);
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            EXPECT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, ==, 0);
            left--;
        }
    }
    word_store(&words->stop, 1);
    child_finish(producer);
    EXPECT(word_load(&words->anew), >, 0);
    (void)printf("  %llu stays, %llu of them in a group made anew\n", (unsigned long long)word_load(&words->stays),
                 (unsigned long long)word_load(&words->anew));
    EXPECT_OK(mring_close(ring));
}

/* ---- what is refused ---- */

static void odd_limits_are_refused(void)
{
    static const struct {
        enum mring_unserved unserved;
        size_t limit;
    } odd[] = {{MRING_DROP, 0}, {MRING_STOP, 1}, {MRING_DROP, CAPACITY + 1}, {(enum mring_unserved)3, 5}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_consumer *consumer, *other;

    options.capacity = CAPACITY;
    options.group_count = 1;
    options.error = &error;
    for (size_t at = 0; at < sizeof(odd) / sizeof(*odd); at++) {
        options.groups = &(struct mring_group){.name = "a", .unserved = odd[at].unserved, .limit = odd[at].limit};
        EXPECT(mring_create(&ring, NULL, &options), ==, -EINVAL);
        EXPECT(error.text[0], !=, 0);
    }
    make_ring(1, MRING_STOP, 0);
    for (size_t at = 0; at < sizeof(odd) / sizeof(*odd); at++) {
        struct mring_join_options wish = MRING_JOIN_OPTIONS_INIT;

        wish.unserved = odd[at].unserved;
        wish.limit = odd[at].limit;
        EXPECT(mring_join(ring, "new", &wish, &consumer), ==, -EINVAL);
    }
    EXPECT_OK(join("ledger", 4, LIMIT, &consumer, NULL));
    EXPECT(join("ledger", 4, LIMIT / 2, &other, &error), ==, -EINVAL);
    EXPECT(strstr(error.text, "limit") != NULL, ==, 1);
    EXPECT_OK(join("ledger", 4, 0, &other, NULL));
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"dropped_once_nobody_is_there", dropped_once_nobody_is_there, 90},
        {"a_durable_one_is_made_anew", a_durable_one_is_made_anew, 60},
        {"turned_lossy_and_nothing_is_unaccounted_for", turned_lossy_and_nothing_is_unaccounted_for, 90},
        {"not_while_one_lives", not_while_one_lives, 60},
        {"not_below_its_limit", not_below_its_limit, 30},
        {"coming_and_giving_up", coming_and_giving_up, 90},
        {"odd_limits_are_refused", odd_limits_are_refused, 10},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
