/* Unit tests of core/stage: groups that are after others. One thread; several processes are for multi/stages.c. */
#include "core/lone.h"
#include "core/lossy.h"
#include "core/recover.h"
#include "core/shared.h"
#include "core/stage.h"
#include "support/fake_ring.h"
#include "support/random.h"
#include "wait/await.h"
#include "wait/bell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEMBERS_MOST = 4, GROUPS_MOST = 4, LIVES_MOST = 1 << 16 };

/* A ring, its producer, and members each with its own view of the groups before. */
struct cast {
    struct fake_ring ring;
    struct producer_core producer;
    struct consumer_core member[GROUPS_MOST][MEMBERS_MOST];
    struct upstream upstream[GROUPS_MOST][MEMBERS_MOST][GROUPS_MOST];
    bool dead[LIVES_MOST]; /* by life; 0 is nobody's */
    uint64_t lives;
};

static void cast_make(struct cast *cast, unsigned groups, const uint32_t *members, const uint64_t *after)
{
    memset(cast, 0, sizeof(*cast));
    fake_ring_make(&cast->ring, LAYOUT_CAPACITY_MIN, 8, groups, members);
    for (unsigned group = 0; group < groups; group++) {
        cast->ring.group[group].terms.after = after[group];
        group_view_place_sleepers(&cast->ring.view, &cast->ring.group[group]);
    }
    assert_int_equal(producer_core_start(&cast->producer, &cast->ring.view), 0);
}

static bool alive(void *context, uint64_t life)
{
    return !((const struct cast *)context)->dead[life];
}

static struct consumer_core *join(struct cast *cast, unsigned group, unsigned member)
{
    struct consumer_core *one = &cast->member[group][member];
    struct group_view *view = &cast->ring.group[group];
    const struct judge judge = {alive, cast, ++cast->lives};
    int line;

    assert_true(judge.life < LIVES_MOST);
    line = group_occupy(view, judge.life, alive, cast);
    assert_true(line >= 0);
    assert_int_equal(group_enter(one, &cast->ring.view, view, (uint32_t)line, &judge), 0);
    one->upstream = cast->upstream[group][member];
    for (uint64_t left = view->terms.after; left != 0; left &= left - 1)
        one->upstream[one->upstreams++] = (struct upstream){.group = cast->ring.group[__builtin_ctzll(left)]};
    return one;
}

/* The next record of a member, whichever way it gets there. */
static int next(struct consumer_core *member, struct record *record)
{
    int code;

    if (consumer_core_take(member, record))
        return 1;
    code = member->group.members > 1 ? shared_claim(member)
           : member->upstreams != 0  ? stage_refill(member)
                                     : lone_refill(member);
    if (code != 1)
        return code;
    assert_true(consumer_core_take(member, record));
    return 1;
}

static void send(struct cast *cast, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        fake_ring_send(&cast->ring, &cast->producer, "12345678", 8, at);
}

/* Take that many, which must be there, and release them. */
static void work(struct consumer_core *member, unsigned count)
{
    struct record record = {0, 0, NULL};

    for (; count > 0; count--) {
        assert_int_equal(next(member, &record), 1);
        shared_release(member, member->position);
    }
}

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
    assert_int_equal(await_answer(&cast.ring.view, 0, 0, &lone->group), -1);
    assert_int_equal(await_pending(&cast.ring.view, 0), 1 << 1 | 1 << 2);
    work(first, 1);
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &lone->group), 0);
    assert_int_equal(word_load(awaited), 1 << 2);
    assert_false(bell_withdraw(&lone->group, 0)); /* it was taken */
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &many[0]->group), 0);
    assert_int_equal(word_load(awaited), 1 << 2); /* one sleeps still */
    work(many[0], 1);
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &many[0]->group), -1); /* what there was is taken */
    assert_int_equal(await_answer(&cast.ring.view, 0, 32, &many[0]->group), 1);
    assert_int_equal(word_load(awaited), 0);
    assert_int_equal(bell_take(&many[0]->group, &more), -1);
    /* A lone one that has taken all is not woken for what it has. */
    work(lone, 1);
    await_announce(&cast.ring.view, &lone->group, 0, 1 << 0);
    assert_int_equal(await_answer(&cast.ring.view, 0, 16, &lone->group), -1);
    assert_int_equal(await_answer(&cast.ring.view, 0, 32, &lone->group), 0);
    fake_ring_free(&cast.ring);
}

/* ---- at random ---- */

enum { MESSAGES = 3000, ROUNDS = 30, LONGEST = 24, TURNS = 1000 * 1000 };

/* Which message begins where, and which group has released it. */
struct ledger {
    uint32_t at[LAYOUT_CAPACITY_MIN / 8];
    bool done[GROUPS_MOST][MESSAGES];
    uint32_t sent, finished; /* by the last group, in order */
};

static uint32_t message_at(const struct ledger *ledger, uint64_t position)
{
    return ledger->at[position % LAYOUT_CAPACITY_MIN / 8];
}

static void maybe_send(struct cast *cast, struct ledger *ledger, uint64_t *seed)
{
    uint32_t length = random_below(seed, LONGEST + 1);

    fake_ring_rescan(&cast->ring, &cast->producer);
    if (ledger->sent == MESSAGES ||
        !producer_core_finds_room(&cast->producer, producer_core_place(&cast->producer, length).next))
        return;
    ledger->at[cast->producer.position % LAYOUT_CAPACITY_MIN / 8] = ledger->sent;
    fake_ring_send(&cast->ring, &cast->producer, "0123456789abcdef01234567", length, ledger->sent++);
}

/* All that the member has in hand: the ledger first, as a member does its work before it says so. */
static void release_all(const struct cast *cast, struct ledger *ledger, unsigned group, struct consumer_core *member)
{
    for (uint64_t at = member->held; at < member->position;) {
        uint64_t header = word_load(record_at(&cast->ring.view, at));

        ledger->done[group][message_at(ledger, at)] = true;
        at += record_size(record_length(header), 8);
    }
    if (consumer_core_holds(member))
        shared_release(member, member->position);
}

static void take_one(const struct cast *cast, struct ledger *ledger, unsigned group, struct consumer_core *member)
{
    struct record record = {0, 0, NULL};

    if (member->group.members > 1 && member->position == member->limit)
        release_all(cast, ledger, group, member); /* a batch must be, before the next */
    if (next(member, &record) != 1)
        return;
    assert_int_equal(record_tag(record.header), message_at(ledger, record.position));
    for (uint64_t left = cast->ring.group[group].terms.after; left != 0; left &= left - 1)
        assert_true(ledger->done[__builtin_ctzll(left)][record_tag(record.header)]);
}

static void die(struct cast *cast, unsigned group, unsigned member)
{
    cast->dead[cast->member[group][member].judge.life] = true;
    (void)recover_dead(&cast->ring.group[group], &(struct judge){alive, cast, LIVES_MOST}, NULL);
}

/* False: all places are taken, one by who works at what was left on another. */
static bool come(struct cast *cast, unsigned group, unsigned member)
{
    const struct group_view *view = &cast->ring.group[group];

    for (uint32_t line = 0; line < view->members; line++) {
        uint64_t owner = owner_life(word_load(&view->line[line].owner));

        if (owner == 0 || cast->dead[owner]) {
            (void)join(cast, group, member);
            return true;
        }
    }
    return false;
}

/*
 * A diamond of groups of random sizes, whose members work, hold on, die, leave and come back in random order: a message comes to a group only when those
 * before it have released it; and all come to the last.
 */
static void a_diamond_at_random(void **state)
{
    const uint64_t after[] = {0, 1 << 0, 1 << 0, 1 << 1 | 1 << 2};
    static struct ledger ledger;
    static struct cast cast;

    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        bool here[GROUPS_MOST][MEMBERS_MOST] = {{false}};
        uint32_t members[GROUPS_MOST], turns = 0;
        uint64_t seed = round;

        memset(&ledger, 0, sizeof(ledger));
        for (unsigned group = 0; group < GROUPS_MOST; group++)
            members[group] = 1 + random_below(&seed, MEMBERS_MOST);
        cast_make(&cast, GROUPS_MOST, members, after);
        cast.ring.view.attempts_max = TALLY_MOST; /* what is set aside counts as released */
        for (; ledger.finished < MESSAGES && turns < TURNS; turns++) {
            unsigned group = random_below(&seed, GROUPS_MOST), member = random_below(&seed, members[group]);
            struct consumer_core *one = &cast.member[group][member];
            uint32_t what = random_below(&seed, 400);

            if (what < 100) {
                maybe_send(&cast, &ledger, &seed);
            } else if (!here[group][member]) {
                here[group][member] = come(&cast, group, member);
            } else if (what == 399) {
                die(&cast, group, member);
                here[group][member] = false;
            } else if (what == 398) {
                release_all(&cast, &ledger, group, one);
                group_leave(one);
                here[group][member] = false;
            } else if (what < 300) {
                take_one(&cast, &ledger, group, one);
            } else {
                release_all(&cast, &ledger, group, one);
            }
            while (ledger.finished < MESSAGES && ledger.done[3][ledger.finished])
                ledger.finished++;
        }
        if (ledger.finished != MESSAGES)
            fail_msg("round %u: %u of %u came through", (unsigned)round, ledger.finished, MESSAGES);
        fake_ring_free(&cast.ring);
    }
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
        cmocka_unit_test(a_diamond_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
