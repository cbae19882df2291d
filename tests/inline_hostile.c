/* Readers of mring_inline.h, given what a hostile producer may do, and what a program may do wrong. */
#include "support/sides.h"

/* Three messages, of 16 bytes each; all are handed out without another look. */
static void open_with_three(struct side *side, const struct mring_group *groups)
{
    side_open(side, true, groups, 1, 8);
    for (uint64_t number = 0; number < 3; number++)
        assert_int_equal(mring_send(side->producer, &number, sizeof(number), 0), 0);
    side_take_all(side);
}

/* What a hostile producer takes back: an empty header has the length that a reader knows of before it has seen any. */
static void a_header_that_is_gone_is_no_message(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        open_with_three(&side, shared ? many : lone);
        assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        assert_int_equal(mring_reader_release(&side.reader, &message), 0);
        assert_int_equal(side.consumer->core.limit, 48);
        word_store(record_at(&side.producer->core.view, 16), 0);
        assert_int_equal(mring_reader_next(&side.reader, &message), -EBADMSG);
        assert_int_equal(message.position, 0);
        side_close(&side);
    }
}

/* Nor one that is as long as a buffer of all sizes. */
static void a_header_that_is_gone_fills_no_buffer(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, UINT32_MAX, UINT32_MAX - 1, SIZE_MAX - 7, 8, 0};
    struct mring_message message = {0};
    struct side side;
    uint64_t value;

    (void)state;
    for (size_t at = 0; at < 2 * sizeof(sizes) / sizeof(sizes[0]); at++) {
        open_with_three(&side, at % 2 == 0 ? many : lone);
        assert_int_equal(mring_reader_recv(&side.reader, &value, sizeof(value), &message), 1);
        assert_int_equal(side.reader.limit, 48);
        word_store(record_at(&side.producer->core.view, 16), 0);
        value = 7;
        assert_int_equal(mring_reader_recv(&side.reader, &value, sizes[at / 2], &message), -EBADMSG);
        assert_int_equal(value, 7);
        side_close(&side);
    }
}

/* A position that none has, as programs may put it where there is no message. The first comes by a call, of which a reader knows none either. */
static void no_message_releases_none(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        open_with_three(&side, shared ? many : lone);
        assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        message.position = UINT64_MAX;
        assert_int_equal(mring_reader_release(&side.reader, &message), -EINVAL);
        assert_int_equal(side.consumer->core.held, 0);
        assert_int_equal(word_load(&side.consumer->core.active->held), 0);
        side_close(&side);
    }
}

/* Where a sum of positions might wrap, as no stream gets that far but by a hostile tail, all goes by calls. */
static void at_the_end_of_all_positions_calls_are_made(void **state)
{
    const uint64_t far = (uint64_t)INT64_MAX + 1;
    struct mring_message message = {0};
    struct side side;

    (void)state;
    open_with_three(&side, lone);
    side.consumer->core.position = far; /* at which, and at 0, there is the same record */
    side.consumer->core.limit = far + 48;
    for (uint64_t number = 0; number < 3; number++) {
        assert_int_equal(mring_reader_next(&side.reader, &message), 1);
        assert_int_equal(message.position, far + 16 * number);
        assert_int_equal(*(const uint64_t *)message.data, number);
        assert_int_equal(side.reader.limit, 0);
    }
    side_close(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_is_gone_is_no_message),
        cmocka_unit_test(a_header_that_is_gone_fills_no_buffer),
        cmocka_unit_test(no_message_releases_none),
        cmocka_unit_test(at_the_end_of_all_positions_calls_are_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
