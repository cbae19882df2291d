/* Unit tests of core/: gates, claims and places of groups of many. One thread; orders are for core_threads. */
#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "support/fake_ring.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- gates ---- */

static void the_slowest_gates(void **state)
{
    const uint32_t members[] = {1, 1, 4};
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core fast, slow, one;
    struct record record = {0, 0, NULL};

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 3, members);
    assert_int_equal(producer_core_start(&producer, &ring.view), 0);
    fake_ring_join(&ring, 0, 1, &fast);
    fake_ring_join(&ring, 1, 2, &slow);
    for (uint32_t at = 0; at < 10; at++)
        fake_ring_send(&ring, &producer, "12345678", 8, at);
    while (lone_next(&fast, &record) == 1)
        consumer_core_release(&fast, fast.position);
    fake_ring_rescan(&ring, &producer);
    assert_int_equal(producer.gate, 0); /* slow has released nothing, and group 2 gates though nobody joined it */
    while (lone_next(&slow, &record) == 1)
        consumer_core_release(&slow, slow.position);
    fake_ring_rescan(&ring, &producer);
    assert_int_equal(producer.gate, 0);
    fake_ring_join(&ring, 2, 3, &one);
    assert_int_equal(shared_claim(&one), 1);
    assert_true(consumer_core_take(&one, &record));
    fake_ring_rescan(&ring, &producer);
    assert_int_equal(producer.gate, 0);
    shared_release(&one, one.position);
    fake_ring_rescan(&ring, &producer);
    assert_int_equal(producer.gate, 16);
    fake_ring_free(&ring);
}

static void impossible_words_break_the_gate(void **state)
{
    const uint32_t members[] = {1, 4};
    struct fake_ring ring;
    struct consumer_core lone, one;

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 2, members);
    fake_ring_join(&ring, 0, 1, &lone);
    fake_ring_join(&ring, 1, 2, &one);
    assert_int_equal(gate_of_group(&ring.view, &ring.group[0], 0, 0), 0);
    word_store(&lone.line->held, 8);
    assert_true(gate_of_group(&ring.view, &ring.group[0], 0, 0) == GATE_BROKEN);
    assert_int_equal(gate_of_group(&ring.view, &ring.group[0], 0, 8), 8);
    word_store(&lone.line->held, 5);
    assert_true(gate_of_group(&ring.view, &ring.group[0], 0, 8) == GATE_BROKEN);
    word_store(&ring.group[1].page->claim.low, 16);
    assert_true(gate_of_group(&ring.view, &ring.group[1], 0, 8) == GATE_BROKEN);
    /* Bits beyond the lines there are, as a hostile member may set them, name nobody. */
    word_store(&ring.group[1].page->claim.low, 8);
    word_store(&ring.group[1].page->occupied[0], UINT64_MAX);
    assert_int_equal(gate_of_group(&ring.view, &ring.group[1], 0, 8), 8);
    /* A held from long ago cannot pull a known gate back. */
    word_store(&one.line->held, 0);
    assert_int_equal(gate_of_group(&ring.view, &ring.group[1], 8, 8), 8);
    fake_ring_free(&ring);
}

static void a_passing_group_without_members_gates_nothing(void **state)
{
    const uint32_t members[] = {2};
    struct fake_ring ring;
    struct consumer_core one;

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 1, members);
    ring.group[0].terms.kind = GROUP_PASSING;
    assert_true(gate_of_group(&ring.view, &ring.group[0], 0, 64) == GATE_NONE);
    fake_ring_join(&ring, 0, 1, &one);
    assert_int_equal(gate_of_group(&ring.view, &ring.group[0], 0, 64), 0);
    group_leave(&one);
    assert_true(gate_of_group(&ring.view, &ring.group[0], 0, 64) == GATE_NONE);
    fake_ring_free(&ring);
}

/* ---- claims ---- */

/* A ring with one group of many, and its producer. */
struct many {
    struct fake_ring ring;
    struct producer_core producer;
};

static void many_make(struct many *many, uint32_t members, uint32_t kind)
{
    fake_ring_make(&many->ring, LAYOUT_CAPACITY_MIN, 8, 1, &members);
    many->ring.group[0].terms.kind = kind;
    assert_int_equal(producer_core_start(&many->producer, &many->ring.view), 0);
}

static void claims_are_disjoint_and_ordered(void **state)
{
    enum { MEMBERS = 3, MESSAGES = 5000 };
    const uint32_t members[] = {MEMBERS};
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core member[MEMBERS];
    unsigned char seen[MESSAGES] = {0}, payload[64] = {0};
    uint32_t sent = 0, got = 0;
    unsigned seed = 20260101;

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 1, members);
    assert_int_equal(producer_core_start(&producer, &ring.view), 0);
    for (uint64_t at = 0; at < MEMBERS; at++)
        fake_ring_join(&ring, 0, at + 1, &member[at]);
    while (got < MESSAGES) {
        struct consumer_core *one;
        struct record record = {0, 0, NULL};

        seed = seed * 1103515245 + 12345;
        for (unsigned burst = seed >> 16 & 63; burst > 0 && sent < MESSAGES; burst--) {
            fake_ring_rescan(&ring, &producer);
            if (!producer_core_finds_room(&producer, producer_core_place(&producer, burst).next))
                break;
            fake_ring_send(&ring, &producer, payload, burst, sent++);
        }
        one = &member[(seed >> 8) % MEMBERS];
        if (one->position == one->limit && shared_claim(one) == 0)
            continue;
        for (uint32_t last = 0; consumer_core_take(one, &record); last = record_tag(record.header)) {
            assert_true(last == 0 || record_tag(record.header) == last + 1); /* I3 inside a batch */
            assert_int_equal(seen[record_tag(record.header)]++, 0);          /* I2 */
            got++;
            shared_release(one, one->position);
        }
        assert_true(word_load(&one->line->held) == HELD_IDLE);
    }
    assert_int_equal(word_load(&ring.group[0].page->claim.high) & SERIAL_MASK, MESSAGES);
    fake_ring_free(&ring);
}

/* A group of so many, two of whom have come. */
static void pair_make(struct many *many, unsigned members, struct consumer_core *one, struct consumer_core *other)
{
    many_make(many, members, GROUP_DECLARED);
    fake_ring_join(&many->ring, 0, 1, one);
    fake_ring_join(&many->ring, 0, 2, other);
}

static void send_eights(struct many *many, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        fake_ring_send(&many->ring, &many->producer, "12345678", 8, at);
}

static void a_batch_leaves_work_for_others(void **state)
{
    struct many many;
    struct consumer_core one, other;

    (void)state;
    pair_make(&many, 4, &one, &other);
    send_eights(&many, 8);
    assert_int_equal(shared_claim(&one), 1);
    assert_int_equal(one.limit - one.position, 2 * 16); /* a quarter of eight: two members */
    assert_int_equal(shared_claim(&other), 1);
    assert_int_equal(other.position, one.limit);
    fake_ring_free(&many.ring);
}

static void claim_records(struct consumer_core *one, uint64_t records)
{
    assert_int_equal(shared_claim(one), 1);
    assert_int_equal(one->limit - one->position, records * 16);
    one->position = one->limit;
    shared_release(one, one->limit);
}

static void a_quick_member_claims_what_it_is_done_with_at_once(void **state)
{
    struct many many;
    struct consumer_core one, other;

    (void)state;
    pair_make(&many, 4, &one, &other);
    send_eights(&many, 20);
    one.quick = 7;
    claim_records(&one, 7);
    claim_records(&other, 3); /* a quarter of 13 */
    one.quick = 2;
    claim_records(&one, 2); /* no less than that */
    one.quick = UINT64_MAX / 16;
    one.batch_max = 3;
    claim_records(&one, 3);
    one.batch_max = SHARED_BATCH_MAX;
    claim_records(&one, 5); /* there is no more */
    assert_int_equal(shared_claim(&one), 0);
    fake_ring_free(&many.ring);
}

/*
 * One comparison bounds a record both to what is claimed and to the longest there is, and an heir believes no more than that. In a ring of more than
 * 32 GiB an eighth would be longer.
 */
static void a_claim_is_no_longer_than_a_record_may_be(void **state)
{
    struct many many;
    struct consumer_core one, other;

    (void)state;
    pair_make(&many, 2, &one, &other);
    send_eights(&many, 64);
    one.record_max = other.record_max = 100;
    one.quick = 32;
    claim_records(&one, 6); /* as a quick one */
    other.quick = 0;
    claim_records(&other, 6); /* and as its share, of 58 */
    fake_ring_free(&many.ring);
}

/* As many as it is done with: that one of them is long makes it no more of the others. */
static void a_quick_member_counts_in_records(void **state)
{
    static const char payload[1000];
    struct many many;
    struct consumer_core one, other;

    (void)state;
    pair_make(&many, 2, &one, &other);
    for (uint32_t at = 0; at < 40; at++)
        fake_ring_send(&many.ring, &many.producer, payload, at == 1 ? 1000 : 8, at);
    one.quick = 30;
    assert_int_equal(shared_claim(&one), 1);
    assert_int_equal(one.limit - one.position, 29 * 16 + 1008);
    other.quick = 3; /* more than its share */
    claim_records(&other, 3);
    fake_ring_free(&many.ring);
}

/* How far a claim is to go, record by record, by what shared.h says; it goes up to the tail that the member knows, here the newest. */
static uint64_t claim_end(const struct many *many, const struct consumer_core *one)
{
    const uint64_t from = one->position, backlog = producer_core_tail(&many->producer) - from;
    const uint64_t most = one->batch_max < SHARED_BATCH_MAX ? one->batch_max
                          : one->quick <= SHARED_BATCH_MAX  ? SHARED_BATCH_MAX
                          : one->quick < SHARED_QUICK_MAX   ? one->quick
                                                            : SHARED_QUICK_MAX;
    uint64_t size = 0, bytes = 0, records = 0;

    do {
        bytes += size;
        if (bytes == backlog || records == most)
            break;
        size = record_size(record_length(word_load(record_at(&one->view, from + bytes))), 8);
        records++;
    } while (records == 1 ||
             (bytes + size <= one->view.capacity / 8 && (records <= one->quick || bytes + size <= backlog / (2 * 2))));
    return from + bytes;
}

static void a_claim_is_as_large_as_it_may_be(void **state)
{
    enum { CLAIMS = 20000 };
    static const char payload[3000];
    struct many many;
    struct consumer_core one, other;
    unsigned seed = 20261128;
    uint32_t usual = 8;

    (void)state;
    pair_make(&many, 2, &one, &other);
    for (unsigned claims = 0; claims < CLAIMS; claims++) {
        uint64_t position, end;

        for (unsigned left = (seed = seed * 1103515245 + 12345) >> 16 & 511; left > 0; left--) {
            seed = seed * 1103515245 + 12345;
            if ((seed >> 16 & 31) == 0)
                usual = (seed >> 21) % ((seed >> 24 & 3) == 0 ? 3000 : 30);
            fake_ring_rescan(&many.ring, &many.producer);
            if (!producer_core_finds_room(&many.producer, producer_core_place(&many.producer, usual).next))
                break;
            fake_ring_send(&many.ring, &many.producer, payload, usual, 0);
        }
        seed = seed * 1103515245 + 12345;
        one.published = 0; /* so that it looks */
        one.streak = 0;    /* and does not stand back before */
        one.quick = (seed >> 16 & 3) == 0 ? 0 : (seed >> 18) % 300;
        one.batch_max = (seed >> 28 & 1) == 0 ? SHARED_BATCH_MAX : 1 + (seed >> 20) % SHARED_BATCH_MAX;
        position = one.position = one.limit = shared_position(&one);
        end = claim_end(&many, &one);
        assert_int_equal(shared_claim(&one), end != position);
        assert_int_equal(one.limit, end);
        one.position = one.limit;
        shared_release(&one, one.limit);
    }
    fake_ring_free(&many.ring);
}

static void a_quick_member_looks_at_the_tail_when_it_has_come_there(void **state)
{
    struct many many;
    struct consumer_core one, other;
    uint64_t tail;

    (void)state;
    pair_make(&many, 2, &one, &other);
    send_eights(&many, 6);
    one.quick = 2;
    claim_records(&one, 2);
    fake_ring_send(&many.ring, &many.producer, "12345678", 8, 6);
    tail = word_load(&many.ring.view.page->tail);
    word_store(&many.ring.view.page->tail, UINT64_MAX / 2); /* who looks says so */
    claim_records(&one, 2);
    assert_int_equal(shared_claim(&other), -EBADMSG);
    claim_records(&one, 2);
    assert_int_equal(shared_claim(&one), -EBADMSG);
    word_store(&many.ring.view.page->tail, tail);
    claim_records(&one, 1);
    fake_ring_free(&many.ring);
}

/* Where records differ, the one that is as long as another's twice is not taken for two. */
static void a_batch_ends_where_a_record_does(void **state)
{
    static const char payload[64];
    struct many many;
    struct consumer_core one;
    struct record record = {0, 0, NULL};

    (void)state;
    many_make(&many, 2, GROUP_DECLARED);
    fake_ring_join(&many.ring, 0, 1, &one);
    one.quick = 1000;
    for (uint32_t at = 0; at < 40; at++)
        fake_ring_send(&many.ring, &many.producer, payload, at % 8 < 5 ? 8 : 24 + at % 3, at);
    assert_int_equal(shared_claim(&one), 1);
    assert_int_equal(one.limit, producer_core_tail(&many.producer));
    for (uint32_t at = 0; at < 40; at++) {
        assert_true(consumer_core_take(&one, &record));
        assert_int_equal(record_tag(record.header), at);
    }
    assert_int_equal(word_load(&many.ring.group[0].page->claim.high) & SERIAL_MASK, 40);
    fake_ring_free(&many.ring);
}

/* Beyond what a ring lasts (layout.h, SERIAL_BITS). */
static void the_living_do_not_notice_that_serials_wrap(void **state)
{
    struct consumer_core member[2];
    struct record record = {0, 0, NULL};
    struct many many;

    (void)state;
    pair_make(&many, 2, &member[0], &member[1]);
    word_store(&many.ring.group[0].page->claim.high, SERIAL_MASK - 3);
    send_eights(&many, 8);
    for (uint32_t at = 0; at < 8; at++) {
        struct consumer_core *one = &member[at % 2];

        one->batch_max = 1;
        assert_int_equal(shared_claim(one), 1);
        assert_int_equal(word_load(&one->line->signed_serial), (SERIAL_MASK - 2 + at) & SERIAL_MASK);
        assert_true(recover_holds(&many.ring.group[0], at % 2, &(uint64_t){0}, &(uint64_t){0}));
        assert_true(consumer_core_take(one, &record));
        assert_int_equal(record_tag(record.header), at);
        shared_release(one, one->position);
    }
    fake_ring_free(&many.ring);
}

static void the_previous_claimer_is_signed_for(void **state)
{
    struct many many;
    struct consumer_core one, other;

    (void)state;
    pair_make(&many, 2, &one, &other);
    fake_ring_send(&many.ring, &many.producer, "a", 1, 0);
    fake_ring_send(&many.ring, &many.producer, "b", 1, 1);
    /* `one` wins and is killed before it signs for itself. */
    assert_int_equal(shared_claim(&one), 1);
    word_store(&one.line->signed_serial, 0);
    assert_int_equal(shared_claim(&other), 1);
    assert_int_equal(word_load(&one.line->signed_serial), 1);
    assert_int_equal(word_load(&one.line->intent_serial), 1);
    fake_ring_free(&many.ring);
}

/* ---- places ---- */

static bool everybody_lives(void *context, uint64_t number)
{
    (void)context;
    (void)number;
    return true;
}

static void places_are_limited_and_reused(void **state)
{
    const uint32_t members[] = {2};
    struct fake_ring ring;
    struct consumer_core one, other;

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 1, members);
    fake_ring_join(&ring, 0, 1, &one);
    fake_ring_join(&ring, 0, 2, &other);
    assert_int_not_equal(one.line_index, other.line_index);
    assert_int_equal(group_occupy(&ring.group[0], 3, everybody_lives, NULL), -EUSERS);
    group_leave(&one);
    assert_int_equal(group_occupy(&ring.group[0], 3, everybody_lives, NULL), (int)one.line_index);
    assert_int_not_equal(word_load(&one.line->owner), one.owner);
    fake_ring_free(&ring);
}

static void what_a_leaver_was_not_handed_is_adopted(void **state)
{
    struct many many;
    struct consumer_core one, other;
    struct record record = {0, 0, NULL};

    (void)state;
    many_make(&many, 2, GROUP_DECLARED);
    fake_ring_join(&many.ring, 0, 1, &one);
    send_eights(&many, 8);
    assert_int_equal(shared_claim(&one), 1);
    assert_int_equal(one.limit, 4 * 16);
    assert_true(consumer_core_take(&one, &record));
    group_leave(&one);
    assert_int_equal(word_load(&many.ring.group[0].page->orphans), 1);
    fake_ring_rescan(&many.ring, &many.producer);
    assert_int_equal(many.producer.gate, 16); /* what was handed out is released, the rest still gates */
    fake_ring_join(&many.ring, 0, 2, &other);
    assert_int_equal(shared_claim(&other), 1);
    for (uint32_t at = 1; at < 4; at++) {
        assert_true(consumer_core_take(&other, &record));
        assert_int_equal(record_tag(record.header), at);
        shared_release(&other, other.position);
    }
    assert_true(other.active == other.line);
    fake_ring_rescan(&many.ring, &many.producer);
    assert_int_equal(many.producer.gate, 4 * 16);
    assert_int_equal(shared_claim(&other), 1);
    assert_int_equal(word_load(&many.ring.group[0].page->orphans), 0);
    assert_true(consumer_core_take(&other, &record));
    assert_int_equal(record_tag(record.header), 4);
    fake_ring_free(&many.ring);
}

/* A member claims some of what is sent, is handed the first message, and leaves. */
static void passing_leave_work(struct many *passing)
{
    struct consumer_core one;
    struct record record = {0, 0, NULL};

    fake_ring_join(&passing->ring, 0, 1, &one);
    for (uint32_t at = 0; at < 32; at++)
        fake_ring_send(&passing->ring, &passing->producer, "12345678", 8, at);
    assert_int_equal(shared_claim(&one), 1);
    assert_true(consumer_core_take(&one, &record));
    assert_true(one.position < one.limit);
    group_leave(&one);
}

static bool passing_gates(const struct many *passing)
{
    const uint64_t tail = producer_core_tail(&passing->producer);

    return gate_of_group(&passing->ring.view, &passing->ring.group[0], 0, tail) != GATE_NONE;
}

static void the_last_of_a_passing_group_sweeps(void **state)
{
    struct many passing;

    (void)state;
    many_make(&passing, 2, GROUP_PASSING);
    passing_leave_work(&passing);
    assert_false(passing_gates(&passing));
    assert_false(group_has_members(&passing.ring.group[0]));
    fake_ring_free(&passing.ring);
}

/* Somebody was given a place of a passing group and never came; the others left work behind. Nobody is left to do it. */
static void a_place_given_back_is_the_last_too(void **state)
{
    struct many passing;
    struct consumer_core absent;

    (void)state;
    many_make(&passing, 2, GROUP_PASSING);
    fake_ring_join(&passing.ring, 0, 2, &absent);
    passing_leave_work(&passing);
    assert_true(passing_gates(&passing));
    group_give_back(&passing.ring.group[0], absent.line_index, absent.owner, absent.judge.life);
    assert_false(passing_gates(&passing));
    fake_ring_free(&passing.ring);
}

/* What is given back too late is somebody else's by now. */
static void a_place_is_given_back_once(void **state)
{
    const uint32_t members[] = {2};
    struct fake_ring ring;
    struct consumer_core first, second;

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 1, members);
    fake_ring_join(&ring, 0, 1, &first);
    group_give_back(&ring.group[0], first.line_index, first.owner, 1);
    fake_ring_join(&ring, 0, 2, &second);
    assert_int_equal(second.line_index, first.line_index);
    group_give_back(&ring.group[0], first.line_index, first.owner, 1);
    assert_int_equal(word_load(&second.line->owner), second.owner);
    assert_true(group_has_members(&ring.group[0]));
    fake_ring_free(&ring);
}

/* A durable group's members leave, one of them with work that it was not handed: the next ones find all of it. */
static void a_durable_group_goes_on_where_it_was(void **state)
{
    for (uint32_t members = 1; members <= 2; members++) {
        struct many durable;
        struct consumer_core one;
        struct record record = {0, 0, NULL};
        uint32_t next = 0;

        (void)state;
        many_make(&durable, members, GROUP_DURABLE);
        for (uint32_t at = 0; at < 32; at++)
            fake_ring_send(&durable.ring, &durable.producer, "12345678", 8, at);
        while (next < 32) {
            fake_ring_join(&durable.ring, 0, next + 1, &one);
            assert_int_equal(members == 1 ? lone_refill(&one) : shared_claim(&one), 1);
            assert_true(consumer_core_take(&one, &record));
            assert_int_equal(record_tag(record.header), next++);
            group_leave(&one);
            fake_ring_rescan(&durable.ring, &durable.producer);
            assert_true(durable.producer.gate <= next * 16);
        }
        assert_int_equal(durable.producer.gate, 32 * 16);
        fake_ring_free(&durable.ring);
    }
}

static void a_group_is_fenced_when_all_are(void **state)
{
    const uint32_t members[] = {70};
    struct fake_ring ring;
    struct consumer_core one[70];

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 1, members);
    assert_true(group_fenced(&ring.group[0]));
    for (uint32_t at = 0; at < 70; at++) {
        fake_ring_join(&ring, 0, at + 1, &one[at]);
        assert_false(group_fenced(&ring.group[0]));
        word_store(&one[at].line->fenced, one[at].owner);
        assert_true(group_fenced(&ring.group[0]));
    }
    /* Who comes to a place is not the one who was there. */
    group_leave(&one[69]);
    assert_true(group_fenced(&ring.group[0]));
    fake_ring_join(&ring, 0, 71, &one[69]);
    assert_false(group_fenced(&ring.group[0]));
    fake_ring_free(&ring);
}

/* The group moves on between the two words that a newcomer reads: that is no damage. */
static void a_busy_group_can_be_joined(void **state)
{
    const uint32_t members[] = {2};
    struct fake_ring ring;
    struct consumer_core one;

    (void)state;
    fake_ring_make(&ring, LAYOUT_CAPACITY_MIN, 8, 1, members);
    word_store(&ring.group[0].page->claim.low, 64);
    fake_ring_join(&ring, 0, 1, &one);
    assert_int_equal(shared_claim(&one), -EBADMSG); /* and if it is, the claim says so */
    fake_ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slowest_gates),
        cmocka_unit_test(impossible_words_break_the_gate),
        cmocka_unit_test(a_passing_group_without_members_gates_nothing),
        cmocka_unit_test(claims_are_disjoint_and_ordered),
        cmocka_unit_test(a_batch_leaves_work_for_others),
        cmocka_unit_test(a_quick_member_claims_what_it_is_done_with_at_once),
        cmocka_unit_test(a_quick_member_counts_in_records),
        cmocka_unit_test(a_claim_is_no_longer_than_a_record_may_be),
        cmocka_unit_test(a_claim_is_as_large_as_it_may_be),
        cmocka_unit_test(a_quick_member_looks_at_the_tail_when_it_has_come_there),
        cmocka_unit_test(a_batch_ends_where_a_record_does),
        cmocka_unit_test(the_living_do_not_notice_that_serials_wrap),
        cmocka_unit_test(the_previous_claimer_is_signed_for),
        cmocka_unit_test(places_are_limited_and_reused),
        cmocka_unit_test(what_a_leaver_was_not_handed_is_adopted),
        cmocka_unit_test(the_last_of_a_passing_group_sweeps),
        cmocka_unit_test(a_place_given_back_is_the_last_too),
        cmocka_unit_test(a_place_is_given_back_once),
        cmocka_unit_test(a_durable_group_goes_on_where_it_was),
        cmocka_unit_test(a_group_is_fenced_when_all_are),
        cmocka_unit_test(a_busy_group_can_be_joined),
    };

    return cmocka_run_group_tests_name("core-group", tests, NULL, NULL);
}
