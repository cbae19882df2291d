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

/* What lies behind the position, as far as there is room: all ones, but for the header that is due. So no zero is counted upon, either. */
static void spoil(struct side *side)
{
    struct producer_core *core = &side->producer->core;

    memset((unsigned char *)record_at(&core->view, core->position) + LAYOUT_RECORD_HEADER, 0xff,
           core->limit - core->position);
    core->cleared = NOWHERE;
}

/* Of what was spoilt, a publication from there has left all but its own record, the next one's header, and, if there is room for it, that one's lines. */
static void expect_next_taken(const struct side *side, uint64_t from, uint64_t limit, size_t length)
{
    const struct producer_core *core = &side->producer->core;
    const uint64_t position = core->position, size = record_size(length, core->view.alignment);
    const bool fits = position + size <= limit;

    assert_int_equal(position, from + size);
    assert_int_equal(word_load(record_at(&core->view, position)), 0);
    assert_int_equal(core->cleared, fits ? position + size : NOWHERE);
    for (uint64_t at = position + 8; at <= limit; at += 8) {
        const bool taken =
            fits && (at == position + size || (at < position + size && (at - position) % OWNED_LINE == 0));

        assert_int_equal(word_load(record_at(&core->view, at)), taken ? 0 : UINT64_MAX);
    }
}

static void who_is_answered_takes_the_next_record_s_lines(void **state)
{
    static const size_t lengths[] = {8, 56, 64, 120, 300};
    struct side side;

    (void)state;
    for (unsigned inlined = 0; inlined < 2; inlined++)
        for (size_t at = 0; at < sizeof(lengths) / sizeof(lengths[0]); at++) {
            unsigned seen = 0;

            side_open(&side, inlined, lone, 1, 8);
            answer_laps(&side, lengths[at]);
            assert_int_equal(side.producer->core.awaited, 1);
            for (unsigned turn = 0; turn < 400; turn++) {
                const uint64_t from = side.producer->core.position, limit = side.producer->core.limit;

                spoil(&side);
                answer_each(&side, lengths[at], 1);
                if (side.producer->core.limit != limit) /* there was no room, and more was found */
                    continue;
                expect_next_taken(&side, from, limit, lengths[at]);
                seen++;
            }
            assert_true(seen > 200);
            side_close(&side);
        }
}

/* As the zero was written ahead with each message, no other lines are when there is need for more. */
static void no_others_are_taken(void **state)
{
    struct side side;
    unsigned moved = 0;

    (void)state;
    for (unsigned inlined = 0; inlined < 2; inlined++) {
        side_open(&side, inlined, lone, 1, 8);
        answer_laps(&side, 56);
        for (unsigned turn = 0; turn < 1000; turn++) {
            const struct producer_core *core = &side.producer->core;
            const uint64_t limit = core->limit, position = core->position;

            memset(record_at(&core->view, limit + LAYOUT_RECORD_HEADER), 0xff, OWNED_STEP);
            answer_each(&side, 56, 1);
            if (core->limit == limit)
                continue;
            moved++;
            for (uint64_t at = position + 256; at <= core->limit; at += 8)
                assert_int_equal(word_load(record_at(&core->view, at)), UINT64_MAX);
        }
        assert_true(moved > 10);
        side_close(&side);
    }
}

/* Room that was reserved, and written to, when what was committed before is published by a flush. */
static void a_flush_leaves_alone_what_is_reserved(void **state)
{
    static const size_t lengths[] = {56, 200, 300};
    struct mring_message message = {0};
    struct side side;

    (void)state;
    for (unsigned inlined = 0; inlined < 2; inlined++)
        for (size_t at = 0; at < sizeof(lengths) / sizeof(lengths[0]); at++) {
            side_open(&side, inlined, lone, 1, 8);
            answer_laps(&side, lengths[at]);
            for (unsigned turn = 0; turn < 200; turn++) {
                static unsigned char expected[300];
                void *where = NULL;

                memset(expected, 0x77, sizeof(expected));
                assert_int_equal(side_reserve(&side, lengths[at], &where), 0);
                memset(where, 0x11, lengths[at]);
                assert_int_equal(side_commit(&side, lengths[at], 0), 0);
                assert_int_equal(side_reserve(&side, 300, &where), 0);
                memset(where, 0x77, 300);
                assert_int_equal((turn % 2 == 0 ? mring_flush(side.producer) : side_flush(&side)), 0);
                assert_int_equal(side_publish(&side, lengths[at], 1), 0);
                assert_int_equal(side_next(&side, &message), 1);
                assert_int_equal(side_next(&side, &message), 1);
                assert_int_equal(message.tag, 1);
                assert_int_equal(message.length, lengths[at]);
                assert_memory_equal(message.data, expected, lengths[at]);
                assert_int_equal(side_next(&side, &message), 0); /* nobody sent another */
                assert_int_equal(side_release(&side, &message), 0);
            }
            side_close(&side);
        }
}

/* A run that is lent, and written to, of which a single message is published by itself. */
static void what_was_lent_is_not_counted_upon(void **state)
{
    struct mring_message message = {0};
    struct side side;
    void *where = NULL;

    (void)state;
    side_open(&side, true, lone, 1, 8);
    answer_laps(&side, 56);
    for (unsigned turn = 0; turn < 200; turn++) {
        const int count = mring_writer_reserve_run(&side.writer, 56, 3, &where);

        assert_true(count >= 1);
        memset(where, 0x77, (size_t)count * 64 - LAYOUT_RECORD_HEADER);
        assert_int_equal(mring_writer_publish(&side.writer, 56, 1), 0);
        assert_int_equal(side_next(&side, &message), 1);
        assert_int_equal(side_next(&side, &message), 0);
        assert_int_equal(side_release(&side, &message), 0);
    }
    side_close(&side);
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

/* Nor does a group that is over, which did. */
static void nor_do_those_who_have_left(void **state)
{
    struct mring_message message = {0};
    struct mring_consumer *passing;
    struct side side;

    (void)state;
    side_open(&side, false, lossy, 1, 8);
    assert_int_equal(mring_join(side.ring, "passing", NULL, &passing), 0);
    for (unsigned turn = 0; turn < 1000; turn++) {
        assert_int_equal(mring_send(side.producer, "a number", 8, 0), 0);
        assert_int_equal(mring_next(passing, &message), 1);
        assert_int_equal(mring_release(passing, &message), 0);
    }
    assert_int_equal(side.producer->core.awaited, 0); /* it has not been round yet */
    for (unsigned turn = 0; turn < 8000; turn++) {
        assert_int_equal(mring_send(side.producer, "a number", 8, 0), 0);
        assert_int_equal(mring_next(passing, &message), 1);
        assert_int_equal(mring_release(passing, &message), 0);
    }
    assert_int_equal(side.producer->core.awaited, 1);
    assert_int_equal(mring_leave(passing), 0);
    for (unsigned turn = 0; turn < 8000; turn++)
        assert_int_equal(mring_send(side.producer, "a number", 8, 0), 0);
    assert_int_equal(side.producer->core.awaited, 0);
    side_close(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_answered_takes_the_next_record_s_lines),
        cmocka_unit_test(no_others_are_taken),
        cmocka_unit_test(a_flush_leaves_alone_what_is_reserved),
        cmocka_unit_test(what_was_lent_is_not_counted_upon),
        cmocka_unit_test(a_stream_ends_that),
        cmocka_unit_test(lossy_groups_tell_nothing),
        cmocka_unit_test(nor_do_those_who_have_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
