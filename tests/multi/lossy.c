/*
 * Lossy groups among processes: they never hold the producer, and what their members read whole and what they are told they missed is
 * together what was sent, exactly (I5, I6).
 */
#include "event.h"

#include "core/atomic.h"
#include "mring.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 65536, MOST = 2000, MEMBERS = 3, KILLS = 40 };

static struct mring *ring;

/* What the members of a group came to, and how much was sent; shared. */
struct account {
    struct word got, got_bytes, missed, missed_bytes;
};
struct ledger {
    struct account account[3];
    struct word sent, sent_bytes;
};
static struct ledger *ledger;

static void add(struct word *word, uint64_t value)
{
    uint64_t seen = word_load(word);

    while (!word_cas(word, seen, seen + value))
        seen = word_load(word);
}

static uint64_t total(const struct account *account)
{
    return word_load(&account->got) + word_load(&account->missed);
}

/* ---- messages, which follow from their numbers ---- */

static uint32_t length_of(uint32_t number)
{
    uint64_t state = harness_seed + number;

    return random_below(&state, 30) == 0 ? random_below(&state, MOST) : random_below(&state, 100);
}

static void check_message(const struct mring_message *message)
{
    const unsigned char *data = message->data;

    EXPECT(message->length, ==, length_of(message->tag));
    for (uint32_t at = 0; at < message->length; at++)
        EXPECT(data[at], ==, (message->tag * 31 + at) % 251);
}

static int try_to_send(struct mring_producer *producer, uint32_t number)
{
    unsigned char payload[MOST];
    uint32_t length = length_of(number);
    int code;

    for (uint32_t at = 0; at < length; at++)
        payload[at] = (unsigned char)((number * 31 + at) % 251);
    code = mring_send(producer, payload, length, number);
    if (code == 0) {
        word_add_own(&ledger->sent, 1);
        word_add_own(&ledger->sent_bytes, length);
    }
    return code;
}

static void send_or_wait(struct mring_producer *producer, uint32_t number)
{
    int code;

    while ((code = try_to_send(producer, number)) == -EAGAIN)
        EXPECT_OK(mring_wait(producer, MRING_FOREVER));
    EXPECT_OK(code);
}

/* ---- members ---- */

struct member {
    struct account *account;
    struct mring_consumer *consumer;
    int64_t last; /* the number of the message got last; alone: -1: none yet */
    bool alone;
};

static void note_missed(struct member *member)
{
    struct mring_missed missed = MRING_MISSED_INIT;

    EXPECT(mring_missed(member->consumer, &missed), ==, 1);
    EXPECT(missed.messages, >, 0);
    EXPECT(missed.resumed, >, missed.from);
    add(&member->account->missed, missed.messages);
    add(&member->account->missed_bytes, missed.bytes);
    if (member->alone) /* its next one is known */
        member->last += (int64_t)missed.messages;
}

static void note_got(struct member *member, const struct mring_message *message)
{
    check_message(message);
    if (member->alone)
        EXPECT(message->tag, ==, member->last + 1);
    else
        EXPECT(message->deliveries > 1 || (int64_t)message->tag > member->last, ==, 1);
    if (member->alone || message->deliveries == 1)
        member->last = message->tag;
    add(&member->account->got, 1);
    add(&member->account->got_bytes, message->length);
}

/* Copied out, or read in place and looked at before and after. What the call said. */
static int take(struct member *member, uint64_t *random)
{
    static unsigned char copy[MOST];
    struct mring_message message;
    int code;

    if (random_below(random, 2) == 0) {
        code = mring_recv(member->consumer, copy, sizeof(copy), &message);
        if (code == 1)
            note_got(member, &message);
    } else {
        code = mring_next(member->consumer, &message);
        if (code == 1) {
            struct mring_message kept = message;
            int whole;

            EXPECT(message.length, <=, MOST);
            copy_racing(copy, message.data, message.length);
            kept.data = copy;
            whole = mring_intact(member->consumer, &message);
            code = mring_release(member->consumer, &message);
            EXPECT(whole == 0 && code == 0, ==, 0); /* what was overwritten stays so */
            if (code == 0) {
                note_got(member, &kept);
                code = 1;
            }
        }
    }
    if (code == -EOVERFLOW)
        note_missed(member);
    return code;
}

static void read_all(struct member *member)
{
    uint64_t random = harness_seed ^ (uint64_t)getpid();
    int code;

    while ((code = take(member, &random)) != -EPIPE) {
        EXPECT(code == 0 || code == 1 || code == -EOVERFLOW, ==, 1);
        if (code == 0)
            (void)mring_wait(member->consumer, 100000000);
        if (random_below(&random, 500) == 0)
            (void)sched_yield();
    }
}

static void join(struct member *member, const char *group, unsigned account, bool alone)
{
    *member = (struct member){.account = &ledger->account[account], .last = -1, .alone = alone};
    EXPECT_OK(mring_join(ring, group, NULL, &member->consumer));
}

struct part {
    const char *group;
    unsigned account;
    bool alone;
    const struct event *joined;
};

static void play(void *argument)
{
    const struct part *part = argument;
    struct member member;

    join(&member, part->group, part->account, part->alone);
    event_send(part->joined);
    read_all(&member);
    EXPECT_OK(mring_leave(member.consumer));
}

static void begin(const struct mring_group *groups, size_t count)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(ledger != MAP_FAILED, ==, 1);
    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = count;
    EXPECT_OK(mring_create(&ring, NULL, &options));
}

static pid_t start(struct part *part)
{
    struct event joined = event_make();
    pid_t child;

    part->joined = &joined;
    child = child_start(play, part);
    event_wait(&joined);
    return child;
}

static void expect_all(const struct account *account)
{
    EXPECT(total(account), ==, word_load(&ledger->sent));
    EXPECT(word_load(&account->got_bytes) + word_load(&account->missed_bytes), ==, word_load(&ledger->sent_bytes));
}

/* ---- scenarios ---- */

/* A producer with lossy groups alone never waits, however slow they are. */
static void never_waits(void)
{
    const struct mring_group groups[] = {{.name = "one", .lossy = 1}, {.name = "many", .members = MEMBERS, .lossy = 1}};
    struct part one = {"one", 0, true, NULL}, many = {"many", 1, false, NULL};
    struct mring_producer *producer;
    pid_t child[1 + MEMBERS];

    begin(groups, 2);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    child[0] = start(&one);
    for (unsigned at = 1; at <= MEMBERS; at++)
        child[at] = start(&many);
    for (uint32_t number = 0; number < 300000; number++)
        EXPECT_OK(try_to_send(producer, number));
    EXPECT_OK(mring_drain(producer, 0));
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at <= MEMBERS; at++)
        child_finish(child[at]);
    expect_all(&ledger->account[0]);
    expect_all(&ledger->account[1]);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* A display that is stopped: the recorder has all, the producer waits for it alone, and the display knows what it missed. */
static void stopped_display(void)
{
    const struct mring_group groups[] = {{.name = "recorder"}, {.name = "display", .lossy = 1}};
    struct part recorder = {"recorder", 0, true, NULL}, display = {"display", 1, true, NULL};
    struct mring_producer *producer;
    pid_t child[2];
    int status;

    begin(groups, 2);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    child[0] = start(&recorder);
    child[1] = start(&display);
    for (uint32_t number = 0; number < 50000; number++)
        send_or_wait(producer, number);
    EXPECT_OK(kill(child[1], SIGSTOP));
    EXPECT(waitpid(child[1], &status, WUNTRACED), ==, child[1]);
    EXPECT(WIFSTOPPED(status) != 0, ==, 1);
    for (uint32_t number = 50000; number < 150000; number++)
        send_or_wait(producer, number);
    EXPECT_OK(mring_drain(producer, MRING_FOREVER));
    EXPECT(total(&ledger->account[1]), <, 150000);
    EXPECT_OK(kill(child[1], SIGCONT));
    EXPECT_OK(mring_end(producer));
    child_finish(child[0]);
    child_finish(child[1]);
    EXPECT(word_load(&ledger->account[0].got), ==, 150000);
    EXPECT(word_load(&ledger->account[1].missed), >, 0);
    expect_all(&ledger->account[0]);
    expect_all(&ledger->account[1]);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* A group made by a join begins at that moment's number: what its member gets and misses goes on from there without a gap. */
static void from_now_on(void)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    const struct mring_group none = {.name = NULL};
    struct mring_producer *producer;
    struct mring_consumer *other;
    uint64_t random = harness_seed;
    uint32_t number = 0;

    begin(&none, 0);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned round = 0; round < 100; round++) {
        struct member member = {.account = &ledger->account[0], .alone = true};

        options.lossy = 1;
        options.members = 1;
        member.last = (int64_t)number - 1;
        EXPECT_OK(mring_join(ring, "tap", &options, &member.consumer));
        for (unsigned left = random_below(&random, 3000); left > 0; left--)
            EXPECT_OK(try_to_send(producer, number++));
        for (unsigned left = random_below(&random, 400); left > 0; left--)
            (void)take(&member, &random);
        EXPECT_OK(mring_leave(member.consumer));
    }
    /* A lossless group of the name refuses one who counts on a lossy one. */
    options.lossy = 0;
    EXPECT_OK(mring_join(ring, "tap", &options, &other));
    options.lossy = 1;
    options.error = &error;
    EXPECT(mring_join(ring, "tap", &options, &(struct mring_consumer *){NULL}) < 0, ==, 1);
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

/* Members that are killed at random: what they held goes on, flagged, or is missed; nothing is garbage, and the producer never waits. */
static void killed_members(void)
{
    const struct mring_group groups[] = {{.name = "one", .lossy = 1},
                                         {.name = "many", .members = MEMBERS + 1, .lossy = 1}};
    struct part part[] = {{"one", 0, false, NULL}, {"many", 1, false, NULL}};
    struct mring_producer *producer;
    uint64_t random = harness_seed;
    pid_t child[1 + MEMBERS];
    uint32_t number = 0;

    begin(groups, 2);
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    for (unsigned at = 0; at <= MEMBERS; at++)
        child[at] = start(&part[at != 0]);
    for (unsigned killed = 0; killed < KILLS; killed++) {
        unsigned who = random_below(&random, 1 + MEMBERS);

        for (unsigned left = random_below(&random, 5000); left > 0; left--)
            EXPECT_OK(try_to_send(producer, number++));
        EXPECT_OK(kill(child[who], SIGKILL));
        EXPECT(waitpid(child[who], NULL, 0), ==, child[who]);
        child[who] = start(&part[who != 0]);
    }
    EXPECT_OK(mring_end(producer));
    for (unsigned at = 0; at <= MEMBERS; at++)
        child_finish(child[at]);
    EXPECT(word_load(&ledger->account[0].got), >, 0);
    EXPECT(word_load(&ledger->account[1].got), >, 0);
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"never_waits", never_waits, 0},
        {"stopped_display", stopped_display, 0},
        {"from_now_on", from_now_on, 0},
        {"killed_members", killed_members, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
