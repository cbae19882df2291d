/*
 * A hostile group entry under a running producer and its broker: whatever its members write, whenever, nobody crashes or goes round for ever, and
 * the other group gets every message, whole, once and in order, before the producer writes over it (I4, L3).
 *
 * The input is a script: steps of the producer (send, commit, flush, scan, look for the dead, answer the bell, wish for room), of the broker
 * (occupy, give back), of an honest group's member, and stores of anything into any word of group 0's entry, and into the doorbell.
 */
#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "wait/bell.h"
#include "yard.h"

#include <string.h>

enum { STEPS = 400, HONEST = 1, MESSAGES = 4096 };

struct game {
    struct yard *yard;
    struct script script;
    struct producer_core producer;
    struct gate_watch watch[YARD_GROUPS];
    uint64_t cut_off;
    struct consumer_core honest;
    uint32_t committed, shown, got; /* messages: numbers from 0 on */
    uint32_t length[MESSAGES];
};

/* What the honest group has not released cannot be overwritten, and the producer's positions only grow. */
static void check_producer(const struct game *game, const struct producer_core *before)
{
    const struct producer_core *now = &game->producer;
    uint64_t released = word_load(&game->honest.line->held);

    if (released == HELD_IDLE)
        released = word_load(&game->honest.group.page->claim.low);
    EXPECT(now->position >= before->position && now->gate >= before->gate && now->limit >= before->limit);
    EXPECT(now->gate <= released && now->limit <= now->gate + YARD_CAPACITY - LAYOUT_RECORD_HEADER);
    EXPECT(now->intent >= before->intent && now->limit <= now->intent - LAYOUT_RECORD_HEADER);
    EXPECT(now->position <= now->limit || now->position == before->position);
    EXPECT(word_load(&game->yard->ring.page->tail) == producer_core_tail(now));
    EXPECT((game->cut_off >> HONEST & 1) == 0);
}

static void commit(struct game *game, bool flush)
{
    uint32_t length = script_below(&game->script, script_below(&game->script, 8) == 0 ? 8185 : 200);
    struct place place = producer_core_place(&game->producer, length);

    if (game->committed == MESSAGES)
        return;
    if (!producer_core_finds_room(&game->producer, place.next)) {
        (void)producer_core_publish(&game->producer);
        game->shown = game->committed;
        yard_rescan(game->yard, &game->producer, game->watch, &game->cut_off);
    }
    if (!producer_core_finds_room(&game->producer, place.next))
        return;
    yard_fill(place_payload(place), length, game->committed);
    game->length[game->committed] = length;
    if (flush)
        (void)producer_core_send(&game->producer, place, length, game->committed);
    else
        producer_core_commit(&game->producer, place, length, game->committed);
    game->committed++;
    game->shown = flush ? game->committed : game->shown;
}

static int honest_take(struct game *game, struct record *record)
{
    int code;

    if (game->honest.group.members == 1)
        return lone_next(&game->honest, record);
    if (consumer_core_take(&game->honest, record))
        return 1;
    shared_release(&game->honest, game->honest.limit);
    code = shared_claim(&game->honest);
    return code == 1 && !consumer_core_take(&game->honest, record) ? -EBADMSG : code;
}

static void honest_next(struct game *game)
{
    struct record record = {0, 0, NULL};
    int code = honest_take(game, &record);

    EXPECT(code == (game->got < game->shown));
    if (code == 0)
        return;
    EXPECT(record_tag(record.header) == game->got && record_length(record.header) == game->length[game->got]);
    EXPECT(yard_is(record.data, record_length(record.header), game->got));
    EXPECT(game->honest.given == 1);
    game->got++;
    if (script_below(&game->script, 3) != 0)
        shared_release(&game->honest, game->honest.position);
}

/* The broker's part: it gives out places of the hostile group, and takes them back. */
static void broker(struct game *game)
{
    const struct group_view *group = &game->yard->group[0];
    uint64_t life = 1 + script_below(&game->script, YARD_LIVES - 1);
    int line = group_occupy(group, life, yard_alive, game->yard);

    EXPECT(line == -EUSERS || (line >= 0 && (uint32_t)line < group->members));
    if (line >= 0 && script_below(&game->script, 2) != 0)
        group_give_back(group, (uint32_t)line, word_load(&group->line[line].owner), 1);
    (void)group_lives(group, yard_alive, game->yard);
}

static void look_for_dead(struct game *game)
{
    const struct group_view *group = &game->yard->group[0];
    static struct suspect suspects[YARD_MEMBERS];
    struct judge judge = {yard_alive, game->yard, 1};

    game->yard->dead = script_take(&game->script, 1);
    (void)recover_dead(group, &judge, script_below(&game->script, 2) != 0 ? suspects : NULL);
    if (group->terms.kind == GROUP_PASSING && !group_has_members(group))
        recover_sweep(group);
}

static void ring_bells(struct game *game)
{
    const struct group_view *group = &game->yard->group[0];
    uint64_t epoch;
    bool more;
    int line = bell_answer(&game->yard->ring, group);

    EXPECT(line >= -1 && line < (int)group->members);
    line = bell_take(group, &more);
    EXPECT(line >= -1 && line < (int)group->members);
    want_announce(group, game->producer.gate + script_below(&game->script, 64) * 8, 5);
    (void)want_take(group, game->producer.gate, &epoch);
    (void)want_withdraw(group);
}

/* A word of the hostile group's entry. */
static struct word *any_word(struct game *game)
{
    const struct group_view *group = &game->yard->group[0];
    struct member_line *line = &group->line[script_below(&game->script, group->members)];
    struct word *const words[] = {&group->page->claim.low,
                                  &group->page->claim.low,
                                  &group->page->claim.high,
                                  &group->page->want,
                                  &group->page->occupied[0],
                                  &group->page->occupied[script_below(&game->script, LAYOUT_MEMBER_WORDS)],
                                  &group->page->sleepers[0],
                                  &group->page->sleepers[script_below(&game->script, LAYOUT_MEMBER_WORDS)],
                                  &group->page->orphans,
                                  &group->page->deaths,
                                  &line->held,
                                  &line->held,
                                  &line->owner,
                                  &line->owner,
                                  &line->intent_serial,
                                  &line->intent_end,
                                  &line->signed_serial,
                                  &line->claimed,
                                  &line->tally,
                                  &game->yard->ring.doorbell->groups};

    return words[script_below(&game->script, sizeof(words) / sizeof(*words))];
}

static void scribble(struct game *game)
{
    struct word *word = any_word(game);

    word_store(word, script_word(&game->script,
                                 script_below(&game->script, 2) != 0 ? word_load(word) : game->producer.position));
}

static void step(struct game *game)
{
    const struct producer_core before = game->producer;
    const uint64_t cut_off = game->cut_off;

    switch (script_below(&game->script, 16)) {
    case 0:
    case 1:
        commit(game, true);
        break;
    case 2:
        commit(game, false);
        break;
    case 3:
        (void)producer_core_publish(&game->producer);
        game->shown = game->committed;
        break;
    case 4:
        yard_rescan(game->yard, &game->producer, game->watch, &game->cut_off);
        break;
    case 5:
        look_for_dead(game);
        break;
    case 6:
        ring_bells(game);
        break;
    case 7:
        broker(game);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        honest_next(game);
        break;
    default:
        scribble(game);
    }
    check_producer(game, &before);
    EXPECT((cut_off & ~game->cut_off) == 0);
    EXPECT(game->cut_off == cut_off || game->watch[0].trouble.kind != TROUBLE_NONE);
}

static void enter_honest(struct game *game)
{
    const struct group_view *group = &game->yard->group[HONEST];

    EXPECT(group_occupy(group, 1, yard_alive, game->yard) == 0);
    EXPECT(group_enter(&game->honest, &game->yard->ring, group, 0, &(struct judge){yard_alive, game->yard, 1}) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct game game;

    memset(&game, 0, sizeof(game));
    game.script = (struct script){bytes, size};
    game.yard = yard_begin(&game.script);
    EXPECT(producer_core_start(&game.producer, &game.yard->ring) == 0);
    enter_honest(&game);
    for (int left = STEPS; left > 0 && game.script.left > 0; left--)
        step(&game);
    (void)producer_core_publish(&game.producer);
    game.shown = game.committed;
    while (game.got < game.shown)
        honest_next(&game);
    group_leave(&game.honest);
    yard_end(game.yard);
    return 0;
}
