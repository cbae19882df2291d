/* core/stage at random: members of groups that are after others, in one thread. */
#include "support/random.h"
#include "support/stage_cast.h"

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
        cmocka_unit_test(a_diamond_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
