/*
 * A group that is after another (core/stage.h), its sleepers, and who wakes them (wait/await.h), killed or stopped at every step.
 *
 * Group 1 is after group 0. By the journal no message is handed out there before a member of group 0 was about to release it. A sleeper that is left
 * asleep with something to do, and without a credit, has been missed: while nobody is killed that must not be (I8). Where somebody was, the words
 * must be such that the next release finds all of the living who sleep, each once.
 */
#include "core/shared.h"
#include "core/stage.h"
#include "finish.h"
#include "wait/await.h"
#include "wait/bell.h"
#include "walk.h"

enum { BEFORE = 0, BEHIND = 1 };                                  /* groups */
enum { AWAKE = 2, SLEEPER = 3, OTHER = 4, VICTIM = 5, NEXT = 6 }; /* actors, besides those who are walked */

static const struct group_view *group_of(const struct world *world, unsigned group)
{
    return &world->ring.group[group];
}

static void need(const struct world *world, bool held, const char *what)
{
    if (!held)
        world_fail(world, what);
}

static bool work_there(struct world *world, unsigned who)
{
    struct consumer_core *core = &world->member[who];

    return stage_look(core, shared_position(core)) != 0;
}

/* ---- what acts do ---- */

/* As api/stages.c and wait/sleep.h do: announce, look once more, and sleep; or withdraw. */
static void go_to_sleep(struct world *world, unsigned who)
{
    struct consumer_core *core = &world->member[who];
    uint64_t announced = stage_held_by(core, shared_position(core));

    await_announce(&world->ring.view, group_of(world, BEHIND), core->line_index, announced);
    fence_full();
    if (work_there(world, who) || (stage_held_by(core, shared_position(core)) & ~announced) != 0)
        (void)bell_withdraw(group_of(world, BEHIND), core->line_index);
    else
        world->asleep[who] = true;
}

static void work_and_sleep(struct world *world, unsigned who)
{
    (void)world_work(world, who, WORLD_MESSAGES, ONE_BY_ONE);
    go_to_sleep(world, who);
}

/* Signal who sits there. False: nobody who lives. */
static bool signal_line(struct world *world, int line)
{
    bool reached = false;

    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->group_of[who] == BEHIND && world->joined[who] && world->member[who].line_index == (uint32_t)line) {
            world->credits[who]++;
            reached = true;
        }
    return reached;
}

static uint64_t gate_before(const struct world *world)
{
    return gate_of_group(&world->ring.view, group_of(world, BEFORE), 0, INT64_MAX);
}

/* As api/consumer.c does after each release, and each claim. */
static void ring_followers(struct world *world)
{
    const struct ring_view *view = &world->ring.view;
    uint64_t gate, before;
    bool more, others;
    int line;

    if ((await_pending(view, BEFORE) >> BEHIND & 1) == 0)
        return;
    fence_full();
    gate = gate_before(world);
    do {
        before = gate;
        line = await_answer(view, BEFORE, gate, group_of(world, BEHIND), &others);
        while (line >= 0 && !signal_line(world, line))
            line = bell_take(group_of(world, BEHIND), &more);
        if (others)
            gate = gate_before(world);
    } while (gate > before);
}

static void release_and_ring(struct world *world, unsigned who)
{
    world_release(world, who);
    ring_followers(world);
    (void)world_look(world, who, BEFORE);
    ring_followers(world);
    while (world_work(world, who, 1, ONE_BY_ONE) != 0)
        ring_followers(world);
    ring_followers(world);
}

/* The same, and a member behind that is awake takes what was released before who sleeps comes to it. */
static void release_and_take(struct world *world, unsigned who)
{
    release_and_ring(world, who);
    (void)world_work(world, AWAKE, WORLD_MESSAGES, ONE_BY_ONE);
}

/* ---- how it is before ---- */

static void need_join(struct world *world, unsigned who, unsigned group)
{
    need(world, world_join(world, who, group), "no place");
}

static void put_behind(struct world *world)
{
    world->ring.group[BEHIND].terms.after = 1 << BEFORE;
    group_view_place_sleepers(&world->ring.view, &world->ring.group[BEHIND]);
}

static void one_after_the_other(struct world *world)
{
    put_behind(world);
    need_join(world, 0, BEFORE);
    need_join(world, 1, BEHIND);
    need_join(world, OTHER, BEHIND);
}

static void another_sleeps(struct world *world)
{
    one_after_the_other(world);
    go_to_sleep(world, OTHER);
    world_send(world, WORLD_LAST, 1);
    world_send(world, WORLD_LAST, 1);
}

static void two_sleep(struct world *world)
{
    another_sleeps(world);
    need_join(world, SLEEPER, BEHIND);
    go_to_sleep(world, SLEEPER);
}

/* What a dead one held is to be released by who adopts it. */
static void a_victim_holds(struct world *world)
{
    one_after_the_other(world);
    need_join(world, VICTIM, BEFORE);
    world_send(world, WORLD_LAST, 1);
    world_send(world, WORLD_LAST, 1);
    (void)world_work(world, VICTIM, 1, NEVER_YET);
    world_died(world, VICTIM);
    go_to_sleep(world, OTHER);
}

/* Two who release, each a part. */
static void two_release(struct world *world)
{
    one_after_the_other(world);
    need_join(world, 2, BEFORE);
    need_join(world, SLEEPER, BEHIND);
    go_to_sleep(world, OTHER);
    go_to_sleep(world, SLEEPER);
    for (unsigned count = 0; count < 4; count++)
        world_send(world, WORLD_LAST, 1);
    (void)world_work(world, 0, 1, NEVER_YET);
}

/* One who is going to sleep, one before, one awake. */
static void one_awake(struct world *world)
{
    put_behind(world);
    need_join(world, 0, BEHIND);
    need_join(world, 1, BEFORE);
    need_join(world, AWAKE, BEHIND);
    world_send(world, WORLD_LAST, 1);
}

/* ---- and after ---- */

static bool anybody_died_at_it(const struct world *world)
{
    return world->dead[0] || world->dead[1] || world->dead[2];
}

/* Who sleeps without a credit has nothing to do but what somebody else was woken for, and the next release will ring for it. */
static void check_nobody_is_missed(struct world *world)
{
    unsigned woken = 0;

    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        if (!world->joined[who] || world->group_of[who] != BEHIND)
            continue;
        need(world, world->credits[who] <= 1, "one announcement was answered twice");
        woken += world->credits[who] + (world->asleep[who] ? 0 : 1);
    }
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->asleep[who] && world->credits[who] == 0) {
            need(world, woken != 0 || !work_there(world, who), "a sleeper was missed");
            need(world, (await_pending(&world->ring.view, BEFORE) >> BEHIND & 1) != 0,
                 "nobody will ring for who sleeps");
        }
}

/* The living sleep anew, and releases wake them, one for each message, and then nobody is rung for. */
static void check_all_are_found(struct world *world)
{
    unsigned sleepers = 0, woken = 0, releaser = NEXT;

    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->group_of[who] == BEFORE)
            releaser = who;
    if (releaser == NEXT)
        need_join(world, NEXT, BEFORE);
    (void)world_look(world, releaser, BEFORE);
    release_and_ring(world, releaser);
    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        world->credits[who] = 0;
        if (!world->joined[who] || world->group_of[who] != BEHIND)
            continue;
        (void)world_look(world, who, BEHIND);
        (void)bell_withdraw(group_of(world, BEHIND), world->member[who].line_index);
        (void)world_work(world, who, WORLD_MESSAGES, ONE_BY_ONE);
    }
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->group_of[who] == BEHIND) {
            world->asleep[who] = false;
            go_to_sleep(world, who);
            need(world, world->asleep[who], "there is more behind than was released before");
            sleepers++;
        }
    world_produce(world);
    for (unsigned message = 0; message < sleepers; message++) {
        world_send(world, WORLD_LAST, 1);
        release_and_ring(world, releaser);
    }
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        woken += world->joined[who] && world->group_of[who] == BEHIND && world->credits[who] == 1 ? 1 : 0;
    need(world, woken == sleepers, "a sleeper was not found, or was woken twice");
}

/* Was the message at this position, up to this entry of the journal, about to be released in the group before? */
static bool was_let_go(const struct world *world, unsigned entries, uint64_t position)
{
    bool handed[WORLD_ACTORS] = {false};

    for (unsigned at = 0; at < entries; at++) {
        const struct entry *entry = &world->journal[at];

        if (entry->group != BEFORE)
            continue;
        if (entry->kind == HANDED && entry->from == position)
            handed[entry->who] = true;
        if (entry->kind == RELEASING && handed[entry->who] && entry->end > position)
            return true;
    }
    return false;
}

static void check_order(const struct world *world)
{
    for (unsigned at = 0; at < world->entries; at++) {
        const struct entry *entry = &world->journal[at];

        need(world, entry->kind != HANDED || entry->group != BEHIND || was_let_go(world, at, entry->from),
             "a message was handed out behind before it was released");
    }
}

static void finish_stages(struct world *world)
{
    if (!anybody_died_at_it(world))
        check_nobody_is_missed(world);
    check_all_are_found(world);
    finish_members(world);
    check_order(world);
}

/* What that one did was done in the process of the one before. */
static void finish_with_awake(struct world *world)
{
    if (world->dead[1])
        world_died(world, AWAKE);
    finish_stages(world);
}

static const struct scenario scenarios[] = {
    {"sleep", {2, 3}, GROUP_DECLARED, 5, one_awake, go_to_sleep, release_and_take, NULL, finish_with_awake, false},
    {"release",
     {2, 3},
     GROUP_DECLARED,
     5,
     another_sleeps,
     release_and_ring,
     work_and_sleep,
     NULL,
     finish_stages,
     false},
    {"wake", {2, 4}, GROUP_DECLARED, 5, two_sleep, release_and_ring, work_and_sleep, NULL, finish_stages, false},
    {"adopt", {3, 3}, GROUP_DECLARED, 5, a_victim_holds, release_and_ring, work_and_sleep, NULL, finish_stages, false},
    {"release-both",
     {3, 4},
     GROUP_DECLARED,
     5,
     two_release,
     release_and_ring,
     work_and_sleep,
     release_and_ring,
     finish_stages,
     false},
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
