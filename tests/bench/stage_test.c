/*
 * A run that loses, repeats, tears or disorders a message fails, and says how: shown by a queue that does each of that on purpose, to one message.
 */
#include "loops.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the queue: slots under a lock ---- */

enum { SLOTS = 16, LONGEST = 64, MARKED = 10 /* the message that it happens to */, SECOND = 1000 * 1000 * 1000 };

enum mischief { HONEST, LOSES, LOSES_LAST, REPEATS, REPLACES, SWAPS, TEARS, CUTS, STOPS, DIES, CRAWLS };

static enum mischief mischief;

struct slot {
    size_t length;
    unsigned char bytes[LONGEST];
};

struct queue {
    unsigned lock;
    unsigned inside; /* members that ask for a message */
    uint64_t written, read;
    struct slot slots[SLOTS];
};

struct producing {
    struct queue *queue;
    struct slot now, kept;
    bool stopped;
};

struct consuming {
    struct queue *queue;
    struct slot taken;
};

static void lock(struct queue *queue)
{
    while (__atomic_exchange_n(&queue->lock, 1, __ATOMIC_ACQUIRE) != 0) /* [LOCK] */
        (void)sched_yield();
}

static void unlock(struct queue *queue)
{
    __atomic_store_n(&queue->lock, 0, __ATOMIC_RELEASE); /* [LOCK] */
}

static void push(struct queue *queue, const struct slot *slot)
{
    bool done = false;

    while (!done) {
        lock(queue);
        if (queue->written - queue->read < SLOTS) {
            queue->slots[queue->written++ % SLOTS] = *slot;
            done = true;
        }
        unlock(queue);
    }
}

static bool pull(struct queue *queue, struct slot *slot)
{
    bool done = false;

    lock(queue);
    if (queue->read < queue->written) {
        *slot = queue->slots[queue->read++ % SLOTS];
        done = true;
    }
    unlock(queue);
    return done;
}

static void *create(const struct work *work, void *other)
{
    (void)work;
    (void)other;
    return shared_memory(sizeof(struct queue));
}

static void *open_producer(void *channel)
{
    struct producing *end = calloc(1, sizeof(*end));

    end->queue = channel;
    return end;
}

static void *open_consumer(void *channel, unsigned group, unsigned member)
{
    struct consuming *end = calloc(1, sizeof(*end));

    (void)group;
    (void)member;
    end->queue = channel;
    return end;
}

static void *reserve(void *of, size_t length)
{
    (void)length;
    return ((struct producing *)of)->now.bytes;
}

static void commit(void *of, size_t length)
{
    ((struct producing *)of)->now.length = length;
}

static void send_marked(struct producing *end)
{
    switch (mischief) {
    case HONEST:
    case LOSES_LAST:
    case DIES:
    case CRAWLS:
        push(end->queue, &end->now);
        break;
    case LOSES:
        break;
    case STOPS:
        end->stopped = true;
        break;
    case REPEATS:
        push(end->queue, &end->now);
        push(end->queue, &end->now);
        break;
    case REPLACES: /* by the one before */
        push(end->queue, &end->kept);
        break;
    case SWAPS: /* with the next one */
        break;
    case TEARS: /* the last byte */
        end->now.bytes[end->now.length - 1] ^= 1;
        push(end->queue, &end->now);
        break;
    case CUTS:
        end->now.length--;
        push(end->queue, &end->now);
        break;
    }
}

static bool flush(void *of)
{
    struct producing *end = of;
    const uint64_t number = content_number(end->now.bytes);

    if (mischief == LOSES_LAST) {
        if (number == CONTENT_END)
            push(end->queue, &end->now);
        else if (number > 0)
            push(end->queue, &end->kept);
    } else if (number == MARKED)
        send_marked(end);
    else if (!end->stopped)
        push(end->queue, &end->now);
    if (number == MARKED + 1 && mischief == SWAPS)
        push(end->queue, &end->kept);
    end->kept = end->now;
    return true;
}

/* Two who want a message at the same time keep each other from it. */
static bool crawl(struct queue *queue, struct slot *slot)
{
    const struct timespec time = {0, 300 * 1000 * 1000};
    bool done;

    if (__atomic_add_fetch(&queue->inside, 1, __ATOMIC_RELAXED) > 1)
        (void)nanosleep(&time, NULL);
    done = pull(queue, slot);
    (void)__atomic_sub_fetch(&queue->inside, 1, __ATOMIC_RELAXED);
    return done;
}

static int next(void *of, struct message *message)
{
    struct consuming *end = of;

    if (!(mischief == CRAWLS ? crawl : pull)(end->queue, &end->taken))
        return 0;
    if (mischief == DIES && content_number(end->taken.bytes) == MARKED)
        (void)raise(SIGKILL);
    *message = (struct message){end->taken.bytes, end->taken.length};
    return 1;
}

static void release(void *of)
{
    (void)of;
}

static const struct ops ops = {.reserve = reserve, .commit = commit, .flush = flush, .next = next, .release = release};

LOOPS(play, &ops, BORROWED)

static const struct adapter queue = {.name = "queue",
                                     .mixes = true,
                                     .kinds = 1 << STREAM | 1 << ROUND_TRIP | 1 << PACED,
                                     .longest = LONGEST,
                                     .longest_shared = LONGEST,
                                     .create = create,
                                     .open_producer = open_producer,
                                     .open_consumer = open_consumer,
                                     .play = play};

/* ---- the works ---- */

#define WORK(kind_, length_, groups_, members_, mixed_)                                                                \
    {                                                                                                                  \
        .name = "work", .family = "test", .kind = kind_, .length = length_, .mixed = mixed_, .batch = 1,               \
        .groups = groups_, .members = members_, .burst = 1, .period = 100 * 1000                                       \
    }

static const struct work stream = WORK(STREAM, 20, 1, 1, false);
static const struct work mixed = WORK(STREAM, 64, 1, 1, true);
static const struct work shared = WORK(STREAM, 20, 1, 2, false);
static const struct work broadcast = WORK(STREAM, 20, 2, 1, false);
static const struct work trip = WORK(ROUND_TRIP, 20, 1, 1, false);
static const struct work paced = WORK(PACED, 20, 1, 1, false);

static const struct work *const all[] = {&stream, &mixed, &shared, &broadcast, &trip, &paced};

static struct outcome *outcome;

static bool run(const struct work *work, enum mischief kind, int64_t patience)
{
    mischief = kind;
    return stage_run(&queue, work, SECOND / 50, patience, outcome);
}

/* It fails, and these words are in the reason. */
static void assert_seen(const struct work *work, enum mischief kind, const char *reason)
{
    assert_false(run(work, kind, (int64_t)60 * SECOND));
    if (strstr(outcome->fault, reason) == NULL)
        fail_msg("\"%s\" instead of \"%s\"", outcome->fault, reason);
}

static void an_honest_queue_passes(void **state)
{
    (void)state;
    for (unsigned at = 0; at < sizeof(all) / sizeof(all[0]); at++) {
        if (!run(all[at], HONEST, (int64_t)60 * SECOND))
            fail_msg("work %u: %s", at, outcome->fault);
        assert_true(outcome->sent > MARKED);
    }
}

static void lost(void **state)
{
    (void)state;
    assert_seen(&stream, LOSES, "message 11 came where 10 was due");
    assert_seen(&mixed, LOSES, "message 11 came where 10 was due");
    assert_seen(&broadcast, LOSES, "message 11 came where 10 was due");
    assert_seen(&paced, LOSES, "message 11 came where 10 was due");
    assert_seen(&shared, LOSES, "group 0 saw");
    assert_seen(&stream, LOSES_LAST, "group 0 saw");
    assert_seen(&broadcast, LOSES_LAST, "group 0 saw");
}

static void repeated(void **state)
{
    (void)state;
    assert_seen(&stream, REPEATS, "message 10 came where 11 was due");
    assert_seen(&paced, REPEATS, "message 10 came where 11 was due");
    assert_false(run(&shared, REPEATS, (int64_t)60 * SECOND)); /* seen by the one who got both, or at the end */
}

static void replaced(void **state)
{
    (void)state;
    assert_seen(&stream, REPLACES, "message 9 came where 10 was due");
    assert_false(run(&shared, REPLACES, (int64_t)60 * SECOND));
}

static void swapped(void **state)
{
    (void)state;
    assert_seen(&stream, SWAPS, "message 11 came where 10 was due");
    assert_seen(&broadcast, SWAPS, "message 11 came where 10 was due");
}

static void torn(void **state)
{
    (void)state;
    for (unsigned at = 0; at < sizeof(all) / sizeof(all[0]); at++) {
        assert_seen(all[at], TEARS, "message 10 is torn");
        assert_seen(all[at], CUTS, "message 10 is torn");
    }
}

static void hung(void **state)
{
    (void)state;
    assert_false(run(&stream, STOPS, SECOND / 2));
    assert_string_equal(outcome->fault, "did not end within 0.5 seconds");
    assert_false(run(&trip, STOPS, SECOND / 2));
}

static void died(void **state)
{
    (void)state;
    assert_false(run(&stream, DIES, SECOND / 2));
    assert_false(run(&paced, DIES, SECOND / 2));
}

/* Of a crowd that is in its own way: it ends, late but not for want of patience, with all messages, and as slow as it was. */
static void hurried(void **state)
{
    struct work crowd = shared;
    uint64_t in_time = 0, count = 0;

    (void)state;
    crowd.members = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) + 1;
    if (crowd.members > CONSUMERS_MOST)
        skip();
    if (!run(&crowd, CRAWLS, (int64_t)60 * SECOND))
        fail_msg("%s", outcome->fault);
    assert_true(outcome->hurried > outcome->began + SECOND);
    for (unsigned member = 0; member < crowd.members; member++) {
        in_time += outcome->seen[member].in_time;
        count += outcome->seen[member].count;
    }
    assert_int_equal(count, outcome->sent);
    assert_true(in_time < count);
}

/* Any change of any byte shows, at any length; so does another message's content. */
static void content(void **state)
{
    unsigned char message[LONGEST], other[LONGEST];

    (void)state;
    for (size_t length = 8; length <= LONGEST; length++) {
        content_write(message, length, 5);
        assert_int_equal(content_number(message), 5);
        assert_true(content_intact(message, length, 5));
        assert_false(content_intact(message, length, 6));
        content_write(other, length, 6);
        for (size_t at = 0; at < length; at++) {
            message[at] ^= 0x80;
            assert_false(content_intact(message, length, 5));
            message[at] ^= 0x80;
        }
        for (size_t at = 8; at < length; at++) { /* begun as one, ended as another */
            unsigned char both[LONGEST];

            memcpy(both, message, at);
            memcpy(both + at, other + at, length - at);
            assert_false(content_intact(both, length, 5));
        }
    }
}

static int make_outcome(void **state)
{
    (void)state;
    outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return outcome == MAP_FAILED;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content),  cmocka_unit_test(an_honest_queue_passes),
        cmocka_unit_test(lost),     cmocka_unit_test(repeated),
        cmocka_unit_test(replaced), cmocka_unit_test(swapped),
        cmocka_unit_test(torn),     cmocka_unit_test(hung),
        cmocka_unit_test(died),     cmocka_unit_test(hurried),
    };

    return cmocka_run_group_tests(tests, make_outcome, NULL);
}
