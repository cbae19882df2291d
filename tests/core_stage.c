/* Unit tests of core/stage: groups that are after others. One thread; several processes are for multi/stages.c. */
#include "core/lossy.h"
#include "support/stage_cast.h"
#include "wait/await.h"
#include "wait/bell.h"

/* ---- how groups may be ordered ---- */

static void circles_are_seen(void **state)
{
    uint64_t after[LAYOUT_GROUPS] = {[1] = 1 << 0, [2] = 1 << 1, [3] = 1 << 2 | 1 << 1};

    (void)state;
    assert_int_equal(stage_before(after, 0), 0);
    assert_int_equal(stage_before(after, 3), 1 << 0 | 1 << 1 | 1 << 2);
    after[0] = 1 << 3;
    for (uint32_t index = 0; index < 4; index++)
        assert_true(stage_before(after, index) >> index & 1);
    after[0] = 0;
    after[63] = UINT64_C(1) << 63;
    assert_true(stage_before(after, 63) >> 63 & 1);
    assert_false(stage_before(after, 3) >> 3 & 1);
}

static void who_may_lose_or_end_leads_nobody(void **state)
{
    const struct group_terms sound = {.kind = GROUP_DECLARED, .members = 1};
    struct group_terms terms = sound;

    (void)state;
    assert_true(stage_may_lead(&terms));
    terms.kind = GROUP_PASSING;
    assert_false(stage_may_lead(&terms));
    terms = sound;
    terms.lossy = 1;
    assert_false(stage_may_lead(&terms));
    terms = sound;
    terms.unserved = UNSERVED_LOSES;
    assert_false(stage_may_lead(&terms));
}

/* ---- what a member may take ---- */

static void a_lone_one_follows_a_lone_one(void **state)
{
    const uint32_t members[] = {1, 1};
    const uint64_t after[] = {0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *then;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 2, members, after);
    then = join(&cast, 1, 0);
    send(&cast, 3);
    assert_int_equal(next(then, &record), 0); /* nobody is there before it */
    first = join(&cast, 0, 0);
    assert_int_equal(next(first, &record), 1);
    assert_int_equal(next(first, &record), 1);
    assert_int_equal(next(then, &record), 0); /* handed out is not released */
    consumer_core_release(first, first->position);
    assert_int_equal(next(then, &record), 1);
    assert_int_equal(record.position, 0);
    assert_int_equal(next(then, &record), 1);
    assert_int_equal(next(then, &record), 0);
    work(first, 1);
    assert_int_equal(next(then, &record), 1);
    assert_int_equal(record_tag(record.header), 2);
    assert_int_equal(word_load(&then->line->claimed), then->position); /* R3 */
    /* Everything was released: who comes there anew is at the tail, and has nothing to wait for. */
    group_leave(first);
    assert_int_equal(next(then, &record), 0);
    consumer_core_release(then, then->position);
    fake_ring_rescan(&cast.ring, &cast.producer);
    assert_int_equal(cast.producer.gate, 3 * 16);
    fake_ring_free(&cast.ring);
}

static void the_oldest_of_many_holds_back(void **state)
{
    const uint32_t members[] = {3, 2};
    const uint64_t after[] = {0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first[3], *then;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 2, members, after);
    for (unsigned at = 0; at < 3; at++) {
        first[at] = join(&cast, 0, at);
        first[at]->batch_max = 2;
    }
    then = join(&cast, 1, 0);
    send(&cast, 18); /* shares of three: six claimed, two by two */
    for (unsigned at = 0; at < 3; at++)
        assert_int_equal(next(first[at], &record), 1);
    assert_int_equal(next(then, &record), 0);
    for (unsigned at = 1; at < 3; at++) {
        assert_int_equal(next(first[at], &record), 1);
        shared_release(first[at], first[at]->position);
    }
    assert_int_equal(next(then, &record), 0); /* the first of them has released nothing */
    shared_release(first[0], first[0]->position);
    then->batch_max = 1;
    work(then, 1);
    assert_int_equal(next(then, &record), 0);
    work(first[0], 1);
    work(then, 5);
    assert_int_equal(next(then, &record), 0); /* what nobody claimed there is not for those behind */
    assert_int_equal(word_load(&then->line->held), HELD_IDLE);
    fake_ring_free(&cast.ring);
}

static void what_the_dead_held_is_not_released(void **state)
{
    const uint32_t members[] = {2, 1};
    const uint64_t after[] = {0, 1 << 0};
    static struct cast cast;
    struct consumer_core *victim, *heir, *then;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 2, members, after);
    victim = join(&cast, 0, 0);
    heir = join(&cast, 0, 1);
    then = join(&cast, 1, 0);
    victim->batch_max = heir->batch_max = 2;
    send(&cast, 8);
    work(victim, 1);
    assert_int_equal(next(victim, &record), 1);
    work(heir, 2);
    work(then, 1);
    cast.dead[victim->judge.life] = true;
    assert_int_equal(next(then, &record), 0);
    assert_true(recover_dead(&cast.ring.group[0], &heir->judge, NULL));
    assert_int_equal(next(then, &record), 0); /* an orphan holds back like its member */
    assert_int_equal(next(heir, &record), 1);
    assert_int_equal(record.position, 16);
    assert_int_equal(heir->given, 2);
    assert_int_equal(next(then, &record), 0);
    shared_release(heir, heir->position);
    work(then, 3);
    assert_int_equal(next(then, &record), 0);
    fake_ring_free(&cast.ring);
}

/* Who leaves has released what it was handed, and not what it had claimed besides. */
static void who_leaves_leaves_the_rest_to_others(void **state)
{
    const uint32_t members[] = {2, 1};
    const uint64_t after[] = {0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *then;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 2, members, after);
    first = join(&cast, 0, 0);
    then = join(&cast, 1, 0);
    send(&cast, 8); /* four are claimed */
    assert_int_equal(next(first, &record), 1);
    group_leave(first);
    work(then, 1);
    assert_int_equal(next(then, &record), 0);
    first = join(&cast, 0, 0);
    work(first, 3);
    work(then, 3);
    assert_int_equal(next(then, &record), 0);
    fake_ring_free(&cast.ring);
}

static void the_slower_of_two_counts(void **state)
{
    const uint32_t members[] = {1, 1, 1, 1};
    const uint64_t after[] = {0, 1 << 0, 1 << 0, 1 << 1 | 1 << 2};
    static struct cast cast;
    struct consumer_core *member[4];
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 4, members, after);
    for (unsigned at = 0; at < 4; at++)
        member[at] = join(&cast, at, 0);
    send(&cast, 4);
    work(member[0], 4);
    work(member[1], 3);
    assert_int_equal(next(member[3], &record), 0);
    assert_int_equal(stage_held_by(member[3], 0), 1 << 2);
    work(member[2], 4);
    work(member[3], 3);
    assert_int_equal(next(member[3], &record), 0);
    assert_int_equal(stage_held_by(member[3], member[3]->position), 1 << 1);
    fake_ring_free(&cast.ring);
}

/* Its group began ahead of where those before it are. */
static void who_begins_ahead_waits(void **state)
{
    const uint32_t members[] = {1, 1, 2};
    const uint64_t after[] = {0, 1 << 0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *lone, *one;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 3, members, after);
    first = join(&cast, 0, 0);
    send(&cast, 3);
    word_store(&cast.ring.group[1].page->claim.low, 32);
    word_store(&cast.ring.group[2].page->claim.low, 32);
    lone = join(&cast, 1, 0);
    one = join(&cast, 2, 0);
    for (unsigned at = 0; at < 3; at++) {
        assert_int_equal(next(lone, &record), 0);
        assert_int_equal(next(one, &record), 0);
        work(first, 1);
    }
    assert_int_equal(next(lone, &record), 1);
    assert_int_equal(record.position, 32);
    assert_int_equal(next(one, &record), 1);
    assert_int_equal(record.position, 32);
    fake_ring_free(&cast.ring);
}

/* ---- what is beyond the tail ---- */

static void nothing_past_the_tail_is_taken(void **state)
{
    const uint32_t members[] = {1, 1};
    const uint64_t after[] = {0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *then;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 2, members, after);
    first = join(&cast, 0, 0);
    then = join(&cast, 1, 0);
    send(&cast, 2);
    work(first, 2);
    /* As its producer was killed between the two: the header is there, and the tail is not (R2). */
    word_store(&cast.ring.view.page->tail, 16);
    work(then, 1);
    assert_int_equal(next(then, &record), 0);
    shared_look_beyond(then);
    work(then, 1);
    assert_int_equal(next(then, &record), 0);
    fake_ring_free(&cast.ring);
}

/* ---- words that cannot be true ---- */

static void impossible_words_are_told(void **state)
{
    static const struct {
        uint64_t held;
    } wrong[] = {{5}, {LAYOUT_CAPACITY_MIN + 32}, {UINT64_MAX - 7}, {INT64_MAX - 7}};
    const uint32_t members[] = {1, 1, 2};
    const uint64_t after[] = {0, 1 << 0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *then[2];
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 3, members, after);
    first = join(&cast, 0, 0);
    then[0] = join(&cast, 1, 0);
    then[1] = join(&cast, 2, 0);
    send(&cast, 1);
    for (unsigned at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++)
        for (unsigned who = 0; who < 2; who++) {
            word_store(&first->line->held, wrong[at].held);
            then[who]->trouble = (struct trouble){TROUBLE_NONE, 0, 0, 0};
            assert_int_equal(next(then[who], &record), -EBADMSG);
            assert_int_equal(then[who]->trouble.kind, TROUBLE_UPSTREAM);
            assert_int_equal(then[who]->trouble.position, 0);
            assert_int_equal(word_load(&then[who]->line->damaged), at + 1);
        }
    assert_int_equal(word_load(&then[1]->line->held), HELD_IDLE);
    /* What is possible again goes on. */
    word_store(&first->line->held, 16);
    work(then[0], 1);
    work(then[1], 1);
    /* A position that goes back. */
    word_store(&cast.ring.group[0].page->claim.low, 16);
    word_store(&first->line->held, HELD_IDLE);
    assert_int_equal(next(then[0], &record), 0);
    word_store(&cast.ring.group[0].page->claim.low, 8);
    assert_int_equal(next(then[0], &record), -EBADMSG);
    fake_ring_free(&cast.ring);
}

/* To one that may lose what it is after, too. */
static void impossible_words_are_told_to_lossy_ones(void **state)
{
    const uint32_t members[] = {1, 1, 2};
    const uint64_t after[] = {0, 1 << 0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *lone, *many;

    (void)state;
    cast_make(&cast, 3, members, after);
    cast.ring.group[1].terms.lossy = cast.ring.group[2].terms.lossy = 1;
    lossy_begin_at_tail(&cast.ring.view, &cast.ring.group[1], 0);
    lossy_begin_at_tail(&cast.ring.view, &cast.ring.group[2], 0);
    first = join(&cast, 0, 0);
    lone = join(&cast, 1, 0);
    many = join(&cast, 2, 0);
    send(&cast, 1);
    word_store(&first->line->held, 5);
    assert_int_equal(lossy_refill(lone), -EBADMSG);
    assert_int_equal(lone->trouble.kind, TROUBLE_UPSTREAM);
    assert_int_equal(shared_claim(many), -EBADMSG);
    assert_int_equal(many->trouble.kind, TROUBLE_UPSTREAM);
    word_store(&first->line->held, 16);
    assert_int_equal(lossy_refill(lone), 1);
    assert_int_equal(shared_claim(many), 1);
    fake_ring_free(&cast.ring);
}

/* Records that a group before has released, and that are none. */
static void damaged_records_are_told(void **state)
{
    const uint32_t members[] = {1, 1};
    const uint64_t after[] = {0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *then;
    struct record record = {0, 0, NULL};

    (void)state;
    cast_make(&cast, 2, members, after);
    first = join(&cast, 0, 0);
    then = join(&cast, 1, 0);
    send(&cast, 2);
    work(first, 2);
    word_store(record_at(&cast.ring.view, 0), record_header(1 << 20, 0));
    assert_int_equal(next(then, &record), -EBADMSG);
    assert_int_equal(then->trouble.kind, TROUBLE_REACH);
    word_store(record_at(&cast.ring.view, 0), 0);
    assert_int_equal(next(then, &record), -EBADMSG);
    /* One that was there when it was looked ahead. */
    word_store(record_at(&cast.ring.view, 0), record_header(8, 0));
    assert_int_equal(next(then, &record), 1);
    word_store(record_at(&cast.ring.view, 16), record_header(1 << 20, 0));
    assert_false(consumer_core_take(then, &record));
    assert_int_equal(stage_refill(then), -EBADMSG);
    assert_int_equal(then->trouble.kind, TROUBLE_REACH);
    assert_int_equal(then->trouble.position, 16);
    fake_ring_free(&cast.ring);
}

/* ---- sleepers ---- */

static void a_release_takes_who_waits_for_it(void **state)
{
    const uint32_t members[] = {2, 1, 3};
    const uint64_t after[] = {0, 1 << 0, 1 << 0};
    static struct cast cast;
    struct consumer_core *first, *lone, *many[2];
    struct word *awaited;
    bool more;

    (void)state;
    cast_make(&cast, 3, members, after);
    awaited = &cast.ring.view.doorbell->awaited[0];
    first = join(&cast, 0, 0);
    lone = join(&cast, 1, 0);
    many[0] = join(&cast, 2, 0);
    many[1] = join(&cast, 2, 1);
    send(&cast, 4);
    await_announce(&cast.ring.view, &lone->group, lone->line_index, stage_held_by(lone, 0));
    for (unsigned at = 0; at < 2; at++)
        await_announce(&cast.ring.view, &many[at]->group, many[at]->line_index, 1 << 0);
    assert_int_equal(await_pending(&cast.ring.view, 0), 1 << 1 | 1 << 2);
    assert_int_equal(word_load(&cast.ring.view.doorbell->groups), 0); /* the producer has nothing to do with it */
    assert_false(word_load(&lone->group.page->sleepers[0]) != 0);
    assert_int_equal(await_answer(&cast.ring.view, 0, 0, &lone->group, &more), -1);
    assert_int_equal(await_pending(&cast.ring.view, 0), 1 << 1 | 1 << 2);
    work(first, 1);
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &lone->group, &more), 0);
    assert_int_equal(word_load(awaited), 1 << 2);
    assert_false(bell_withdraw(&lone->group, 0)); /* it was taken */
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &many[0]->group, &more), 0);
    assert_int_equal(word_load(awaited), 1 << 2); /* one sleeps still */
    assert_true(more);
    work(many[0], 1);
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &many[0]->group, &more), -1); /* what there was is taken */
    assert_int_equal(await_answer(&cast.ring.view, 0, 32, &many[0]->group, &more), 1);
    assert_int_equal(word_load(awaited), 0);
    assert_false(more);
    assert_int_equal(bell_take(&many[0]->group, &more), -1);
    /* A lone one that has taken all is not woken for what it has. */
    work(lone, 1);
    await_announce(&cast.ring.view, &lone->group, 0, 1 << 0);
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &lone->group, &more), -1);
    assert_int_equal(await_answer(&cast.ring.view, 0, 32, &lone->group, &more), 0);
    fake_ring_free(&cast.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_are_seen),
        cmocka_unit_test(who_may_lose_or_end_leads_nobody),
        cmocka_unit_test(a_lone_one_follows_a_lone_one),
        cmocka_unit_test(the_oldest_of_many_holds_back),
        cmocka_unit_test(what_the_dead_held_is_not_released),
        cmocka_unit_test(who_leaves_leaves_the_rest_to_others),
        cmocka_unit_test(the_slower_of_two_counts),
        cmocka_unit_test(who_begins_ahead_waits),
        cmocka_unit_test(nothing_past_the_tail_is_taken),
        cmocka_unit_test(impossible_words_are_told),
        cmocka_unit_test(impossible_words_are_told_to_lossy_ones),
        cmocka_unit_test(damaged_records_are_told),
        cmocka_unit_test(a_release_takes_who_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
