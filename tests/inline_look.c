/* A reader of mring_inline.h that has caught up looks for the next record by itself: what it may find there, and what it may not. */
#include "support/sides.h"

#include <sys/wait.h>
#include <unistd.h>

/* It has looked in vain: with the next record nothing is called. */
static void open_caught_up(struct side *side, bool inlined)
{
    struct mring_message message;

    side_open(side, inlined, lone, 1, 8);
    assert_int_equal(side_send(side, "the first", 9, 0), 0);
    assert_int_equal(side_next(side, &message), 1);
    assert_int_equal(side_release(side, &message), 0);
    assert_int_equal(side_next(side, &message), 0);
    assert_int_equal(side->consumer->core.streak, 0);
}

static void expect_same_member(const struct side *calls, const struct side *inlined)
{
    const struct consumer_core *one = &calls->consumer->core, *other = &inlined->consumer->core;

    expect_same_line(calls, inlined);
    assert_int_equal(one->limit, other->limit);
    assert_int_equal(one->streak, other->streak);
    assert_int_equal(one->stride.length, other->stride.length);
    assert_int_equal(one->stride.size, other->stride.size);
    assert_int_equal(one->given, other->given);
}

static void it_takes_what_the_calls_take(void **state)
{
    struct mring_message of_calls = {0}, of_inlined = {0};
    struct side calls, inlined;
    uint64_t random = 31;

    (void)state;
    open_caught_up(&calls, false);
    open_caught_up(&inlined, true);
    for (uint32_t tag = 0; tag < 5000; tag++) {
        static unsigned char bytes[300];
        const size_t length = random_below(&random, 2) == 0 ? 8 : random_below(&random, sizeof(bytes));

        memset(bytes, (int)tag, length);
        assert_int_equal(side_send(&calls, bytes, length, tag), 0);
        assert_int_equal(side_send(&inlined, bytes, length, tag), 0);
        assert_int_equal(side_next(&calls, &of_calls), 1);
        assert_int_equal(side_next(&inlined, &of_inlined), 1);
        assert_int_equal(inlined.reader.last, of_inlined.position); /* by itself */
        assert_int_equal(of_inlined.position, of_calls.position);
        assert_int_equal(of_inlined.length, length);
        assert_int_equal(of_inlined.tag, tag);
        assert_int_equal(of_inlined.deliveries, 1);
        assert_memory_equal(of_inlined.data, bytes, length);
        expect_same_member(&calls, &inlined);
        assert_int_equal(side_release(&calls, &of_calls), 0);
        assert_int_equal(side_release(&inlined, &of_inlined), 0);
        expect_same_member(&calls, &inlined);
        assert_int_equal(side_next(&calls, &of_calls), 0);
        assert_int_equal(side_next(&inlined, &of_inlined), 0);
        expect_same_member(&calls, &inlined);
    }
    side_close(&calls);
    side_close(&inlined);
}

/* As a value, too. */
static void it_copies_what_the_calls_copy(void **state)
{
    struct mring_message of_calls = {0}, of_inlined = {0};
    struct side calls, inlined;
    uint64_t one = 0, other = 0;

    (void)state;
    open_caught_up(&calls, false);
    open_caught_up(&inlined, true);
    for (uint64_t number = 0; number < 1000; number++) {
        assert_int_equal(side_send(&calls, &number, sizeof(number), 0), 0);
        assert_int_equal(side_send(&inlined, &number, sizeof(number), 0), 0);
        assert_int_equal(side_recv(&calls, &one, &of_calls), 1);
        assert_int_equal(side_recv(&inlined, &other, &of_inlined), 1);
        assert_int_equal(inlined.reader.last, of_inlined.position); /* by itself */
        assert_int_equal(of_inlined.position, of_calls.position);
        assert_int_equal(one, number);
        assert_int_equal(other, number);
        expect_same_member(&calls, &inlined);
        assert_int_equal(side_recv(&calls, &one, &of_calls), 0);
        assert_int_equal(side_recv(&inlined, &other, &of_inlined), 0);
        expect_same_member(&calls, &inlined);
    }
    side_close(&calls);
    side_close(&inlined);
}

/* A look in vain still tells the end. */
static void it_comes_to_the_end(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    open_caught_up(&side, true);
    assert_int_equal(mring_send(side.producer, "the last", 8, 0), 0);
    assert_int_equal(mring_end(side.producer), 0);
    assert_int_equal(mring_reader_next(&side.reader, &message), 1);
    assert_int_equal(mring_reader_release(&side.reader, &message), 0);
    assert_int_equal(mring_reader_next(&side.reader, &message), -EPIPE);
    side_close(&side);
}

/* What a hostile producer may put there: each is refused, as by the calls, and nothing was taken. */
static void it_believes_no_more_than_the_calls(void **state)
{
    static const struct {
        uint64_t header;
        int code;
    } hostile[] = {
        {UINT32_MAX, -EBADMSG},                   /* the longest that can be said */
        {16384 - 8 + 2, -EBADMSG},                /* longer by one byte than the longest there is */
        {UINT64_C(0xffffffff00000000), -EBADMSG}, /* a tag alone */
    };

    (void)state;
    for (size_t at = 0; at < sizeof(hostile) / sizeof(hostile[0]); at++) {
        struct mring_message message = {.position = 77};
        struct side side;
        uint64_t position;

        open_caught_up(&side, true);
        position = side.consumer->core.position;
        word_store(record_at(view_of(&side), position), hostile[at].header);
        assert_int_equal(mring_reader_next(&side.reader, &message), hostile[at].code);
        assert_int_equal(message.position, 77);
        assert_int_equal(side.consumer->core.position, position);
        assert_int_equal(word_load(&side.consumer->core.line->messages), 1);
        side_close(&side);
    }
}

/* Nor a record of who has cut its group off, and need not have left it alone. */
static void it_takes_nothing_that_is_cut_off(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    open_caught_up(&side, true);
    assert_int_equal(mring_send(side.producer, "eight by", 8, 0), 0);
    word_store(&view_of(&side)->page->cut_off[side.consumer->core.group.index].what,
               cut_off_word(side.consumer->core.group.incarnation, 1));
    assert_int_equal(mring_reader_next(&side.reader, &message), -ECONNABORTED);
    assert_int_equal(mring_reader_next(&side.reader, &message), -ECONNABORTED);
    side_close(&side);
}

/* Five records of six that the limit reaches into: what is left of it is at hand, as long as nobody is cut off. */
static void open_short_of_the_limit(struct side *side)
{
    static const unsigned char bytes[3000];
    struct mring_message message = {0};

    open_caught_up(side, true);
    for (int sent = 0; sent < 8; sent++)
        assert_int_equal(mring_send(side->producer, bytes, sizeof(bytes), 0), 0);
    side->consumer->core.streak = 1; /* all that is published, as far as the longest record goes */
    for (int at = 0; at < 5; at++) {
        assert_int_equal(mring_reader_next(&side->reader, &message), 1);
        assert_int_equal(mring_reader_release(&side->reader, &message), 0);
    }
    assert_true(side->reader.position < side->reader.limit && side->reader.limit < side->reader.position + 3008);
}

static int next_by_call(struct side *side)
{
    struct mring_message message;

    return mring_next(side->consumer, &message);
}

static int next_by_reader(struct side *side)
{
    struct mring_message message;

    return mring_reader_next(&side->reader, &message);
}

static int recv_by_reader(struct side *side)
{
    struct mring_message message;
    uint64_t value;

    return mring_reader_recv(&side->reader, &value, sizeof(value), &message);
}

/* Whoever finds out: what is then written where its place was is none of its messages. */
static void who_is_cut_off_gets_no_more(void **state)
{
    static int (*const next[])(struct side *) = {next_by_call, next_by_reader, recv_by_reader};
    struct side side;

    (void)state;
    for (size_t who = 0; who < sizeof(next) / sizeof(next[0]); who++) {
        open_short_of_the_limit(&side);
        word_store(&view_of(&side)->page->cut_off[side.consumer->core.group.index].what,
                   cut_off_word(side.consumer->core.group.incarnation, 1));
        assert_int_equal(next[who](&side), -ECONNABORTED);
        word_store(record_at(view_of(&side), side.consumer->core.position), record_header(8, 0));
        assert_int_equal(recv_by_reader(&side), -ECONNABORTED);
        assert_int_equal(next_by_reader(&side), -ECONNABORTED);
        assert_int_equal(next_by_call(&side), -ECONNABORTED);
        side_close(&side);
    }
}

/* And who is not goes on, with a record that is longer than what was left. */
static void short_of_the_limit_it_goes_on(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    open_short_of_the_limit(&side);
    for (int at = 5; at < 8; at++) {
        assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        assert_int_equal(message.length, 3000);
        assert_int_equal(mring_reader_release(&side.reader, &message), 0);
    }
    assert_int_equal(next_by_reader(&side), 0);
    side_close(&side);
}

/* Where a sum of positions might wrap it calls. */
static void it_goes_no_further_than_it_can_reckon(void **state)
{
    const uint64_t far = (uint64_t)INT64_MAX - 15; /* a multiple of all that is sent, on which the ring begins anew */
    struct mring_message message = {0};
    struct side side;

    (void)state;
    open_caught_up(&side, true);
    side.consumer->core.position = side.consumer->core.limit = far;
    side.reader.position = side.reader.limit = far;
    word_store(record_at(view_of(&side), far), record_header(8, 5));
    assert_int_equal(mring_reader_next(&side.reader, &message), 1);
    assert_int_equal(message.position, far);
    assert_int_equal(message.tag, 5);
    assert_int_equal(side.reader.last, UINT64_C(0x8000000000000001)); /* not by itself: none */
    side_close(&side);
}

/* In a child it is its parent's, also when there is something to find. */
static void in_a_child_it_finds_nothing(void **state)
{
    struct mring_message message = {0};
    struct side side;
    pid_t child;
    int status;

    (void)state;
    open_caught_up(&side, true);
    assert_int_equal(mring_send(side.producer, "eight by", 8, 0), 0);
    child = fork();
    if (child == 0) {
        struct mring_reader unknown = mring_reader(side.consumer);

        message.position = UINT64_C(0x8000000000000001); /* where a reader that knows nothing has its last one */
        _exit(mring_reader_next(&side.reader, &message) == -ESTALE &&
                      mring_reader_release(&unknown, &message) == -ESTALE &&
                      word_load(&side.consumer->core.line->held) == side.reader.position
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mring_reader_next(&side.reader, &message), 1);
    side_close(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_takes_what_the_calls_take),
        cmocka_unit_test(it_copies_what_the_calls_copy),
        cmocka_unit_test(it_comes_to_the_end),
        cmocka_unit_test(it_believes_no_more_than_the_calls),
        cmocka_unit_test(it_takes_nothing_that_is_cut_off),
        cmocka_unit_test(who_is_cut_off_gets_no_more),
        cmocka_unit_test(short_of_the_limit_it_goes_on),
        cmocka_unit_test(it_goes_no_further_than_it_can_reckon),
        cmocka_unit_test(in_a_child_it_finds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
