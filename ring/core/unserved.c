#include "unserved.h"

#include "line.h"
#include "recover.h"

enum { INDEX_BITS = 8 };

static uint64_t name_of(const struct group_view *group)
{
    return group->incarnation << INDEX_BITS | (group->index + 1);
}

bool unserved_judge(const struct ring_view *view, const struct group_view *group, life_verdict alive, void *context)
{
    word_store(&view->page->judged, name_of(group)); /* [JUDGED] */
    fence_full();                                    /* [JUDGED] */
    return !group_lives(group, alive, context);
}

void unserved_done(const struct ring_view *view)
{
    word_store_release(&view->page->judged, 0); /* [JUDGED] */
}

static bool is_judged(const struct ring_view *view, const struct group_view *group, life_verdict alive, void *context)
{
    return word_load_acquire(&view->page->judged) == name_of(group) &&        /* [JUDGED] */
           alive(context, owner_life(word_load_acquire(&view->page->epoch))); /* [EPOCH] */
}

bool unserved_turns_away(const struct ring_view *view, const struct group_view *group, life_verdict alive,
                         void *context)
{
    fence_full(); /* [JUDGED] */
    if (is_judged(view, group, alive, context))
        return true;
    /* One that a join made can be made anew. */
    return terms_by_join(&group->terms) &&
           unserved_dropped(word_load_acquire(&view->page->cut_off[group->index].what), group->incarnation); /* [CUT] */
}

/* ---- turning lossy ---- */

/* The line says what the stream had come to there, and goes on saying it of two others. False: it cannot be counted. */
static bool count_at(const struct ring_view *view, struct member_line *line, uint64_t position, uint64_t keep,
                     uint64_t keep_too)
{
    struct fact fact;

    if (!landmark_fact(view, position, &fact))
        return false;
    line_say(line, &fact, keep, keep_too);
    return true;
}

static bool count_lone(const struct ring_view *view, const struct group_view *group)
{
    struct member_line *line = &group->line[0];
    uint64_t held = word_load_acquire(&line->held); /* [HELD] */
    /* Who comes now, and is turned away, may move the one over into the other: position first (group.c). */
    uint64_t position = held != HELD_IDLE ? held : word_load_acquire(&group->page->claim.low); /* [CLAIM] */

    return count_at(view, line, position, NOWHERE, NOWHERE);
}

/* Both ends of what the line still holds. */
static bool count_line(const struct ring_view *view, const struct group_view *group, uint32_t index, uint64_t keep)
{
    struct member_line *line = &group->line[index];
    uint64_t from, end;

    return !recover_holds(group, index, &from, &end) ||
           (count_at(view, line, from, keep, NOWHERE) && count_at(view, line, end, keep, from));
}

/* Where the group is, with whom the claim word names. */
static bool count_position(const struct ring_view *view, const struct group_view *group, uint64_t position)
{
    struct line_fact *begin = &group->page->begin;
    uint64_t named = word_load(&group->page->claim.high) >> SERIAL_BITS;
    struct fact fact;

    if (named > group->members)
        return false;
    if (named != 0)
        return count_at(view, &group->line[named - 1], position, NOWHERE, NOWHERE);
    if (!landmark_fact(view, position, &fact))
        return false;
    word_store(&begin->position, position);
    word_store(&begin->messages, fact.messages);
    word_store(&begin->bytes, fact.bytes);
    return true;
}

static bool count_many(const struct ring_view *view, const struct group_view *group)
{
    uint64_t position = word_load_acquire(&group->page->claim.low); /* [CLAIM] */
    bool counted = count_position(view, group, position);

    for (uint32_t index = 0; index < group->members && counted; index++)
        counted = count_line(view, group, index, position);
    return counted;
}

bool unserved_turn(const struct ring_view *view, struct group_view *group)
{
    if (!(group->members == 1 ? count_lone(view, group) : count_many(view, group)))
        return false;
    word_store_release(&view->page->turned[group->index], group->incarnation); /* [TURN] */
    group->terms.lossy = 1;
    return true;
}

void unserved_apply(const struct ring_view *view, struct group_view *group)
{
    if (unserved_turned(view, group->index, group->incarnation))
        group->terms.lossy = 1;
}
