/* Readers of mring_inline.h, held against the calls. */
#include "support/late.h"
#include "support/sides.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD_MOST = 40 };

/* A run goes on where the data is mapped again. */
static uint64_t offset_in(const struct side *side, const void *where)
{
    return (uint64_t)((const unsigned char *)where - view_of(side)->data) & view_of(side)->mask;
}

/* The messages that are held, the same on both sides but for where they lie. */
struct hands {
    struct mring_message calls[HELD_MOST + 8], inlined[HELD_MOST + 8];
    unsigned count;
};

static void expect_same_message(const struct side *calls, const struct mring_message *of_calls,
                                const struct side *inlined, const struct mring_message *of_inlined)
{
    assert_int_equal(of_calls->length, of_inlined->length);
    assert_int_equal(of_calls->tag, of_inlined->tag);
    assert_int_equal(of_calls->position, of_inlined->position);
    assert_int_equal(of_calls->deliveries, of_inlined->deliveries);
    assert_int_equal(offset_in(calls, of_calls->data), offset_in(inlined, of_inlined->data));
    assert_memory_equal(of_calls->data, of_inlined->data, of_calls->length);
}

/* A run: the same, one by one. */
static int take_run(struct side *calls, struct mring_message *of_calls, struct side *inlined,
                    struct mring_message *of_inlined, int most)
{
    struct mring_run run;
    const int code = mring_reader_next_run(&inlined->reader, most, &run);

    if (code < 1) {
        assert_int_equal(mring_next(calls->consumer, of_calls), code);
        return code;
    }
    assert_int_equal(run.count, code);
    assert_true(code <= most);
    for (int at = 0; at < code; at++) {
        of_inlined[at] = (struct mring_message){(const unsigned char *)run.data + (size_t)at * run.stride, run.length,
                                                run.tag, run.position + (uint64_t)at * run.stride, run.deliveries};
        assert_int_equal(mring_next(calls->consumer, &of_calls[at]), 1);
    }
    return code;
}

/* Up to eight more by the handles, or by the reader: what both said. */
static int take_step(struct side *calls, struct side *inlined, struct hands *hands, unsigned kind, int most)
{
    struct mring_message *of_calls = &hands->calls[hands->count], *of_inlined = &hands->inlined[hands->count];
    int code;

    if (kind == 0) {
        code = mring_next_batch(calls->consumer, of_calls, most);
        assert_int_equal(mring_next_batch(inlined->consumer, of_inlined, most), code);
    } else if (kind == 3) {
        code = take_run(calls, of_calls, inlined, of_inlined, most);
    } else {
        code = mring_next(calls->consumer, of_calls);
        assert_int_equal(kind == 1 ? mring_next(inlined->consumer, of_inlined) : side_next(inlined, of_inlined), code);
    }
    for (int at = 0; at < code; at++)
        expect_same_message(calls, &of_calls[at], inlined, &of_inlined[at]);
    return code;
}

/* One of those that are held, or that were: the last that was released stands before them. */
static int release_step(struct side *calls, struct side *inlined, const struct hands *hands, unsigned at, bool direct)
{
    const int code = mring_release(calls->consumer, &hands->calls[at]);

    assert_int_equal(direct ? mring_release(inlined->consumer, &hands->inlined[at])
                            : side_release(inlined, &hands->inlined[at]),
                     code);
    return code;
}

static void let_go(struct hands *hands, unsigned count)
{
    hands->count -= count;
    memmove(hands->calls, &hands->calls[count], hands->count * sizeof(hands->calls[0]));
    memmove(hands->inlined, &hands->inlined[count], hands->count * sizeof(hands->inlined[0]));
}

/* All that is held, and the last once more. */
static void release_all(struct side *calls, struct side *inlined, struct hands *hands, uint64_t *random)
{
    const unsigned last = hands->count - 1;
    int code;

    code = release_step(calls, inlined, hands, last, random_below(random, 4) == 0);
    assert_true(code == 0 || code == -EOVERFLOW);
    assert_int_equal(release_step(calls, inlined, hands, last, random_below(random, 4) == 0), -EINVAL);
    let_go(hands, hands->count);
}

/* Into buffers of which the compiler knows the size, or does not; or by the handle. What the calls said. */
static int copy_step(struct side *calls, struct side *inlined, uint64_t *random, bool direct)
{
    static const size_t sizes[] = {0, 8, 16, 32768};
    static unsigned char of_calls[32768], of_inlined[32768];
    struct mring_message message = {.length = 1}, other = {.length = 1};
    const bool known = random_below(random, 2) == 0;
    const size_t size = known ? 8 : sizes[random_below(random, sizeof(sizes) / sizeof(sizes[0]))];
    const int code = mring_recv(calls->consumer, of_calls, size, &message);

    if (direct)
        assert_int_equal(mring_recv(inlined->consumer, of_inlined, size, &other), code);
    else if (known)
        assert_int_equal(mring_reader_recv(&inlined->reader, of_inlined, 8, &other), code);
    else
        assert_int_equal(mring_reader_recv(&inlined->reader, of_inlined, size, &other), code);
    expect_same_line(calls, inlined);
    assert_int_equal(message.length, other.length); /* also of one that is too long */
    if (code != 1)
        return code;
    assert_ptr_equal(other.data, of_inlined);
    assert_int_equal(message.tag, other.tag);
    assert_int_equal(message.position, other.position);
    assert_int_equal(message.deliveries, other.deliveries);
    assert_memory_equal(of_calls, of_inlined, message.length);
    return code;
}

/* Several, as long as there are any. Sometimes while others are held, which cannot be. */
static void copy_some(struct side *calls, struct side *inlined, const struct hands *hands, uint64_t *random,
                      uint32_t mixed)
{
    uint32_t left = 1 + random_below(random, 40);
    int code;

    do
        code = copy_step(calls, inlined, random, random_below(random, mixed) == 0);
    while (--left > 0 && (code == 1 || code == -EMSGSIZE));
    assert_true(hands->count == 0 || code == -EINVAL);
}

static void send_both(struct side *calls, struct side *inlined, uint64_t *random, uint32_t *tag)
{
    static unsigned char bytes[200];

    for (uint32_t left = 1 + random_below(random, 300); left > 0; left--) {
        const size_t length = random_below(random, 4) == 0 ? random_below(random, sizeof(bytes)) : 8;
        int code;

        memset(bytes, (int)*tag, length);
        code = mring_send(calls->producer, bytes, length, *tag);
        assert_int_equal(mring_send(inlined->producer, bytes, length, *tag), code);
        *tag += code == 0 && random_below(random, 4) == 0; /* several have the same one */
    }
}

/* The group before passes all on. */
static void pass_on(struct mring_consumer *consumer)
{
    struct mring_message message;

    while (mring_next(consumer, &message) == 1)
        assert_int_equal(mring_release(consumer, &message), 0);
}

static void draw_pace(struct side *calls, struct side *inlined, uint64_t *random)
{
    const uint64_t quick = random_below(random, 100);

    side_set_pace(calls, quick);
    side_set_pace(inlined, quick);
}

static void compare_readers(const struct mring_group *groups, size_t count, size_t alignment, uint32_t mixed,
                            uint64_t seed)
{
    struct mring_consumer *before[2] = {NULL, NULL};
    struct side calls, inlined;
    struct hands hands = {.count = 0};
    uint64_t random = seed;
    uint32_t tag = 0;

    side_open(&calls, false, groups, count, alignment);
    side_open(&inlined, true, groups, count, alignment);
    if (count > 1) {
        assert_int_equal(mring_join(calls.ring, "first", NULL, &before[0]), 0);
        assert_int_equal(mring_join(inlined.ring, "first", NULL, &before[1]), 0);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        const unsigned kind =
            random_below(&random, mixed) == 0 ? random_below(&random, 2) : 2 + random_below(&random, 2);
        int code;

        if (step % 32 == 0)
            draw_pace(&calls, &inlined, &random);
        code = take_step(&calls, &inlined, &hands, kind, 1 + (int)random_below(&random, 8));
        expect_same_line(&calls, &inlined);
        if (code > 0)
            hands.count += (unsigned)code;
        else if (code == 0)
            send_both(&calls, &inlined, &random, &tag);
        if (count > 1) {
            pass_on(before[0]);
            pass_on(before[1]);
        }
        if (hands.count > 1 && random_below(&random, 3) == 0) {
            const unsigned at = random_below(&random, hands.count - 1);

            code = release_step(&calls, &inlined, &hands, at, random_below(&random, mixed) == 0);
            expect_same_line(&calls, &inlined);
            if (code == 0 || code == -EOVERFLOW)
                let_go(&hands, at + 1);
        } else if (hands.count > 0 &&
                   (code == -EBUSY || hands.count + 8 > HELD_MOST || random_below(&random, 2) == 0)) {
            release_all(&calls, &inlined, &hands, &random);
            expect_same_line(&calls, &inlined);
        }
        if (random_below(&random, hands.count == 0 ? 4 : 16) == 0)
            copy_some(&calls, &inlined, &hands, &random, mixed);
    }
    assert_true(word_load(&view_of(&calls)->page->tail) > 4 * view_of(&calls)->capacity);
    expect_same_line(&calls, &inlined);
    expect_same_ring(&calls, &inlined);
    assert_int_equal(mring_leave(before[0]), 0);
    assert_int_equal(mring_leave(before[1]), 0);
    side_close(&calls);
    side_close(&inlined);
}

static void a_reader_gets_what_the_calls_get(void **state)
{
    (void)state;
    compare_readers(lone, 1, 8, STEPS, 11);
    compare_readers(lone, 1, 64, STEPS, 12);
    compare_readers(many, 1, 8, STEPS, 13);
    compare_readers(stages, 2, 8, STEPS, 14);
    compare_readers(lossy, 1, 8, STEPS, 15);
    compare_readers(lossy_many, 1, 8, STEPS, 16);
}

static void so_it_gets_among_calls(void **state)
{
    (void)state;
    compare_readers(lone, 1, 8, 2, 21);
    compare_readers(lone, 1, 64, 4, 22);
    compare_readers(many, 1, 8, 2, 23);
    compare_readers(many, 1, 64, 8, 24);
    compare_readers(stages, 2, 8, 4, 25);
    compare_readers(lossy, 1, 8, 4, 26);
    compare_readers(lossy_many, 1, 8, 4, 27);
}

/* All that is at hand, alike, and asked for. */
static void a_run_ends_where_messages_differ(void **state)
{
    static const struct {
        uint32_t length, tag;
        int count;
    } sent[] = {{8, 1, 5}, {8, 2, 4}, {7, 2, 3}, {8, 2, 12}, {0, 0, 2}, {16, 0, 1}};
    static const int expected[] = {5, 4, 3, 7, 5, 2, 1}; /* up to 7 are asked for */
    struct mring_run run = {.count = 0};
    struct side side;
    uint64_t position = 0;

    (void)state;
    for (int shared = 0; shared < 2; shared++, position = 0) {
        side_open(&side, true, shared ? many : lone, 1, 8);
        side.consumer->core.batch_max = 64;
        for (size_t kind = 0; kind < sizeof(sent) / sizeof(sent[0]); kind++)
            for (int left = sent[kind].count; left > 0; left--) {
                void *where;

                assert_int_equal(mring_reserve(side.producer, sent[kind].length, &where), 0);
                memset(where, left, sent[kind].length);
                assert_int_equal(mring_commit(side.producer, sent[kind].length, sent[kind].tag), 0);
            }
        assert_int_equal(mring_flush(side.producer), 0);
        assert_int_equal(mring_reader_next_run(&side.reader, 0, &run), -EINVAL);
        side_take_all(&side);
        for (size_t at = 0; at < sizeof(expected) / sizeof(expected[0]); at++) {
            assert_int_equal(mring_reader_next_run(&side.reader, 7, &run), expected[at]);
            assert_int_equal(run.count, expected[at]);
            assert_int_equal(run.position, position);
            assert_int_equal(run.stride, record_size(run.length, 8));
            if (run.length != 0)
                assert_int_equal(*(const unsigned char *)run.data,
                                 sent[at < 4 ? at : at - 1].count - (at == 4 ? 7 : 0));
            position += (uint64_t)run.count * run.stride;
            assert_int_equal(mring_reader_release_run(&side.reader, &run), 0);
            assert_int_equal(mring_reader_release_run(&side.reader, &run), -EINVAL);
            assert_int_equal(side.consumer->core.held, position);
        }
        assert_int_equal(mring_reader_next_run(&side.reader, 7, &run), 0);
        assert_int_equal(word_load(&side.consumer->core.line->messages), 27);
        side_close(&side);
    }
}

/* A value of eight bytes: of what is shorter, longer, or while something is held, as by mring_recv. */
static void a_value_is_copied_whole(void **state)
{
    static const char text[] = "0123456789abcdefghij";
    static const size_t lengths[] = {8, 8, 5, 8, 0, 8, 12, 8, 8};
    struct mring_message message = {0}, held = {0};
    struct side side;

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        side_open(&side, true, shared ? many : lone, 1, 8);
        for (uint32_t tag = 0; tag < sizeof(lengths) / sizeof(lengths[0]); tag++)
            assert_int_equal(mring_writer_send(&side.writer, text + tag, lengths[tag], tag), 0);
        assert_int_equal(mring_end(side.producer), 0);
        side_take_all(&side);
        for (uint32_t tag = 0; tag < sizeof(lengths) / sizeof(lengths[0]); tag++) {
            unsigned char value[8] = {0};
            const int code = mring_reader_recv(&side.reader, value, sizeof(value), &message);

            assert_int_equal(message.length, lengths[tag]);
            if (lengths[tag] > sizeof(value)) {
                assert_int_equal(code, -EMSGSIZE);
                assert_int_equal(mring_reader_next(&side.reader, &held), 1);
                assert_memory_equal(held.data, text + tag, lengths[tag]);
                assert_int_equal(mring_reader_recv(&side.reader, value, sizeof(value), &message), -EINVAL);
                assert_int_equal(mring_reader_release(&side.reader, &held), 0);
                continue;
            }
            assert_int_equal(code, 1);
            assert_ptr_equal(message.data, value);
            assert_memory_equal(value, text + tag, lengths[tag]);
            assert_memory_equal(value + lengths[tag], (char[8]){0}, sizeof(value) - lengths[tag]);
            assert_int_equal(message.tag, tag);
        }
        assert_int_equal(mring_reader_release(&side.reader, &message), -EINVAL); /* it was */
        assert_int_equal(mring_reader_recv(&side.reader, &(uint64_t){0}, 8, &message), -EPIPE);
        assert_int_equal(word_load(&side.consumer->core.line->messages), sizeof(lengths) / sizeof(lengths[0]));
        side_close(&side);
    }
}

/* What was claimed without the reader, which stands where it begins. It is a batch of its own, so its release is one too. */
static void what_a_call_has_claimed_is_copied(void **state)
{
    struct mring_message message = {0}, other = {0};
    struct side calls, inlined;
    uint64_t value = 0;
    char none;

    (void)state;
    side_open(&calls, false, many, 1, 8);
    side_open(&inlined, true, many, 1, 8);
    calls.consumer->core.batch_max = inlined.consumer->core.batch_max = 1;
    for (uint32_t tag = 0; tag < 20; tag++) {
        assert_int_equal(mring_send(calls.producer, "eight by", 8, tag), 0);
        assert_int_equal(mring_send(inlined.producer, "eight by", 8, tag), 0);
        if (tag % 2 == 1) {
            assert_int_equal(mring_recv(calls.consumer, &none, 0, &message), -EMSGSIZE);
            assert_int_equal(mring_recv(inlined.consumer, &none, 0, &other), -EMSGSIZE);
        }
        assert_int_equal(side_recv(&calls, &value, &message), 1);
        assert_int_equal(side_recv(&inlined, &value, &other), 1);
        assert_int_equal(message.position, other.position);
        assert_int_equal(other.tag, tag);
        expect_same_line(&calls, &inlined);
    }
    side_close(&calls);
    side_close(&inlined);
}

/* Several are held: of the first that is released no more goes back than that. */
static void what_is_held_stays(void **state)
{
    struct mring_message message[4];
    struct side side;

    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        side_open(&side, true, lone, 1, 8);
        for (int sent = 0; sent < 8; sent++)
            assert_int_equal(mring_send(side.producer, "eight by", 8, 0), 0);
        for (int at = 0; at < 4; at++)
            assert_int_equal(mring_reader_next(&side.reader, &message[at]), 1);
        for (int at = 0; at < 4; at++) {
            assert_int_equal(direct ? mring_release(side.consumer, &message[at])
                                    : mring_reader_release(&side.reader, &message[at]),
                             0);
            assert_int_equal(word_load(&side.consumer->core.line->held), message[at].position + 16);
        }
        side_close(&side);
    }
}

/* Nothing, the end, and an error leave the message as it was. */
static void without_a_message_none_is_filled(void **state)
{
    struct mring_message message, before;
    struct side side;

    (void)state;
    side_open(&side, true, many, 1, 8);
    memset(&before, 0x55, sizeof(before));
    message = before;
    assert_int_equal(mring_reader_next(&side.reader, &message), 0);
    assert_memory_equal(&message, &before, sizeof(message));
    assert_int_equal(mring_send(side.producer, "one", 3, 0), 0);
    assert_int_equal(mring_end(side.producer), 0);
    assert_int_equal(mring_reader_next(&side.reader, &message), 1);
    before = message;
    assert_int_equal(mring_reader_next(&side.reader, &message), -EBUSY);
    assert_memory_equal(&message, &before, sizeof(message));
    assert_int_equal(mring_reader_release(&side.reader, &message), 0);
    assert_int_equal(mring_reader_next(&side.reader, &message), -EPIPE);
    assert_memory_equal(&message, &before, sizeof(message));
    side_close(&side);
}

/* A child that joins the group, takes so many messages, and holds them until it is killed. */
static pid_t holder(const struct side *side, int count)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    struct mring_message message;
    int told[2];
    pid_t child;
    char byte;

    assert_int_equal(pipe(told), 0);
    child = fork();
    if (child == 0) {
        options.batch = 1;
        if (mring_join(side->ring, "it", &options, &consumer) != 0)
            _exit(1);
        for (; count > 0; count--)
            if (mring_next(consumer, &message) != 1)
                _exit(2);
        if (write(told[1], "x", 1) != 1)
            _exit(3);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    (void)close(told[0]);
    (void)close(told[1]);
    return child;
}

static void kill_holder(pid_t child)
{
    int status;

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void join_again(struct side *side, const struct mring_join_options *options)
{
    assert_int_equal(mring_join(side->ring, "it", options, &side->consumer), 0);
    side->reader = mring_reader(side->consumer);
}

/* In place, or as a value. */
static void take_eight(struct side *side, bool copied, struct mring_message *message)
{
    uint64_t value = 0;

    if (copied) {
        assert_int_equal(side_recv(side, &value, message), 1);
    } else {
        assert_int_equal(side_next(side, message), 1);
        memcpy(&value, message->data, sizeof(value));
        assert_int_equal(side_release(side, message), 0);
    }
    assert_memory_equal(&value, "eight by", sizeof(value));
}

/* What a dead member held, and then the rest. */
static void inherit(struct side *side, bool inlined, const struct mring_group *groups, bool copied,
                    unsigned *deliveries)
{
    struct mring_message message;

    side_open(side, inlined, groups, 1, 8);
    assert_int_equal(mring_leave(side->consumer), 0);
    for (uint32_t tag = 0; tag < 8; tag++)
        assert_int_equal(side_send(side, "eight by", 8, tag), 0);
    kill_holder(holder(side, groups == lone ? 3 : 1));
    join_again(side, NULL);
    for (uint32_t tag = 0; tag < 8; tag++) {
        take_eight(side, copied, &message);
        assert_int_equal(message.tag, tag);
        deliveries[tag] = message.deliveries;
        if (tag < 5)
            assert_int_equal(side_send(side, "eight by", 8, 8 + tag), 0);
    }
}

static void what_the_dead_held_is_marked(void **state)
{
    unsigned of_calls[8], of_inlined[8];
    struct side calls, inlined;

    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        inherit(&calls, false, turn % 2 == 0 ? lone : many, turn > 1, of_calls);
        inherit(&inlined, true, turn % 2 == 0 ? lone : many, turn > 1, of_inlined);
        assert_memory_equal(of_calls, of_inlined, sizeof(of_calls));
        assert_int_equal(of_calls[0], 2);
        expect_same_line(&calls, &inlined);
        assert_true(word_load(&inlined.consumer->core.line->redelivered) > 0);
        side_close(&calls);
        side_close(&inlined);
    }
}

/*
 * A member of many goes back when it adopts, and may come to stand where it stood when a reader knew it last. What it was handed meanwhile counts
 * all the same, and what it had before is not released on the line of a dead one.
 */
static void who_went_back_is_found_out(void **state)
{
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_message before[2], message;
    struct side side;
    pid_t child;
    char none;

    (void)state;
    options.batch = 2;
    side_open(&side, true, many, 1, 8);
    assert_int_equal(mring_leave(side.consumer), 0);
    for (uint32_t tag = 0; tag < 16; tag++)
        assert_int_equal(mring_send(side.producer, "eight by", 8, tag), 0);
    child = holder(&side, 1);
    join_again(&side, &options);
    for (uint32_t at = 0; at < 2; at++) {
        assert_int_equal(mring_reader_next(&side.reader, &before[at]), 1);
        assert_int_equal(before[at].tag, 1 + at);
    }
    assert_int_equal(side.reader.last, before[1].position);
    assert_int_equal(mring_reader_release(&side.reader, &before[1]), 0);
    kill_holder(child);
    assert_int_equal(mring_repair(side.ring, NULL), 0);
    assert_int_equal(mring_next(side.consumer, &message), 1);
    assert_int_equal(message.tag, 0);
    assert_int_equal(mring_reader_release(&side.reader, &before[1]), -EINVAL);
    assert_int_equal(word_load(&side.consumer->core.active->held), message.position);
    assert_int_equal(mring_release(side.consumer, &message), 0);
    assert_int_equal(mring_recv(side.consumer, &none, 0, &message), -EMSGSIZE);
    assert_int_equal(mring_reader_next(&side.reader, &message), 1);
    assert_int_equal(message.tag, 3);
    assert_int_equal(word_load(&side.consumer->core.line->messages), 4);
    side_close(&side);
}

static void *wait_for_room(void *producer)
{
    assert_int_equal(mring_wait((struct mring_producer *)producer, MRING_FOREVER), 0);
    return NULL;
}

/* It wishes for a part of the ring: the release that comes to that wakes it, and no other follows. */
static void a_reader_wakes_who_waits_for_room(void **state)
{
    struct side side;
    struct mring_message message = {0};
    pthread_t thread;
    uint64_t slept, want;

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        side_open(&side, true, shared ? many : lone, 1, 8);
        for (int turn = 0; turn < 50; turn++) {
            while (mring_writer_send(&side.writer, "eight by", 8, 0) == 0)
                ;
            slept = word_load(&view_of(&side)->page->waits);
            assert_int_equal(pthread_create(&thread, NULL, wait_for_room, side.producer), 0);
            await(&view_of(&side)->page->waits, slept);
            want = word_load(side.consumer->core.want);
            do
                take_eight(&side, turn % 2 == 0, &message);
            while (side.consumer->core.held < want);
            assert_int_equal(pthread_join(thread, NULL), 0);
            assert_int_equal(word_load(&view_of(&side)->page->rescued), 0);
        }
        side_close(&side);
    }
}

static void a_reader_wakes_who_comes_after(void **state)
{
    struct mring_consumer *before;
    struct mring_message message = {0};
    struct mring_reader reader;
    struct side side;
    pthread_t thread;
    uint64_t slept;

    (void)state;
    side_open(&side, true, stages, 2, 8);
    assert_int_equal(mring_join(side.ring, "first", NULL, &before), 0);
    reader = mring_reader(before);
    for (int turn = 0; turn < 50; turn++) {
        for (int sent = 0; sent < 4; sent++)
            assert_int_equal(mring_writer_send(&side.writer, "eight by", 8, 0), 0);
        for (int taken = 0; taken < 3; taken++) {
            assert_int_equal(mring_reader_next(&reader, &message), 1);
            assert_int_equal(mring_reader_release(&reader, &message), 0);
            assert_int_equal(mring_reader_next(&side.reader, &message), 1);
            assert_int_equal(mring_reader_release(&side.reader, &message), 0);
        }
        assert_int_equal(mring_reader_next(&reader, &message), 1);
        assert_int_equal(reader.last, message.position); /* so that it is released here, too */
        slept = word_load(&side.consumer->core.line->sleeps);
        assert_int_equal(pthread_create(&thread, NULL, wait_for_message, side.consumer), 0);
        await(&side.consumer->core.line->sleeps, slept);
        assert_int_equal(mring_reader_release(&reader, &message), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(word_load(&side.consumer->core.line->rescued), 0);
        assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        assert_int_equal(mring_reader_release(&side.reader, &message), 0);
    }
    assert_int_equal(mring_leave(before), 0);
    side_close(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_what_the_calls_get),  cmocka_unit_test(so_it_gets_among_calls),
        cmocka_unit_test(a_run_ends_where_messages_differ),  cmocka_unit_test(a_value_is_copied_whole),
        cmocka_unit_test(what_a_call_has_claimed_is_copied), cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(without_a_message_none_is_filled),  cmocka_unit_test(what_the_dead_held_is_marked),
        cmocka_unit_test(who_went_back_is_found_out),        cmocka_unit_test(a_reader_wakes_who_waits_for_room),
        cmocka_unit_test(a_reader_wakes_who_comes_after),
    };

    wakers_may_be_late();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
