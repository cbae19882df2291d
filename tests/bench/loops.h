/*
 * The loops of the works, inlined around an adapter's ops (which must be static and constant): an adapter's play is
 *
 *     static void play(struct side *side)
 *     {
 *         play_with(side, &ops);
 *     }
 *
 * Waiting is the same for all. A stream's side that finds nothing to do leaves the other's lines alone for a moment: whoever looks again at
 * once takes the line away from who is writing it, which makes any queue several times slower. In a round trip it does look at once.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "bench.h"
#include "clock.h"
#include "content.h"

#include <sched.h>

#define INLINE static inline __attribute__((always_inline))

/* So that no loop keeps in memory what it works with, for the sake of calls that it makes while it waits. */
#define SELDOM(condition) __builtin_expect((condition), 0)

enum { PAUSES_ROOM = 64, PAUSES_MESSAGE = 16, PAUSES_MANY = 200, SMALL = 256, TRIPS_WARMING = 200, TRIPS_LEAST = 400 };

INLINE void relax(const struct side *side, unsigned pauses)
{
    while (pauses-- > 0)
        cpu_pause();
    if (SELDOM(side->crowded))
        (void)sched_yield();
}

/*
 * Programs that send numbers know how long those are, and so do their compilers: the loops for them, and those for messages of any length, come of the
 * same functions, given NUMBER or ANY.
 */
enum known { NUMBER = sizeof(uint64_t), ANY = 0 };

INLINE size_t length_of(const struct side *side, enum known known, uint64_t number)
{
    if (known != ANY)
        return known;
    return side->work->mixed && number != CONTENT_END ? side->lengths[number % LENGTHS] : side->work->length;
}

INLINE bool numbers(const struct side *side)
{
    return side->work->length == NUMBER;
}

INLINE void await_room(struct side *side, const struct ops *ops, void *end)
{
    if (side->work->idle != LOOKS && ops->wait_room != NULL)
        ops->wait_room(end);
    else
        relax(side, PAUSES_ROOM);
}

INLINE void put(struct side *side, const struct ops *ops, void *end, enum known known, uint64_t number)
{
    const size_t length = length_of(side, known, number);
    void *where;

    while (SELDOM((where = ops->reserve(end, length)) == NULL))
        await_room(side, ops, end);
    content_write(where, length, number);
    ops->commit(end, length);
}

INLINE void flush_out(struct side *side, const struct ops *ops, void *end)
{
    while (SELDOM(!ops->flush(end)))
        await_room(side, ops, end);
}

/* To all groups. */
INLINE void put_all(struct side *side, const struct ops *ops, uint64_t number)
{
    for (unsigned out = 0; out < side->outs; out++) {
        put(side, ops, side->out[out], ANY, number);
        flush_out(side, ops, side->out[out]);
    }
}

INLINE int take(struct side *side, const struct ops *ops, void *in, struct message *message, unsigned pauses)
{
    int code;

    while (SELDOM((code = ops->next(in, message)) == 0))
        if (side->work->idle != LOOKS && ops->wait_message != NULL)
            ops->wait_message(in);
        else
            relax(side, pauses);
    return code;
}

/* What is seen by one consumer: false when it is the end. */
INLINE bool see(struct side *side, struct seen *seen, enum known known, const struct message *message)
{
    const bool alone = seen->alone;
    const uint64_t number = content_number(message->data);

    if (number == CONTENT_END)
        return false;
    if (alone ? number != seen->count : number < seen->least)
        fault("message %llu came where %llu was due", (unsigned long long)number, (unsigned long long)seen->count);
    if (message->length != length_of(side, known, number) || !content_intact(message->data, message->length, number))
        fault("message %llu is torn", (unsigned long long)number);
    seen->count++;
    if (!alone) {
        seen->sum += content_scramble(number);
        seen->least = number + 1;
    }
    return true;
}

/* ---- streams ---- */

/* Send until the time is over. The clock is looked at some thousand times a second. */
INLINE uint64_t produce_each(struct side *side, const struct ops *ops, void *out, enum known known, int64_t until)
{
    uint64_t number = 0, chunk = 64;

    for (int64_t before = now(), after; before < until; before = after) {
        for (uint64_t last = number + chunk; number < last; number++) {
            put(side, ops, out, known, number);
            flush_out(side, ops, out);
        }
        after = now();
        if (after - before < 100 * 1000)
            chunk *= 2;
    }
    return number;
}

/* A batch, from message `number` on: those that there is room for are written one behind the other. */
INLINE void put_runs(struct side *side, const struct ops *ops, void *out, enum known known, uint64_t number)
{
    const size_t length = length_of(side, known, number);
    unsigned char *where = NULL;
    size_t stride = 0;
    int count;

    for (int left = (int)side->work->batch; left > 0; left -= count) {
        while (SELDOM((count = ops->reserve_run(out, length, left, &where, &stride)) == 0))
            await_room(side, ops, out);
        for (int at = 0; at < count; at++, where += stride)
            content_write(where, length, number++);
        ops->commit_run(out, length, count);
    }
}

INLINE void put_batch(struct side *side, const struct ops *ops, void *out, enum known known, uint64_t number)
{
    if (ops->reserve_run != NULL)
        put_runs(side, ops, out, known, number);
    else
        for (const uint64_t last = number + side->work->batch; number < last; number++)
            put(side, ops, out, known, number);
}

INLINE uint64_t produce_batches(struct side *side, const struct ops *ops, void *out, enum known known, int64_t until)
{
    uint64_t number = 0, chunk = 2;
    const unsigned batch = side->work->batch;

    for (int64_t before = now(), after; before < until; before = after) {
        for (uint64_t left = chunk; left > 0; left--, number += batch) {
            put_batch(side, ops, out, known, number);
            flush_out(side, ops, out);
        }
        after = now();
        if (after - before < 100 * 1000)
            chunk *= 2;
    }
    return number;
}

INLINE uint64_t produce_fanned(struct side *side, const struct ops *ops, int64_t until)
{
    uint64_t number = 0, chunk = 64;

    for (int64_t before = now(), after; before < until; before = after) {
        for (uint64_t last = number + chunk; number < last; number++)
            put_all(side, ops, number);
        after = now();
        if (after - before < 100 * 1000)
            chunk *= 2;
    }
    return number;
}

/* As many ends as consumers may take: one that takes a batch of them needs one. */
INLINE void finish(struct side *side, const struct ops *ops)
{
    for (unsigned out = 0; out < side->outs; out++)
        if (ops->finish != NULL) {
            ops->finish(side->out[out]);
        } else {
            for (unsigned left = side->work->members * side->work->batch; left > 0; left--) {
                put(side, ops, side->out[out], ANY, CONTENT_END);
                flush_out(side, ops, side->out[out]);
            }
        }
}

/* Through `out`, or, with more than one, through all. */
INLINE void produce_stream(struct side *side, const struct ops *ops, void *out)
{
    const int64_t until = side->outcome->began + side->duration;

    if (side->outs > 1)
        side->outcome->sent = produce_fanned(side, ops, until);
    else if (side->work->batch > 1 && numbers(side))
        side->outcome->sent = produce_batches(side, ops, out, NUMBER, until);
    else if (side->work->batch > 1)
        side->outcome->sent = produce_batches(side, ops, out, ANY, until);
    else if (numbers(side))
        side->outcome->sent = produce_each(side, ops, out, NUMBER, until);
    else
        side->outcome->sent = produce_each(side, ops, out, ANY, until);
}

static __attribute__((noinline)) void rest(void)
{
    const struct timespec time = {0, 100 * 1000 * 1000};

    (void)nanosleep(&time, NULL);
}

/* bench.h: hurry. */
INLINE void rest_in_hurry(const struct side *side, struct seen *seen)
{
    if (seen->alone || !side->crowded || __atomic_load_n(&side->outcome->hurried, __ATOMIC_RELAXED) == 0)
        return;
    if (seen->in_time == 0)
        seen->in_time = seen->count;
    if (!side->samples)
        rest();
}

/*
 * How long a stream's consumer waits before it looks again: what is best for the quickest queues. Of small messages many come in a moment, and a queue that
 * has nothing of its own against it loses a third if its only consumer is always at the producer's heels. Several consumers, or long messages, are slow
 * enough to look sooner.
 */
INLINE unsigned pauses(const struct side *side)
{
    return side->work->members == 1 && side->work->length <= SMALL ? PAUSES_MANY : PAUSES_MESSAGE;
}

INLINE void consume_each(struct side *side, const struct ops *ops, void *in, enum known known, struct seen *seen)
{
    const unsigned waiting = pauses(side);
    struct message message;

    while (take(side, ops, in, &message, waiting) > 0 && see(side, seen, known, &message)) {
        ops->release(in);
        rest_in_hurry(side, seen);
    }
}

INLINE void consume_batches(struct side *side, const struct ops *ops, void *in, enum known known, struct seen *seen)
{
    const unsigned waiting = pauses(side);
    struct message messages[BATCH_MOST];
    int count;

    while ((count = ops->next_batch(in, messages, BATCH_MOST)) >= 0) {
        if (SELDOM(count == 0)) {
            relax(side, waiting);
            continue;
        }
        for (int at = 0; at < count; at++)
            if (!see(side, seen, known, &messages[at]))
                return;
        ops->release(in);
        rest_in_hurry(side, seen);
    }
}

INLINE void consume_stream(struct side *side, const struct ops *ops, void *in, struct seen *seen)
{
    if (side->work->batch > 1 && numbers(side))
        consume_batches(side, ops, in, NUMBER, seen);
    else if (side->work->batch > 1)
        consume_batches(side, ops, in, ANY, seen);
    else if (numbers(side))
        consume_each(side, ops, in, NUMBER, seen);
    else
        consume_each(side, ops, in, ANY, seen);
}

/* ---- round trips ---- */

/* A time, as it is kept: seconds are enough for what is too long for words. */
INLINE uint32_t sample(int64_t time)
{
    return time < 0 ? 0 : time > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

INLINE void ping_each(struct side *side, const struct ops *ops, void *out, void *in, enum known known)
{
    struct outcome *outcome = side->outcome;
    const int64_t until = outcome->began + side->duration;
    struct seen seen = outcome->seen[0]; /* nothing */
    struct message message;
    uint64_t number = 0;

    seen.alone = true;
    for (bool over = false; !over; number++) {
        const uint64_t begin = ticks();

        put(side, ops, out, known, number);
        flush_out(side, ops, out);
        if (take(side, ops, in, &message, 1) < 0 || !see(side, &seen, known, &message))
            fault("no answer to %llu", (unsigned long long)number);
        ops->release(in);
        if (number >= TRIPS_WARMING && outcome->latencies < SAMPLES_MOST)
            outcome->latency[outcome->latencies++] = sample((int64_t)(ticks() - begin));
        if (number % 64 == 63)
            over = number >= TRIPS_LEAST && now() >= until;
    }
    outcome->sent = number;
    put(side, ops, out, ANY, CONTENT_END);
    flush_out(side, ops, out);
}

INLINE void ping(struct side *side, const struct ops *ops, void *out, void *in)
{
    if (numbers(side))
        ping_each(side, ops, out, in, NUMBER);
    else
        ping_each(side, ops, out, in, ANY);
}

INLINE void pong_each(struct side *side, const struct ops *ops, void *out, void *in, enum known known,
                      struct seen *seen)
{
    struct message message;

    while (take(side, ops, in, &message, 1) > 0 && see(side, seen, known, &message)) {
        ops->release(in);
        put(side, ops, out, known, seen->count - 1);
        flush_out(side, ops, out);
    }
}

INLINE void pong(struct side *side, const struct ops *ops, void *out, void *in, struct seen *seen)
{
    if (numbers(side))
        pong_each(side, ops, out, in, NUMBER, seen);
    else
        pong_each(side, ops, out, in, ANY, seen);
}

/* ---- bursts ---- */

/* When message `number` was meant to be sent. */
INLINE int64_t due(const struct side *side, uint64_t number)
{
    return side->outcome->began + (int64_t)(number / side->work->burst) * side->work->period;
}

/* Sleep most of a long time, and not the last of it: a sleep ends late. */
INLINE void pass_time(int64_t left)
{
    enum { LATE = 200 * 1000 };
    const struct timespec most = {(left - LATE) / 1000000000, (left - LATE) % 1000000000};

    if (left > 2 * LATE)
        (void)nanosleep(&most, NULL);
    else
        cpu_pause();
}

INLINE void produce_paced(struct side *side, const struct ops *ops)
{
    const int64_t until = side->outcome->began + side->duration;
    struct outcome *outcome = side->outcome;
    uint64_t number = 0;

    for (int64_t at; (at = due(side, number)) < until;) {
        int64_t begin;

        while ((begin = now()) < at)
            pass_time(at - begin);
        if (side->work->burst == 1) {
            put_all(side, ops, number++);
            continue;
        }
        begin = now_cpu();
        for (unsigned left = side->work->burst; left > 0; left--)
            put_all(side, ops, number++);
        if (outcome->sends < SAMPLES_MOST)
            outcome->send[outcome->sends++] = sample(now_cpu() - begin);
    }
    outcome->sent = number;
    finish(side, ops);
}

INLINE void consume_paced(struct side *side, const struct ops *ops, struct seen *seen)
{
    struct outcome *outcome = side->outcome;
    struct message message;

    while (take(side, ops, side->in, &message, 1) > 0) {
        const uint64_t number = content_number(message.data);
        const int64_t at = now();

        if (!see(side, seen, ANY, &message))
            return;
        ops->release(side->in);
        if (side->samples && outcome->latencies < SAMPLES_MOST)
            outcome->latency[outcome->latencies++] = sample(at - due(side, number));
    }
}

/* A copy of `seen`, so that the compiler may keep it in registers: a store through it would else be one to anywhere. */
INLINE void consume_with(struct side *side, const struct ops *ops, void *out, void *in)
{
    struct seen seen = *side->seen;

    switch (side->work->kind) {
    case STREAM:
        consume_stream(side, ops, in, &seen);
        break;
    case ROUND_TRIP:
        pong(side, ops, out, in, &seen);
        break;
    case PACED:
        consume_paced(side, ops, &seen);
        break;
    }
    seen.end = now();
    *side->seen = seen;
}

INLINE void play_with(struct side *side, const struct ops *ops)
{
    if (side->seen != NULL) {
        consume_with(side, ops, side->out[0], side->in);
        return;
    }
    switch (side->work->kind) {
    case STREAM:
        produce_stream(side, ops, side->out[0]);
        finish(side, ops);
        break;
    case ROUND_TRIP:
        ping(side, ops, side->out[0], side->in);
        break;
    case PACED:
        produce_paced(side, ops);
        break;
    }
}

/*
 * The same for ends of an adapter's own types, `struct producing` and `struct consuming`, that may be copied. The ends of a stream or a round trip
 * are local variables then, as they would be of a program's loop: what is stored there is in registers, and need not come back from memory.
 */
#define PLAY_LOCALLY(side, ops)                                                                                        \
    do {                                                                                                               \
        if ((side)->work->kind == PACED || (side)->outs > 1) {                                                         \
            play_with(side, ops);                                                                                      \
        } else if ((side)->work->kind == ROUND_TRIP) {                                                                 \
            struct producing out = *(struct producing *)(side)->out[0];                                                \
            struct consuming in = *(struct consuming *)(side)->in;                                                     \
                                                                                                                       \
            if ((side)->seen != NULL)                                                                                  \
                consume_with(side, ops, &out, &in);                                                                    \
            else                                                                                                       \
                ping(side, ops, &out, &in);                                                                            \
        } else if ((side)->seen != NULL) {                                                                             \
            struct consuming in = *(struct consuming *)(side)->in;                                                     \
                                                                                                                       \
            consume_with(side, ops, NULL, &in);                                                                        \
        } else {                                                                                                       \
            struct producing out = *(struct producing *)(side)->out[0];                                                \
                                                                                                                       \
            produce_stream(side, ops, &out);                                                                           \
            *(struct producing *)(side)->out[0] = out;                                                                 \
            finish(side, ops);                                                                                         \
        }                                                                                                              \
    } while (0)

#endif
