/*
 * For the tests of mring_inline.h: rings whose ends are used by the calls, or by a writer and a reader. Whatever is done through these, alone or mixed with
 * the calls in any order, leaves the same memory and has the same results as the calls alone.
 */
#ifndef TEST_SIDES_H
#define TEST_SIDES_H

#include "mring_inline.h"

#include "api/consumer.h"
#include "api/producer.h"
#include "ring.h"
#include "support/random.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

enum { STEPS = 20000 };

/* A ring, its ends, and how they are used. */
struct side {
    bool inlined;
    struct mring *ring;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring_writer writer;
    struct mring_reader reader;
};

static const struct mring_group lone[] = {{.name = "it", .members = 1}};
static const struct mring_group many[] = {{.name = "it", .members = 3}};
static const struct mring_group lossy[] = {{.name = "it", .members = 1, .lossy = 1}};
static const struct mring_group lossy_many[] = {{.name = "it", .members = 3, .lossy = 1}};
static const char *const first[] = {"first"};
static const struct mring_group stages[] = {{.name = "it", .members = 1, .after = first, .after_count = 1},
                                            {.name = "first", .members = 1}};

static inline void side_open(struct side *side, bool inlined, const struct mring_group *groups, size_t count,
                             size_t alignment)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_join_options join = MRING_JOIN_OPTIONS_INIT;

    options.groups = groups;
    options.group_count = count;
    options.capacity = 32768;
    options.alignment = alignment;
    side->inlined = inlined;
    join.wait = MRING_SLEEP;
    assert_int_equal(mring_create(&side->ring, NULL, &options), 0);
    assert_int_equal(mring_producer(side->ring, &side->producer, NULL), 0);
    assert_int_equal(mring_join(side->ring, "it", &join, &side->consumer), 0);
    side->producer->core.owned.timed = false; /* what is left of lines that were taken over depends on no time */
    side->writer = mring_writer(side->producer);
    side->reader = mring_reader(side->consumer);
}

static inline void side_close(struct side *side)
{
    assert_int_equal(mring_leave(side->consumer), 0);
    assert_int_equal(mring_producer_close(side->producer), 0);
    assert_int_equal(mring_close(side->ring), 0);
}

/* How quick a member of many is, from now on. Its pace by the clock depends on the machine, and so would what it claims. */
static inline void side_set_pace(struct side *side, uint64_t quick)
{
    side->consumer->pace.at = INT64_MAX;
    side->consumer->core.quick = quick;
}

/* What the producer goes by from now on, until it looks at the gate: do consumers wait for each message (core/owned.h)? */
static inline void side_set_awaited(struct side *side, bool awaited)
{
    side->producer->core.owned.followed = awaited ? OWNED_OFTEN : 0;
    side->producer->core.awaited = awaited;
}

/* What is published now will be at hand at once. */
static inline void side_take_all(struct side *side)
{
    side_set_pace(side, 64);         /* of many: all in one claim */
    side->consumer->core.streak = 1; /* alone: all up to the tail */
}

static inline int side_reserve(struct side *side, size_t length, void **where)
{
    return side->inlined ? mring_writer_reserve(&side->writer, length, where)
                         : mring_reserve(side->producer, length, where);
}

static inline int side_publish(struct side *side, size_t length, uint32_t tag)
{
    return side->inlined ? mring_writer_publish(&side->writer, length, tag)
                         : mring_publish(side->producer, length, tag);
}

static inline int side_commit(struct side *side, size_t length, uint32_t tag)
{
    return side->inlined ? mring_writer_commit(&side->writer, length, tag) : mring_commit(side->producer, length, tag);
}

static inline int side_flush(struct side *side)
{
    return side->inlined ? mring_writer_flush(&side->writer) : mring_flush(side->producer);
}

static inline int side_send(struct side *side, const void *data, size_t length, uint32_t tag)
{
    return side->inlined ? mring_writer_send(&side->writer, data, length, tag)
                         : mring_send(side->producer, data, length, tag);
}

static inline int side_next(struct side *side, struct mring_message *message)
{
    return side->inlined ? mring_reader_next(&side->reader, message) : mring_next(side->consumer, message);
}

/* Of eight bytes, which the compiler knows. */
static inline int side_recv(struct side *side, uint64_t *value, struct mring_message *message)
{
    return side->inlined ? mring_reader_recv(&side->reader, value, sizeof(*value), message)
                         : mring_recv(side->consumer, value, sizeof(*value), message);
}

static inline int side_release(struct side *side, const struct mring_message *message)
{
    return side->inlined ? mring_reader_release(&side->reader, message) : mring_release(side->consumer, message);
}

static inline struct ring_view *view_of(const struct side *side)
{
    return &side->producer->core.view;
}

/* ---- the same memory ---- */

/* The producer's page without what is drawn, or is another process's. */
static inline struct producer_page page_of(const struct side *side)
{
    struct producer_page page = *view_of(side)->page;

    page.epoch = page.fenced = page.broker = page.meeting = (struct word){0};
    return page;
}

static inline struct member_line line_of(const struct side *side)
{
    struct member_line line = *side->consumer->core.line;

    line.owner = line.fenced = line.ticket = (struct word){0};
    return line;
}

/* The header of a record that is committed: the first that is not published is with the handle. */
static inline uint64_t committed_header(const struct side *side, uint64_t at)
{
    const struct producer_core *core = &side->producer->core;

    return core->first_header != 0 && at == core->first ? core->first_header : word_load(record_at(&core->view, at));
}

/*
 * Of the data all records that were not handed out yet, and the header behind them. What lies further ahead is nobody's: how many lines of that were taken
 * over depends on how long it takes. In a lossy group the first of them may be among these.
 */
static inline void expect_same_ring(const struct side *calls, const struct side *inlined)
{
    const struct producer_page of_calls = page_of(calls), of_inlined = page_of(inlined);
    const struct producer_core *core = &calls->producer->core;
    uint64_t at = calls->consumer->core.group.terms.lossy ? producer_core_tail(core) : calls->consumer->core.position;

    assert_memory_equal(&of_calls, &of_inlined, sizeof(of_calls));
    assert_int_equal(core->position, inlined->producer->core.position);
    while (at < core->position) {
        const uint64_t header = committed_header(calls, at);

        assert_int_not_equal(header, 0);
        assert_int_equal(committed_header(inlined, at), header);
        assert_memory_equal(record_at(&core->view, at) + 1, record_at(view_of(inlined), at) + 1, record_length(header));
        at += record_size(record_length(header), core->view.alignment);
    }
    assert_int_equal(at, core->position);
    assert_int_equal(committed_header(calls, at), 0);
    assert_int_equal(committed_header(inlined, at), 0);
}

static inline void expect_same_line(const struct side *calls, const struct side *inlined)
{
    const struct member_line of_calls = line_of(calls), of_inlined = line_of(inlined);

    assert_memory_equal(&of_calls, &of_inlined, sizeof(of_calls));
    assert_int_equal(calls->consumer->core.held, inlined->consumer->core.held);
    assert_int_equal(calls->consumer->core.position, inlined->consumer->core.position);
}

/* The same messages, all there are. */
static inline void drain_both(struct side *calls, struct side *inlined)
{
    struct mring_message one, other;
    int code;

    while ((code = mring_next(calls->consumer, &one)) == 1 || code == -EOVERFLOW) {
        assert_int_equal(mring_next(inlined->consumer, &other), code);
        if (code != 1)
            continue;
        assert_int_equal(one.position, other.position);
        assert_int_equal(one.tag, other.tag);
        assert_int_equal(one.length, other.length);
        assert_memory_equal(one.data, other.data, one.length);
        assert_int_equal(mring_release(calls->consumer, &one), 0);
        assert_int_equal(mring_release(inlined->consumer, &other), 0);
    }
    assert_int_equal(code, 0);
    assert_int_equal(mring_next(inlined->consumer, &other), 0);
}

/* Take all there is, by the calls: 0, or what came instead. */
static inline void drain(struct side *side)
{
    struct mring_message message;
    int code;

    while ((code = mring_next(side->consumer, &message)) == 1 || code == -EOVERFLOW)
        if (code == 1)
            code = mring_release(side->consumer, &message);
    assert_int_equal(code, 0);
}

/* ---- sleepers ---- */

static inline void *wait_for_message(void *consumer)
{
    assert_int_equal(mring_wait((struct mring_consumer *)consumer, MRING_FOREVER), 0);
    return NULL;
}

/* Until another one sleeps, as is counted when it is about to. */
static inline void await(const struct word *sleeps, uint64_t before)
{
    while (word_load(sleeps) == before)
        (void)sched_yield();
}

#endif
