/*
 * Members of lossy groups, and their account (I5): what they read whole and what they are told they missed is together what was sent, in messages
 * and bytes.
 *
 * A kill between what the library did and the note of it here leaves a gap in the account. So a life says that it is busy before each call that may
 * take, release or lose something, and that it is not once all is written down; and the next life of its role finds out which it was. Of a group in
 * which nobody was killed while busy, the account is exact. Whoever was killed when, it never says more than was sent, and no message
 * is got twice.
 *
 * "glance", of one member, is exact from message to message: what comes next is the one behind the last that was got or missed. After a death
 * while busy it is some message behind that one. Nobody of "herd" is killed; and as it is after "lone", a message got there was released there.
 */
#include "soak.h"

#include "api/consumer.h"

#include <errno.h>

enum { TAKEN_MOST = 8 };

struct reading {
    struct mring *ring;
    struct mring_consumer *consumer;
    enum group_number group;
    struct account *account;
    bool lone;
    bool slow;       /* it may fall behind, also while it holds messages */
    uint64_t last;   /* of many: the number got last of those without the flag */
    uint64_t leaves; /* from the group, before it came */
};

static struct account *account_of(enum group_number group)
{
    return &book->account[group - LOSSLESS];
}

static void say_busy(void)
{
    word_store_release(&book->busy[my_role], my_life);
}

/* All is written down; but what was found to be lost may be told by the next call only. */
static void say_idle(const struct reading *reading)
{
    if (!reading->consumer->core.lossy.pending)
        word_store_release(&book->busy[my_role], 0);
}

static void begin(struct reading *reading)
{
    reading->group = cast[my_role].group;
    reading->lone = groups[reading->group].members == 1;
    reading->account = account_of(reading->group);
    if (word_load_acquire(&book->busy[my_role]) != 0) {
        word_store(&reading->account->unsure, 1);
        word_count(&reading->account->untold);
    }
    say_busy(); /* until the first call is over: who joins may find some to be lost */
    reading->ring = open_ring(MRING_CONSUME);
    reading->leaves = word_load(&book->leaves[reading->group]);
    reading->consumer = join_group(reading->ring, reading->group);
}

/* ---- notes ---- */

static void note_missed(const struct reading *reading)
{
    struct account *account = reading->account;
    struct mring_missed missed = MRING_MISSED_INIT;
    uint64_t last = word_load(&account->last);

    if (mring_missed(reading->consumer, &missed) != 1 || missed.messages == 0 || missed.resumed <= missed.from)
        BAD("nothing is told to be missed, from %llu to %llu", (unsigned long long)missed.from,
            (unsigned long long)missed.resumed);
    if (reading->lone && word_load(&account->unsure) == 0) {
        uint64_t bytes = message_bytes(last + 1, missed.messages);

        if (missed.bytes != bytes)
            BAD("%llu bytes are told to be missed in %llu messages behind %llu, which have %llu",
                (unsigned long long)missed.bytes, (unsigned long long)missed.messages, (unsigned long long)last,
                (unsigned long long)bytes);
        word_store(&account->last, last + missed.messages);
    }
    add(&account->missed, missed.messages);
    add(&account->missed_bytes, missed.bytes);
    add_figure(MISSED, missed.messages);
}

static void check_order(struct reading *reading, uint64_t number, unsigned deliveries)
{
    struct account *account = reading->account;
    bool left =
        word_load_acquire(&book->leaves[reading->group]) != reading->leaves; /* what it was not handed comes later */
    uint64_t last = reading->lone ? word_load(&account->last) : deliveries > 1 || left ? 0 : reading->last;
    bool exact = reading->lone && word_load(&account->unsure) == 0;

    if (number <= last || (exact && number != last + 1))
        BAD("message %llu (delivery %u) in \"%s\" after %llu", (unsigned long long)number, deliveries,
            groups[reading->group].name, (unsigned long long)last);
    if (reading->lone) {
        word_store(&account->last, number);
        word_store(&account->unsure, 0);
    } else if (deliveries == 1) {
        reading->last = number;
    }
}

/* The message was whole until it was released, and lies in this process's own memory. */
static void note_got(struct reading *reading, const struct mring_message *message)
{
    struct account *account = reading->account;
    struct message_head head = message_check(message);
    struct word *seen = &account->seen[head.number % WINDOW];

    if (word_load(seen) == head.number)
        BAD("message %llu is got twice in \"%s\"", (unsigned long long)head.number, groups[reading->group].name);
    word_store(seen, head.number);
    if (message->deliveries > 1 + word_load_acquire(&book->deaths[reading->group]))
        BAD("message %llu as delivery %u in \"%s\"", (unsigned long long)head.number, message->deliveries,
            groups[reading->group].name);
    check_order(reading, head.number, message->deliveries);
    ledger_follow(reading->group, head.number);
    add(&account->got, 1);
    add(&account->got_bytes, message->length);
    add_figure(GOT, 1);
}

/* ---- reading ---- */

/* Copied out by the library. What the call said. */
static int take_copy(struct reading *reading)
{
    static unsigned char copy[MESSAGE_MOST];
    struct mring_message message;
    int code;

    say_busy();
    code = mring_recv(reading->consumer, copy, sizeof(copy), &message);
    if (code == 1)
        note_got(reading, &message);
    else if (code == -EOVERFLOW)
        note_missed(reading);
    say_idle(reading);
    return code;
}

/* Now and then, for as long as it takes to be lapped. */
static void fall_behind(const struct reading *reading)
{
    if (reading->slow && random_below(&my_random, 256) == 0)
        for (uint32_t naps = random_below(&my_random, 50); naps > 0; naps--)
            nap();
}

/* Read in place: true, if what was read has been whole until then. */
static bool read_in_place(const struct reading *reading, struct mring_message *message, unsigned char *copy)
{
    int code;

    fall_behind(reading);
    if (message->length > MESSAGE_MOST)
        BAD("a message of %u bytes", message->length);
    copy_racing(copy, message->data, message->length);
    code = mring_intact(reading->consumer, message);
    if (code != 0 && code != 1)
        BAD("mring_intact: %d", code);
    message->data = copy;
    return code == 1;
}

/* The last one, and with it all `count`. */
static void release(struct reading *reading, const struct mring_message *message, const bool *whole, int count)
{
    int code;

    say_busy();
    code = mring_release(reading->consumer, &message[count - 1]);
    if (code == -EOVERFLOW)
        note_missed(reading);
    else if (code != 0)
        BAD("mring_release: %d", code);
    for (int at = 0; at < count && code == 0; at++) {
        if (!whole[at])
            BAD("a message at %llu that was overwritten is whole again", (unsigned long long)message[at].position);
        note_got(reading, &message[at]);
    }
    say_idle(reading);
}

/* Held several at once, and released one by one or all together. Alone, together: what comes behind them may be missed before they are. */
static int take_in_place(struct reading *reading)
{
    static unsigned char copy[TAKEN_MOST][MESSAGE_MOST];
    struct mring_message message[TAKEN_MOST];
    bool whole[TAKEN_MOST];
    int at_once, count;

    say_busy();
    count = mring_next_batch(reading->consumer, message, 1 + (int)random_below(&my_random, TAKEN_MOST));
    if (count == -EOVERFLOW)
        note_missed(reading);
    say_idle(reading);
    for (int at = 0; at < count; at++)
        whole[at] = read_in_place(reading, &message[at], copy[at]);
    at_once = reading->lone || random_below(&my_random, 2) == 0 ? count : 1;
    for (int at = 0; at < count; at += at_once)
        release(reading, &message[at], &whole[at], at_once);
    return count;
}

static void wait_for_more(const struct reading *reading)
{
    int code = wait_for_message(reading->consumer, (int64_t)random_below(&my_random, 100000000));

    if (code != 0 && code != -ETIMEDOUT && code != -EPIPE && code != -EOWNERDEAD)
        BAD("mring_wait: %d", code);
}

/* Not while there is a gap to be told. */
static bool is_time_to_leave(const struct reading *reading)
{
    bool chosen = random_below(&my_random, 50000) == 0 && word_load(&book->ending) == 0;

    return (chosen || is_stuck_serving(reading->ring)) && word_load(&book->busy[my_role]) == 0;
}

void play_lossy(void)
{
    struct reading reading = {.slow = random_below(&my_random, 2) == 0};
    int code;

    begin(&reading);
    while ((code = random_below(&my_random, 2) == 0 ? take_copy(&reading) : take_in_place(&reading)) != -EPIPE) {
        if (code < 0 && code != -EOVERFLOW)
            BAD("a lossy group: %d", code);
        if (code == 0)
            wait_for_more(&reading);
        fall_behind(&reading);
        if (is_time_to_leave(&reading))
            leave(reading.ring, reading.consumer);
    }
    stay(reading.consumer);
}

/* ---- in the end ---- */

static bool agrees(enum group_number group, uint64_t last, uint64_t bytes)
{
    const struct account *account = account_of(group);
    uint64_t told = word_load(&account->got) + word_load(&account->missed);
    uint64_t told_bytes = word_load(&account->got_bytes) + word_load(&account->missed_bytes);
    bool exact = word_load(&account->untold) == 0;
    bool good = exact ? told == last && told_bytes == bytes : told <= last && told_bytes <= bytes;

    if (groups[group].members == 1 && word_load(&account->unsure) == 0)
        good &= word_load(&account->last) == last;
    if (!good)
        (void)fprintf(stderr,
                      "\"%s\": %llu messages got and %llu missed, of %llu; %llu and %llu bytes, of %llu; %llu deaths "
                      "while busy\n",
                      groups[group].name, (unsigned long long)word_load(&account->got),
                      (unsigned long long)word_load(&account->missed), (unsigned long long)last,
                      (unsigned long long)word_load(&account->got_bytes),
                      (unsigned long long)word_load(&account->missed_bytes), (unsigned long long)bytes,
                      (unsigned long long)word_load(&account->untold));
    return good;
}

bool accounts_agree(uint64_t last)
{
    uint64_t bytes = message_bytes(1, last);
    bool good = true;

    for (enum group_number group = LOSSLESS; group < GROUPS; group++)
        good &= agrees(group, last, bytes);
    return good;
}
