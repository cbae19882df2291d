#include "world.h"

#include "core/gate.h"
#include "core/lone.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "core/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- the memory ---- */

static struct {
    struct world *world;
    void *memory, *data;
} saved[WORLD_SAVES];

static void need(bool held, const char *what)
{
    if (held)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

struct world *world_make(const uint32_t members[2], uint32_t kind, uint32_t attempts)
{
    struct world *world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    need(world != MAP_FAILED, "mmap");
    fake_ring_make(&world->ring, LAYOUT_CAPACITY_MIN, 8, members[1] != 0 ? 2 : 1, members);
    world->ring.view.attempts_max = (uint32_t)attempts;
    word_store(&world->ring.view.page->tail, WORLD_BASE);
    for (unsigned group = 0; group < world->ring.groups; group++) {
        world->ring.group[group].terms.kind = kind;
        group_format(&world->ring.group[group], WORLD_BASE);
    }
    for (unsigned place = 0; place < WORLD_SAVES; place++) {
        saved[place].world = malloc(sizeof(*world));
        saved[place].memory = malloc(world->ring.size);
        saved[place].data = malloc(world->ring.view.capacity);
        need(saved[place].world != NULL && saved[place].memory != NULL && saved[place].data != NULL, "malloc");
    }
    world_produce(world);
    return world;
}

void world_make_lossy(struct world *world)
{
    for (unsigned group = 0; group < world->ring.groups; group++) {
        world->ring.group[group].terms.lossy = 1;
        lossy_begin_at_tail(&world->ring.view, &world->ring.group[group], 0);
        word_store(&world->ring.group[group].line[0].held, HELD_IDLE);
    }
}

void world_free(struct world *world)
{
    for (unsigned place = 0; place < WORLD_SAVES; place++) {
        free(saved[place].world);
        free(saved[place].memory);
        free(saved[place].data);
    }
    fake_ring_free(&world->ring);
    (void)munmap(world, sizeof(*world));
}

void world_save(struct world *world, unsigned place)
{
    memcpy(saved[place].world, world, sizeof(*world));
    memcpy(saved[place].memory, world->ring.memory, world->ring.size);
    memcpy(saved[place].data, world->ring.view.data, world->ring.view.capacity);
}

void world_restore(struct world *world, unsigned place)
{
    memcpy(world, saved[place].world, sizeof(*world));
    memcpy(world->ring.memory, saved[place].memory, world->ring.size);
    memcpy(world->ring.view.data, saved[place].data, world->ring.view.capacity);
}

/* ---- the journal ---- */

static void enter(struct world *world, struct entry entry)
{
    if (world->entries == sizeof(world->journal) / sizeof(*world->journal))
        world_fail(world, "the journal is full: there is no end to this");
    world->journal[world->entries++] = entry;
}

static void enter_member(struct world *world, enum entry_kind kind, unsigned who, uint64_t from, uint64_t end)
{
    enter(world, (struct entry){.kind = kind, .who = who, .group = world->group_of[who], .from = from, .end = end});
}

void journal_print(const struct world *world)
{
    static const char *const name[] = {"claiming", "claimed", "handed", "releasing", "released", "leaving",
                                       "left",     "sending", "sent",   "died",      "aside"};

    for (unsigned at = 0; at < world->entries; at++) {
        const struct entry *entry = &world->journal[at];

        (void)fprintf(stderr, "  %u/%u %s %ld..%ld, given %u, writer %u\n", entry->who, entry->group, name[entry->kind],
                      (long)(entry->from - WORLD_BASE) / WORLD_RECORD, (long)(entry->end - WORLD_BASE) / WORLD_RECORD,
                      entry->given, entry->writer);
    }
}

void world_fail(const struct world *world, const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    journal_print(world);
    exit(EXIT_FAILURE);
}

/* ---- who lives ---- */

static bool lives(void *context, uint64_t number)
{
    const struct world *world = context;

    return number >= 1 && number <= WORLD_ACTORS && !world->dead[number - 1];
}

struct judge world_judge(struct world *world, unsigned who)
{
    return (struct judge){lives, world, who + 1};
}

static bool forgets_orphans(const struct group_view *group)
{
    for (uint32_t index = 0; index < group->members; index++)
        if (owner_life(word_load(&group->line[index].owner)) == 0 && word_load(&group->line[index].held) != HELD_IDLE)
            return word_load(&group->page->orphans) == 0;
    return false;
}

bool world_forgets_orphans(const struct world *world)
{
    for (unsigned group = 0; group < world->ring.groups; group++)
        if (forgets_orphans(&world->ring.group[group]))
            return true;
    return false;
}

bool world_gates(const struct world *world)
{
    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        const struct consumer_core *core = &world->member[who];

        if (world->joined[who] && core->held < core->limit &&
            (word_load(&core->active->held) != core->held ||
             (word_load(&core->group.page->occupied[0]) >> core->active_index & 1) == 0))
            return false;
    }
    return true;
}

void world_died(struct world *world, unsigned who)
{
    const struct group_view *group = &world->ring.group[world->group_of[who]];

    world->dead[who] = true;
    world->joined[who] = false;
    world->excused |= world_forgets_orphans(world);
    enter_member(world, DIED, who, 0, word_load(&group->page->claim.low));
}

/* ---- members ---- */

/* What begins at the position and ends by here is this member's. */
static uint64_t claimed_to(const struct consumer_core *core)
{
    return core->group.terms.lossy ? core->lossy.limit : core->limit;
}

bool world_join(struct world *world, unsigned who, unsigned group)
{
    const struct group_view *view = &world->ring.group[group];
    struct consumer_core *core = &world->member[who];
    struct judge judge = world_judge(world, who);
    int line;

    world->group_of[who] = group;
    enter_member(world, CLAIMING, who, 0, 0);
    line = group_occupy(view, judge.life, judge.alive, judge.context);
    if (line < 0) {
        enter_member(world, CLAIMED, who, 0, 0);
        return false;
    }
    if (group_enter(core, &world->ring.view, view, (uint32_t)line, &judge) != 0)
        world_fail(world, "a member could not enter");
    if (view->terms.after != 0) {
        world->before[who] = (struct upstream){.group = world->ring.group[0]};
        core->upstream = &world->before[who];
        core->upstreams = 1;
    }
    enter_member(world, CLAIMED, who, core->position, view->members == 1 ? core->again : claimed_to(core));
    world->joined[who] = true;
    return true;
}

void world_leave(struct world *world, unsigned who)
{
    world->joined[who] = false;
    enter_member(world, LEAVING, who, 0, 0);
    group_leave(&world->member[who]);
    enter_member(world, LEFT, who, 0, 0);
}

/* What stands in a record: its position, who wrote it, and both in other words. */
struct payload {
    uint64_t position, writer, check[2];
};

static struct payload payload_of(uint64_t position, uint64_t writer)
{
    return (struct payload){position, writer, {~position, position * 0x9e3779b97f4a7c15u + writer}};
}

static void hand_out(struct world *world, unsigned who, const struct record *record)
{
    const struct consumer_core *core = &world->member[who];
    struct payload is, should;

    memcpy(&is, record->data, sizeof(is));
    should = payload_of(record->position, is.writer);
    if (memcmp(&is, &should, sizeof(is)) != 0 || record_length(record->header) != sizeof(is) ||
        record_tag(record->header) != (uint32_t)record->position)
        world_fail(world, "a message is not what was written");
    enter(world, (struct entry){.kind = HANDED,
                                .who = who,
                                .group = world->group_of[who],
                                .from = record->position,
                                .end = record->position + WORLD_RECORD,
                                .given = (unsigned)core->given,
                                .writer = (unsigned)is.writer});
}

/* What a lone member of a lossy group was not handed is nobody's yet: each message is a claim. */
static bool take_lossy(struct world *world, unsigned who, struct record *record)
{
    struct consumer_core *core = &world->member[who];
    const bool lone = core->group.members == 1;
    int code = 0;

    if (lone || core->position == core->lossy.limit)
        enter_member(world, CLAIMING, who, 0, 0);
    if (core->position == core->lossy.limit) {
        code = lone ? lossy_refill(core) : shared_claim(core);
        if (!lone)
            enter_member(world, CLAIMED, who, core->position, core->lossy.limit);
    }
    if (code >= 0)
        code = lossy_next(core, record);
    if (code < 0)
        world_fail(world, code == -EOVERFLOW ? "something was missed" : "the memory is said to be damaged");
    if (lone)
        enter_member(world, CLAIMED, who, code == 1 ? record->position : core->position, core->position);
    return code == 1;
}

static bool take(struct world *world, unsigned who, struct record *record)
{
    struct consumer_core *core = &world->member[who];
    int code;

    if (core->group.terms.lossy)
        return take_lossy(world, who, record);
    if (consumer_core_take(core, record))
        return true;
    enter_member(world, CLAIMING, who, 0, 0);
    code = core->group.members > 1 ? shared_claim(core) : core->upstreams != 0 ? stage_refill(core) : lone_refill(core);
    if (code < 0)
        world_fail(world, "the memory is said to be damaged");
    enter_member(world, CLAIMED, who, core->position, code == 1 ? core->limit : core->position);
    return code == 1 && consumer_core_take(core, record);
}

static void release(struct world *world, unsigned who, uint64_t end)
{
    struct consumer_core *core = &world->member[who];

    enter_member(world, RELEASING, who, 0, end);
    if (!core->group.terms.lossy)
        shared_release(core, end);
    else if (lossy_release(core, end - WORLD_RECORD, sizeof(struct payload)) != 0)
        world_fail(world, "what is held is not there any more");
    enter_member(world, RELEASED, who, 0, end);
}

void world_release(struct world *world, unsigned who)
{
    struct consumer_core *core = &world->member[who];

    if (consumer_core_holds(core))
        release(world, who, core->position);
}

unsigned world_work(struct world *world, unsigned who, unsigned most, enum manner manner)
{
    struct consumer_core *core = &world->member[who];
    struct record record;
    unsigned handed = 0;

    while (handed < most) {
        bool worked_up = core->position == claimed_to(core);

        if (worked_up && manner == AT_ONCE)
            world_release(world, who);
        if (worked_up && manner == NEVER_YET && core->group.members > 1 && consumer_core_holds(core))
            break;
        if (!take(world, who, &record))
            break;
        hand_out(world, who, &record);
        handed++;
        if (manner == ONE_BY_ONE)
            release(world, who, core->position);
    }
    if (manner == AT_ONCE && core->position == claimed_to(core))
        world_release(world, who);
    return handed;
}

bool world_look(struct world *world, unsigned who, unsigned group)
{
    const struct judge judge = world_judge(world, who);

    return recover_dead(&world->ring.group[group], &judge, NULL);
}

/* ---- producers ---- */

void world_produce(struct world *world)
{
    if (producer_core_start(&world->producer, &world->ring.view) != 0)
        world_fail(world, "a producer could not start");
    fake_ring_rescan(&world->ring, &world->producer);
    /* Every second place where one may start: as if consumers had waited for each message (core/owned.h). */
    if (world->producer.position / WORLD_RECORD % 2 == 0) {
        world->producer.owned.followed = OWNED_OFTEN;
        world->producer.awaited = 1;
    }
}

void world_send(struct world *world, unsigned who, unsigned count)
{
    struct producer_core *producer = &world->producer;
    uint64_t from = producer->position;

    enter_member(world, SENDING, who, from, from + (uint64_t)count * WORLD_RECORD);
    for (unsigned left = count; left > 0; left--) {
        struct payload payload = payload_of(producer->position, who);

        if (count == 1)
            fake_ring_send(&world->ring, producer, &payload, sizeof(payload), (uint32_t)producer->position);
        else
            fake_ring_commit(producer, &payload, sizeof(payload), (uint32_t)producer->position);
    }
    (void)producer_core_publish(producer);
    enter_member(world, SENT, who, from, producer->position);
}
