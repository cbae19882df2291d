#include "soak.h"

#include "api/consumer.h"
#include "mring_inline.h"

#include <errno.h>
#include <signal.h>

enum { TAKEN_MOST = 32 };

struct consuming {
    struct mring *ring;
    struct mring_consumer *consumer;
    enum group_number group;
    bool lone;
    bool inlines; /* some of its messages come by a reader, and are released so */
    struct mring_reader reader;
    uint64_t last;   /* the number handed out last; of many: of those without the flag */
    uint64_t leaves; /* from the group, before it came */
    uint64_t dead;   /* the last producer that was said to be dead; alone, a member has read all of its messages then */
    uint64_t rescued;
};

static void begin(struct consuming *consuming)
{
    consuming->group = cast[my_role].group;
    consuming->lone = groups[consuming->group].members == 1;
    consuming->ring = open_ring(MRING_CONSUME);
    consuming->leaves = word_load(&book->leaves[consuming->group]);
    consuming->consumer = join_group(consuming->ring, consuming->group);
    consuming->inlines = random_below(&my_random, 2) == 0;
    consuming->reader = mring_reader(consuming->consumer);
    consuming->rescued = word_load(&consuming->consumer->core.line->rescued);
}

static void mark_aside(uint64_t number, unsigned deliveries, void *context)
{
    ledger_aside(*(enum group_number *)context, number, deliveries);
}

/*
 * I3: a lone member sees all, in order; one of many, in order what nobody had before. Unless somebody left: what that one had claimed and was not
 * handed comes later.
 */
static void check_order(struct consuming *consuming, uint64_t number, unsigned deliveries)
{
    if (consuming->lone ? consuming->last != 0 && number != consuming->last + 1
                        : deliveries == 1 && number <= consuming->last &&
                              word_load_acquire(&book->leaves[consuming->group]) == consuming->leaves)
        BAD("message %llu (delivery %u) in \"%s\" after %llu", (unsigned long long)number, deliveries,
            groups[consuming->group].name, (unsigned long long)consuming->last);
    if (consuming->lone || deliveries == 1)
        consuming->last = number;
}

static struct message_head read_message(struct consuming *consuming, const struct mring_message *message)
{
    struct message_head head = message_check(message);

    check_order(consuming, head.number, message->deliveries);
    if (consuming->lone && head.producer <= consuming->dead)
        BAD("message %llu of producer %u in \"%s\", which was to have been drained", (unsigned long long)head.number,
            head.producer, groups[consuming->group].name);
    return head;
}

/* Whoever holds it dies of it. The judge is told first, as when it kills by itself. */
static void die_of_poison(void)
{
    add_figure(POISONED, 1);
    doom(my_role, my_life);
    (void)raise(SIGKILL);
}

static uint64_t receive(struct consuming *consuming, const struct mring_message *message)
{
    struct message_head head = read_message(consuming, message);

    ledger_take(consuming->group, head.number, message->deliveries);
    if (consuming->group == WORK && (head.flags & POISON) != 0)
        die_of_poison();
    return head.number;
}

static bool inlined_now(const struct consuming *consuming)
{
    return consuming->inlines && random_below(&my_random, 8) != 0;
}

static int take(struct consuming *consuming, struct mring_message *message, int most)
{
    int count = 0, code = 0;

    if (!inlined_now(consuming))
        return mring_next_batch(consuming->consumer, message, most);
    while (count < most && (code = mring_reader_next(&consuming->reader, &message[count])) == 1)
        count++;
    return count > 0 ? count : code;
}

static void release(struct consuming *consuming, const struct mring_message *message)
{
    int code = inlined_now(consuming) ? mring_reader_release(&consuming->reader, message)
                                      : mring_release(consuming->consumer, message);

    if (code != 0)
        BAD("mring_release: %d", code);
}

/* Take some messages, process them, release them one by one or all at once. What mring_next said. */
static int take_some(struct consuming *consuming)
{
    struct mring_message message[TAKEN_MOST];
    uint64_t number[TAKEN_MOST];
    bool one_by_one = random_below(&my_random, 2) == 0;
    int most = 1 + (int)random_below(&my_random, TAKEN_MOST);
    int count = take(consuming, message, most);

    for (int at = 0; at < count; at++)
        number[at] = receive(consuming, &message[at]);
    for (int at = 0; at < count; at++) {
        ledger_done(consuming->group, number[at]);
        if (one_by_one)
            release(consuming, &message[at]);
    }
    if (count > 0 && !one_by_one)
        release(consuming, &message[count - 1]);
    return count;
}

/* Nothing is to be read: nobody is woken for what was set aside, so who buries that does not wait for ever. */
static int64_t some_time(void)
{
    bool forever = random_below(&my_random, 2) == 0 && !cast[my_role].buries;

    return forever ? MRING_FOREVER : (int64_t)random_below(&my_random, 100000000);
}

static void wait_for_more(struct consuming *consuming, int64_t timeout)
{
    uint64_t born = word_load(&book->born);
    int code = wait_for_message(consuming->consumer, timeout);
    uint64_t rescued = word_load(&consuming->consumer->core.line->rescued);

    add_figure(CONSUMER_RESCUED, rescued - consuming->rescued);
    consuming->rescued = rescued;
    if (code == -EOWNERDEAD) {
        add_figure(OWNER_DEAD, 1);
        consuming->dead = born;
    } else if (code != 0 && code != -ETIMEDOUT && code != -EPIPE) {
        BAD("mring_wait: %d", code);
    }
    note_server(consuming->ring);
}

/* Of a batch that it was handed a part of, and has released that part or not: what it was not handed goes to others. */
static void leave_some(struct consuming *consuming)
{
    struct mring_message message;

    if (mring_next(consuming->consumer, &message) == 1)
        ledger_done(consuming->group, receive(consuming, &message));
    leave(consuming->ring, consuming->consumer);
}

/* The member of a durable group comes and goes: nobody is there then. */
static bool time_to_leave(enum group_number group)
{
    return random_below(&my_random, groups[group].durable ? 5000 : 200000) == 0 && !keeps_one(group) &&
           word_load(&book->ending) == 0;
}

void play_consumer(void)
{
    struct consuming consuming = {0};
    bool polls = random_below(&my_random, 4) == 0;
    bool slow = random_below(&my_random, 8) == 0;
    unsigned turn = 0;
    int code;

    begin(&consuming);
    while ((code = take_some(&consuming)) >= 0) {
        if (cast[my_role].buries && (code == 0 || turn++ % 256 == 0))
            take_aside(consuming.consumer, mark_aside, &consuming.group);
        if (code == 0 && (!polls || random_below(&my_random, 4096) == 0)) /* who only polled would see nobody die */
            wait_for_more(&consuming, polls ? 0 : some_time());
        if (slow && random_below(&my_random, 16) == 0)
            nap();
        if (time_to_leave(consuming.group))
            leave_some(&consuming);
    }
    if (code != -EPIPE)
        BAD("mring_next: %d", code);
    if (cast[my_role].buries) /* the last of them, perhaps */
        take_aside(consuming.consumer, mark_aside, &consuming.group);
    stay(consuming.consumer);
}

/* The only member of a passing group: it sees everything from when it came, and nobody saw it before. */
void play_tap(void)
{
    struct consuming consuming = {0};
    struct mring_message message;
    int code;

    begin(&consuming);
    while ((code = mring_next(consuming.consumer, &message)) >= 0) {
        if (code == 0) {
            wait_for_more(&consuming, some_time());
            continue;
        }
        if (message.deliveries != 1)
            BAD("a passing group of one begins with a message that was delivered before");
        (void)read_message(&consuming, &message);
        release(&consuming, &message);
    }
    if (code != -EPIPE)
        BAD("mring_next: %d", code);
    stay_until_killed();
}

/*
 * Who comes when all places are taken, one of them by a dead member, begins with what that one held. A coroner might die of it: it leaves
 * that to others, and comes again.
 */
static void begin_with_nothing(struct consuming *consuming)
{
    const struct consumer_core *core;

    begin(consuming);
    for (;;) {
        core = &consuming->consumer->core;
        if (core->position == core->limit)
            return;
        if (mring_leave(consuming->consumer) != 0)
            BAD("leaving failed");
        nap();
        consuming->consumer = join_group(consuming->ring, consuming->group);
    }
}

/* What it keeps of "spare" does not get lost any more, as it is not killed. */
static void note_kept(struct mring *ring)
{
    const uint64_t index = word_load(&book->spare.which) & WHICH_INDEX_MASK;

    if ((ring->kept >> index & 1) != 0 && word_load(&ring->brought) == word_load(&ring->meetings))
        word_store_release(&book->kept, which_group(&ring->group[index].view));
}

/*
 * A member that takes no messages, but out of the way those that were set aside. There is no event to wait for. It is not killed; so the durable
 * groups that it has heard of last, but while it leaves for another life.
 */
void play_coroner(void)
{
    struct consuming consuming = {0};

    begin_with_nothing(&consuming);
    for (;;) {
        take_aside(consuming.consumer, mark_aside, &consuming.group);
        (void)mring_wait(consuming.consumer, 0); /* who serves the ring, and what durable groups are there? */
        if (consuming.ring->kept != 0)
            word_store_release(&book->heard, 1);
        note_kept(consuming.ring);
        if (is_stuck_serving(consuming.ring)) {
            word_store_release(&book->kept, 0);
            leave(consuming.ring, consuming.consumer);
        }
        nap();
    }
}
