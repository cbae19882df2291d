#include "snapshot.h"

#include "aside.h"
#include "chain.h"
#include "lossy.h"
#include "recover.h"
#include "unserved.h"

#include <string.h>

enum { LOOKS = 4 /* for two in a row that see the same */ };

size_t snapshot_size(const struct sight *sight)
{
    size_t places = 0;

    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (sight->group[index] != NULL)
            places += sight->group[index]->members;
    return sizeof(struct snapshot) + places * sizeof(struct seen_place);
}

/* ---- looks ---- */

static uint64_t bit_of(const struct word *words, uint32_t index)
{
    return word_load_acquire(&words[index / 64]) >> index % 64 & 1; /* [JOIN] [SLEEP] */
}

static void look_at_place(const struct group_view *group, uint32_t index, struct seen_place *seen)
{
    const struct member_line *line = &group->line[index];
    bool counts = bit_of(group->page->occupied, index) != 0; /* [JOIN] */

    seen->owner = word_load_acquire(&line->owner);                    /* [OWNER] */
    seen->held = counts ? word_load_acquire(&line->held) : HELD_IDLE; /* [HELD] */
    if (seen->held == HELD_IDLE || !recover_holds(group, index, &seen->from, &seen->to))
        seen->from = seen->to = 0;
    seen->asleep = bit_of(group_sleepers(group), index);
    seen->messages = word_load(&line->messages);
    seen->batches = word_load(&line->batches);
    seen->sleeps = word_load(&line->sleeps);
    seen->rescued = word_load(&line->rescued);
    seen->redelivered = word_load(&line->redelivered);
    seen->damaged = word_load(&line->damaged);
    seen->missed = word_load(&line->missed);
    seen->missed_bytes = word_load(&line->missed_bytes);
    seen->wakeups = word_load(&line->wakeups);
}

/* The order is the gate's: position, then every held (gate.h). */
static struct seen_place *look_at_group(const struct ring_view *ring, const struct group_view *group,
                                        struct seen_group *seen, struct seen_place *place)
{
    const struct awaited *awaited = &ring->page->awaited[group->index];
    bool anybody = group->terms.kind != GROUP_PASSING;
    uint64_t cut;

    seen->position = word_load_acquire(&group->page->claim.low); /* [CLAIM] */
    seen->released = seen->position;
    for (uint32_t index = 0; index < group->members; index++, place++) {
        look_at_place(group, index, place);
        anybody |= owner_life(place->owner) != 0 || place->held != HELD_IDLE;
        if (place->held < seen->released || (group->members == 1 && place->held != HELD_IDLE))
            seen->released = place->held;
    }
    if (group->members == 1)
        seen->position = seen->released;
    if (!anybody)
        seen->released = NOWHERE;
    seen->want = word_load(&group->page->want);
    seen->want_epoch = word_load(&group->page->want_epoch);
    cut = word_load_acquire(&ring->page->cut_off[group->index].what); /* [CUT] */
    seen->cut_off = cut_off_is(cut, group->incarnation);
    seen->dropped = unserved_dropped(cut, group->incarnation);
    seen->turned = unserved_turned(ring, group->index, group->incarnation);
    seen->awaited =
        word_load_acquire(&awaited->incarnation) == group->incarnation ? word_load(&awaited->waits) : 0; /* [WAITED] */
    seen->aside = aside_count(group);
    seen->aside_ever = word_load(&group->aside->count);
    seen->deaths = word_load(&group->page->deaths);
    return place;
}

static void look_at_ring(const struct producer_page *page, struct seen_ring *seen)
{
    seen->tail = word_load_acquire(&page->tail);   /* [TAIL] */
    seen->epoch = word_load_acquire(&page->epoch); /* [EPOCH] */
    seen->ended = word_load_acquire(&page->ended); /* [END] */
    seen->messages = word_load(&page->messages);
    seen->bytes = word_load(&page->bytes);
    seen->waits = word_load(&page->waits);
    seen->wakeups = word_load(&page->wakeups);
    seen->rescued = word_load(&page->rescued);
    seen->cut_offs = word_load(&page->cut_offs);
}

/* The groups before the ring: no position is past a tail that is loaded later (L2). */
static void look(const struct sight *sight, struct snapshot *seen)
{
    struct seen_place *place = seen->place;

    seen->ring.intent = word_load_acquire(&sight->ring.page->intent); /* [INTENT] */
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (sight->group[index] != NULL)
            place = look_at_group(&sight->ring, sight->group[index], &seen->group[index], place);
    fence_load(); /* [TAIL] */
    look_at_ring(sight->ring.page, &seen->ring);
    fence_load(); /* [TAIL] */
}

bool snapshot_take(const struct sight *sight, struct snapshot *snapshot, struct snapshot *other)
{
    const size_t size = snapshot_size(sight);

    memset(snapshot, 0, size);
    look(sight, snapshot);
    for (unsigned left = LOOKS - 1; left > 0; left--) {
        memcpy(other, snapshot, size);
        look(sight, snapshot);
        if (memcmp(other, snapshot, size) == 0)
            return true;
    }
    return false;
}

/* ---- measures ---- */

/*
 * A group may be ahead of the tail, by what a producer that was stopped or killed between its first header and the tail has committed (R2):
 * that counts as published then.
 */
static uint64_t stream_end(const struct sight *sight, const struct snapshot *snapshot)
{
    uint64_t end = snapshot->ring.tail, most = 0;

    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        uint64_t position = snapshot->group[index].position;

        if (position <= end)
            continue;
        if (most == 0)
            most = chain_stream_end(&sight->ring);
        if (position <= most)
            end = position;
    }
    return end;
}

/* A lossy group may be lapped: then its own words tell, which it counts its losses by. */
static bool count(const struct sight *sight, const struct snapshot *snapshot, uint32_t index, uint64_t position,
                  struct fact *fact)
{
    const struct group_view *group = sight->group[index];
    bool lossy = group->terms.lossy || snapshot->group[index].turned;

    return landmark_fact(&sight->ring, position, fact) || (lossy && lossy_fact(group, position, fact));
}

bool snapshot_measure(const struct sight *sight, const struct snapshot *snapshot, struct measures *measures)
{
    const uint64_t end = stream_end(sight, snapshot);
    bool all;

    measures->known = 0;
    measures->published_known = all = landmark_fact(&sight->ring, end, &measures->published);
    if (!measures->published_known)
        measures->published = (struct fact){end, snapshot->ring.messages, snapshot->ring.bytes};
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        uint64_t position = snapshot->group[index].position;

        if (sight->group[index] == NULL)
            continue;
        if (count(sight, snapshot, index, position < end ? position : end, &measures->group[index]))
            measures->known |= UINT64_C(1) << index;
        else
            all = false;
    }
    fence_load(); /* [INTENT]: the headers before the second look */
    /* What could not be counted although nothing was overwritten since the look cannot be counted at all. */
    return all || word_load(&sight->ring.page->intent) == snapshot->ring.intent;
}
