/*
 * Lossy groups that are lapped, while members and producers are stopped anywhere and killed anywhere.
 *
 * In the end each message was got once, whole, or is among those that a member was told it had missed, in messages and bytes. If a member was killed in a
 * call that looks for the next message, it may have found some to be lost and not have come to say so; if it was killed while it released one, that one
 * may be with nobody. Never is one got twice, or got and told to be missed; and the group's words say in any case how much there was before
 * where it is.
 */
#include "core/lossy.h"
#include "core/shared.h"
#include "walk.h"

#include <string.h>

enum { LONE = 0, MANY = 1, EARLIER = 3, SMALL = 32, BIG = 7000 };

static void need(const struct world *world, bool held, const char *what)
{
    if (!held)
        world_fail(world, what);
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

    need(world, laps->sent < WORLD_LAPS, "there are too many messages");
    memset(payload, byte_of(laps->sent), length);
    laps->fact[laps->sent + 1] = (struct fact){before->position + record_size(length, world->ring.view.alignment),
                                               before->messages + 1, before->bytes + length};
    laps->sent++;
    fake_ring_send(&world->ring, &world->producer, payload, length, laps->sent - 1);
}

static void send_some(struct world *world, unsigned count, uint32_t length)
{
    while (count-- > 0)
        send_one(world, length);
}

/* More than a ring. */
static void lap(struct world *world, unsigned who)
{
    (void)who;
    send_some(world, 3, BIG);
    send_some(world, 6, SMALL);
}

/* What a dead producer was about to publish is there or not. */
static void succeed(struct world *world)
{
    struct laps *laps = &world->laps;

    world_produce(world);
    while (laps->sent > 0 && laps->fact[laps->sent].position > producer_core_tail(&world->producer))
        laps->sent--;
    need(world, laps->fact[laps->sent].position == producer_core_tail(&world->producer), "the stream ends elsewhere");
}

static bool is_true(const struct world *world, const struct fact *fact)
{
    for (unsigned number = 0; number <= world->laps.sent; number++) {
        const struct fact *is = &world->laps.fact[number];

        if (is->position == fact->position)
            return is->messages == fact->messages && is->bytes == fact->bytes;
    }
    return false;
}

/* ---- members ---- */

static bool join(struct world *world, unsigned who, unsigned group)
{
    const struct judge judge = world_judge(world, who);
    const struct group_view *view = &world->ring.group[group];
    int line = group_occupy(view, judge.life, judge.alive, judge.context);

    if (line < 0)
        return false;
    need(world, group_enter(&world->member[who], &world->ring.view, view, (uint32_t)line, &judge) == 0,
         "a member could not enter");
    world->group_of[who] = group;
    world->joined[who] = true;
    return true;
}

static void note_told(struct world *world, unsigned who)
{
    const struct lossy_gap *gap = &world->member[who].lossy.gap;

    need(world, gap->messages != 0 && gap->resumed > gap->from, "nothing is told to be missed");
    world->laps.told += gap->messages;
    world->laps.told_bytes += gap->bytes;
}

/* 1: a message; 0: there is none; -EOVERFLOW, which is noted. */
static int next(struct world *world, unsigned who, struct record *record)
{
    struct consumer_core *core = &world->member[who];
    int code;

    world->laps.doing[who] = IN_NEXT;
    code = lossy_next(core, record);
    if (code == 0 && core->lossy.count == 0) {
        code = core->group.members == 1 ? lossy_refill(core) : shared_claim(core);
        if (code >= 0)
            code = lossy_next(core, record);
    }
    world->laps.doing[who] = IDLE;
    if (code == -EOVERFLOW)
        note_told(world, who);
    need(world, code >= 0 || code == -EOVERFLOW, "the memory is said to be damaged");
    return code;
}

static uint64_t length_of(const struct laps *laps, unsigned number)
{
    return laps->fact[number + 1].bytes - laps->fact[number].bytes;
}

static void release(struct world *world, unsigned who, const struct record *record)
{
    const unsigned number = record_tag(record->header);
    const uint32_t length = record_length(record->header);
    unsigned char copy[LAYOUT_CAPACITY_MIN / 2];
    int code;

    copy_racing(copy, record->data, length);
    world->laps.doing[who] = IN_RELEASE;
    code = lossy_release(&world->member[who], record->position, length);
    world->laps.doing[who] = IDLE;
    if (code != 0) {
        need(world, code == -EOVERFLOW, "a message that is held cannot be released");
        note_told(world, who);
        return;
    }
    need(world, number < world->laps.sent && length == length_of(&world->laps, number),
         "a message is not what was written");
    for (uint32_t at = 0; at < length; at++)
        need(world, copy[at] == byte_of(number), "a message is not what was written");
    world->laps.got[number]++;
}

/* Answers, messages and gaps. */
static unsigned read_some(struct world *world, unsigned who, unsigned most)
{
    struct record record;
    unsigned answers = 0;
    int code;

    while (answers < most && (code = next(world, who, &record)) != 0) {
        answers++;
        if (code == 1)
            release(world, who, &record);
    }
    return answers;
}

static void read_five(struct world *world, unsigned who)
{
    (void)read_some(world, who, 5);
}

/* A look at the dead, and what is there. */
static void recover_and_read(struct world *world, unsigned who)
{
    (void)world_look(world, who, world->group_of[who]);
    (void)read_some(world, who, 4);
}

/* Two are handed out before they are released. */
static void hold_two(struct world *world, unsigned who)
{
    struct record first, second;
    int code;

    if (next(world, who, &first) != 1)
        return;
    code = next(world, who, &second);
    release(world, who, &first);
    if (code == 1)
        release(world, who, &second);
}

static void join_and_read(struct world *world, unsigned who)
{
    if (join(world, who, LONE))
        (void)read_some(world, who, 4);
}

static void read_and_leave(struct world *world, unsigned who)
{
    (void)read_some(world, who, 2);
    world->joined[who] = false;
    group_leave(&world->member[who]);
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
        need(world, join(world, WORLD_LAST, group), "nobody can join in the end");
    while (answers != 0 || rounds < 2) {
        answers = 0;
        need(world, ++rounds < 100, "there is no end to this");
        for (unsigned who = 0; who < WORLD_ACTORS; who++)
            if (world->joined[who]) {
                (void)world_look(world, who, group);
                answers += read_some(world, who, WORLD_LAPS);
            }
    }
}

/* Does it add up, but for what those who were killed may have taken with them? */
static void check_account(const struct world *world, const struct group_view *view)
{
    const struct laps *laps = &world->laps;
    const struct fact *end = &laps->fact[laps->sent];
    uint64_t got = 0, got_bytes = 0, counted = 0;
    unsigned untold = 0, perhaps = 0;
    struct fact fact;

    for (unsigned number = 0; number < laps->sent; number++) {
        need(world, laps->got[number] <= 1, "a message was got twice");
        got += laps->got[number];
        got_bytes += laps->got[number] * length_of(laps, number);
    }
    for (unsigned who = 0; who < WORLD_ACTORS; who++) {
        untold += world->dead[who] && laps->doing[who] == IN_NEXT;
        perhaps += world->dead[who] && laps->doing[who] == IN_RELEASE;
    }
    for (uint32_t index = 0; index < view->members; index++)
        counted += word_load(&view->line[index].missed);
    need(world, got + laps->told <= laps->sent && got_bytes + laps->told_bytes <= end->bytes,
         "more was got and missed than there was");
    need(world, got + laps->told + perhaps >= laps->sent || untold != 0, "something is neither got nor missed");
    need(world, got_bytes + laps->told_bytes == end->bytes || untold + perhaps != 0, "missed are other bytes");
    need(world, got + counted <= laps->sent, "the counters say that more was missed than was");
    need(world, counted == laps->told || untold + perhaps != 0, "the counters do not say what was told");
    need(world, lossy_fact(view, end->position, &fact) && memcmp(&fact, end, sizeof(fact)) == 0,
         "the group does not know where it is");
}

static void finish_group(struct world *world, unsigned group)
{
    succeed(world);
    send_one(world, SMALL);
    read_all(world, group);
    check_account(world, &world->ring.group[group]);
}

static void finish_many(struct world *world)
{
    finish_group(world, MANY);
}

static void finish_lone(struct world *world)
{
    finish_group(world, LONE);
}

/* ---- how it is before ---- */

static void begin(struct world *world)
{
    world_make_lossy(world);
    world->laps.fact[0] = (struct fact){WORLD_BASE, 0, 0};
}

static void two_of_many(struct world *world)
{
    begin(world);
    need(world, join(world, 0, MANY) && join(world, 1, MANY), "no place");
    send_some(world, 12, SMALL);
}

static void two_lapped(struct world *world)
{
    two_of_many(world);
    lap(world, WORLD_LAST);
}

/* Each has something left of a batch. */
static void two_lapped_with_batches(struct world *world)
{
    two_of_many(world);
    (void)read_some(world, 0, 1);
    (void)read_some(world, 1, 1);
    lap(world, WORLD_LAST);
}

static void one_alone(struct world *world)
{
    begin(world);
    need(world, join(world, 0, LONE), "no place");
    send_some(world, 6, SMALL);
}

static void one_alone_lapped(struct world *world)
{
    one_alone(world);
    (void)read_some(world, 0, 2);
    lap(world, WORLD_LAST);
}

/* One died with the rest of a batch. */
static void dead_and_two(struct world *world)
{
    begin(world);
    need(world, join(world, EARLIER, MANY) && join(world, 0, MANY) && join(world, 1, MANY), "no place");
    send_some(world, 12, SMALL);
    (void)read_some(world, EARLIER, 1);
    world_died(world, EARLIER);
}

static void dead_and_two_lapped(struct world *world)
{
    dead_and_two(world);
    lap(world, WORLD_LAST);
}

/* ---- what producers say ---- */

static void some_sent(struct world *world)
{
    begin(world);
    send_some(world, 5, SMALL);
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
    need(world, lossy_fact(view, word_load(&view->page->claim.low), &fact) && is_true(world, &fact),
         "a new group does not know where it is");
}

/* The successor leaves a landmark where its predecessor had one, in the same place, with fewer messages before it. */
static void succeed_with_other_records(struct world *world, unsigned who)
{
    const struct landmark *landmark;
    unsigned place;
    uint64_t at;

    (void)who;
    succeed(world);
    place = (world->producer.landmark + 1) % LAYOUT_LANDMARKS;
    landmark = &world->ring.view.page->landmark[place];
    at = world->laps.false_landmark[place];
    need(world, at != NOWHERE && at > world->producer.position + SMALL, "there was no landmark in this place");
    send_one(world, (uint32_t)(at - world->producer.position) - LAYOUT_RECORD_HEADER);
    send_one(world, BIG);
    need(world, word_load(&landmark->position) == at, "the landmark is elsewhere");
}

static const struct scenario scenarios[] = {
    {"skip", {1, 3}, GROUP_DECLARED, 5, two_lapped, read_five, read_five, NULL, finish_many, false},
    {"lose-batch",
     {1, 3},
     GROUP_DECLARED,
     5,
     two_lapped_with_batches,
     read_five,
     recover_and_read,
     NULL,
     finish_many,
     false},
    {"adopt-lost",
     {1, 4},
     GROUP_DECLARED,
     5,
     dead_and_two_lapped,
     recover_and_read,
     recover_and_read,
     NULL,
     finish_many,
     false},
    {"lap-claim", {1, 3}, GROUP_DECLARED, 5, two_of_many, read_five, lap, NULL, finish_many, false},
    {"lap-hold", {1, 3}, GROUP_DECLARED, 5, two_of_many, hold_two, lap, NULL, finish_many, false},
    {"lap-adopt", {1, 4}, GROUP_DECLARED, 5, dead_and_two, recover_and_read, lap, NULL, finish_many, false},
    {"lap-leave", {1, 3}, GROUP_DECLARED, 5, two_of_many, read_and_leave, lap, NULL, finish_many, false},
    {"jump", {1, 2}, GROUP_DECLARED, 5, one_alone_lapped, read_five, join_and_read, NULL, finish_lone, false},
    {"lap-lone", {1, 2}, GROUP_DECLARED, 5, one_alone, read_five, lap, NULL, finish_lone, false},
    {"lap-lone-hold", {1, 2}, GROUP_DECLARED, 5, one_alone, hold_two, lap, NULL, finish_lone, false},
    {"lap-lone-leave",
     {1, 2},
     GROUP_DECLARED,
     5,
     one_alone_lapped,
     read_and_leave,
     join_and_read,
     NULL,
     finish_lone,
     false},
    {"false-landmark",
     {1, 2},
     GROUP_DECLARED,
     5,
     much_committed,
     begin_at_tail,
     succeed_with_other_records,
     NULL,
     succeed,
     false},
    {"begin", {1, 2}, GROUP_DECLARED, 5, some_sent, begin_at_tail, lap, NULL, succeed, false},
};

int main(int argc, char **argv)
{
    return walk_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(*scenarios));
}
