/* Unit tests of core/: layout, record arithmetic, publication, a lone group. One thread; orders are for core_threads. */
#include "core/lone.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void record_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(record_size(0, 8), 8);
    assert_int_equal(record_size(1, 8), 16);
    assert_int_equal(record_size(8, 8), 16);
    assert_int_equal(record_size(9, 8), 24);
    assert_int_equal(record_size(0, 64), 64);
    assert_int_equal(record_size(56, 64), 64);
    assert_int_equal(record_size(57, 64), 128);
    /* The longest message of the largest rings: its record is longer than 32 bits can say. */
    assert_true(record_size(UINT32_MAX - 8, 64) == UINT64_C(1) << 32);
    assert_int_equal(record_length(record_header(UINT32_MAX - 8, 1)), UINT32_MAX - 8);
    for (uint64_t length = 0; length < 300; length++) {
        assert_int_equal(record_size(length, 8) % 8, 0);
        assert_true(record_size(length, 8) >= length + LAYOUT_RECORD_HEADER);
        assert_true(record_size(length, 8) < length + LAYOUT_RECORD_HEADER + 8);
    }
    assert_int_equal(record_length(record_header(0, 0)), 0);
    assert_int_not_equal(record_header(0, 0), 0);
    assert_int_equal(record_length(record_header(12345, 0xdeadbeef)), 12345);
    assert_int_equal(record_tag(record_header(12345, 0xdeadbeef)), 0xdeadbeef);
}

static void owners_take_turns(void **state)
{
    uint64_t owner = 0;

    (void)state;
    for (unsigned turn = 1; turn < 70000; turn++) {
        uint64_t next = owner_next(owner, 7);

        assert_int_not_equal(next, owner);
        assert_int_equal(owner_life(next), 7);
        owner = next;
    }
    assert_int_equal(owner_life(owner_next(owner, 0)), 0);
}

/* A ring with one lone group, its producer and its member. */
struct pair {
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core consumer;
};

static void pair_make(struct pair *pair, uint64_t capacity, uint64_t alignment)
{
    const uint32_t members[] = {1};

    fake_ring_make(&pair->ring, capacity, alignment, 1, members);
    assert_int_equal(producer_core_start(&pair->producer, &pair->ring.view), 0);
    fake_ring_join(&pair->ring, 0, 1, &pair->consumer);
}

static void assert_next(struct consumer_core *consumer, const char *text, uint32_t tag)
{
    struct record record = {0, 0, NULL};

    assert_int_equal(lone_next(consumer, &record), 1);
    assert_int_equal(record_length(record.header), strlen(text));
    assert_int_equal(record_tag(record.header), tag);
    assert_memory_equal(record.data, text, strlen(text));
}

static void a_batch_appears_at_once(void **state)
{
    struct pair pair;
    struct record record = {0, 0, NULL};
    const char *texts[] = {"one", "", "three"};

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    for (uint32_t at = 0; at < 3; at++) {
        fake_ring_commit(&pair.producer, texts[at], (uint32_t)strlen(texts[at]), at);
        assert_int_equal(lone_next(&pair.consumer, &record), 0);
        assert_int_equal(word_load(&pair.ring.view.page->tail), 0);
    }
    (void)producer_core_publish(&pair.producer);
    for (uint32_t at = 0; at < 3; at++)
        assert_next(&pair.consumer, texts[at], at);
    assert_int_equal(lone_next(&pair.consumer, &record), 0);
    assert_int_equal(word_load(&pair.ring.view.page->messages), 3);
    assert_int_equal(word_load(&pair.ring.view.page->bytes), 8);
    fake_ring_free(&pair.ring);
}

static void room_counts_the_next_header(void **state)
{
    struct pair pair;
    uint64_t filled = 0;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    while (producer_core_finds_room(&pair.producer, producer_core_place(&pair.producer, 8).next)) {
        fake_ring_send(&pair.ring, &pair.producer, "12345678", 8, 0);
        filled += 16;
        fake_ring_rescan(&pair.ring, &pair.producer);
    }
    /* L3: a whole ring less the header that the last commit cleared. */
    assert_int_equal(filled, LAYOUT_CAPACITY_MIN - 16);
    assert_int_equal(word_load(record_at(&pair.ring.view, filled)), 0);
    assert_int_not_equal(word_load(record_at(&pair.ring.view, 0)), 0);
    fake_ring_free(&pair.ring);
}

/* Finding room for a record that ends at `next` wrote nowhere but behind one that ends at `handed_out`, below the intent and the gate. */
static void assert_owned_between(struct pair *pair, uint64_t handed_out, uint64_t next)
{
    static unsigned char before[LAYOUT_CAPACITY_MIN];
    const struct ring_view *view = &pair->ring.view;
    const uint64_t gate = pair->producer.gate;
    uint64_t intent;

    memcpy(before, view->data, sizeof(before));
    assert_true(producer_core_finds_room(&pair->producer, next));
    intent = word_load(&view->page->intent);
    for (uint64_t at = gate; at < gate + view->capacity; at++)
        if (view->data[at & view->mask] != before[at & view->mask])
            assert_true(at >= handed_out && at < intent);
}

static void lines_are_owned_where_nobody_is(void **state)
{
    static unsigned char text[LAYOUT_CAPACITY_MIN / 8];
    struct pair pair;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    pair.producer.owned.timed = false; /* all are */
    memset(text, 'x', sizeof(text));
    memset(pair.ring.view.data + 8, 'y', LAYOUT_CAPACITY_MIN - 8);
    for (uint32_t turn = 0; turn < 2000; turn++) {
        const uint32_t length = turn * 37 % (uint32_t)sizeof(text);
        struct record record = {0, 0, NULL};
        struct place place = producer_core_place(&pair.producer, length);

        fake_ring_rescan(&pair.ring, &pair.producer);
        assert_owned_between(&pair, pair.producer.position, place.next);
        memcpy(place_payload(place), text, length);
        /* One that is longer is asked for meanwhile: the first is whole all the same. */
        assert_owned_between(&pair, place.next, producer_core_place(&pair.producer, sizeof(text) * 2).next);
        (void)producer_core_send(&pair.producer, place, length, turn);
        if (turn % 3 == 0) /* up to three are kept */
            while (lone_next(&pair.consumer, &record) == 1) {
                assert_memory_equal(record.data, text, record_length(record.header));
                consumer_core_release(&pair.consumer, pair.consumer.position);
            }
    }
    fake_ring_free(&pair.ring);
}

static void wraps_over_many_laps(void **state)
{
    const uint64_t alignments[] = {8, 64};

    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned char payload[LAYOUT_CAPACITY_MIN / 2];
        struct pair pair;
        uint64_t longest;

        pair_make(&pair, LAYOUT_CAPACITY_MIN, alignments[turn]);
        longest = view_message_max(&pair.ring.view);
        assert_int_equal(longest, LAYOUT_CAPACITY_MIN / 2 - 8);
        for (uint32_t number = 0; number < 20000; number++) {
            uint32_t length = number % 97 == 0 ? (uint32_t)longest : number * 7 % 400;
            struct record record = {0, 0, NULL};

            memset(payload, (int)(number & 0xff), length);
            fake_ring_send(&pair.ring, &pair.producer, payload, length, number);
            assert_int_equal(lone_next(&pair.consumer, &record), 1);
            assert_int_equal(record_length(record.header), length);
            assert_int_equal(record_tag(record.header), number);
            assert_memory_equal(record.data, payload, length);
            assert_int_equal(record.position % alignments[turn], 0); /* L1 */
            consumer_core_release(&pair.consumer, pair.consumer.position);
        }
        fake_ring_free(&pair.ring);
    }
}

static void a_successor_takes_in_what_was_committed(void **state)
{
    struct pair pair;
    struct producer_core successor;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    fake_ring_send(&pair.ring, &pair.producer, "published", 9, 1);
    /* Killed between the header and the tail of "committed". */
    fake_ring_commit(&pair.producer, "committed", 9, 2);
    word_store_release(record_at(&pair.ring.view, pair.producer.first), pair.producer.first_header);
    assert_int_equal(producer_core_start(&successor, &pair.ring.view), 0);
    assert_int_equal(word_load(&pair.ring.view.page->messages), 2);
    assert_int_equal(word_load(&pair.ring.view.page->tail), successor.position);
    fake_ring_send(&pair.ring, &successor, "new", 3, 3);
    assert_next(&pair.consumer, "published", 1);
    assert_next(&pair.consumer, "committed", 2);
    assert_next(&pair.consumer, "new", 3);
    fake_ring_free(&pair.ring);
}

static void a_batch_without_its_first_header_never_was(void **state)
{
    struct pair pair;
    struct producer_core successor;
    struct record record = {0, 0, NULL};

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    for (uint32_t at = 0; at < 3; at++) {
        fake_ring_commit(&pair.producer, "lost", 4, at);
    }
    assert_int_equal(producer_core_start(&successor, &pair.ring.view), 0);
    assert_int_equal(successor.position, 0);
    fake_ring_send(&pair.ring, &successor, "kept", 4, 9);
    assert_next(&pair.consumer, "kept", 9);
    assert_int_equal(lone_next(&pair.consumer, &record), 0);
    fake_ring_free(&pair.ring);
}

static void damage_is_told_not_followed(void **state)
{
    struct pair pair;
    struct record record = {0, 0, NULL};
    struct producer_core successor;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    word_store(record_at(&pair.ring.view, 0), record_header(UINT32_MAX - 1, 0));
    assert_int_equal(lone_next(&pair.consumer, &record), -EBADMSG);
    assert_int_equal(producer_core_start(&successor, &pair.ring.view), -EBADMSG);
    word_store(record_at(&pair.ring.view, 0), record_header((uint32_t)view_message_max(&pair.ring.view) + 1, 0));
    assert_int_equal(lone_next(&pair.consumer, &record), -EBADMSG);
    fake_ring_free(&pair.ring);
    /* Records wherever one looks, so that the chain of them comes around to where it began: more than one publication can be. */
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    for (uint64_t at = 0; at < LAYOUT_CAPACITY_MIN; at += 16)
        word_store(record_at(&pair.ring.view, at), record_header(8, 0));
    assert_int_equal(producer_core_start(&successor, &pair.ring.view), -EBADMSG);
    fake_ring_free(&pair.ring);
}

/* A tail that no stream reaches: the end of a record there wraps around to a small number. */
static void positions_do_not_wrap(void **state)
{
    const uint64_t start = UINT64_MAX - 63;
    struct pair pair;
    struct record record = {0, 0, NULL};
    struct producer_core successor;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    pair.consumer.position = pair.consumer.limit = pair.consumer.held = start;
    word_store(&pair.ring.view.page->tail, UINT64_MAX - 7);
    word_store(record_at(&pair.ring.view, start), record_header(0, 1));
    word_store(record_at(&pair.ring.view, start + 8), record_header(0, 2));
    word_store(record_at(&pair.ring.view, start + 16), record_header((uint32_t)view_message_max(&pair.ring.view), 3));
    assert_int_equal(lone_next(&pair.consumer, &record), 1);
    assert_int_equal(lone_next(&pair.consumer, &record), 1);
    assert_int_equal(lone_next(&pair.consumer, &record), -EBADMSG);
    assert_int_equal(producer_core_start(&successor, &pair.ring.view), -EBADMSG);
    fake_ring_free(&pair.ring);
}

/* One that lies further ahead than the ring is long is not believed: it goes by the headers, and only where these do not tell it is damage. */
static void a_tail_too_far_ahead_is_not_believed(void **state)
{
    struct pair pair;
    struct record record = {0, 0, NULL};

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    for (uint32_t at = 0; at < 8; at++)
        fake_ring_send(&pair.ring, &pair.producer, "12345678", 8, at);
    word_store(&pair.ring.view.page->tail, 3 * LAYOUT_CAPACITY_MIN);
    for (uint32_t at = 0; at < 6; at++) {
        assert_int_equal(lone_next(&pair.consumer, &record), 1);
        assert_int_equal(pair.consumer.limit, pair.consumer.position);
    }
    pair.consumer.limit += 8; /* as who looked ahead to a tail, which need not be where a record ends */
    assert_int_equal(lone_next(&pair.consumer, &record), -EBADMSG);
    assert_int_equal(pair.consumer.trouble.kind, TROUBLE_TAIL);
    fake_ring_free(&pair.ring);
}

/* A record that is longer than any message, though all of it is published. */
static void no_message_is_longer_than_the_longest(void **state)
{
    const uint32_t members[] = {1, 2};
    struct fake_ring ring;
    struct consumer_core lone, one;
    struct record record = {0, 0, NULL};

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 2, members);
    fake_ring_join(&ring, 0, 1, &lone);
    fake_ring_join(&ring, 1, 2, &one);
    word_store(record_at(&ring.view, 0), record_header(0, 1));
    word_store(record_at(&ring.view, 8), record_header(0, 2));
    word_store(record_at(&ring.view, 16), record_header((uint32_t)view_message_max(&ring.view) + 1, 3));
    word_store(&ring.view.page->tail, LAYOUT_CAPACITY_MIN - 8);
    assert_int_equal(lone_next(&lone, &record), 1);
    assert_int_equal(lone_next(&lone, &record), 1);
    assert_int_equal(lone_next(&lone, &record), -EBADMSG);
    assert_int_equal(shared_claim(&one), -EBADMSG);
    fake_ring_free(&ring);
}

/* Short of a tail that was seen, a record ends by the tail; nor is it taken as one that was polled. */
static void no_record_crosses_the_tail(void **state)
{
    struct pair pair;
    struct record record = {0, 0, NULL};

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    word_store(record_at(&pair.ring.view, 0), record_header(0, 1));
    word_store(record_at(&pair.ring.view, 8), record_header(0, 2));
    word_store(record_at(&pair.ring.view, 16), record_header(32, 3));
    word_store(&pair.ring.view.page->tail, 24);
    assert_int_equal(lone_next(&pair.consumer, &record), 1);
    assert_int_equal(lone_next(&pair.consumer, &record), 1);
    assert_int_equal(lone_next(&pair.consumer, &record), -EBADMSG);
    word_store(&pair.ring.view.page->tail, 16 + 40);
    assert_int_equal(lone_next(&pair.consumer, &record), 1);
    assert_int_equal(record_length(record.header), 32);
    fake_ring_free(&pair.ring);
}

/* ---- a lone group's place ---- */

static void a_lone_group_keeps_its_place(void **state)
{
    struct pair pair;
    struct consumer_core next;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    fake_ring_send(&pair.ring, &pair.producer, "one", 3, 1);
    fake_ring_send(&pair.ring, &pair.producer, "two", 3, 2);
    assert_next(&pair.consumer, "one", 1);
    group_leave(&pair.consumer);
    fake_ring_rescan(&pair.ring, &pair.producer);
    assert_int_equal(pair.producer.gate, record_size(3, 8));
    fake_ring_join(&pair.ring, 0, 2, &next);
    assert_next(&next, "two", 2);
    fake_ring_free(&pair.ring);
}

static bool nobody_lives(void *context, uint64_t number)
{
    (void)context;
    (void)number;
    return false;
}

static void a_dead_lone_member_is_succeeded(void **state)
{
    struct pair pair;
    struct consumer_core next;

    (void)state;
    pair_make(&pair, LAYOUT_CAPACITY_MIN, 8);
    fake_ring_send(&pair.ring, &pair.producer, "one", 3, 1);
    fake_ring_send(&pair.ring, &pair.producer, "two", 3, 2);
    assert_next(&pair.consumer, "one", 1);
    consumer_core_release(&pair.consumer, pair.consumer.position);
    assert_next(&pair.consumer, "two", 2);
    /* Killed here, with "two" in its hands. */
    assert_int_equal(group_occupy(&pair.ring.group[0], 2, nobody_lives, NULL), 0);
    assert_int_equal(
        group_enter(&next, &pair.ring.view, &pair.ring.group[0], 0, &(struct judge){nobody_lives, NULL, 2}), 0);
    assert_next(&next, "two", 2);
    fake_ring_free(&pair.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_arithmetic),
        cmocka_unit_test(owners_take_turns),
        cmocka_unit_test(a_batch_appears_at_once),
        cmocka_unit_test(room_counts_the_next_header),
        cmocka_unit_test(lines_are_owned_where_nobody_is),
        cmocka_unit_test(wraps_over_many_laps),
        cmocka_unit_test(a_successor_takes_in_what_was_committed),
        cmocka_unit_test(a_batch_without_its_first_header_never_was),
        cmocka_unit_test(damage_is_told_not_followed),
        cmocka_unit_test(positions_do_not_wrap),
        cmocka_unit_test(a_tail_too_far_ahead_is_not_believed),
        cmocka_unit_test(no_message_is_longer_than_the_longest),
        cmocka_unit_test(no_record_crosses_the_tail),
        cmocka_unit_test(a_lone_group_keeps_its_place),
        cmocka_unit_test(a_dead_lone_member_is_succeeded),
    };

    return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
