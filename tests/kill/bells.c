/*
 * Sleepers and wakers (wait/bell.h), killed or stopped at every step.
 *
 * A sleeper that is left asleep with something to do, and without a credit, has been missed: while nobody is killed that must not be (I8).
 * Where somebody was, the sleeper wakes by itself within half a second, and looks; with nothing to do it sleeps on if its announcement stands, else it
 * announces itself anew (wait/announced.c): then the words must be such that the next waker finds all of the living who sleep, each once, and is not
 * kept from it by the dead.
 */
#include "core/shared.h"
#include "finish.h"
#include "wait/bell.h"
#include "walk.h"

enum { AWAKE = 2, SLEEPER = 3, OTHER = 4, NEXT = 5 }; /* actors who have joined before */

static const struct group_view *group_of(const struct world *world)
{
    return &world->ring.group[0];
}

static bool work_there(const struct world *world, unsigned who)
{
    return shared_position(&world->member[who]) != word_load_acquire(&world->ring.view.page->tail);
}

/* ---- what acts do: members ---- */

/* Announce, look once more, and sleep; or withdraw. */
static void go_to_sleep(struct world *world, unsigned who)
{
    const uint32_t line = world->member[who].line_index;

    bell_announce(&world->ring.view, group_of(world), line);
    fence_full();
    if (work_there(world, who))
        (void)bell_withdraw(group_of(world), line);
    else
        world->asleep[who] = true;
}

/* Leave nothing to do, and sleep. */
static void work_and_sleep(struct world *world, unsigned who)
{
    (void)world_work(world, who, WORLD_MESSAGES, ONE_BY_ONE);
    go_to_sleep(world, who);
}

/* The semaphore of who sits there. */
static void signal_line(struct world *world, int line)
{
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (line >= 0 && (world->joined[who] || world->dead[who]) && world->member[who].line_index == (uint32_t)line)
            world->credits[who]++;
}

static bool is_dead(const struct world *world, int line)
{
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->member[who].line_index == (uint32_t)line)
            return false;
    return true;
}

/* As api/wakers.c does: a signal that reaches nobody goes to the next. */
static void wake(struct world *world, int line)
{
    bool more;

    for (; line >= 0; line = bell_take(group_of(world), &more)) {
        signal_line(world, line);
        if (!is_dead(world, line))
            break;
    }
}

/* What a member does that claimed and sees more. */
static void wake_peer(struct world *world, unsigned who)
{
    bool more;

    (void)who;
    wake(world, bell_take(group_of(world), &more));
}

/* ---- what acts do: the producer ---- */

static void publish_and_ring(struct world *world, unsigned who)
{
    uint64_t bell;

    world_send(world, who, 1);
    bell = word_load(&world->ring.view.doorbell->groups);
    if (bell != 0)
        wake(world, bell_answer(&world->ring.view, group_of(world)));
}

/* The same, and a member that is awake takes what was published before the woken one comes to it. */
static void publish_and_take(struct world *world, unsigned who)
{
    publish_and_ring(world, who);
    (void)world_work(world, AWAKE, WORLD_MESSAGES, ONE_BY_ONE);
}

static uint64_t gate(const struct world *world)
{
    return gate_of_group(&world->ring.view, group_of(world), 0, producer_core_tail(&world->producer));
}

/* Wait until all that is published is released. */
static void wait_for_gate(struct world *world, unsigned who)
{
    const uint64_t want = producer_core_tail(&world->producer);

    want_announce(group_of(world), want, who + 1);
    fence_full();
    if (gate(world) >= want)
        (void)want_withdraw(group_of(world));
    else
        world->asleep[who] = true;
}

static void release_all(struct world *world, unsigned who)
{
    (void)world_look(world, who, 0);
    (void)world_work(world, who, WORLD_MESSAGES, ONE_BY_ONE);
}

/* As api/consumer.c does after each release. */
static void release_and_tell(struct world *world, unsigned who)
{
    uint64_t epoch = 0;

    release_all(world, who);
    if (!want_pending(group_of(world)) || !want_take(group_of(world), gate(world), &epoch))
        return;
    if (epoch == 0 || epoch > WORLD_ACTORS)
        world_fail(world, "nobody knows who waits for room");
    world->credits[epoch - 1]++;
}

/* ---- how it is before ---- */

static void need_join(struct world *world, unsigned who)
{
    if (!world_join(world, who, 0))
        world_fail(world, "no place");
}

static void nobody_sleeps(struct world *world)
{
    need_join(world, SLEEPER);
    need_join(world, 1);
    need_join(world, OTHER);
}

static void one_awake(struct world *world)
{
    need_join(world, 0);
    need_join(world, AWAKE);
}

static void one_sleeps(struct world *world)
{
    need_join(world, SLEEPER);
    need_join(world, 1);
    go_to_sleep(world, SLEEPER);
}

static void two_sleep(struct world *world)
{
    nobody_sleeps(world);
    go_to_sleep(world, SLEEPER);
    go_to_sleep(world, OTHER);
}

static void a_dead_one_sleeps(struct world *world)
{
    two_sleep(world);
    need_join(world, NEXT);
    go_to_sleep(world, NEXT);
    world_died(world, SLEEPER);
}

static void two_wakers(struct world *world)
{
    need_join(world, 0);
    need_join(world, 1);
    need_join(world, SLEEPER);
    need_join(world, OTHER);
    go_to_sleep(world, SLEEPER);
    go_to_sleep(world, OTHER);
}

static void something_to_release(struct world *world)
{
    need_join(world, 1);
    need_join(world, 2);
    world_send(world, WORLD_LAST, 1);
    world_send(world, WORLD_LAST, 1);
    (void)world_work(world, 2, 1, NEVER_YET); /* an actor that has to release, or to be recovered from */
    world_died(world, 2);
}

/* ---- and after ---- */

static bool anybody_died_at_it(const struct world *world)
{
    return world->dead[0] || world->dead[1];
}

static void need(const struct world *world, bool held, const char *what)
{
    if (!held)
        world_fail(world, what);
}

/* Who sleeps without a credit has nothing to do but what somebody else was woken for, and the next publication will ring for it. */
static void check_nobody_is_missed(const struct world *world)
{
    unsigned woken = 0;

    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        need(world, world->credits[who] <= 1, "one announcement was answered twice");
        woken += world->credits[who] + (world->joined[who] && !world->asleep[who] ? 1 : 0);
    }
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->asleep[who] && world->credits[who] == 0) {
            need(world, woken != 0 || !work_there(world, who), "a sleeper was missed");
            need(world, word_load(&world->ring.view.doorbell->groups) != 0, "nobody will be rung for who sleeps");
        }
}

/* The half second is over. */
static bool sleeps_on(const struct world *world, unsigned who)
{
    return world->asleep[who] && !work_there(world, who) &&
           bell_stands(&world->ring.view, group_of(world), world->member[who].line_index);
}

/* The living sleep on, or anew, and the next who publishes wakes them, one for each message, and then nobody is rung for. */
static void check_all_are_found(struct world *world)
{
    unsigned sleepers = 0, woken = 0;

    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        world->credits[who] = 0;
        if (!world->joined[who])
            continue;
        sleepers++;
        if (sleeps_on(world, who))
            continue;
        (void)bell_withdraw(group_of(world), world->member[who].line_index);
        (void)world_work(world, who, WORLD_MESSAGES, ONE_BY_ONE);
        bell_announce(&world->ring.view, group_of(world), world->member[who].line_index);
    }
    world_produce(world);
    for (unsigned message = 0; message < sleepers; message++)
        publish_and_ring(world, WORLD_LAST);
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        woken += world->joined[who] && world->credits[who] == 1 ? 1 : 0;
    need(world, woken == sleepers, "a sleeper was not found, or was woken twice");
}

static void finish_sleepers(struct world *world)
{
    if (!anybody_died_at_it(world))
        check_nobody_is_missed(world);
    (void)world_look(world, WORLD_LAST, 0);
    check_all_are_found(world);
    finish_members(world);
}

/* What that one did was done in the producer's process. */
static void finish_with_awake(struct world *world)
{
    if (world->dead[1])
        world_died(world, AWAKE);
    finish_sleepers(world);
}

static void finish_want(struct world *world)
{
    need(world,
         anybody_died_at_it(world) || !world->asleep[0] || world->credits[0] != 0 ||
             gate(world) < producer_core_tail(&world->producer),
         "a producer was missed");
    /* The next one wants the same, and is told once. */
    world_produce(world);
    world_send(world, WORLD_LAST, 1);
    if (!world->joined[1])
        need_join(world, NEXT);
    world->credits[WORLD_LAST] = 0;
    wait_for_gate(world, WORLD_LAST);
    release_and_tell(world, world->joined[1] ? 1 : NEXT);
    need(world, world->credits[WORLD_LAST] == 1 && !want_pending(group_of(world)),
         "a producer is not told what it waits for");
    finish_members(world);
}

static const struct scenario scenarios[] = {
    {"ring-one", {2}, GROUP_DECLARED, 5, one_sleeps, publish_and_ring, work_and_sleep, NULL, finish_sleepers, false},
    {"ring", {3}, GROUP_DECLARED, 5, two_sleep, publish_and_ring, work_and_sleep, NULL, finish_sleepers, false},
    {"ring-dead",
     {4},
     GROUP_DECLARED,
     5,
     a_dead_one_sleeps,
     publish_and_ring,
     work_and_sleep,
     NULL,
     finish_sleepers,
     false},
    {"sleep", {3}, GROUP_DECLARED, 5, nobody_sleeps, publish_and_ring, go_to_sleep, NULL, finish_sleepers, false},
    {"sleep-empty", {2}, GROUP_DECLARED, 5, one_awake, go_to_sleep, publish_and_take, NULL, finish_with_awake, false},
    {"wake-peer", {4}, GROUP_DECLARED, 5, two_wakers, wake_peer, wake_peer, NULL, finish_sleepers, false},
    {"want", {2}, GROUP_DECLARED, 5, something_to_release, wait_for_gate, release_and_tell, NULL, finish_want, false},
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
