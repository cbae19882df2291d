/* A producer, killed at every step, and whoever comes after: a successor, or members who take what it committed and did not publish. */
#include "core/shared.h"
#include "finish.h"
#include "walk.h"

enum { LONE = 0, MANY = 1 };                         /* groups */
enum { LONE_READER = 3, MANY_READER = 4, MORE = 5 }; /* actors who have joined before */

/* ---- what acts do ---- */

static void send_singles(struct world *world, unsigned who)
{
    world_send(world, who, 1);
    world_send(world, who, 1);
}

static void send_batches(struct world *world, unsigned who)
{
    world_send(world, who, 3);
    world_send(world, who, 1);
    world_send(world, who, 4);
}

static void succeed(struct world *world, unsigned who)
{
    world_produce(world);
    world_send(world, who, 2);
    world_send(world, who, 1);
}

static void read_some(struct world *world, unsigned who)
{
    (void)world_work(world, who, 2, ONE_BY_ONE);
    (void)world_work(world, who, 3, NEVER_YET);
}

/* A member of many that knows that the producer is dead. */
static void read_beyond(struct world *world, unsigned who)
{
    shared_look_beyond(&world->member[who]);
    (void)world_work(world, who, 1, ONE_BY_ONE);
    (void)world_work(world, who, 4, NEVER_YET);
}

/* A lone member follows headers, whoever has written them. */
static void join_lone_and_read(struct world *world, unsigned who)
{
    if (world_join(world, who, LONE))
        (void)world_work(world, who, 3, NEVER_YET);
}

/* ---- how it is before, and after ---- */

static void join(struct world *world, unsigned who, unsigned group)
{
    if (!world_join(world, who, group))
        world_fail(world, "no place");
}

static void readers(struct world *world)
{
    join(world, LONE_READER, LONE);
    join(world, MANY_READER, MANY);
    join(world, MORE, MANY);
}

static void some_sent(struct world *world)
{
    readers(world);
    world_send(world, WORLD_LAST, 1);
    world_send(world, WORLD_LAST, 2);
}

static void reader_of_many_next(struct world *world)
{
    join(world, LONE_READER, LONE);
    join(world, MORE, MANY);
    join(world, 1, MANY);
    world_send(world, WORLD_LAST, 1);
}

static void lone_reader_next(struct world *world)
{
    join(world, 1, LONE);
    join(world, MANY_READER, MANY);
    world_send(world, WORLD_LAST, 1);
}

static void no_lone_reader(struct world *world)
{
    join(world, MANY_READER, MANY);
    world_send(world, WORLD_LAST, 1);
}

static void finish_with_successor(struct world *world)
{
    world_produce(world);
    world_send(world, WORLD_LAST, 1);
    world_send(world, WORLD_LAST, 2);
    finish_members(world);
}

/* Nobody succeeds before one who did not look beyond the tail has seen to what the dead left. */
static void finish_after_readers(struct world *world)
{
    (void)world_look(world, MORE, MANY);
    (void)world_work(world, MORE, WORLD_MESSAGES, ONE_BY_ONE);
    finish_with_successor(world);
}

static const struct scenario scenarios[] = {
    {"send", {1, 2}, GROUP_DECLARED, 5, some_sent, send_singles, succeed, NULL, finish_with_successor, true},
    {"send-batches", {1, 2}, GROUP_DECLARED, 5, readers, send_batches, succeed, NULL, finish_with_successor, true},
    {"succeed", {1, 2}, GROUP_DECLARED, 5, some_sent, succeed, succeed, NULL, finish_with_successor, true},
    {"send-read-lone",
     {1, 2},
     GROUP_DECLARED,
     5,
     lone_reader_next,
     send_batches,
     read_some,
     NULL,
     finish_with_successor,
     false},
    {"send-read-many",
     {1, 3},
     GROUP_DECLARED,
     5,
     reader_of_many_next,
     send_batches,
     read_some,
     NULL,
     finish_with_successor,
     false},
    {"send-beyond",
     {1, 3},
     GROUP_DECLARED,
     5,
     reader_of_many_next,
     send_batches,
     read_beyond,
     NULL,
     finish_after_readers,
     false},
    {"send-lone",
     {1, 2},
     GROUP_DECLARED,
     5,
     no_lone_reader,
     send_batches,
     join_lone_and_read,
     NULL,
     finish_with_successor,
     false},
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
