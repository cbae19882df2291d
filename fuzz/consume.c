/*
 * A hostile ring entry under running consumers: whatever a producer writes, whenever, each member goes on or says -EBADMSG, stays inside its
 * mappings (I7), and no record goes to two members (I2).
 *
 * The input is a script: steps of the members of two groups (join, take, release, leave, be killed, look for the dead, adopt, set
 * aside), between which the ring entry is written: by a producer that keeps to the rules, so that there is something to read, and by one
 * that keeps to none.
 *
 * Of an input of odd length the second group is after one that is nothing but hostile words (core/stage.h): nobody sits there, and
 * what stands there changes between the steps.
 */
#include "core/aside.h"
#include "core/lone.h"
#include "core/recover.h"
#include "core/shared.h"
#include "core/stage.h"
#include "yard.h"

#include <string.h>

enum { PLAYERS = 4, STEPS = 400 };

/* A member: its place in the program. Life n + 1 is player n's. */
struct player {
    struct consumer_core core;
    struct upstream before; /* where its group is after another */
    bool joined;
    uint64_t damaged; /* what its line said when it came */
    uint64_t end;     /* of what it was handed last, on the line it works at */
};

struct game {
    struct yard *yard;
    struct script script;
    struct producer_core producer;
    struct gate_watch watch[YARD_GROUPS];
    uint64_t cut_off;
    uint64_t claimed[YARD_GROUPS]; /* up to there, by groups of many */
    struct player player[PLAYERS];
    struct group_view before;
    uint32_t sent;
};

/* The words of the group before. */
static struct group_page page_before;
static struct member_line line_before[YARD_MEMBERS];

/* -EBADMSG comes with what is wrong, and is counted. */
static void check_code(struct player *player, int code)
{
    uint64_t damaged = word_load(&player->core.line->damaged);

    EXPECT(code == 0 || code == 1 || code == -EBADMSG);
    EXPECT(damaged - player->damaged == (code == -EBADMSG));
    EXPECT(code != -EBADMSG || player->core.trouble.kind != TROUBLE_NONE);
    player->damaged = damaged;
}

static void join(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];
    const struct group_view *group = yard_group_of(game->yard, index);
    bool anew;
    int line, code;

    if (player->joined)
        return;
    line = yard_sit(game->yard, index, &anew);
    if (line < 0)
        return;
    EXPECT((uint32_t)line < group->members);
    player->damaged = word_load(&group->line[line].damaged);
    if (anew)
        game->claimed[index % YARD_GROUPS] = word_load(&group->page->claim.low);
    code = yard_enter(game->yard, index, (uint32_t)line, &player->core);
    check_code(player, code);
    if (group->terms.after != 0) {
        player->before = (struct upstream){.group = game->before};
        player->core.upstream = &player->before;
        player->core.upstreams = 1;
    }
    player->joined = code == 0;
    player->end = player->core.position;
}

/* One claim: fresh ones are ahead of all before, adopted ones below. */
static int claim(struct game *game, unsigned index)
{
    struct consumer_core *core = &game->player[index].core;
    uint64_t *claimed = &game->claimed[index % YARD_GROUPS];
    int code;

    if (core->held < core->position)
        return 0;
    code = shared_claim(core);
    check_code(&game->player[index], code);
    if (code != 1)
        return code;
    EXPECT(core->limit - core->position <= core->record_max && core->limit > core->position);
    if (core->active == core->line && core->given == 1) {
        EXPECT(core->position == *claimed);
        *claimed = core->limit;
    } else {
        EXPECT(core->limit <= *claimed);
    }
    game->player[index].end = core->position;
    return 1;
}

static int next_of_one(struct consumer_core *core, struct record *record)
{
    int code;

    if (core->upstreams == 0)
        return lone_next(core, record);
    if (consumer_core_take(core, record))
        return 1;
    code = stage_refill(core);
    if (code != 1)
        return code;
    return consumer_core_take(core, record) ? 1 : consumer_core_vanished(core);
}

static void next(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];
    struct record record = {0, 0, NULL};
    int code = 1;

    if (!player->joined)
        return;
    if (player->core.group.members == 1) {
        code = next_of_one(&player->core, &record);
        check_code(player, code);
    } else if (!consumer_core_take(&player->core, &record)) {
        code = claim(game, index);
        if (code == 1 && !consumer_core_take(&player->core, &record))
            code = consumer_core_vanished(&player->core);
        if (code == -EBADMSG)
            player->damaged = word_load(&player->core.line->damaged);
    }
    if (code != 1)
        return;
    EXPECT(record.position == player->end && player->core.position > record.position);
    player->end = player->core.position;
    yard_read(game->yard, &record);
}

static void next_many(struct game *game, unsigned index)
{
    for (unsigned left = script_below(&game->script, 64); left > 0; left--)
        next(game, index);
}

static void release(struct game *game, unsigned index)
{
    struct player *player = &game->player[index];

    if (player->joined && consumer_core_holds(&player->core))
        shared_release(&player->core, player->core.position);
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
    struct consumer_core *core = &game->player[index].core;

    if (!game->player[index].joined)
        return;
    (void)consumer_core_ended(core, core->position);
    (void)consumer_core_cut_off(core);
    if (core->group.members > 1) {
        shared_look_beyond(core);
        (void)recover_dead(&core->group, &core->judge, NULL);
        (void)shared_all_released(&core->group);
    }
}

static void take_aside(struct game *game, unsigned index)
{
    struct consumer_core *core = &game->player[index].core;
    static unsigned char buffer[YARD_CAPACITY / 2];
    struct aside_message message;
    uint64_t count;

    if (!game->player[index].joined)
        return;
    count = aside_count(&core->group);
    /* The ring is hostile, the group is not: what was set aside is what it says. */
    EXPECT(aside_take(&core->group, &core->judge, buffer, sizeof(buffer), &message) == (count != 0));
}

/* As the honest producer; it stops when the ring is not what it left. */
static void send(struct game *game, unsigned unused)
{
    uint32_t length = script_below(&game->script, 3000);
    struct place place = producer_core_place(&game->producer, length);

    (void)unused;
    if (!producer_core_finds_room(&game->producer, place.next))
        yard_rescan(game->yard, &game->producer, game->watch, &game->cut_off);
    if (!producer_core_finds_room(&game->producer, place.next))
        return;
    yard_fill(place_payload(place), length, game->sent++);
    (void)producer_core_send(&game->producer, place, length, length);
}

static void scribble_ring(struct game *game)
{
    struct producer_page *page = game->yard->ring.page;
    struct word *const words[] = {&page->tail,
                                  &page->ended,
                                  &page->epoch,
                                  &page->groups,
                                  &page->cut_off[0].what,
                                  &page->cut_off[1].what,
                                  record_at(&game->yard->ring, word_load(&page->tail) & ~UINT64_C(7)),
                                  record_at(&game->yard->ring, game->player[0].core.position),
                                  record_at(&game->yard->ring, game->player[1].core.position),
                                  record_at(&game->yard->ring, script_take(&game->script, 2) * 8)};
    struct word *word = words[script_below(&game->script, sizeof(words) / sizeof(*words))];

    word_store(word, script_word(&game->script, word_load(word)));
}

/* What can be, as a rule: that all is released, or nothing more; else anything. */
static void scribble_before(struct game *game)
{
    struct word *const words[] = {&page_before.claim.low, &page_before.occupied[0], &line_before[0].held,
                                  &line_before[game->before.members - 1].held};
    struct word *word = words[script_below(&game->script, sizeof(words) / sizeof(*words))];

    if (script_below(&game->script, 4) != 0)
        word_store(word, word_load(&game->yard->ring.page->tail));
    else
        word_store(word, script_word(&game->script, word_load(word)));
}

static void scribble(struct game *game, unsigned index)
{
    if (game->before.page != NULL && index % 2 == 0)
        scribble_before(game);
    else
        scribble_ring(game);
}

/* A group of one or many before the second. */
static void put_before(struct game *game)
{
    memset(&page_before, 0, sizeof(page_before));
    memset(line_before, 0, sizeof(line_before));
    game->before = (struct group_view){.page = &page_before,
                                       .line = line_before,
                                       .members = script_below(&game->script, 2) == 0 ? 1 : YARD_MEMBERS,
                                       .index = YARD_GROUPS,
                                       .terms = {.kind = GROUP_DECLARED}};
    group_format(&game->before, 0);
    game->yard->group[1].terms.after = UINT64_C(1) << YARD_GROUPS;
}

/* What a choice has a player do. */
typedef void move(struct game *game, unsigned index);
static move *const moves[] = {join, next,       next, next, next_many, release,  leave,    die,
                              look, take_aside, send, send, send,      scribble, scribble, scribble};

static void step(struct game *game)
{
    uint32_t choice = script_below(&game->script, PLAYERS * sizeof(moves) / sizeof(*moves));

    moves[choice / PLAYERS](game, choice % PLAYERS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct game game = {.script = {bytes, size}};

    game.yard = yard_begin(&game.script);
    game.yard->group[1].terms.after = 0;
    if (size % 2 != 0)
        put_before(&game);
    EXPECT(producer_core_start(&game.producer, &game.yard->ring) == 0);
    for (int left = STEPS; left > 0 && game.script.left > 0; left--)
        step(&game);
    for (unsigned index = 0; index < PLAYERS; index++)
        leave(&game, index);
    yard_end(game.yard);
    return 0;
}
