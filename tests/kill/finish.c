#include "finish.h"

#include "core/aside.h"
#include "core/gate.h"
#include "core/lossy.h"
#include "core/shared.h"

enum {
    PRODUCER = WORLD_LAST - 1, /* who looks for the dead without being a member */
    NEWCOMERS = 100            /* lives of those who take all places in the end */
};

static void need(const struct world *world, bool held, const char *what)
{
    if (!held)
        world_fail(world, what);
}

static bool anybody(const struct world *world, unsigned group)
{
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->group_of[who] == group)
            return true;
    return false;
}

/* The group has just been looked at, and nobody else is at it: it knows of its orphans all the while. */
static unsigned work_one_by_one(struct world *world, unsigned who)
{
    unsigned handed = 0;

    while (world_work(world, who, 1, ONE_BY_ONE) != 0) {
        need(world, !world_forgets_orphans(world), "who adopts does not tell of other orphans");
        handed++;
    }
    return handed;
}

/* Until nobody finds anything more: everyone looks for dead, and works. */
static void work_up(struct world *world, unsigned group)
{
    unsigned handed = 1, rounds = 0;

    while (handed != 0 || rounds < 2) {
        handed = 0;
        rounds++;
        for (unsigned who = 0; who < WORLD_ACTORS; who++)
            if (world->joined[who] && world->group_of[who] == group) {
                world_release(world, who);
                (void)world_look(world, who, group);
                handed += work_one_by_one(world, who);
            }
    }
}

static void take_aside(struct world *world, unsigned group)
{
    const struct judge judge = world_judge(world, PRODUCER);
    struct aside_message message;
    uint64_t buffer[WORLD_RECORD / 8];
    int code;

    while ((code = aside_take(&world->ring.group[group], &judge, buffer, sizeof(buffer), &message)) == 1) {
        need(world, buffer[0] == message.position && buffer[1] < WORLD_ACTORS && buffer[2] == ~message.position,
             "a message that was set aside has changed");
        need(world, world->entries < sizeof(world->journal) / sizeof(*world->journal), "the journal is full");
        world->journal[world->entries++] = (struct entry){.kind = ASIDE,
                                                          .group = group,
                                                          .from = message.position,
                                                          .end = message.position + WORLD_RECORD,
                                                          .given = (unsigned)message.given};
    }
    need(world, code == 0, "what was set aside cannot be taken");
}

/* Who was killed when has misled nobody in what there was before the group's position. */
static void check_counts(struct world *world, const struct group_view *view, uint64_t tail)
{
    const uint64_t messages = (tail - WORLD_BASE) / WORLD_RECORD;
    struct fact fact;

    need(world, lossy_fact(view, tail, &fact), "a lossy group does not know where it is");
    need(world, fact.messages == messages && fact.bytes == messages * (WORLD_RECORD - LAYOUT_RECORD_HEADER),
         "a lossy group has miscounted");
}

static void check_nothing_held(struct world *world, unsigned group)
{
    const struct group_view *view = &world->ring.group[group];
    const uint64_t tail = producer_core_tail(&world->producer);

    need(world, !world_look(world, PRODUCER, group), "there are orphans in the end");
    need(world, gate_of_group(&world->ring.view, view, 0, tail) == tail, "the gate is not at the tail in the end");
    if (view->members > 1)
        need(world, shared_all_released(view), "somebody holds something in the end");
    if (view->terms.lossy)
        check_counts(world, view, tail);
}

static bool everybody_lives(void *context, uint64_t number)
{
    (void)context;
    return number >= NEWCOMERS && number <= NEWCOMERS + LAYOUT_MEMBERS;
}

/* All places can be had, each once; given back, all are free. */
static void check_places(struct world *world, unsigned group)
{
    const struct group_view *view = &world->ring.group[group];
    unsigned taken = 0;

    for (uint32_t index = 0; index < view->members; index++) {
        int line = group_occupy(view, NEWCOMERS + index, everybody_lives, NULL);

        need(world, line >= 0 && (taken >> line & 1) == 0, "a place cannot be had any more, or was had twice");
        taken |= 1u << line;
    }
    for (uint32_t index = 0; index < view->members; index++)
        group_give_back(view, index, word_load(&view->line[index].owner), PRODUCER + 1);
    for (uint32_t index = 0; index < view->members; index++)
        need(world,
             word_load(&view->line[index].held) == HELD_IDLE && owner_life(word_load(&view->line[index].owner)) == 0 &&
                 (word_load(&view->page->occupied[0]) >> index & 1) == 0,
             "a place that was given back is not free");
}

static void finish_group(struct world *world, unsigned group)
{
    if (!anybody(world, group))
        need(world, world_join(world, WORLD_LAST, group), "nobody can join in the end");
    work_up(world, group);
    check_nothing_held(world, group);
    take_aside(world, group);
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who] && world->group_of[who] == group)
            world_leave(world, who);
    check_places(world, group);
}

void finish_members(struct world *world)
{
    for (unsigned group = 0; group < world->ring.groups; group++)
        finish_group(world, group);
}

/* As a producer that is short of room sees to it (api/producer_recover.c). */
static void look_at_passing(struct world *world)
{
    (void)world_look(world, PRODUCER, 0);
    if (!group_has_members(&world->ring.group[0]))
        recover_sweep(&world->ring.group[0]);
}

void finish_passing(struct world *world)
{
    const struct group_view *view = &world->ring.group[0];

    if (anybody(world, 0)) {
        work_up(world, 0);
        look_at_passing(world);
        check_nothing_held(world, 0);
        take_aside(world, 0);
        for (unsigned who = 0; who < WORLD_ACTORS; who++)
            if (world->joined[who])
                world_leave(world, who);
    } else {
        world->vanished = true;
        look_at_passing(world);
    }
    need(world, !group_has_members(view), "a passing group has members in the end");
    need(world, gate_of_group(&world->ring.view, view, 0, producer_core_tail(&world->producer)) == GATE_NONE,
         "a passing group that is gone holds the producer");
}
