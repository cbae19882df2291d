#include "inspect.h"

#include "aside.h"
#include "chain.h"
#include "gate.h"
#include "group.h"
#include "stage.h"
#include "start.h"
#include "unserved.h"

#include <string.h>

enum { WALKS = 16 }; /* of the same messages, before the ring counts as too busy for it */

static void tell(const struct inspector *inspector, enum finding_kind kind, int group, int line, uint64_t life,
                 uint64_t from, uint64_t to)
{
    const struct finding finding = {kind, group, line, life, from, to};

    inspector->report(inspector->context, &finding);
}

static bool aligned(const struct inspector *inspector, uint64_t position)
{
    return position % inspector->ring.alignment == 0;
}

static bool lives(const struct inspector *inspector, uint64_t life)
{
    return life != 0 && inspector->judge.alive(inspector->judge.context, life);
}

/* ---- the ring ---- */

/* What the dead producer committed beyond its tail belongs to the stream. False: it has a successor meanwhile. */
static bool inspect_chain(const struct inspector *inspector, uint64_t epoch, uint64_t tail)
{
    struct chain chain;
    bool whole = chain_look(&inspector->ring, tail, &chain);

    fence_load();                                                 /* [EPOCH]: the walk before the second look */
    if (word_load_acquire(&inspector->ring.page->epoch) != epoch) /* [EPOCH] */
        return false;
    if (whole)
        tell(inspector, FINDING_PRODUCER_DEAD, FINDING_WHOLE, FINDING_WHOLE, 0, tail, chain.end);
    else
        tell(inspector, FINDING_CHAIN_BAD, FINDING_WHOLE, FINDING_WHOLE, 0, tail, tail);
    return true;
}

static void inspect_producer(const struct inspector *inspector)
{
    const struct producer_page *page = inspector->ring.page;

    for (unsigned turn = 0; turn < WALKS; turn++) {
        uint64_t epoch = word_load_acquire(&page->epoch); /* [EPOCH] */
        uint64_t tail = word_load_acquire(&page->tail);   /* [TAIL] */
        uint64_t life = owner_life(epoch);
        bool alive = lives(inspector, life);

        if (!aligned(inspector, tail) || tail > INT64_MAX)
            tell(inspector, FINDING_TAIL_BAD, FINDING_WHOLE, FINDING_WHOLE, 0, tail, tail);
        else if (life == 0 || alive)
            tell(inspector, alive ? FINDING_PRODUCED : FINDING_UNPRODUCED, FINDING_WHOLE, FINDING_WHOLE, life, tail,
                 tail);
        else if (!inspect_chain(inspector, epoch, tail))
            continue;
        return;
    }
    tell(inspector, FINDING_BUSY, FINDING_WHOLE, FINDING_WHOLE, 0, 0, 0);
}

static void inspect_end(const struct inspector *inspector)
{
    uint64_t ended = word_load_acquire(&inspector->ring.page->ended); /* [END] */
    uint64_t tail = word_load_acquire(&inspector->ring.page->tail);   /* [TAIL] */

    if (ended != 0)
        tell(inspector, ended - 1 == tail ? FINDING_ENDED : FINDING_END_BAD, FINDING_WHOLE, FINDING_WHOLE, 0, ended - 1,
             ended - 1);
}

/* ---- the messages ---- */

/* It gates no more, whatever its words say: what it had not claimed may be overwritten. */
static uint64_t cut_off_what(const struct inspector *inspector, const struct group_view *group)
{
    return word_load_acquire(&inspector->ring.page->cut_off[group->index].what); /* [CUT] */
}

static bool is_cut_off(const struct inspector *inspector, const struct group_view *group)
{
    return cut_off_is(cut_off_what(inspector, group), group->incarnation);
}

/* The lowest position that a group has not claimed, a lone member not released. NOWHERE: no group gates. */
static uint64_t lowest_position(const struct inspector *inspector)
{
    uint64_t lowest = NOWHERE;

    for (unsigned index = 0; index < LAYOUT_GROUPS; index++) {
        const struct group_view *group = inspector->group[index];
        uint64_t position, held;

        if (group == NULL || unserved_lossy(&inspector->ring, group) || start_pending(group) ||
            is_cut_off(inspector, group) || (group->terms.kind == GROUP_PASSING && !group_has_members(group)))
            continue;
        position = word_load_acquire(&group->page->claim.low);                            /* [CLAIM] */
        held = group->members == 1 ? word_load_acquire(&group->line[0].held) : HELD_IDLE; /* [HELD] */
        if (held != HELD_IDLE)
            position = held;
        if (position < lowest)
            lowest = position;
    }
    return lowest;
}

/* chain_reaches, of what may be written meanwhile. */
static bool seems_to_reach(const struct ring_view *view, uint64_t *at, uint64_t end)
{
    while (*at < end)
        if (!chain_pass(view, at, end, word_load_racing(record_at(view, *at))))
            return false;
    return true;
}

static void inspect_messages(const struct inspector *inspector)
{
    for (unsigned turn = 0; turn < WALKS; turn++) {
        uint64_t from = lowest_position(inspector);
        uint64_t end = chain_stream_end(&inspector->ring);
        uint64_t at = from;

        /* Positions that cannot be are their groups' damage. */
        if (from > end || end - from > inspector->ring.capacity || !aligned(inspector, from) ||
            seems_to_reach(&inspector->ring, &at, end))
            return;
        fence_load(); /* [CLAIM] [HELD]: the walk before the second look */
        if (lowest_position(inspector) == from) {
            tell(inspector, FINDING_RECORD_BAD, FINDING_WHOLE, FINDING_WHOLE, 0, at, at);
            return;
        }
    }
    tell(inspector, FINDING_BUSY, FINDING_WHOLE, FINDING_WHOLE, 0, 0, 0);
}

/* ---- the members ---- */

static enum finding_kind kind_of_dead(const struct group_view *group, bool something, bool idle)
{
    if (terms_keep_place(&group->terms) && group->members == 1)
        return FINDING_DEAD_WAITS;
    if (something)
        return FINDING_DEAD_HOLDS;
    return idle && terms_keep_place(&group->terms) ? FINDING_DEAD_IDLE : FINDING_DEAD_EMPTY;
}

/* If the owner word is another one in the end, what was seen in between is of no one. */
static void inspect_place(const struct inspector *inspector, const struct group_view *group, uint32_t index)
{
    const struct member_line *line = &group->line[index];
    uint64_t before = word_load_acquire(&line->owner); /* [OWNER] */
    uint64_t life = owner_life(before);
    uint64_t from = NOWHERE, to = NOWHERE;
    uint64_t held = word_load_acquire(&line->held);                                               /* [HELD] */
    bool marked = (word_load_acquire(&group->page->occupied[index / 64]) >> index % 64 & 1) != 0; /* [JOIN] */
    bool something = held != HELD_IDLE && recover_holds(group, index, &from, &to);
    bool alive = lives(inspector, life);
    uint64_t end = chain_stream_end(&inspector->ring);
    const int at = (int)group->index, place = (int)index;

    if (word_load_acquire(&line->owner) != before) /* [OWNER] */
        return;
    if (held != HELD_IDLE && (held > end || !aligned(inspector, held)))
        tell(inspector, FINDING_HELD_BAD, at, place, life, held, held);
    else if (something && (to > end || !aligned(inspector, to)) && group->members > 1)
        tell(inspector, FINDING_HELD_BAD, at, place, life, from, to);
    else if (alive)
        tell(inspector, something ? FINDING_HOLDS : FINDING_MEMBER, at, place, life, something ? from : 0,
             something ? to : 0);
    else if (life != 0)
        tell(inspector, kind_of_dead(group, something, held == HELD_IDLE), at, place, 0, something ? from : 0,
             something ? to : 0);
    else if (something)
        tell(inspector, FINDING_ORPHAN, at, place, 0, from, to);
    else if (marked && held == HELD_IDLE)
        tell(inspector, FINDING_BIT_STRAY, at, place, 0, 0, 0);
}

/* An orphan that stood before the flag was found unset, and stands still: who made it an orphan, or adopts another one, has yet to raise the flag. */
static void inspect_orphans(const struct inspector *inspector, const struct group_view *group)
{
    for (uint32_t index = 0; index < group->members; index++) {
        const struct member_line *line = &group->line[index];
        uint64_t owner = word_load_acquire(&line->owner); /* [OWNER] */
        uint64_t from, to;

        if (owner_life(owner) != 0 || word_load(&line->held) == HELD_IDLE || group->members == 1 ||
            !recover_holds(group, index, &from, &to))
            continue;
        if (word_load_acquire(&group->page->orphans) == 0 &&
            word_load_acquire(&line->owner) == owner) /* [ORPHAN] [OWNER] */
            tell(inspector, FINDING_FORGOTTEN, (int)group->index, (int)index, 0, from, to);
    }
}

/* ---- the groups ---- */

static bool bits_beyond(const struct group_view *group, const struct word *words)
{
    bool beyond = false;

    for (uint32_t word = 0; word < LAYOUT_MEMBER_WORDS; word++) {
        uint64_t allowed = group->members >= (word + 1) * 64 ? UINT64_MAX
                           : group->members <= word * 64     ? 0
                                                             : (UINT64_C(1) << (group->members - word * 64)) - 1;

        beyond |= (word_load(&words[word]) & ~allowed) != 0;
    }
    return beyond;
}

static void inspect_position(const struct inspector *inspector, const struct group_view *group)
{
    uint64_t tail = word_load_acquire(&inspector->ring.page->tail);              /* [TAIL] before the position: L3 */
    uint64_t named = word_load_acquire(&group->page->claim.high) >> SERIAL_BITS; /* [CLAIM] */
    uint64_t position = word_load_acquire(&group->page->claim.low);              /* [CLAIM] */
    uint64_t held = group->members == 1 ? word_load_acquire(&group->line[0].held) : HELD_IDLE; /* [HELD] */
    uint64_t from = held != HELD_IDLE ? held : position;
    const int at = (int)group->index;

    if (named > group->members)
        tell(inspector, FINDING_CLAIMER_BAD, at, FINDING_WHOLE, 0, position, position);
    if (!aligned(inspector, position) || position > chain_stream_end(&inspector->ring))
        tell(inspector, FINDING_POSITION_BAD, at, FINDING_WHOLE, 0, position, position);
    else if (tail > from && tail - from > inspector->ring.capacity && !unserved_lossy(&inspector->ring, group))
        tell(inspector, FINDING_OVERRUN, at, FINDING_WHOLE, 0, from, tail);
    else
        tell(inspector,
             from == 0             ? FINDING_BEGINS
             : group->members == 1 ? FINDING_RELEASED
                                   : FINDING_POSITION,
             at, FINDING_WHOLE, 0, from, from);
}

/* How far the groups that this one is after let it go: at least as far as it was let when it was looked at. */
static void inspect_stage(const struct inspector *inspector, const struct group_view *group)
{
    uint64_t released = NOWHERE;

    for (uint64_t left = group->terms.after; left != 0; left &= left - 1) {
        const struct group_view *before = inspector->group[__builtin_ctzll(left)];
        uint64_t gate;

        if (before == NULL)
            return;
        gate = gate_of_group(&inspector->ring, before, 0, INT64_MAX);
        if (gate < released)
            released = gate;
    }
    if (group->terms.after != 0 && released < GATE_BROKEN)
        tell(inspector, FINDING_AFTER, (int)group->index, FINDING_WHOLE, 0, released, released);
}

static void inspect_aside(const struct inspector *inspector, const struct group_view *group)
{
    uint64_t first = word_load_acquire(&group->aside->first); /* [TAKEN] */
    uint64_t count = word_load_acquire(&group->aside->count); /* [ASIDE] */

    /* `first` is loaded first, and never passes the count: but it may be much older. */
    if (count < first || word_load_acquire(&group->aside->first) + ASIDE_SLOTS < count) /* [TAKEN] */
        tell(inspector, FINDING_ASIDE_BAD, (int)group->index, FINDING_WHOLE, 0, first, count);
    else if (count > first)
        tell(inspector, FINDING_ASIDE, (int)group->index, FINDING_WHOLE, 0, first, count);
}

static void inspect_group(const struct inspector *inspector, const struct group_view *group)
{
    const struct judge *judge = &inspector->judge;
    const int at = (int)group->index;

    if (start_pending(group)) {
        tell(inspector, FINDING_STARTING, at, FINDING_WHOLE, 0, 0, 0);
        return;
    }
    if (group->terms.kind == GROUP_PASSING && !group_lives(group, judge->alive, judge->context)) {
        uint64_t tail = word_load_acquire(&inspector->ring.page->tail); /* [TAIL] */

        /* One that every member has left is cleared away in good time, and gates no more as soon as the last has swept it. */
        if (gate_of_group(&inspector->ring, group, 0, tail) != GATE_NONE)
            tell(inspector, group_has_members(group) ? FINDING_DESERTED : FINDING_EMPTY, at, FINDING_WHOLE, 0, 0, 0);
        return;
    }
    if (unserved_dropped(cut_off_what(inspector, group), group->incarnation)) {
        tell(inspector, FINDING_DROPPED, at, FINDING_WHOLE, 0, 0, 0);
        return;
    }
    if (is_cut_off(inspector, group))
        tell(inspector, FINDING_CUT_OFF, at, FINDING_WHOLE, 0, 0, 0);
    if (unserved_turned(&inspector->ring, group->index, group->incarnation))
        tell(inspector, FINDING_TURNED, at, FINDING_WHOLE, 0, 0, 0);
    inspect_position(inspector, group);
    inspect_stage(inspector, group);
    if (bits_beyond(group, group->page->occupied) || bits_beyond(group, group_sleepers(group)))
        tell(inspector, FINDING_BITS_BAD, at, FINDING_WHOLE, 0, 0, 0);
    inspect_aside(inspector, group);
    for (uint32_t index = 0; index < group->members; index++)
        inspect_place(inspector, group, index);
    inspect_orphans(inspector, group);
}

/* ---- the directory ---- */

static bool entry_sound(const struct group_entry *entry, uint64_t capacity)
{
    struct group_terms terms = entry_terms(entry);
    uint64_t size = word_load(&entry->entry_size);
    char name[LAYOUT_NAME];

    entry_name(entry, name);
    return memchr(name, '\0', LAYOUT_NAME) != NULL && name[0] != '\0' && terms_sound(&terms) &&
           size == layout_group_size(terms.members, capacity);
}

/* Is what it is after there, and such that it may be? */
static bool stage_sound(const struct inspector *inspector, uint64_t live, uint32_t index)
{
    uint64_t after[LAYOUT_GROUPS] = {0};

    for (uint64_t left = live; left != 0; left &= left - 1)
        after[__builtin_ctzll(left)] = entry_terms(&inspector->ring.directory[__builtin_ctzll(left)]).after;
    for (uint64_t left = after[index]; left != 0; left &= left - 1) {
        struct group_terms terms = entry_terms(&inspector->ring.directory[__builtin_ctzll(left)]);

        if ((live >> __builtin_ctzll(left) & 1) == 0 || !stage_may_lead(&terms))
            return false;
    }
    return (stage_before(after, index) >> index & 1) == 0;
}

/* The broker touches an entry only while its bit is not set; between two equal looks at the bits it was not set anew unseen. */
static void inspect_entry(const struct inspector *inspector, uint32_t index)
{
    const struct producer_page *page = inspector->ring.page;
    uint64_t version = word_load_acquire(&page->directory_version); /* [VERSION] */
    uint64_t groups = word_load_acquire(&page->groups);             /* [GROUP] */
    bool live = (groups >> index & 1) != 0;
    bool sound = !live || (entry_sound(&inspector->ring.directory[index], inspector->ring.capacity) &&
                           stage_sound(inspector, groups, index));

    fence_load();                                                          /* [VERSION] [GROUP] */
    if (word_load_acquire(&page->directory_version) != version ||          /* [VERSION] */
        (word_load_acquire(&page->groups) >> index & 1) != (uint64_t)live) /* [GROUP] */
        return;
    if (!sound)
        tell(inspector, FINDING_DIRECTORY_BAD, (int)index, FINDING_WHOLE, 0, 0, 0);
    else if (live && inspector->group[index] == NULL)
        tell(inspector, FINDING_UNREACHED, (int)index, FINDING_WHOLE, 0, 0, 0);
}

void inspect(const struct inspector *inspector)
{
    inspect_producer(inspector);
    inspect_end(inspector);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        inspect_entry(inspector, index);
        if (inspector->group[index] != NULL)
            inspect_group(inspector, inspector->group[index]);
    }
    inspect_messages(inspector);
}
