/* Lossy groups that are lapped, while members and producers are stopped anywhere and killed anywhere: laps.h says what has to hold. */
#include "core/lossy.h"
#include "laps.h"

enum { EARLIER = 3 };

/* ---- what members do ---- */

static void read_five(struct world *world, unsigned who)
{
    (void)laps_read(world, who, 5);
}

/* A look at the dead, and what is there. */
static void recover_and_read(struct world *world, unsigned who)
{
    (void)world_look(world, who, world->group_of[who]);
    (void)laps_read(world, who, 4);
}

static void join_and_read(struct world *world, unsigned who)
{
    if (laps_join(world, who, LONE))
        (void)laps_read(world, who, 4);
}

/* ---- in the end ---- */

static void finish_many(struct world *world)
{
    laps_finish(world, MANY);
}

static void finish_lone(struct world *world)
{
    laps_finish(world, LONE);
}

/* ---- how it is before ---- */

static void two_of_many(struct world *world)
{
    laps_begin(world);
    laps_need(world, laps_join(world, 0, MANY) && laps_join(world, 1, MANY), "no place");
    laps_send(world, 12, SMALL);
}

static void two_lapped(struct world *world)
{
    two_of_many(world);
    laps_lap(world, WORLD_LAST);
}

/* Each has something left of a batch. */
static void two_lapped_with_batches(struct world *world)
{
    two_of_many(world);
    (void)laps_read(world, 0, 1);
    (void)laps_read(world, 1, 1);
    laps_lap(world, WORLD_LAST);
}

static void one_alone(struct world *world)
{
    laps_begin(world);
    laps_need(world, laps_join(world, 0, LONE), "no place");
    laps_send(world, 6, SMALL);
}

static void one_alone_lapped(struct world *world)
{
    one_alone(world);
    (void)laps_read(world, 0, 2);
    laps_lap(world, WORLD_LAST);
}

/* One died with the rest of a batch. */
static void dead_and_two(struct world *world)
{
    laps_begin(world);
    laps_need(world, laps_join(world, EARLIER, MANY) && laps_join(world, 0, MANY) && laps_join(world, 1, MANY),
              "no place");
    laps_send(world, 12, SMALL);
    (void)laps_read(world, EARLIER, 1);
    world_died(world, EARLIER);
}

/* One died alone, with messages that it was handed. */
static void dead_alone(struct world *world)
{
    struct record record;

    laps_begin(world);
    laps_need(world, laps_join(world, EARLIER, LONE), "no place");
    laps_send(world, 6, SMALL);
    (void)laps_read(world, EARLIER, 1);
    (void)laps_next(world, EARLIER, &record);
    (void)laps_next(world, EARLIER, &record);
    world_died(world, EARLIER);
}

static void dead_and_two_lapped(struct world *world)
{
    dead_and_two(world);
    laps_lap(world, WORLD_LAST);
}

/* ---- what producers say ---- */

static void some_sent(struct world *world)
{
    laps_begin(world);
    laps_send(world, 5, SMALL);
}

/* A producer has committed half a ring, landmarks along it, and published nothing of it. */
static void much_committed(struct world *world)
{
    const unsigned char payload[100] = {0};

    some_sent(world);
    fake_ring_rescan(&world->ring, &world->producer);
    for (unsigned committed = 0; committed < 70; committed++)
        fake_ring_commit(&world->producer, payload, sizeof(payload), 0);
    for (unsigned place = 0; place < LAYOUT_LANDMARKS; place++)
        world->laps.false_landmark[place] = word_load(&world->ring.view.page->landmark[place].position);
}

/* A group begins at the tail while the producer goes on. */
static void begin_at_tail(struct world *world, unsigned who)
{
    const struct group_view *view = &world->ring.group[MANY];
    struct fact fact;

    (void)who;
    lossy_begin_at_tail(&world->ring.view, view, 0);
    laps_need(world, lossy_fact(view, word_load(&view->page->claim.low), &fact) && laps_is_true(world, &fact),
              "a new group does not know where it is");
}

/* The successor leaves a landmark where its predecessor had one, in the same place, with fewer messages before it. */
static void succeed_with_other_records(struct world *world, unsigned who)
{
    const struct landmark *landmark;
    unsigned place;
    uint64_t at;

    (void)who;
    laps_succeed(world);
    place = (world->producer.landmark + 1) % LAYOUT_LANDMARKS;
    landmark = &world->ring.view.page->landmark[place];
    at = world->laps.false_landmark[place];
    laps_need(world, at != NOWHERE && at > world->producer.position + SMALL, "there was no landmark in this place");
    laps_send(world, 1, (uint32_t)(at - world->producer.position) - LAYOUT_RECORD_HEADER);
    laps_send(world, 1, BIG);
    laps_need(world, word_load(&landmark->position) == at, "the landmark is elsewhere");
}

#define SCENARIO(name, members, attempts, prepare, first, second, finish)                                              \
    {                                                                                                                  \
        name, {1, members}, GROUP_DECLARED, attempts, prepare, first, second, NULL, finish, false                      \
    }

static const struct scenario scenarios[] = {
    SCENARIO("skip", 3, 5, two_lapped, read_five, read_five, finish_many),
    SCENARIO("lose-batch", 3, 5, two_lapped_with_batches, read_five, recover_and_read, finish_many),
    SCENARIO("adopt-lost", 4, 5, dead_and_two_lapped, recover_and_read, recover_and_read, finish_many),
    SCENARIO("lap-claim", 3, 5, two_of_many, read_five, laps_lap, finish_many),
    SCENARIO("lap-hold", 3, 5, two_of_many, laps_hold_two, laps_lap, finish_many),
    SCENARIO("lap-adopt", 4, 5, dead_and_two, recover_and_read, laps_lap, finish_many),
    SCENARIO("lap-leave", 3, 5, two_of_many, laps_read_and_leave, laps_lap, finish_many),
    SCENARIO("hold-leave", 3, 5, two_of_many, laps_hold_and_leave, recover_and_read, finish_many),
    SCENARIO("lap-hold-leave", 3, 5, two_of_many, laps_hold_and_leave, laps_lap, finish_many),
    SCENARIO("pass-over", 4, 1, dead_and_two, recover_and_read, recover_and_read, finish_many),
    SCENARIO("lap-pass-over", 4, 1, dead_and_two, recover_and_read, laps_lap, finish_many),
    SCENARIO("jump", 2, 5, one_alone_lapped, read_five, join_and_read, finish_lone),
    SCENARIO("lap-lone", 2, 5, one_alone, read_five, laps_lap, finish_lone),
    SCENARIO("lap-lone-hold", 2, 5, one_alone, laps_hold_two, laps_lap, finish_lone),
    SCENARIO("lap-lone-leave", 2, 5, one_alone_lapped, laps_read_and_leave, join_and_read, finish_lone),
    SCENARIO("lap-lone-hold-leave", 2, 5, one_alone, laps_hold_and_leave, laps_lap, finish_lone),
    SCENARIO("pass-over-lone", 2, 1, dead_alone, join_and_read, join_and_read, finish_lone),
    SCENARIO("lap-pass-over-lone", 2, 1, dead_alone, join_and_read, laps_lap, finish_lone),
    SCENARIO("false-landmark", 2, 5, much_committed, begin_at_tail, succeed_with_other_records, laps_succeed),
    SCENARIO("begin", 2, 5, some_sent, begin_at_tail, laps_lap, laps_succeed),
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
