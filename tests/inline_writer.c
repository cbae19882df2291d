/* Writers of mring_inline.h, held against the calls. */
#include "support/late.h"
#include "support/sides.h"

#include <stdlib.h>

/* Most are of a few bytes; some of any length, the longest among them. */
static size_t draw_length(uint64_t *random, size_t longest)
{
    switch (random_below(random, 32)) {
    case 0:
        return random_below(random, (uint32_t)longest + 1);
    case 1:
        return longest - random_below(random, 2);
    default:
        return random_below(random, 4) == 0 ? random_below(random, 200) : 8;
    }
}

static void write_some(void *where, size_t length, uint32_t number)
{
    memset(where, (int)number, length);
}

/* As many of these as there is known to be room for, and one at least. How many. */
static int write_run(struct side *side, size_t length, int most, uint32_t number)
{
    const struct producer_core *core = &side->producer->core;
    const uint64_t size = record_size(length, core->view.alignment);
    void *where = NULL;
    const int count = mring_writer_reserve_run(&side->writer, length, most, &where);
    uint64_t room;

    if (count < 0)
        return count;
    room = (core->limit - core->position) / size;
    assert_int_equal(count, (uint64_t)most < room ? (uint64_t)most : room);
    assert_int_equal(mring_writer_stride(&side->writer, length), size);
    for (int at = 0; at < count; at++)
        write_some((unsigned char *)where + (size_t)at * size, length, number + (uint32_t)at);
    assert_int_equal(mring_writer_commit_run(&side->writer, length, count, number), 0);
    return count;
}

/* By the calls one by one as many. */
static int write_runs(struct side *calls, struct side *inlined, size_t length, int most, uint32_t number)
{
    const int count = write_run(inlined, length, most, number);
    void *where = NULL;

    if (count < 0) {
        assert_int_equal(mring_reserve(calls->producer, length, &where), count);
        return count;
    }
    for (uint32_t at = 0; at < (uint32_t)count; at++) {
        assert_int_equal(mring_reserve(calls->producer, length, &where), 0);
        write_some(where, length, number + at);
        assert_int_equal(mring_commit(calls->producer, length, number), 0);
    }
    return 0;
}

/* On one side. What is not `plain` is done by the calls of the handle on both. */
static int write_step(struct side *side, unsigned kind, size_t length, size_t spare, uint32_t number)
{
    void *where = NULL;
    int code;

    switch (kind) {
    case 0: /* staged */
        code = mring_reserve(side->producer, length, &where);
        if (code != 0)
            return code;
        write_some(where, length, number);
        return mring_commit(side->producer, length, number);
    case 1:
        return mring_flush(side->producer);
    case 2:
        write_some((where = malloc(length + 1)), length, number);
        code = mring_send(side->producer, where, length, number);
        free(where);
        return code;
    case 3:
        write_some((where = malloc(length + 1)), length, number);
        code = side_send(side, where, length, number);
        free(where);
        return code;
    case 4: /* reserved by the handle */
        code = mring_reserve(side->producer, length, &where);
        break;
    case 5: /* twice, and less than before, which was written to */
        if (side_reserve(side, length + spare, &where) == 0)
            write_some(where, length + spare, number);
        /* fallthrough */
    case 6:
    case 7:
    case 8: /* staged */
        code = side_reserve(side, length, &where);
        break;
    default:
        return side_flush(side);
    }
    if (code != 0)
        return code;
    write_some(where, length, number);
    return (kind == 8 ? side_commit : side_publish)(side, kind % 2 == 0 ? length : length / 2, number);
}

/* The same on both. */
static int write_both(struct side *calls, struct side *inlined, unsigned kind, size_t length, size_t spare,
                      uint32_t number)
{
    int code;

    if (kind > 9)
        return write_runs(calls, inlined, length, 1 + (int)spare / 2, number);
    code = write_step(calls, kind, length, spare, number);
    assert_int_equal(write_step(inlined, kind, length, spare, number), code);
    return code;
}

static void draw_awaited(struct side *calls, struct side *inlined, uint64_t *random)
{
    const bool awaited = random_below(random, 2) == 0;

    side_set_awaited(calls, awaited);
    side_set_awaited(inlined, awaited);
}

static void compare_writers(const struct mring_group *groups, size_t alignment, unsigned kinds, uint64_t seed)
{
    struct side calls, inlined;
    uint64_t random = seed;

    side_open(&calls, false, groups, 1, alignment);
    side_open(&inlined, true, groups, 1, alignment);
    for (uint32_t number = 1; number < STEPS; number++) {
        const size_t length = draw_length(&random, calls.producer->core.message_max);
        const unsigned kind =
            random_below(&random, kinds) == 0 ? random_below(&random, 6) : 6 + random_below(&random, 5);
        const size_t spare = random_below(&random, 100);
        int code;

        if (number % 32 == 0)
            draw_awaited(&calls, &inlined, &random);
        code = write_both(&calls, &inlined, kind, length, spare, number);
        /* What a lossy group does not take is overwritten. */
        if (code == -EAGAIN || random_below(&random, groups[0].lossy ? 4 : 200) == 0) {
            drain_both(&calls, &inlined);
        } else {
            assert_int_equal(code, 0);
        }
        if (number % 64 == 0)
            expect_same_ring(&calls, &inlined);
        assert_int_equal(word_load(&view_of(&calls)->page->messages), word_load(&view_of(&inlined)->page->messages));
    }
    assert_true(word_load(&view_of(&calls)->page->tail) > 8 * view_of(&calls)->capacity);
    assert_int_equal(mring_flush(calls.producer), 0);
    assert_int_equal(mring_flush(inlined.producer), 0);
    expect_same_ring(&calls, &inlined);
    side_close(&calls);
    side_close(&inlined);
}

static void a_writer_leaves_what_the_calls_leave(void **state)
{
    (void)state;
    compare_writers(lone, 8, STEPS, 1);
    compare_writers(lone, 64, STEPS, 2);
    compare_writers(lossy, 8, STEPS, 3);
}

static void so_it_does_among_calls(void **state)
{
    (void)state;
    compare_writers(lone, 8, 2, 4);
    compare_writers(lone, 64, 4, 5);
    compare_writers(many, 8, 8, 6);
    compare_writers(lossy, 64, 2, 7);
}

/* What is committed is counted when it is published, also by a flush that the writer knows nothing of. */
static void a_flush_counts(void **state)
{
    struct side side;
    void *where;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    assert_int_equal(mring_reserve(side.producer, 8, &where), 0);
    assert_int_equal(mring_commit(side.producer, 8, 0), 0);
    side.writer = mring_writer(side.producer);
    assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
    assert_int_equal(mring_flush(side.producer), 0);
    assert_int_equal(mring_writer_publish(&side.writer, 8, 0), 0);
    assert_int_equal(word_load(&view_of(&side)->page->messages), 2);
    assert_int_equal(word_load(&view_of(&side)->page->bytes), 16);
    side_close(&side);
}

/* Where the zero header was, written ahead: what is longer than the messages before, and is published only as far as these, or sent beside it. */
static void what_is_written_and_not_published_is_no_message(void **state)
{
    static const char text[100];
    const size_t longer[] = {9, 16, 17, 40, 200};

    (void)state;
    for (unsigned kind = 0; kind < 16; kind++) {
        const bool by_handle = (kind & 2) != 0, again = (kind & 4) != 0;
        struct mring_message message;
        struct side side;
        void *where;

        side_open(&side, (kind & 1) != 0, lone, 1, 8);
        side_set_awaited(&side, (kind & 8) != 0);
        for (unsigned turn = 0; turn < sizeof(longer) / sizeof(longer[0]); turn++) {
            assert_int_equal(side_send(&side, text, sizeof(text), 0), 0);
            assert_int_equal(mring_send(side.producer, text, 8, 1), 0);
            assert_int_equal(side_send(&side, text, 8, 2), 0);
            assert_int_equal(by_handle ? mring_reserve(side.producer, longer[turn], &where)
                                       : side_reserve(&side, longer[turn], &where),
                             0);
            memset(where, 1, longer[turn]);
            assert_int_equal(again ? side_send(&side, text, 8, 3) : side_publish(&side, 8, 3), 0);
            for (unsigned number = 0; number < 4; number++) {
                assert_int_equal(mring_next(side.consumer, &message), 1);
                assert_int_equal(message.tag, number);
                assert_int_equal(message.length, number == 0 ? sizeof(text) : 8);
            }
            assert_int_equal(mring_next(side.consumer, &message), 0);
            assert_int_equal(mring_release(side.consumer, &message), 0);
        }
        side_close(&side);
    }
}

/* The same of a run, the last of which were written to and not committed. */
static void what_is_left_of_a_run_is_no_message(void **state)
{
    const size_t lengths[] = {48, 48, 48,
                              8,  8,  16}; /* the last ends where the zero was written ahead behind the third */
    struct mring_message message;
    struct side side;
    void *where = NULL;

    (void)state;
    for (int awaited = 0; awaited < 2; awaited++) {
        side_open(&side, true, lone, 1, 8);
        side_set_awaited(&side, awaited != 0);
        for (unsigned number = 0; number < 3; number++)
            assert_int_equal(mring_writer_send(&side.writer, (char[48]){0}, 48, number), 0);
        assert_int_equal(mring_writer_reserve_run(&side.writer, 8, 4, &where), 4);
        for (size_t at = 0; at < 4; at++)
            memset((unsigned char *)where + at * mring_writer_stride(&side.writer, 8), 1, 8);
        assert_int_equal(mring_writer_commit_run(&side.writer, 8, 2, 3), 0);
        assert_int_equal(mring_writer_flush(&side.writer), 0);
        assert_int_equal(mring_writer_send(&side.writer, (char[16]){0}, 16, 4), 0);
        for (size_t at = 0; at < sizeof(lengths) / sizeof(lengths[0]); at++) {
            assert_int_equal(mring_next(side.consumer, &message), 1);
            assert_int_equal(message.length, lengths[at]);
        }
        assert_int_equal(mring_next(side.consumer, &message), 0);
        side_close(&side);
    }
}

/* Whoever publishes, it is all that was committed. */
static void others_publish_what_a_writer_commits(void **state)
{
    void *where = NULL;
    struct side side;
    struct mring_writer other;
    struct mring_message message;
    uint32_t tag = 0, seen = 0;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    other = mring_writer(side.producer);
    for (unsigned turn = 0; turn < 40; turn++) {
        for (unsigned staged = 0; staged < 3; staged++) {
            assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
            memset(where, (int)tag, 8);
            assert_int_equal(mring_writer_commit(&side.writer, 8, tag++), 0);
        }
        assert_int_equal(mring_next(side.consumer, &message), 0);
        assert_int_equal(word_load(&view_of(&side)->page->messages), seen);
        switch (turn % 5) {
        case 0:
            assert_int_equal(mring_writer_flush(&side.writer), 0);
            break;
        case 1:
            assert_int_equal(mring_flush(side.producer), 0);
            break;
        case 2:
            assert_int_equal(mring_writer_flush(&other), 0);
            break;
        case 3:
            assert_int_equal(mring_writer_send(&other, "another's", 9, tag++), 0);
            break;
        default: /* reserved before, and published behind what a flush of the handle has published */
            assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
            assert_int_equal(mring_flush(side.producer), 0);
            memset(where, 0, 8);
            assert_int_equal(mring_writer_publish(&side.writer, 8, tag++), 0);
        }
        for (; seen < tag; seen++) {
            assert_int_equal(mring_next(side.consumer, &message), 1);
            assert_int_equal(message.tag, seen);
        }
        assert_int_equal(mring_release(side.consumer, &message), 0);
        assert_int_equal(word_load(&view_of(&side)->page->messages), seen);
    }
    side_close(&side);
}

/* Behind others, with others behind it, and after a flush that the writer knows nothing of. */
static void a_run_is_staged_as_any_message(void **state)
{
    struct side side;
    struct mring_message message;
    void *where = NULL;
    uint32_t sent = 0, seen = 0;
    int room;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    for (unsigned turn = 0; turn < 40; turn++) {
        for (uint32_t staged = turn % 3; staged > 0; staged--, sent++) {
            assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
            memcpy(where, &sent, sizeof(sent));
            assert_int_equal(mring_writer_commit(&side.writer, 8, turn), 0);
        }
        if (turn % 4 == 0)
            assert_int_equal(mring_flush(side.producer), 0);
        if (turn % 5 == 0)
            side.writer = mring_writer(side.producer);
        room = mring_writer_reserve_run(&side.writer, 8, 7, &where);
        assert_true(room >= 1 && room <= 7);
        for (int at = 0; at < room && at < 5; at++, sent++)
            memcpy((unsigned char *)where + (size_t)at * mring_writer_stride(&side.writer, 8), &sent, sizeof(sent));
        assert_int_equal(mring_writer_commit_run(&side.writer, 8, room < 5 ? room : 5, turn), 0);
        if (turn % 2 == 0)
            assert_int_equal(mring_writer_flush(&side.writer), 0);
        else
            assert_int_equal(mring_writer_send(&side.writer, &sent, sizeof(sent), turn), 0);
        sent += turn % 2;
        for (; seen < sent; seen++) {
            assert_int_equal(mring_next(side.consumer, &message), 1);
            assert_int_equal(message.tag, turn);
            assert_memory_equal(message.data, &seen, sizeof(seen));
            assert_int_equal(mring_release(side.consumer, &message), 0);
        }
        assert_int_equal(mring_next(side.consumer, &message), 0);
        assert_int_equal(word_load(&view_of(&side)->page->messages), sent);
    }
    side_close(&side);
}

static void two_writers_take_turns(void **state)
{
    struct side side;
    struct mring_writer other;
    struct mring_message message;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    other = mring_writer(side.producer);
    for (uint32_t number = 0; number < 100; number++)
        assert_int_equal(mring_writer_send(number % 3 == 0 ? &side.writer : &other, &number, sizeof(number), number),
                         0);
    for (uint32_t number = 0; number < 100; number++) {
        assert_int_equal(mring_next(side.consumer, &message), 1);
        assert_int_equal(message.tag, number);
        assert_memory_equal(message.data, &number, sizeof(number));
    }
    assert_int_equal(word_load(&view_of(&side)->page->messages), 100);
    side_close(&side);
}

/* A place that is not the stream's end any more is not published. */
static void who_sends_in_between_takes_the_place(void **state)
{
    struct side side;
    struct mring_message message;
    void *where;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
        assert_int_equal(mring_send(side.producer, "eight by", 8, 1), 0);
        assert_int_equal(mring_writer_publish(&side.writer, 8, 2), -EINVAL);
        assert_int_equal(mring_writer_send(&side.writer, "eight by", 8, 3), 0); /* knows where it is */
    }
    for (uint32_t tag = 1; tag < 8; tag += tag == 3 ? 6 : 2) {
        assert_int_equal(mring_next(side.consumer, &message), 1);
        assert_int_equal(message.tag, tag);
    }
    side_close(&side);
}

static void a_run_is_committed_where_it_was_reserved(void **state)
{
    struct mring_message message;
    struct side side;
    void *where = NULL;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    assert_int_equal(mring_writer_reserve_run(&side.writer, 8, 5, &where), 5);
    assert_int_equal(mring_send(side.producer, "in front", 8, 1), 0);
    assert_int_equal(mring_reserve(side.producer, 8, &where), 0);
    assert_int_equal(mring_writer_commit_run(&side.writer, 8, 5, 2), -EINVAL);
    memcpy(where, "followed", 8);
    assert_int_equal(mring_publish(side.producer, 8, 3), 0); /* it is still reserved */
    assert_int_equal(mring_next(side.consumer, &message), 1);
    assert_int_equal(message.tag, 1);
    assert_int_equal(mring_next(side.consumer, &message), 1);
    assert_int_equal(message.tag, 3);
    assert_memory_equal(message.data, "followed", 8);
    assert_int_equal(mring_next(side.consumer, &message), 0);
    side_close(&side);
}

static void lengths_that_cannot_be_are_refused(void **state)
{
    struct side side;
    char here;
    void *where = &here;

    (void)state;
    side_open(&side, true, lone, 1, 64);
    for (int turn = 0; turn < 2; turn++) {
        const size_t longest = side.producer->core.message_max;
        const uint64_t tail = word_load(&view_of(&side)->page->tail);

        for (size_t step = 0; step < 200; step++) {
            assert_int_equal(mring_writer_reserve(&side.writer, SIZE_MAX - step, &where), -EMSGSIZE);
            assert_int_equal(mring_writer_publish(&side.writer, SIZE_MAX - step, 0), -EINVAL);
            assert_int_equal(mring_writer_commit(&side.writer, SIZE_MAX - step, 0), -EINVAL);
            assert_int_equal(mring_writer_reserve_run(&side.writer, SIZE_MAX - step, 2, &where), -EMSGSIZE);
            assert_int_equal(mring_writer_commit_run(&side.writer, SIZE_MAX - step, 1, 0), -EINVAL);
            assert_int_equal(mring_writer_commit_run(&side.writer, longest, INT32_MAX, 0), -EINVAL);
            assert_int_equal(mring_writer_reserve_run(&side.writer, 8, -(int)step, &where), -EINVAL);
            assert_int_equal(mring_writer_commit_run(&side.writer, 8, -(int)step, 0), -EINVAL);
            assert_int_equal(mring_writer_reserve(&side.writer, longest + 1 + step, &where), -EMSGSIZE);
            assert_int_equal(mring_writer_publish(&side.writer, longest + 1 + step, 0), -EINVAL);
            assert_int_equal(mring_writer_publish(&side.writer, (UINT64_C(1) << 32) - 100 + step, 0), -EINVAL);
        }
        assert_ptr_equal(where, &here);
        assert_int_equal(word_load(&view_of(&side)->page->tail), tail);
        assert_int_equal(mring_writer_send(&side.writer, "so far", 6, 0), 0);
    }
    side_close(&side);
}

static void without_room_a_writer_says_so(void **state)
{
    struct side side;
    char here;
    void *where = &here;
    uint64_t sent = 0;
    int code;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    while ((code = mring_writer_send(&side.writer, &sent, sizeof(sent), 0)) == 0)
        sent++;
    assert_int_equal(code, -EAGAIN);
    assert_int_equal(sent, view_of(&side)->capacity / 16 - 1);
    assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), -EAGAIN);
    assert_ptr_equal(where, &here);
    assert_int_equal(mring_writer_publish(&side.writer, 8, 0), -EINVAL);
    assert_int_equal(mring_writer_commit(&side.writer, 8, 0), -EINVAL);
    assert_int_equal(mring_writer_reserve_run(&side.writer, 8, 2, &where), -EAGAIN);
    assert_ptr_equal(where, &here);
    assert_int_equal(mring_writer_commit_run(&side.writer, 8, 2, 0), -EINVAL);
    drain(&side);
    assert_int_equal(mring_writer_send(&side.writer, &sent, sizeof(sent), 0), 0);
    assert_int_equal(word_load(&view_of(&side)->page->messages), sent + 1);
    for (uint64_t left = sent - 1; left > 0; left -= (uint64_t)code) {
        code = mring_writer_reserve_run(&side.writer, 8, INT32_MAX, &where); /* all that is known of */
        assert_in_range(code, 1, left);
        memset(where, 0, (size_t)code * mring_writer_stride(&side.writer, 8) - 8);
        assert_int_equal(mring_writer_commit_run(&side.writer, 8, code + 1, 0), -EINVAL);
        assert_int_equal(mring_writer_commit_run(&side.writer, 8, code, 0), 0);
    }
    assert_int_equal(mring_writer_reserve_run(&side.writer, 8, 1, &where), -EAGAIN);
    assert_int_equal(mring_writer_flush(&side.writer), 0);
    assert_int_equal(word_load(&view_of(&side)->page->messages), 2 * sent);
    side_close(&side);
}

static void nothing_follows_the_end(void **state)
{
    struct side side;
    struct mring_message message = {0};
    char here;
    void *where = &here;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    assert_int_equal(mring_writer_send(&side.writer, "last", 4, 0), 0);
    assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), 0);
    assert_int_equal(mring_end(side.producer), 0);
    assert_int_equal(mring_writer_commit(&side.writer, 8, 0), -EINVAL);
    assert_int_equal(mring_writer_publish(&side.writer, 8, 0), -EINVAL);
    assert_int_equal(mring_writer_flush(&side.writer), 0);
    where = &here;
    assert_int_equal(mring_writer_commit_run(&side.writer, 8, 1, 0), -EINVAL);
    assert_int_equal(mring_writer_reserve_run(&side.writer, 8, 1, &where), -EPIPE);
    assert_int_equal(mring_writer_reserve(&side.writer, 8, &where), -EPIPE);
    assert_ptr_equal(where, &here);
    assert_int_equal(mring_writer_send(&side.writer, "late", 4, 0), -EPIPE);
    side.writer = mring_writer(side.producer);
    assert_int_equal(mring_writer_send(&side.writer, NULL, 0, 0), -EPIPE);
    assert_int_equal(mring_writer_publish(&side.writer, 0, 0), -EINVAL);
    assert_int_equal(mring_reader_next(&side.reader, &message), 1);
    assert_int_equal(mring_reader_release(&side.reader, &message), 0);
    assert_int_equal(mring_reader_next(&side.reader, &message), -EPIPE);
    side_close(&side);
}

/* Woken by an event, which the counters of lost ones confirm. */
static void a_writer_wakes_who_sleeps(void **state)
{
    struct side side;
    struct mring_message message = {0};
    pthread_t thread;
    void *where;
    uint64_t slept;

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        side_open(&side, true, shared ? many : lone, 1, 8);
        assert_int_equal(mring_writer_send(&side.writer, "first", 5, 0), 0);
        assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        for (int turn = 0; turn < 50; turn++) {
            assert_int_equal(mring_reader_release(&side.reader, &message), 0);
            slept = word_load(&side.consumer->core.line->sleeps);
            assert_int_equal(pthread_create(&thread, NULL, wait_for_message, side.consumer), 0);
            await(&side.consumer->core.line->sleeps, slept);
            if (turn % 2 == 0) {
                assert_int_equal(mring_writer_send(&side.writer, "now", 3, 0), 0);
            } else {
                assert_int_equal(mring_writer_reserve(&side.writer, 3, &where), 0);
                assert_int_equal(mring_writer_commit(&side.writer, 3, 0), 0);
                assert_int_equal(mring_writer_flush(&side.writer), 0);
            }
            assert_int_equal(pthread_join(thread, NULL), 0);
            assert_int_equal(word_load(&side.consumer->core.line->rescued), 0);
            assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        }
        side_close(&side);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_leaves_what_the_calls_leave),
        cmocka_unit_test(so_it_does_among_calls),
        cmocka_unit_test(a_flush_counts),
        cmocka_unit_test(what_is_written_and_not_published_is_no_message),
        cmocka_unit_test(what_is_left_of_a_run_is_no_message),
        cmocka_unit_test(others_publish_what_a_writer_commits),
        cmocka_unit_test(a_run_is_staged_as_any_message),
        cmocka_unit_test(two_writers_take_turns),
        cmocka_unit_test(who_sends_in_between_takes_the_place),
        cmocka_unit_test(a_run_is_committed_where_it_was_reserved),
        cmocka_unit_test(lengths_that_cannot_be_are_refused),
        cmocka_unit_test(without_room_a_writer_says_so),
        cmocka_unit_test(nothing_follows_the_end),
        cmocka_unit_test(a_writer_wakes_who_sleeps),
    };

    wakers_may_be_late();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
