#include "start.h"

#include "chain.h"
#include "gate.h"
#include "lossy.h"

void start_prepare(const struct group_view *group, uint32_t line)
{
    word_store(&group->page->starting, 1);
    word_store(&group->page->claim.low, 0);
    if (group->members == 1)
        word_store(&group->line[line].held, 0);
}

/* The stream as far as it can be relied on: nothing from `gate` to `tail` is overwritten while the new group gates. */
struct reach {
    uint64_t gate, tail;
};

static bool look_at_reach(const struct ring_view *view, struct reach *reach)
{
    reach->gate = word_load_acquire(&view->page->gate); /* [GATE] */
    reach->tail = word_load_acquire(&view->page->tail); /* [TAIL] */
    return reach->gate % view->alignment == 0 && reach->gate <= reach->tail &&
           reach->tail - reach->gate <= view->capacity;
}

/*
 * Of a position that a reader has come to. The stream goes on meanwhile, so it is compared with what is loaded behind it; and who follows headers
 * may be past the tail, by what is just being published.
 */
static bool is_published(const struct ring_view *view, const struct reach *reach, uint64_t position)
{
    return position <= reach->tail || position <= chain_stream_end(view);
}

/* Where the wish leads to, not yet known to be the beginning of a record. */
static int choose(const struct ring_view *view, const struct reach *reach, const struct start_wish *wish,
                  const struct group_view *other, uint64_t *place)
{
    switch (wish->from) {
    case START_OLDEST:
        *place = reach->gate;
        return 0;
    case START_POSITION:
        *place = wish->position;
        return wish->position >= reach->gate && is_published(view, reach, wish->position) ? 0 : -ERANGE;
    default:
        *place = gate_of_group(view, other, reach->gate, INT64_MAX);
        return *place == GATE_NONE ? -ENOENT : is_published(view, reach, *place) ? 0 : -EBADMSG; /* GATE_BROKEN, too */
    }
}

/* The records from the gate to the tail, with one that begins at `place`. */
static int check_records(const struct ring_view *view, const struct reach *reach, uint64_t place)
{
    uint64_t at = reach->gate;

    if (!chain_reaches(view, &at, reach->tail))
        return -EBADMSG;
    at = reach->gate;
    return chain_reaches(view, &at, place) ? 0 : -ERANGE;
}

/* Anywhere but at the tail: 0, and the place. */
static int find_place(const struct ring_view *view, const struct start_wish *wish, const struct group_view *other,
                      uint64_t *place)
{
    struct reach reach;
    int code = look_at_reach(view, &reach) ? choose(view, &reach, wish, other, place) : -EBADMSG;

    return code == 0 ? check_records(view, &reach, *place) : code;
}

/*
 * A lossy group gates nothing: what it starts at may be overwritten at once, which it is then told. But the fact of the place must be known,
 * so it is one that can be counted from a landmark.
 */
static int place_lossy(const struct ring_view *view, const struct group_view *group, uint32_t line,
                       const struct start_wish *wish, const struct group_view *other)
{
    uint64_t position = wish->position;
    struct fact fact;
    bool known;

    if (wish->from == START_GROUP) {
        uint64_t tail;

        position = gate_of_group(view, other, 0, INT64_MAX);
        if (position == GATE_NONE || position > chain_stream_end(view))
            return position == GATE_NONE ? -ENOENT : -EBADMSG;
        tail = word_load_acquire(&view->page->tail); /* [TAIL] */
        if (position > tail)
            position = tail;
    }
    known = (wish->from == START_POSITION || wish->from == START_GROUP) && landmark_at(view, position, &fact);
    if (wish->from == START_POSITION && !known)
        return -ERANGE;
    if (known || (wish->from != START_NOW && landmark_resume(view, &fact)))
        lossy_begin(group, line, &fact);
    else
        lossy_begin_at_tail(view, group, line);
    word_store_release(&group->page->starting, 0); /* [START] */
    return 0;
}

int start_place(const struct ring_view *view, const struct group_view *group, uint32_t line,
                const struct start_wish *wish, const struct group_view *other)
{
    uint64_t place;
    int code = 0;

    if (group->terms.lossy)
        return place_lossy(view, group, line, wish, other);
    fence_full(); /* [VERSION] [GATE]: the group is live before the gate and the tail are read: group.h */
    if (wish->from == START_NOW)
        place = word_load_acquire(&view->page->tail); /* [TAIL] */
    else
        code = find_place(view, wish, other, &place);
    if (code != 0)
        return code;
    if (group->members == 1)
        word_store_release(&group->line[line].held, place); /* [HELD] */
    word_store_release(&group->page->claim.low, place);     /* [CLAIM] */
    word_store_release(&group->page->starting, 0);          /* [START] */
    return 0;
}
