#include "soak.h"

#include "api/producer.h"
#include "mring_inline.h"

#include <errno.h>

#define POLL_MOST INT64_C(250000000)

struct producing {
    struct mring_producer *producer;
    struct mring_consumer *journal;
    uint64_t next; /* the number of the next message to commit */
    uint32_t self;
    bool polls;
    bool inlines; /* some of its messages go by a writer */
    struct mring_writer writer;
    uint64_t rescued;
};

static void note_number(uint64_t number, unsigned deliveries, uint64_t bytes)
{
    uint64_t last = word_load(&book->last);

    if (number == last + 1) {
        word_store(&book->last, number);
        add_figure(BYTES, bytes);
    } else if (number > last + 1 || deliveries < 2) {
        BAD("message %llu (delivery %u) in the journal after %llu", (unsigned long long)number, deliveries,
            (unsigned long long)last);
    }
}

static void note_aside(uint64_t number, unsigned deliveries, void *unused)
{
    (void)unused;
    note_number(number, deliveries, 0);
}

static int read_journal(const struct producing *producing)
{
    struct mring_message message;
    int code;

    while ((code = mring_next(producing->journal, &message)) == 1) {
        note_number(message_check(&message).number, message.deliveries, message.length);
        code = mring_release(producing->journal, &message);
        if (code != 0)
            BAD("mring_release: %d", code);
    }
    if (code != 0 && code != -EPIPE)
        BAD("mring_next: %d", code);
    return code;
}

static void begin(struct producing *producing)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_producer_options options = MRING_PRODUCER_OPTIONS_INIT;
    struct mring *ring = open_ring(MRING_PRODUCE);
    int code;

    options.wait = my_waiting;
    options.interval = my_interval;
    options.error = &error;
    code = mring_producer(ring, &producing->producer, &options);
    if (code != 0)
        BAD("mring_producer: %d, %s", code, error.text);
    producing->rescued = word_load(&ring->region.view.page->rescued);
    producing->journal = join_group(ring, JOURNAL);
    take_aside(producing->journal, note_aside, NULL);
    (void)read_journal(producing);
    producing->next = word_load(&book->last) + 1;
    producing->self = (uint32_t)word_load(&book->born) + 1;
    if (producing->self >= LIVES_MOST - 1)
        BAD("more producers than the book has room for");
    word_store_release(&book->begins[producing->self], producing->next);
    word_store(&book->born, producing->self);
    producing->polls = random_below(&my_random, 2) == 0;
    producing->inlines = random_below(&my_random, 2) == 0;
    producing->writer = mring_writer(producing->producer);
}

static void count_rescued(struct producing *producing)
{
    uint64_t rescued = word_load(&producing->producer->ring->region.view.page->rescued);

    add_figure(PRODUCER_RESCUED, rescued - producing->rescued);
    producing->rescued = rescued;
}

/* A stall is the ring's: whose producer is killed meanwhile goes on with the next one. */
static void note_full(void)
{
    if (word_load(&book->full_since) == 0)
        word_store(&book->full_since, (uint64_t)now_ns());
}

static void note_room(void)
{
    uint64_t since = word_load(&book->full_since);

    if (since == 0)
        return;
    word_raise(&book->stall, (uint64_t)now_ns() - since);
    word_store(&book->full_since, 0);
}

/* There is none: read the journal, which may be what keeps it, and wait. */
static void *reserve_waiting(struct producing *producing, uint32_t length)
{
    int64_t began = now_ns();
    void *where;
    int code;

    note_full();
    do {
        (void)read_journal(producing);
        /* Who only polled would never give up a group that nobody serves. */
        code = producing->polls && now_ns() - began < POLL_MOST ? 0 : wait_for_room(producing->producer);
        if (code != 0)
            BAD("mring_wait: %d", code);
        count_rescued(producing);
    } while ((code = mring_reserve(producing->producer, length, &where)) == -EAGAIN);
    if (code != 0)
        BAD("mring_reserve: %d", code);
    return where;
}

/* A message that kills who holds it: two a second, at most. */
static bool poisonous(void)
{
    int64_t now = now_ns();

    if (now - (int64_t)word_load(&book->poisoned_at) < 500000000 || word_load(&book->ending) != 0)
        return false;
    word_store(&book->poisoned_at, (uint64_t)now);
    return true;
}

/* Committed, or published with all that is. */
static void commit_one(struct producing *producing)
{
    struct message_head head = {producing->next, producing->self, 0};
    uint32_t length = message_length(head.number, head.producer), tag = (uint32_t)head.number;
    bool inlined = producing->inlines && random_below(&my_random, 4) != 0;
    void *where;
    int code = inlined ? mring_writer_reserve(&producing->writer, length, &where)
                       : mring_reserve(producing->producer, length, &where);

    if (code == -EAGAIN)
        where = reserve_waiting(producing, length);
    else if (code != 0)
        BAD("mring_reserve: %d", code);
    note_room();
    if (head.number % 64 == 0 && poisonous())
        head.flags = POISON;
    message_write(where, length, &head);
    ledger_fresh(head.number);
    code = inlined ? mring_writer_publish(&producing->writer, length, tag)
                   : mring_commit(producing->producer, length, tag);
    if (code != 0)
        BAD("%s: %d", inlined ? "mring_writer_publish" : "mring_commit", code);
    producing->next++;
}

void play_producer(void)
{
    struct producing producing = {0};
    int code;

    begin(&producing);
    while (word_load(&book->ending) == 0) {
        for (uint32_t left = 1 + random_below(&my_random, 16); left > 0; left--)
            commit_one(&producing);
        code = mring_flush(producing.producer);
        if (code != 0)
            BAD("mring_flush: %d", code);
        if (random_below(&my_random, 64) == 0)
            (void)read_journal(&producing);
        if (random_below(&my_random, 4096) == 0) /* let them run dry, and fall asleep */
            nap();
    }
    code = mring_end(producing.producer);
    if (code != 0)
        BAD("mring_end: %d", code);
    while (read_journal(&producing) != -EPIPE)
        ;
    stay_until_killed();
}
