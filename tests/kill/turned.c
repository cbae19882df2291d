/*
 * Groups that nobody serves, and that a producer turns lossy and laps (core/unserved.h): after members that were killed anywhere, by producers that
 * are killed anywhere over it, and while somebody comes. laps.h says what has to hold. A member that was killed before its group was turned has found nothing
 * to be lost: so of what it held each message is got, or told to be missed, but for the one that it was just releasing.
 */
#include "core/lossy.h"
#include "core/unserved.h"
#include "laps.h"

enum { EARLIER = 3, AND_ANOTHER = 4, BEFORE = 3 };

/* ---- what producers do ---- */

/* Who is turned away from a lone group may move the one over into the other just now: position first. */
static uint64_t position_of(const struct group_view *group)
{
    uint64_t held = group->members == 1 ? word_load_acquire(&group->line[0].held) : HELD_IDLE;

    return held != HELD_IDLE ? held : word_load_acquire(&group->page->claim.low);
}

static void check_fact(const struct world *world, const struct group_view *group)
{
    struct fact fact;

    laps_need(world, lossy_fact(group, position_of(group), &fact) && laps_is_true(world, &fact),
              "a group that is turned does not know where it is");
}

/* As api/producer_unserved.c does, where there is no room. */
static void turn(struct world *world, unsigned who, struct group_view *group)
{
    const struct ring_view *view = &world->ring.view;
    const struct judge judge = world_judge(world, who);
    const uint64_t tail = producer_core_tail(&world->producer);

    if (group->terms.lossy || position_of(group) == tail)
        return;
    if (unserved_judge(view, group, judge.alive, judge.context) && position_of(group) != tail) {
        laps_need(world, unserved_turn(view, group), "where a group is cannot be counted");
        check_fact(world, group);
    }
    unserved_done(view);
}

/* Does the producer wait for a group? */
static bool waits(const struct world *world)
{
    return !world->ring.group[LONE].terms.lossy || !world->ring.group[MANY].terms.lossy;
}

static void produce(struct world *world, unsigned who)
{
    word_store(&world->ring.view.page->epoch, owner_next(word_load(&world->ring.view.page->epoch), who + 1));
    laps_succeed(world);
}

/* A producer comes, finds no room, and goes on if it may. */
static void turn_and_lap(struct world *world, unsigned who)
{
    produce(world, who);
    for (unsigned group = 0; group < world->ring.groups; group++)
        turn(world, who, &world->ring.group[group]);
    if (!waits(world))
        laps_lap(world, who);
}

/* ---- what members do ---- */

static void read_three(struct world *world, unsigned who)
{
    (void)laps_read(world, who, 3);
}

static void recover_and_read(struct world *world, unsigned who)
{
    (void)world_look(world, who, world->group_of[who]);
    (void)laps_read(world, who, 3);
}

static void join_and_read(struct world *world, unsigned who, unsigned group)
{
    if (laps_join(world, who, group))
        (void)laps_read(world, who, 4);
}

static void join_lone(struct world *world, unsigned who)
{
    join_and_read(world, who, LONE);
}

static void join_many(struct world *world, unsigned who)
{
    join_and_read(world, who, MANY);
}

/* ---- how it is before ---- */

static void join(struct world *world, unsigned who, unsigned group)
{
    laps_need(world, laps_join(world, who, group), "no place");
}

/*
 * One group is lossless, and can be turned. It began with a later message, so that its serials are not the stream's numbers; those before are
 * nobody's affair.
 */
static void begin(struct world *world, unsigned group)
{
    struct group_view *view = &world->ring.group[group];

    laps_begin(world);
    view->terms.lossy = 0;
    view->incarnation = 7;
    laps_send(world, BEFORE, SMALL);
    group_format(view, producer_core_tail(&world->producer));
    for (unsigned number = 0; number < BEFORE; number++)
        world->laps.got[number] = 1;
}

static void nobody_came(struct world *world)
{
    begin(world, MANY);
    laps_send(world, 12, SMALL);
}

static void one_of_many(struct world *world)
{
    begin(world, MANY);
    join(world, 0, MANY);
    laps_send(world, 12, SMALL);
}

static void one_with_a_batch(struct world *world)
{
    one_of_many(world);
    (void)laps_read(world, 0, 1);
}

/* They died, or left, with the rest of a batch each; the one has claimed behind the other. */
static void two_are_gone(struct world *world)
{
    begin(world, MANY);
    join(world, EARLIER, MANY);
    join(world, AND_ANOTHER, MANY);
    laps_send(world, 12, SMALL);
    (void)laps_read(world, EARLIER, 1);
    (void)laps_read(world, AND_ANOTHER, 1);
    laps_leave(world, AND_ANOTHER);
    world_died(world, EARLIER);
}

static void two_are_gone_and_one_is_there(struct world *world)
{
    two_are_gone(world);
    join(world, 0, MANY);
}

static void one_alone(struct world *world)
{
    begin(world, LONE);
    join(world, 0, LONE);
    laps_send(world, 6, SMALL);
}

static void one_alone_is_dead(struct world *world)
{
    struct record record;

    begin(world, LONE);
    join(world, EARLIER, LONE);
    laps_send(world, 6, SMALL);
    (void)laps_read(world, EARLIER, 1);
    (void)laps_next(world, EARLIER, &record);
    world_died(world, EARLIER);
}

/* ---- in the end ---- */

/* A group that was not turned after all has all that there is. */
static void finish_group(struct world *world, unsigned group)
{
    laps_finish(world, group);
    laps_need(world, unserved_lossy(&world->ring.view, &world->ring.group[group]) || world->laps.told == 0,
              "a lossless group has missed something");
}

static void finish_many(struct world *world)
{
    finish_group(world, MANY);
}

static void finish_lone(struct world *world)
{
    finish_group(world, LONE);
}

/* Nobody is in it any more: it is turned now, if it was not. */
static void turn_and_finish_many(struct world *world)
{
    turn_and_lap(world, WORLD_LAST - 1);
    finish_many(world);
}

static void turn_and_finish_lone(struct world *world)
{
    turn_and_lap(world, WORLD_LAST - 1);
    finish_lone(world);
}

#define SCENARIO(name, members, prepare, first, second, third, finish, apart)                                          \
    {                                                                                                                  \
        name, {1, members}, GROUP_DECLARED, 5, prepare, first, second, third, finish, apart                            \
    }

static const struct scenario scenarios[] = {
    SCENARIO("turn", 3, two_are_gone, turn_and_lap, turn_and_lap, NULL, finish_many, true),
    SCENARIO("turn-unclaimed", 3, nobody_came, turn_and_lap, turn_and_lap, NULL, finish_many, true),
    SCENARIO("turn-lone", 2, one_alone_is_dead, turn_and_lap, turn_and_lap, NULL, finish_lone, true),
    SCENARIO("turn-join", 3, two_are_gone, turn_and_lap, join_many, turn_and_lap, finish_many, false),
    SCENARIO("turn-join-lone", 2, one_alone_is_dead, turn_and_lap, join_lone, turn_and_lap, finish_lone, false),
    SCENARIO("join-turn", 3, two_are_gone, join_many, turn_and_lap, NULL, finish_many, false),
    SCENARIO("join-turn-lone", 2, one_alone_is_dead, join_lone, turn_and_lap, NULL, finish_lone, false),
    SCENARIO("claim-turn", 3, one_of_many, read_three, turn_and_lap, NULL, turn_and_finish_many, false),
    SCENARIO("hold-turn", 3, one_of_many, laps_hold_two, turn_and_lap, NULL, turn_and_finish_many, false),
    SCENARIO("leave-turn", 3, one_with_a_batch, laps_read_and_leave, turn_and_lap, NULL, turn_and_finish_many, false),
    SCENARIO("adopt-turn", 4, two_are_gone_and_one_is_there, recover_and_read, turn_and_lap, NULL, turn_and_finish_many,
             false),
    SCENARIO("lone-turn", 2, one_alone, laps_hold_two, turn_and_lap, NULL, turn_and_finish_lone, false),
    SCENARIO("lone-leave-turn", 2, one_alone, laps_read_and_leave, turn_and_lap, NULL, turn_and_finish_lone, false),
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
