/*
 * The loops of the works, inlined around an adapter's ops (which must be static and constant):
 *
 *     LOOPS(play, &ops, BORROWED)
 *
 * makes static functions, one for each loop, and `play`, which does what a side has to do by one of them. Each loop is a function by itself, as it would be
 * in a program: all in one, a compiler keeps in memory what a loop works with, the more so the more there is of that.
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

/* Send until the time is over, and something in any case, however late this begins. The clock is looked at some thousand times a second. */
INLINE uint64_t produce_each(struct side *side, const struct ops *ops, void *out, enum known known, int64_t until)
{
    uint64_t number = 0, chunk = 64;
    int64_t before = now(), after;

    do {
        for (uint64_t last = number + chunk; number < last; number++) {
            put(side, ops, out, known, number);
            flush_out(side, ops, out);
        }
        after = now();
        if (after - before < 100 * 1000)
            chunk *= 2;
        before = after;
    } while (before < until);
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
    int64_t before = now(), after;

    do {
        for (uint64_t left = chunk; left > 0; left--, number += batch) {
            put_batch(side, ops, out, known, number);
            flush_out(side, ops, out);
        }
        after = now();
        if (after - before < 100 * 1000)
            chunk *= 2;
        before = after;
    } while (before < until);
    return number;
}

INLINE uint64_t produce_fanned(struct side *side, const struct ops *ops, int64_t until)
{
    uint64_t number = 0, chunk = 64;
    int64_t before = now(), after;

    do {
        for (uint64_t last = number + chunk; number < last; number++)
            put_all(side, ops, number);
        after = now();
        if (after - before < 100 * 1000)
            chunk *= 2;
        before = after;
    } while (before < until);
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

/* ---- round trips ---- */

/* A time, as it is kept: seconds are enough for what is too long for words. */
INLINE uint32_t sample(int64_t time)
{
    return time < 0 ? 0 : time > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

INLINE void ping(struct side *side, const struct ops *ops, void *out, void *in, enum known known)
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

INLINE void pong(struct side *side, const struct ops *ops, void *out, void *in, enum known known, struct seen *seen)
{
    struct message message;

    while (take(side, ops, in, &message, 1) > 0 && see(side, seen, known, &message)) {
        ops->release(in);
        put(side, ops, out, known, seen->count - 1);
        flush_out(side, ops, out);
    }
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

/* ---- plays ---- */

/* By whether it is numbers that are sent. */
struct loops {
    void (*produce_each[2])(struct side *side);
    void (*produce_batches[2])(struct side *side);
    void (*produce_fanned)(struct side *side);
    void (*produce_paced)(struct side *side);
    void (*consume_each[2])(struct side *side);
    void (*consume_batches[2])(struct side *side);
    void (*consume_paced)(struct side *side);
    void (*ping[2])(struct side *side);
    void (*pong[2])(struct side *side);
};

INLINE void produce(struct side *side, const struct loops *loops)
{
    const struct work *work = side->work;

    if (work->kind == PACED)
        loops->produce_paced(side);
    else if (work->kind == ROUND_TRIP)
        loops->ping[numbers(side)](side);
    else if (side->outs > 1)
        loops->produce_fanned(side);
    else if (work->batch > 1)
        loops->produce_batches[numbers(side)](side);
    else
        loops->produce_each[numbers(side)](side);
}

INLINE void consume(struct side *side, const struct loops *loops)
{
    const struct work *work = side->work;

    if (work->kind == PACED)
        loops->consume_paced(side);
    else if (work->kind == ROUND_TRIP)
        loops->pong[numbers(side)](side);
    else if (work->batch > 1)
        loops->consume_batches[numbers(side)](side);
    else
        loops->consume_each[numbers(side)](side);
    side->seen->end = now();
}

/*
 * Whose the ends of a loop are. BORROWED: the adapter's, where it opened them. COPIED: of the adapter's own types, `struct producing` and `struct consuming`,
 * which may be copied; they are local variables then, as they would be of a program's loop: what is stored there is in registers, and
 * need not come back from memory.
 */
#define BORROWED_OUT void *const out = side->out[0];
#define BORROWED_OUT_BACK
#define BORROWED_IN void *const in = side->in;
#define COPIED_OUT                                                                                                     \
    struct producing *const whose = (struct producing *)side->out[0];                                                  \
    struct producing copy = *whose;                                                                                    \
    struct producing *const out = &copy;
#define COPIED_OUT_BACK *whose = copy;
#define COPIED_IN                                                                                                      \
    struct consuming taking = *(struct consuming *)side->in;                                                           \
    struct consuming *const in = &taking;

#define LOOP(name) static __attribute__((noinline)) void name(struct side *side)

#define PRODUCE_LOOP(name, loop, ops, whose, known)                                                                    \
    LOOP(name)                                                                                                         \
    {                                                                                                                  \
        whose##_OUT;                                                                                                   \
        side->outcome->sent = loop(side, ops, out, known, side->outcome->began + side->duration);                      \
        whose##_OUT_BACK;                                                                                              \
        finish(side, ops);                                                                                             \
    }

/* A copy of `seen`, so that the compiler may keep it in registers: a store through it would else be one to anywhere. */
#define CONSUME_LOOP(name, loop, ops, whose, known)                                                                    \
    LOOP(name)                                                                                                         \
    {                                                                                                                  \
        struct seen seen = *side->seen;                                                                                \
        whose##_IN;                                                                                                    \
        loop(side, ops, in, known, &seen);                                                                             \
        *side->seen = seen;                                                                                            \
    }

#define TRIP_LOOPS(name, ops, whose, known)                                                                            \
    LOOP(name##_ping_##known)                                                                                          \
    {                                                                                                                  \
        whose##_OUT;                                                                                                   \
        whose##_IN;                                                                                                    \
        ping(side, ops, out, in, known);                                                                               \
    }                                                                                                                  \
    LOOP(name##_pong_##known)                                                                                          \
    {                                                                                                                  \
        struct seen seen = *side->seen;                                                                                \
        whose##_OUT;                                                                                                   \
        whose##_IN;                                                                                                    \
        pong(side, ops, out, in, known, &seen);                                                                        \
        *side->seen = seen;                                                                                            \
    }

#define KNOWN_LOOPS(name, ops, whose, known)                                                                           \
    PRODUCE_LOOP(name##_produce_each_##known, produce_each, ops, whose, known)                                         \
    PRODUCE_LOOP(name##_produce_batches_##known, produce_batches, ops, whose, known)                                   \
    CONSUME_LOOP(name##_consume_each_##known, consume_each, ops, whose, known)                                         \
    CONSUME_LOOP(name##_consume_batches_##known, consume_batches, ops, whose, known)                                   \
    TRIP_LOOPS(name, ops, whose, known)

#define LOOPS(name, ops, whose)                                                                                        \
    KNOWN_LOOPS(name, ops, whose, ANY)                                                                                 \
    KNOWN_LOOPS(name, ops, whose, NUMBER)                                                                              \
    LOOP(name##_produce_fanned)                                                                                        \
    {                                                                                                                  \
        side->outcome->sent = produce_fanned(side, ops, side->outcome->began + side->duration);                        \
        finish(side, ops);                                                                                             \
    }                                                                                                                  \
    LOOP(name##_produce_paced)                                                                                         \
    {                                                                                                                  \
        produce_paced(side, ops);                                                                                      \
    }                                                                                                                  \
    LOOP(name##_consume_paced)                                                                                         \
    {                                                                                                                  \
        struct seen seen = *side->seen;                                                                                \
        consume_paced(side, ops, &seen);                                                                               \
        *side->seen = seen;                                                                                            \
    }                                                                                                                  \
    static void name(struct side *side)                                                                                \
    {                                                                                                                  \
        static const struct loops loops = {{name##_produce_each_ANY, name##_produce_each_NUMBER},                      \
                                           {name##_produce_batches_ANY, name##_produce_batches_NUMBER},                \
                                           name##_produce_fanned,                                                      \
                                           name##_produce_paced,                                                       \
                                           {name##_consume_each_ANY, name##_consume_each_NUMBER},                      \
                                           {name##_consume_batches_ANY, name##_consume_batches_NUMBER},                \
                                           name##_consume_paced,                                                       \
                                           {name##_ping_ANY, name##_ping_NUMBER},                                      \
                                           {name##_pong_ANY, name##_pong_NUMBER}};                                     \
                                                                                                                       \
        if (side->seen != NULL)                                                                                        \
            consume(side, &loops);                                                                                     \
        else                                                                                                           \
            produce(side, &loops);                                                                                     \
    }

#endif
