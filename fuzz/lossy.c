/*
 * Lossy groups whose words anybody may have written: members' by a hostile peer, the ring's by a hostile producer (I7). Whatever stands there,
 * each call comes to an end, says -EBADMSG with what is wrong or goes on, and hands out nothing outside the mapping.
 *
 * The input is a script: steps of the members of two lossy groups (join, take, look whether it is whole, release, leave, be killed, look for
 * the dead), of a producer that keeps to the rules, and stores to words of the ring and of the groups.
 *
 * Of an input of odd length the groups are lossless at first, and the producer turns them lossy (core/unserved.h) when it finds no room and
 * nobody serves them.
 */
#include "core/lossy.h"
#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "core/unserved.h"
#include "yard.h"

enum { PLAYERS = 4, STEPS = 400 };

/* A member: its place in the program. Life n + 1 is player n's. */
struct player {
    struct consumer_core core;
    bool joined;
    uint64_t position; /* of a record that it was handed */
    uint32_t length;
};

struct game {
    struct yard *yard;
    struct script script;
    struct producer_core producer;
    struct gate_watch watch[YARD_GROUPS];
    uint64_t unawaited; /* bit g: group g, which is lossy, or whose words are broken */
    struct player player[PLAYERS];
    uint32_t sent;
};

static void join(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];
    bool anew;
    int line, code;

    if (player->joined)
        return;
    line = yard_sit(game->yard, index, &anew);
    if (line < 0)
        return;
    code = yard_enter(game->yard, index, (uint32_t)line, &player->core);
    EXPECT(code == 0 || code == -EBADMSG);
    player->joined = code == 0;
}

/* Of a group that is not lossy. */
static int next_lossless(struct consumer_core *core, struct record *record)
{
    int code;

    if (core->group.members == 1)
        return lone_next(core, record);
    if (consumer_core_take(core, record))
        return 1;
    if (core->held < core->position)
        return 0;
    code = shared_claim(core);
    if (code != 1)
        return code;
    return consumer_core_take(core, record) ? 1 : consumer_core_vanished(core);
}

static int next_lossy(struct consumer_core *core, struct record *record)
{
    int code = lossy_next(core, record);

    if (code != 0 || (core->group.members > 1 && core->lossy.count != 0))
        return code;
    code = core->group.members == 1 ? lossy_refill(core) : shared_claim(core);
    return code < 0 ? code : lossy_next(core, record);
}

static void next(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];
    struct consumer_core *core = &player->core;
    struct record record = {0, 0, NULL};
    int code;

    if (!player->joined)
        return;
    code = core->group.terms.lossy ? next_lossy(core, &record) : next_lossless(core, &record);
    EXPECT(code == 1 || code == 0 || code == -EOVERFLOW || code == -EBUSY || code == -EBADMSG);
    EXPECT(code != -EBADMSG || core->trouble.kind != TROUBLE_NONE);
    EXPECT(code != -EBUSY || core->lossy.count == LOSSY_HELD);
    if (code != 1)
        return;
    player->position = record.position;
    player->length = record_length(record.header);
    yard_read(game->yard, &record);
}

static void next_many(struct game *game, unsigned index)
{
    for (unsigned left = script_below(&game->script, 80); left > 0; left--)
        next(game, index);
}

static void release(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];
    int whole, code;

    if (!player->joined)
        return;
    if (!player->core.group.terms.lossy) {
        if (consumer_core_holds(&player->core))
            shared_release(&player->core, player->core.position);
        return;
    }
    whole = lossy_intact(&player->core, player->position, player->length);
    code = lossy_release(&player->core, player->position, player->length);
    EXPECT((whole == -EINVAL) == (code == -EINVAL));
    EXPECT(code == 0 || code == -EOVERFLOW || code == -EINVAL);
    EXPECT(lossy_intact(&player->core, player->position, player->length) == -EINVAL);
}

static void leave(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];

    if (player->joined)
        group_leave(&player->core);
    player->joined = false;
}

/* It does no more, and its life has ended. */
static void die(struct game *game, unsigned index)
{
    if (game->player[index].joined)
        yard_kill(game->yard, index);
    game->player[index].joined = false;
}

static void look(struct game *game, unsigned index)
{
    const struct consumer_core *core = &game->player[index].core;
    struct fact fact;

    if (!game->player[index].joined)
        return;
    if (core->group.members > 1)
        (void)recover_dead(&core->group, &core->judge, NULL);
    (void)lossy_fact(&core->group, word_load(&core->group.page->claim.low), &fact);
}

/* What cannot be counted, as somebody wrote into the group's words, is not awaited any more either. */
static void turn_unserved(struct game *game)
{
    for (uint32_t index = 0; index < YARD_GROUPS; index++) {
        struct group_view *group = &game->yard->group[index];

        if ((game->unawaited >> index & 1) != 0 || !terms_keep_place(&group->terms))
            continue;
        if (unserved_judge(&game->yard->ring, group, yard_alive, game->yard)) {
            EXPECT(unserved_turn(&game->yard->ring, group) == unserved_turned(&game->yard->ring, index, index + 1));
            game->unawaited |= UINT64_C(1) << index;
        }
        unserved_done(&game->yard->ring);
    }
}

static bool find_room(struct game *game, uint64_t next)
{
    struct producer_core *producer = &game->producer;

    if (producer_core_finds_room(producer, next))
        return true;
    yard_rescan(game->yard, producer, game->watch, &game->unawaited);
    if (!producer_core_finds_room(producer, next)) {
        turn_unserved(game);
        yard_rescan(game->yard, producer, game->watch, &game->unawaited);
    }
    return producer_core_finds_room(producer, next);
}

/* As the honest producer, whom a lossy group never holds. */
static void send(struct game *game, unsigned unused)
{
    uint32_t length = script_below(&game->script, 4) == 0 ? script_below(&game->script, YARD_CAPACITY / 2 - 8)
                                                          : script_below(&game->script, 200);
    struct place place = producer_core_place(&game->producer, length);

    (void)unused;
    if (length > game->producer.message_max)
        return;
    if (!find_room(game, place.next)) {
        EXPECT(game->unawaited != (1 << YARD_GROUPS) - 1);
        return;
    }
    yard_fill(place_payload(place), length, game->sent++);
    (void)producer_core_send(&game->producer, place, length, length);
}

static void scribble(struct game *game, unsigned unused)
{
    struct producer_page *page = game->yard->ring.page;
    struct landmark *landmark = &page->landmark[script_below(&game->script, LAYOUT_LANDMARKS)];
    struct word *const words[] = {&page->tail,
                                  &page->intent,
                                  &landmark->position,
                                  &landmark->messages,
                                  &landmark->bytes,
                                  record_at(&game->yard->ring, game->player[0].core.position),
                                  record_at(&game->yard->ring, game->player[1].core.position),
                                  record_at(&game->yard->ring, script_take(&game->script, 2) * 8)};
    struct word *word = words[script_below(&game->script, sizeof(words) / sizeof(*words))];

    (void)unused;
    word_store(word, script_word(&game->script, word_load(word)));
}

static void scribble_group(struct game *game, unsigned index)
{
    const struct group_view *group = yard_group_of(game->yard, index);
    struct member_line *line = &group->line[script_below(&game->script, group->members)];
    struct line_fact *fact = &line->fact[script_below(&game->script, LINE_FACTS)];
    struct word *const words[] = {&group->page->claim.low,
                                  &group->page->claim.high,
                                  &group->page->begin.position,
                                  &group->page->begin.messages,
                                  &group->page->begin.bytes,
                                  &group->page->orphans,
                                  &line->held,
                                  &line->claimed,
                                  &line->redelivered_to,
                                  &line->owner,
                                  &line->intent_serial,
                                  &line->intent_end,
                                  &line->signed_serial,
                                  &line->tally,
                                  &line->tally_serial,
                                  &fact->position,
                                  &fact->messages,
                                  &fact->bytes};
    struct word *word = words[script_below(&game->script, sizeof(words) / sizeof(*words))];

    word_store(word, script_word(&game->script, word_load(word)));
}

/* What a choice has a player do. */
typedef void move(struct game *game, unsigned index);
static move *const moves[] = {join, next, next, next, next_many, release,        release,  leave,
                              die,  look, send, send, send,      scribble_group, scribble, scribble};

static void step(struct game *game)
{
    uint32_t choice = script_below(&game->script, PLAYERS * sizeof(moves) / sizeof(*moves));

    moves[choice / PLAYERS](game, choice % PLAYERS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const bool lossy = size % 2 == 0;
    struct game game = {.script = {bytes, size}, .unawaited = lossy ? (1 << YARD_GROUPS) - 1 : 0};

    game.yard = yard_begin(&game.script);
    for (unsigned group = 0; group < YARD_GROUPS; group++)
        game.yard->group[group].terms.lossy = lossy;
    EXPECT(producer_core_start(&game.producer, &game.yard->ring) == 0);
    for (int left = STEPS; left > 0 && game.script.left > 0; left--)
        step(&game);
    for (unsigned index = 0; index < PLAYERS; index++)
        leave(&game, index);
    for (unsigned group = 0; group < YARD_GROUPS; group++)
        game.yard->group[group].terms.lossy = 0;
    yard_end(game.yard);
    return 0;
}
