#include "laps.h"

#include "core/lone.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "core/unserved.h"

#include <string.h>

void laps_need(const struct world *world, bool held, const char *what)
{
    if (!held)
        world_fail(world, what);
}

void laps_begin(struct world *world)
{
    world_make_lossy(world);
    world->laps.fact[0] = (struct fact){WORLD_BASE, 0, 0};
}

/* ---- the stream ---- */

static unsigned char byte_of(unsigned number)
{
    return (unsigned char)(number * 31 + 7);
}

static void send_one(struct world *world, uint32_t length)
{
    struct laps *laps = &world->laps;
    const struct fact *before = &laps->fact[laps->sent];
    unsigned char payload[LAYOUT_CAPACITY_MIN / 2];

    laps_need(world, laps->sent < WORLD_LAPS, "there are too many messages");
    memset(payload, byte_of(laps->sent), length);
    laps->fact[laps->sent + 1] = (struct fact){before->position + record_size(length, world->ring.view.alignment),
                                               before->messages + 1, before->bytes + length};
    laps->sent++;
    fake_ring_send(&world->ring, &world->producer, payload, length, laps->sent - 1);
}

void laps_send(struct world *world, unsigned count, uint32_t length)
{
    while (count-- > 0)
        send_one(world, length);
}

void laps_lap(struct world *world, unsigned who)
{
    (void)who;
    laps_send(world, 3, BIG);
    laps_send(world, 6, SMALL);
}

void laps_succeed(struct world *world)
{
    struct laps *laps = &world->laps;

    for (unsigned group = 0; group < world->ring.groups; group++)
        unserved_apply(&world->ring.view, &world->ring.group[group]);
    world_produce(world);
    while (laps->sent > 0 && laps->fact[laps->sent].position > producer_core_tail(&world->producer))
        laps->sent--;
    laps_need(world, laps->fact[laps->sent].position == producer_core_tail(&world->producer),
              "the stream ends elsewhere");
}

bool laps_is_true(const struct world *world, const struct fact *fact)
{
    for (unsigned number = 0; number <= world->laps.sent; number++) {
        const struct fact *is = &world->laps.fact[number];

        if (is->position == fact->position)
            return is->messages == fact->messages && is->bytes == fact->bytes;
    }
    return false;
}

/* ---- members ---- */

bool laps_join(struct world *world, unsigned who, unsigned group)
{
    const struct judge judge = world_judge(world, who);
    struct group_view view = world->ring.group[group];
    int line = group_occupy(&view, judge.life, judge.alive, judge.context);

    if (line < 0)
        return false;
    if (unserved_turns_away(&world->ring.view, &view, judge.alive, judge.context)) {
        group_give_back(&view, (uint32_t)line, word_load(&view.line[line].owner), judge.life);
        return false;
    }
    unserved_apply(&world->ring.view, &view);
    world->laps.doing[who] = IN_NEXT; /* who takes over what another left may find some of it to be lost */
    laps_need(world, group_enter(&world->member[who], &world->ring.view, &view, (uint32_t)line, &judge) == 0,
              "a member could not enter");
    world->laps.doing[who] = IDLE;
    world->group_of[who] = group;
    world->joined[who] = true;
    return true;
}

void laps_leave(struct world *world, unsigned who)
{
    world->joined[who] = false;
    group_leave(&world->member[who]);
}

static bool is_lossy(const struct world *world, unsigned who)
{
    return world->member[who].group.terms.lossy;
}

static void note_told(struct world *world, unsigned who)
{
    const struct lossy_gap *gap = &world->member[who].lossy.gap;

    laps_need(world, gap->messages != 0 && gap->resumed > gap->from, "nothing is told to be missed");
    world->laps.told += gap->messages;
    world->laps.told_bytes += gap->bytes;
}

static int next_lossy(struct consumer_core *core, struct record *record)
{
    int code = lossy_next(core, record);

    if (code != 0 || core->lossy.count != 0)
        return code;
    code = core->group.members == 1 ? lossy_refill(core) : shared_claim(core);
    return code < 0 ? code : lossy_next(core, record);
}

static int next_lossless(struct consumer_core *core, struct record *record)
{
    int code;

    if (core->group.members == 1)
        return lone_next(core, record);
    if (consumer_core_take(core, record))
        return 1;
    if (consumer_core_holds(core))
        return 0;
    code = shared_claim(core);
    return code == 1 && !consumer_core_take(core, record) ? -EBADMSG : code;
}

static void note_handed(struct world *world, unsigned who, const struct record *record)
{
    unsigned number = record_tag(record->header);

    laps_need(world, number < world->laps.sent, "a message is none that was sent");
    laps_need(world, !world->laps.handed[number] || world->member[who].given > 1,
              "a message that another was handed is not marked");
    world->laps.handed[number] = true;
}

int laps_next(struct world *world, unsigned who, struct record *record)
{
    struct consumer_core *core = &world->member[who];
    int code;

    world->laps.doing[who] = IN_NEXT;
    code = is_lossy(world, who) ? next_lossy(core, record) : next_lossless(core, record);
    if (code == 1)
        note_handed(world, who, record);
    world->laps.doing[who] = IDLE;
    if (code == -EOVERFLOW)
        note_told(world, who);
    laps_need(world, code >= 0 || code == -EOVERFLOW, "the memory is said to be damaged");
    return code;
}

static uint64_t length_of(const struct laps *laps, unsigned number)
{
    return laps->fact[number + 1].bytes - laps->fact[number].bytes;
}

static int release(struct world *world, unsigned who, const struct record *record)
{
    struct consumer_core *core = &world->member[who];
    const uint32_t length = record_length(record->header);

    if (is_lossy(world, who))
        return lossy_release(core, record->position, length);
    shared_release(core, record->position + record_size(length, world->ring.view.alignment));
    return 0;
}

/* Only a member of a lossy group learns nothing more than its counters say. */
static int leave_holding(struct world *world, unsigned who, const struct record *record)
{
    const struct member_line *line = world->member[who].line;
    const uint64_t before = word_load(&line->messages);

    (void)record;
    laps_leave(world, who);
    return word_load(&line->messages) != before ? 0 : -EOVERFLOW;
}

typedef int (*way_to_release)(struct world *world, unsigned who, const struct record *record);

static void release_by(way_to_release way, struct world *world, unsigned who, const struct record *record)
{
    const unsigned number = record_tag(record->header);
    const uint32_t length = record_length(record->header);
    unsigned char copy[LAYOUT_CAPACITY_MIN / 2];
    int code;

    copy_racing(copy, record->data, length);
    world->laps.doing[who] = IN_RELEASE;
    code = way(world, who, record);
    world->laps.doing[who] = IDLE;
    if (code != 0) {
        laps_need(world, code == -EOVERFLOW, "a message that is held cannot be released");
        note_told(world, who);
        return;
    }
    laps_need(world, number < world->laps.sent && length == length_of(&world->laps, number),
              "a message is not what was written");
    for (uint32_t at = 0; at < length; at++)
        laps_need(world, copy[at] == byte_of(number), "a message is not what was written");
    world->laps.got[number]++;
}

void laps_release(struct world *world, unsigned who, const struct record *record)
{
    release_by(release, world, who, record);
}

void laps_hold_and_leave(struct world *world, unsigned who)
{
    struct record record;

    if (laps_next(world, who, &record) == 1)
        release_by(leave_holding, world, who, &record);
}

unsigned laps_read(struct world *world, unsigned who, unsigned most)
{
    struct record record;
    unsigned answers = 0;
    int code;

    while (answers < most && (code = laps_next(world, who, &record)) != 0) {
        answers++;
        if (code == 1)
            laps_release(world, who, &record);
    }
    return answers;
}

void laps_read_and_leave(struct world *world, unsigned who)
{
    (void)laps_read(world, who, 2);
    laps_leave(world, who);
}

void laps_hold_two(struct world *world, unsigned who)
{
    struct record first, second;
    int code;

    if (laps_next(world, who, &first) != 1)
        return;
    code = laps_next(world, who, &second);
    laps_release(world, who, &first);
    if (code == 1)
        laps_release(world, who, &second);
}

/* ---- in the end ---- */

static bool anybody(const struct world *world)
{
    for (unsigned who = 0; who < WORLD_ACTORS; who++)
        if (world->joined[who])
            return true;
    return false;
}

/* Until nobody finds anything more. */
static void read_all(struct world *world, unsigned group)
{
    unsigned rounds = 0, answers = 1;

    if (!anybody(world))
        laps_need(world, laps_join(world, WORLD_LAST, group), "nobody can join in the end");
    while (answers != 0 || rounds < 2) {
        answers = 0;
        laps_need(world, ++rounds < 100, "there is no end to this");
        for (unsigned who = 0; who < WORLD_ACTORS; who++)
            if (world->joined[who]) {
                (void)world_look(world, who, group);
                answers += laps_read(world, who, WORLD_LAPS);
            }
    }
}

static bool is_at(const struct world *world, const struct group_view *view, const struct fact *end)
{
    struct fact fact;

    if (!unserved_lossy(&world->ring.view, view))
        return gate_of_group(&world->ring.view, view, 0, end->position) == end->position;
    return lossy_fact(view, end->position, &fact) && memcmp(&fact, end, sizeof(fact)) == 0;
}

/* Does it add up, but for what those who were killed may have taken with them? */
static void check_account(const struct world *world, const struct group_view *view)
{
    const struct laps *laps = &world->laps;
    const struct fact *end = &laps->fact[laps->sent];
    uint64_t got = 0, got_bytes = 0, counted = 0;
    unsigned untold = 0, perhaps = 0;

    for (unsigned number = 0; number < laps->sent; number++) {
        laps_need(world, laps->got[number] <= 1, "a message was got twice");
        got += laps->got[number];
        got_bytes += laps->got[number] * length_of(laps, number);
    }
    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        untold += world->dead[who] && laps->doing[who] == IN_NEXT && is_lossy(world, who);
        perhaps += world->dead[who] && laps->doing[who] == IN_RELEASE;
    }
    for (uint32_t index = 0; index < view->members; index++)
        counted += word_load(&view->line[index].missed);
    laps_need(world, got + laps->told <= laps->sent && got_bytes + laps->told_bytes <= end->bytes,
              "more was got and missed than there was");
    laps_need(world, got + laps->told + perhaps >= laps->sent || untold != 0, "something is neither got nor missed");
    laps_need(world, got_bytes + laps->told_bytes == end->bytes || untold + perhaps != 0, "missed are other bytes");
    laps_need(world, got + counted <= laps->sent, "the counters say that more was missed than was");
    laps_need(world, counted == laps->told || untold + perhaps != 0, "the counters do not say what was told");
    laps_need(world, is_at(world, view, end), "the group does not know where it is");
}

void laps_finish(struct world *world, unsigned group)
{
    laps_succeed(world);
    laps_send(world, 1, SMALL);
    read_all(world, group);
    check_account(world, &world->ring.group[group]);
}
