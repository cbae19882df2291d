/* A ring with groups that are after others, its producer and its members, in one thread: for tests of core/stage with cmocka. */
#ifndef TESTS_STAGE_CAST_H
#define TESTS_STAGE_CAST_H

#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "core/stage.h"
#include "support/fake_ring.h"

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

static inline void cast_make(struct cast *cast, unsigned groups, const uint32_t *members, const uint64_t *after)
{
    memset(cast, 0, sizeof(*cast));
    fake_ring_make(&cast->ring, LAYOUT_CAPACITY_MIN, 8, groups, members);
    for (unsigned group = 0; group < groups; group++) {
        cast->ring.group[group].terms.after = after[group];
        group_view_place_sleepers(&cast->ring.view, &cast->ring.group[group]);
    }
    assert_int_equal(producer_core_start(&cast->producer, &cast->ring.view), 0);
}

static inline bool alive(void *context, uint64_t life)
{
    return !((const struct cast *)context)->dead[life];
}

static inline struct consumer_core *join(struct cast *cast, unsigned group, unsigned member)
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
static inline int next(struct consumer_core *member, struct record *record)
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

static inline void send(struct cast *cast, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        fake_ring_send(&cast->ring, &cast->producer, "12345678", 8, at);
}

/* Take that many, which must be there, and release them. */
static inline void work(struct consumer_core *member, unsigned count)
{
    struct record record = {0, 0, NULL};

    for (; count > 0; count--) {
        assert_int_equal(next(member, &record), 1);
        shared_release(member, member->position);
    }
}

#endif
