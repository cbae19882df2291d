/*
 * What the producer's calls cost, in shared words touched: a publication the same whoever reads, a rescan what core/gate.h says. The library is the
 * one with kill points (core/atomic.h), each of which counts here.
 */
#include "api/producer.h"
#include "mring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Of this thread: brokers go about their own. */
static _Thread_local unsigned long touched;

void mring_kill_point(void)
{
    touched++;
}

void mring_look_point(void)
{
    touched++;
}

/* So many groups of a kind, each with so many places, so many of them taken. */
struct crowd {
    unsigned groups, places, joined;
    unsigned lossy;
    unsigned late; /* made by joins */
};

static struct mring *ring;
static struct mring_producer *producer;
static struct mring_consumer *member[MRING_MEMBERS_MAX];
static unsigned members;
static char name[MRING_GROUPS_MAX][16];

static void gather(const struct crowd *crowd)
{
    struct mring_group groups[MRING_GROUPS_MAX];
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_join_options terms = MRING_JOIN_OPTIONS_INIT;

    for (unsigned at = 0; at < crowd->groups; at++) {
        (void)snprintf(name[at], sizeof(name[at]), "g%u", at);
        groups[at] = (struct mring_group){.name = name[at], .members = crowd->places, .lossy = crowd->lossy};
    }
    options.groups = groups;
    options.group_count = crowd->late ? 0 : crowd->groups;
    assert_int_equal(mring_create(&ring, NULL, &options), 0);
    terms.members = crowd->places;
    terms.lossy = crowd->lossy;
    members = 0;
    for (unsigned at = 0; at < crowd->groups * crowd->joined; at++, members++)
        assert_int_equal(mring_join(ring, name[at % crowd->groups], &terms, &member[at]), 0);
    assert_int_equal(mring_producer(ring, &producer, NULL), 0);
}

static void leave_all(void)
{
    while (members > 0)
        assert_int_equal(mring_leave(member[--members]), 0);
}

static void scatter(void)
{
    leave_all();
    assert_int_equal(mring_producer_close(producer), 0);
    assert_int_equal(mring_close(ring), 0);
}

/* ---- publications ---- */

static unsigned long words_of_sending(void)
{
    enum { MESSAGES = 1000 };

    touched = 0;
    for (unsigned at = 0; at < MESSAGES; at++)
        assert_int_equal(mring_send(producer, &at, sizeof(at), at), 0);
    return touched;
}

static unsigned long words_of_a_batch(void)
{
    enum { BATCH = 100 };
    void *where;

    touched = 0;
    for (unsigned at = 0; at < BATCH; at++) {
        assert_int_equal(mring_reserve(producer, 8, &where), 0);
        assert_int_equal(mring_commit(producer, 8, at), 0);
    }
    assert_int_equal(mring_flush(producer), 0);
    return touched;
}

static void a_publication_touches_the_same_whoever_reads(void **state)
{
    static const struct crowd crowds[] = {
        {1, 1, 1, 0, 0},   {4, 1, 1, 0, 0},    {16, 1, 1, 0, 0},      {64, 1, 1, 0, 0},   {64, 16, 0, 0, 0},
        {1, 16, 16, 0, 0}, {64, 16, 16, 0, 0}, {1, 1024, 1024, 0, 0}, {64, 16, 16, 1, 0}, {64, 16, 16, 0, 1},
    };
    unsigned long sending, batch;

    (void)state;
    gather(&(struct crowd){0});
    sending = words_of_sending();
    batch = words_of_a_batch();
    scatter();
    print_message("1000 messages: %lu words; a batch of 100: %lu\n", sending, batch);
    for (unsigned at = 0; at < sizeof(crowds) / sizeof(crowds[0]); at++) {
        gather(&crowds[at]);
        assert_int_equal(words_of_sending(), sending);
        assert_int_equal(words_of_a_batch(), batch);
        scatter();
    }
}

/* ---- rescans ---- */

static unsigned long words_of_a_scan(void)
{
    touched = 0;
    (void)producer_scan(producer);
    return touched;
}

static unsigned long words_without_groups(void)
{
    unsigned long words;

    gather(&(struct crowd){0});
    words = words_of_a_scan();
    scatter();
    return words;
}

static void a_rescan_looks_at_those_who_gate(void **state)
{
    static const struct crowd crowds[] = {
        {1, 1, 0, 0, 0},    {1, 1, 1, 0, 0},      {64, 1, 1, 0, 0},      {1, 64, 1, 0, 0},   {1, 65, 1, 0, 0},
        {1, 1024, 1, 0, 0}, {1, 1024, 512, 0, 0}, {1, 1024, 1024, 0, 0}, {16, 64, 3, 0, 0},  {64, 16, 16, 0, 0},
        {64, 16, 16, 0, 1}, {64, 16, 16, 1, 0},   {1, 1024, 1024, 1, 0}, {64, 16, 16, 1, 1},
    };
    const unsigned long none = words_without_groups();

    (void)state;
    print_message("without groups: %lu words\n", none);
    for (unsigned at = 0; at < sizeof(crowds) / sizeof(crowds[0]); at++) {
        const struct crowd *crowd = &crowds[at];
        unsigned long each = 1 + (crowd->places + 63) / 64 + crowd->joined;

        gather(crowd);
        assert_int_equal(words_of_a_scan(), none + (crowd->lossy ? 0 : crowd->groups * each));
        scatter();
    }
}

/* They stand in the directory until somebody needs their place, and cost nothing meanwhile. */
static void groups_that_are_over_cost_nothing(void **state)
{
    static const struct crowd crowds[] = {{1, 1, 1, 0, 1}, {1, 1024, 1024, 0, 1}, {64, 16, 16, 0, 1}};
    const unsigned long none = words_without_groups();

    (void)state;
    for (unsigned at = 0; at < sizeof(crowds) / sizeof(crowds[0]); at++) {
        gather(&crowds[at]);
        leave_all();
        (void)producer_scan(producer); /* finds out */
        assert_int_equal(words_of_a_scan(), none);
        assert_int_equal(producer_scan(producer), 0);
        assert_true(word_load(&ring->region.view.page->groups) != 0);
        scatter();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_touches_the_same_whoever_reads),
        cmocka_unit_test(a_rescan_looks_at_those_who_gate),
        cmocka_unit_test(groups_that_are_over_cost_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
