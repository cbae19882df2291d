/* A producer whose consumers wait for each message takes over the next record's lines with each publication (core/owned.h). */
#include "support/sides.h"

enum { LAPS = 4 };

static void answer_each(struct side *side, size_t length, unsigned messages)
{
    static const unsigned char bytes[1024];
    struct mring_message message = {0};

    for (; messages > 0; messages--) {
        assert_int_equal(side_send(side, bytes, length, 0), 0);
        assert_int_equal(side_next(side, &message), 1);
        assert_int_equal(message.length, length);
        assert_int_equal(side_release(side, &message), 0);
    }
}

/* Of the records that fit into so many laps. */
static void answer_laps(struct side *side, size_t length)
{
    const struct ring_view *view = view_of(side);

    answer_each(side, length, LAPS * (unsigned)(view->capacity / record_size(length, view->alignment)));
}

/* It has a zero header behind the next record by then, and its own lines. */
static void expect_next_taken(const struct side *side, size_t length)
{
    const struct producer_core *core = &side->producer->core;
    const uint64_t size = record_size(length, core->view.alignment);

    assert_int_equal(core->awaited, 1);
    if (core->position + size > core->limit)
        return;
    assert_int_equal(core->cleared, core->position + size);
    for (uint64_t at = OWNED_LINE; at < size; at += OWNED_LINE)
        assert_int_equal(word_load(record_at(&core->view, core->position + at)), 0);
    assert_int_equal(word_load(record_at(&core->view, core->position + size)), 0);
}

/* What was there: all ones. */
static void spoil_next(const struct side *side, size_t length)
{
    const struct producer_core *core = &side->producer->core;
    const uint64_t size = record_size(length, core->view.alignment);

    if (core->position + size <= core->limit)
        memset((unsigned char *)record_at(&core->view, core->position) + LAYOUT_RECORD_HEADER, 0xff, size);
}

static void who_is_answered_takes_the_next_record_s_lines(void **state)
{
    static const size_t lengths[] = {8, 56, 64, 120, 300};
    struct side side;

    (void)state;
    for (unsigned inlined = 0; inlined < 2; inlined++)
        for (size_t at = 0; at < sizeof(lengths) / sizeof(lengths[0]); at++) {
            side_open(&side, inlined, lone, 1, 8);
            answer_laps(&side, lengths[at]);
            for (unsigned turn = 0; turn < 200; turn++) {
                side.producer->core.cleared = NOWHERE; /* no zero is counted upon, so that all may be spoilt */
                spoil_next(&side, lengths[at]);
                answer_each(&side, lengths[at], 1);
                expect_next_taken(&side, lengths[at]);
            }
            side_close(&side);
        }
}

/* Also of what was committed, and published by a flush: as much as that. */
static void so_does_a_flush(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    for (unsigned inlined = 0; inlined < 2; inlined++) {
        side_open(&side, inlined, lone, 1, 8);
        answer_laps(&side, 56);
        for (unsigned turn = 0; turn < 200; turn++) {
            for (unsigned count = 0; count < 3; count++) {
                void *where = NULL;

                assert_int_equal(side_reserve(&side, 56, &where), 0);
                memset(where, 0xff, 56);
                assert_int_equal(side_commit(&side, 56, 0), 0);
            }
            spoil_next(&side, 3 * 64 - LAYOUT_RECORD_HEADER);
            assert_int_equal(side_flush(&side), 0);
            expect_next_taken(&side, 3 * 64 - LAYOUT_RECORD_HEADER);
            for (unsigned count = 0; count < 3; count++)
                assert_int_equal(side_next(&side, &message), 1);
            assert_int_equal(side_release(&side, &message), 0);
        }
        side_close(&side);
    }
}

/* Who finds the ring full has consumers who do not wait. */
static void a_stream_ends_that(void **state)
{
    struct mring_message message = {0};
    struct side side;

    (void)state;
    for (unsigned inlined = 0; inlined < 2; inlined++) {
        side_open(&side, inlined, lone, 1, 8);
        answer_laps(&side, 8);
        assert_int_equal(side.producer->core.awaited, 1);
        for (unsigned turn = 0; turn < 3; turn++) {
            while (side_send(&side, "a number", 8, 0) == 0)
                ;
            for (unsigned count = 0; count < 200; count++)
                assert_int_equal(side_next(&side, &message), 1);
            assert_int_equal(side_release(&side, &message), 0);
        }
        assert_int_equal(side.producer->core.awaited, 0);
        side_close(&side);
    }
}

/* Who waits for nobody is not told who waits for it. */
static void lossy_groups_tell_nothing(void **state)
{
    struct side side;

    (void)state;
    side_open(&side, false, lossy, 1, 8);
    answer_laps(&side, 56);
    assert_int_equal(side.producer->core.awaited, 0);
    side_close(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_answered_takes_the_next_record_s_lines),
        cmocka_unit_test(so_does_a_flush),
        cmocka_unit_test(a_stream_ends_that),
        cmocka_unit_test(lossy_groups_tell_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
