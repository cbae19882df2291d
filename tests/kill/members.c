/* Members of a group, killed at every step: claiming, releasing, leaving, joining, adopting, setting aside. */
#include "core/shared.h"
#include "finish.h"
#include "walk.h"

enum { EARLIER = 3, BEFORE_THAT = 4 }; /* actors who have been there before the walk */

/* ---- what acts do ---- */

static void work_two(struct world *world, unsigned who)
{
    (void)world_work(world, who, 2, ONE_BY_ONE);
}

static void work_all(struct world *world, unsigned who)
{
    (void)world_work(world, who, WORLD_MESSAGES, ONE_BY_ONE);
}

static void work_batches(struct world *world, unsigned who)
{
    (void)world_work(world, who, 7, AT_ONCE);
}

/* By a pace at which it claims two at least, and by the tail that it knows of as long as that is past the group's position. */
static void work_quickly(struct world *world, unsigned who)
{
    world->member[who].quick = 2;
    (void)world_work(world, who, 5, ONE_BY_ONE);
}

/* Three are handed out, one is released of them. */
static void hold_some(struct world *world, unsigned who)
{
    (void)world_work(world, who, 1, ONE_BY_ONE);
    (void)world_work(world, who, 2, NEVER_YET);
}

static void recover(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    (void)world_work(world, who, 5, ONE_BY_ONE);
}

static void recover_batch(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    (void)world_work(world, who, 6, AT_ONCE);
}

static void recover_quickly(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    work_quickly(world, who);
}

static void recover_and_hold(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    (void)world_work(world, who, 2, NEVER_YET);
}

static void recover_and_leave(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    (void)world_work(world, who, 2, NEVER_YET);
    world_leave(world, who);
}

static void look(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
}

static void leave_some(struct world *world, unsigned who)
{
    (void)world_work(world, who, 1, ONE_BY_ONE);
    (void)world_work(world, who, 1, NEVER_YET);
    world_leave(world, who);
}

static void leave_nothing(struct world *world, unsigned who)
{
    (void)world_work(world, who, 1, AT_ONCE);
    while (world->member[who].position < world->member[who].limit)
        (void)world_work(world, who, 1, AT_ONCE);
    world_leave(world, who);
}

static void join_and_work(struct world *world, unsigned who)
{
    if (world_join(world, who, 0))
        (void)world_work(world, who, 3, ONE_BY_ONE);
}

static void join_and_hold(struct world *world, unsigned who)
{
    if (world_join(world, who, 0))
        (void)world_work(world, who, 9, NEVER_YET);
}

static void join_and_leave(struct world *world, unsigned who)
{
    if (!world_join(world, who, 0))
        return;
    (void)world_work(world, who, 2, ONE_BY_ONE);
    (void)world_work(world, who, 1, NEVER_YET);
    world_leave(world, who);
}

/* As a producer without room looks at a passing group. */
static void sweep(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    if (!group_has_members(&world->ring.group[0]))
        recover_sweep(&world->ring.group[0]);
}

/*
 * Somebody joins beside one who is there, and who leaves only then: at no moment is the group without a member. Whoever looks at the places
 * meanwhile may find each of them free, one after the other.
 */
static void join_before_last_leaves(struct world *world, unsigned who)
{
    if (world_join(world, who, 0))
        world_leave(world, EARLIER);
}

/* A producer looks for room, and publishes. */
static void rescan_and_send(struct world *world, unsigned who)
{
    fake_ring_rescan(&world->ring, &world->producer);
    world_send(world, who, 1);
}

static void leave_most(struct world *world, unsigned who)
{
    (void)world_work(world, who, 1, ONE_BY_ONE);
    world_leave(world, who);
}

static void leave(struct world *world, unsigned who)
{
    world_leave(world, who);
}

/* The one who claimed last claims again, and then another does, so that the claim word has forgotten both of its claims. */
static void claim_two(struct world *world, unsigned who)
{
    (void)world_work(world, EARLIER, 1, NEVER_YET);
    (void)world_work(world, who, 1, NEVER_YET);
}

static void finish_without_earlier(struct world *world)
{
    world_died(world, EARLIER);
    finish_members(world);
}

/* Whoever else is there, EARLIER has left, or was to be made to by one who was killed. */
static void finish_passing_without_earlier(struct world *world)
{
    world_died(world, EARLIER);
    finish_passing(world);
}

/* What the group has not claimed, the producer must not take for room. */
static void finish_gated(struct world *world)
{
    world_died(world, EARLIER);
    if (world->joined[1] && world->producer.gate > word_load(&world->ring.group[0].page->claim.low))
        world_fail(world, "the producer does not wait for a living member");
    world_produce(world);
    finish_passing(world);
}

/* ---- how it is before ---- */

static void need_join(struct world *world, unsigned who)
{
    if (!world_join(world, who, 0))
        world_fail(world, "no place");
}

static void send(struct world *world, unsigned count)
{
    while (count-- > 0)
        world_send(world, WORLD_LAST, 1);
}

static void nobody_yet(struct world *world)
{
    send(world, 12);
}

static void one_there(struct world *world)
{
    need_join(world, 0);
    send(world, 12);
}

static void two_there(struct world *world)
{
    need_join(world, 0);
    need_join(world, 1);
    send(world, 12);
}

static void three_there(struct world *world)
{
    two_there(world);
    need_join(world, 2);
}

/* Three, and the first place free. */
static void first_place_free(struct world *world)
{
    need_join(world, BEFORE_THAT);
    need_join(world, 0);
    need_join(world, 1);
    need_join(world, EARLIER);
    send(world, 12);
    world_leave(world, BEFORE_THAT);
}

/* One, at the first place of the second word of places; all before it are free. */
static void one_far_back(struct world *world)
{
    static struct consumer_core taken[64];

    for (unsigned place = 0; place < 64; place++) {
        need_join(world, BEFORE_THAT);
        taken[place] = world->member[BEFORE_THAT];
    }
    need_join(world, EARLIER);
    for (unsigned place = 0; place < 64; place++)
        group_leave(&taken[place]);
    world->joined[BEFORE_THAT] = false;
    send(world, 12);
}

/* Four, of whom one has claimed and released. */
static void one_has_claimed(struct world *world)
{
    three_there(world);
    need_join(world, EARLIER);
    (void)world_work(world, EARLIER, 1, ONE_BY_ONE);
}

/* Somebody was handed the first of its claim, then killed; `more` have joined. */
static void dead_left_work(struct world *world, unsigned more)
{
    need_join(world, EARLIER);
    for (unsigned who = 0; who < more; who++)
        need_join(world, who);
    send(world, 12);
    (void)world_work(world, EARLIER, 1, NEVER_YET);
    world_died(world, EARLIER);
}

static void dead_and_three(struct world *world)
{
    dead_left_work(world, 3);
}

static void dead_and_two(struct world *world)
{
    dead_left_work(world, 2);
}

/* What the dead one left is known to be there for the taking. */
static void orphan_and_three(struct world *world)
{
    dead_left_work(world, 3);
    look(world, WORLD_LAST);
}

/* Two dead, and what they left was adopted by nobody; one of them had adopted it from the other. */
static void two_dead_and_two(struct world *world)
{
    need_join(world, EARLIER);
    need_join(world, BEFORE_THAT);
    need_join(world, 0);
    need_join(world, 1);
    send(world, 12);
    (void)world_work(world, EARLIER, 1, NEVER_YET);
    world_died(world, EARLIER);
    (void)world_look(world, BEFORE_THAT, 0);
    (void)world_work(world, BEFORE_THAT, 1, ONE_BY_ONE);
    world_died(world, BEFORE_THAT);
}

/* All places are taken, one by a dead one. */
static void full_of_dead(struct world *world)
{
    need_join(world, EARLIER);
    need_join(world, BEFORE_THAT);
    send(world, 12);
    (void)world_work(world, EARLIER, 1, ONE_BY_ONE);
    (void)world_work(world, EARLIER, 1, NEVER_YET);
    (void)world_work(world, BEFORE_THAT, 1, NEVER_YET);
    world_died(world, EARLIER);
}

/* A lone group whose last member was killed with three messages, of which it had released one. */
static void lone_dead(struct world *world)
{
    need_join(world, EARLIER);
    send(world, 8);
    hold_some(world, EARLIER);
    world_died(world, EARLIER);
    send(world, 2);
}

static const struct scenario scenarios[] = {
    {"claim-2", {2}, GROUP_DECLARED, 5, two_there, work_two, work_all, NULL, finish_members, false},
    {"claim-3", {3}, GROUP_DECLARED, 5, three_there, work_two, recover, recover, finish_members, false},
    {"help", {4}, GROUP_DECLARED, 5, one_has_claimed, work_two, work_two, claim_two, finish_without_earlier, false},
    {"batch", {3}, GROUP_DECLARED, 5, three_there, work_batches, recover_batch, recover_batch, finish_members, false},
    {"quick",
     {3},
     GROUP_DECLARED,
     5,
     three_there,
     work_quickly,
     recover_quickly,
     recover_quickly,
     finish_members,
     false},
    {"hold", {3}, GROUP_DECLARED, 5, three_there, hold_some, recover, recover, finish_members, false},
    {"adopt", {4}, GROUP_DECLARED, 5, dead_and_three, recover, recover, recover, finish_members, false},
    {"adopt-again", {4}, GROUP_DECLARED, 5, two_dead_and_two, recover, recover, NULL, finish_members, false},
    {"adopt-hold",
     {4},
     GROUP_DECLARED,
     5,
     dead_and_three,
     recover,
     recover_and_hold,
     recover_and_hold,
     finish_members,
     false},
    {"adopt-leave",
     {4},
     GROUP_DECLARED,
     5,
     dead_and_three,
     recover_and_leave,
     recover,
     recover_and_leave,
     finish_members,
     false},
    {"look", {3}, GROUP_DECLARED, 5, dead_and_two, look, look, NULL, finish_members, false},
    {"look-beside", {4}, GROUP_DECLARED, 5, orphan_and_three, hold_some, work_all, look, finish_members, false},
    {"look-join", {2}, GROUP_DECLARED, 5, two_there, work_two, look, join_and_hold, finish_members, false},
    {"leave-some", {2}, GROUP_DECLARED, 5, two_there, leave_some, recover, NULL, finish_members, false},
    {"leave-nothing", {3}, GROUP_DECLARED, 5, three_there, leave_nothing, recover, NULL, finish_members, false},
    {"join-over-dead",
     {2},
     GROUP_DECLARED,
     5,
     full_of_dead,
     join_and_work,
     join_and_work,
     join_and_leave,
     finish_members,
     false},
    {"join-and-leave",
     {2},
     GROUP_DECLARED,
     5,
     full_of_dead,
     join_and_leave,
     join_and_work,
     NULL,
     finish_members,
     false},
    {"join-free", {3}, GROUP_DECLARED, 5, nobody_yet, join_and_work, join_and_work, NULL, finish_members, false},
    {"aside", {4}, GROUP_DECLARED, 1, dead_and_three, recover, recover, recover, finish_members, false},
    {"aside-later", {4}, GROUP_DECLARED, 2, dead_and_three, recover, recover, recover, finish_members, false},
    {"passing-claim", {3}, GROUP_PASSING, 5, three_there, work_two, recover, recover, finish_passing, false},
    {"passing-last", {3}, GROUP_PASSING, 5, one_there, leave_some, sweep, NULL, finish_passing, false},
    {"passing-leave", {3}, GROUP_PASSING, 5, two_there, leave_some, recover_and_leave, sweep, finish_passing, false},
    {"passing-sweep",
     {4},
     GROUP_PASSING,
     5,
     dead_and_two,
     recover_and_leave,
     recover_and_leave,
     sweep,
     finish_passing,
     false},
    {"passing-relay",
     {4},
     GROUP_PASSING,
     5,
     first_place_free,
     leave_most,
     leave,
     join_before_last_leaves,
     finish_passing_without_earlier,
     true},
    {"passing-gate",
     {65},
     GROUP_PASSING,
     5,
     one_far_back,
     rescan_and_send,
     join_before_last_leaves,
     NULL,
     finish_gated,
     false},
    {"lone-work", {1}, GROUP_DECLARED, 5, one_there, work_two, join_and_work, NULL, finish_members, false},
    {"lone-hold", {1}, GROUP_DECLARED, 5, one_there, hold_some, join_and_hold, NULL, finish_members, false},
    {"lone-join", {1}, GROUP_DECLARED, 5, lone_dead, join_and_work, join_and_work, NULL, finish_members, false},
    {"lone-join-hold", {1}, GROUP_DECLARED, 5, lone_dead, join_and_hold, join_and_hold, NULL, finish_members, false},
    {"lone-leave", {1}, GROUP_DECLARED, 5, lone_dead, join_and_leave, join_and_leave, NULL, finish_members, false},
    {"lone-aside", {1}, GROUP_DECLARED, 1, lone_dead, join_and_hold, join_and_hold, NULL, finish_members, false},
    {"lone-aside-later", {1}, GROUP_DECLARED, 2, lone_dead, join_and_hold, join_and_hold, NULL, finish_members, false},
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
