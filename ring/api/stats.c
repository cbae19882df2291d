/* The counters of a ring for whoever asks: core/snapshot.h, with names and processes. */
#include "inspect.h"

#include "core/snapshot.h"
#include "meet/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 16,   /* to measure what is not overwritten meanwhile */
    ASK_AGAIN = 5 /* s: who did not answer is given a rest */
};

struct mring_stats {
    const struct mring *ring; /* whose groups are held */
    uint32_t generation;      /* of the process that mapped them */
    int64_t ask_again;
    struct held_group held[LAYOUT_GROUPS];
    struct snapshot *snapshot, *other;
    size_t size; /* of each of these */
    struct mring_ring_stats told;
    struct mring_group_stats group[LAYOUT_GROUPS];
    struct mring_member_stats *member;
    size_t places; /* room for these */
};

/* ---- the groups ---- */

static void let_go(struct mring_stats *stats, uint32_t index)
{
    if (stats->generation != mring_generation)
        region_group_forked(&stats->held[index].own); /* the entry's name is the parent's */
    held_group_drop(&stats->held[index]);
}

static void let_all_go(struct mring_stats *stats)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        let_go(stats, index);
}

/* Only a mapping of its own lasts from one snapshot to the next: what is the ring's may be unmapped in between. */
static bool keeps(const struct mring_stats *stats, uint32_t index, uint64_t incarnation)
{
    const struct held_group *held = &stats->held[index];

    return held->own.view.page != NULL && held->view.incarnation == incarnation;
}

/* The words of one live group, if they can be had. */
static void reach(struct mring_stats *stats, struct mring *ring, uint32_t index)
{
    int code;

    if (keeps(stats, index, word_load(&ring->region.view.directory[index].incarnation)))
        return;
    let_go(stats, index);
    if (held_group_borrow(ring, index, &stats->held[index]) || clock_left(stats->ask_again) > 0)
        return;
    code = inspect_group(ring, index, &stats->held[index], NULL);
    if (code == -EPIPE || code == -ETIMEDOUT)
        stats->ask_again = clock_deadline(ASK_AGAIN * INT64_C(1000000000));
}

/* Those that are live, by the directory's bits. */
static uint64_t reach_all(struct mring_stats *stats, struct mring *ring)
{
    uint64_t live = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */

    if (stats->ring != ring || stats->generation != mring_generation) {
        let_all_go(stats);
        stats->ring = ring;
        stats->generation = mring_generation;
        stats->ask_again = 0;
    }
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if ((live >> index & 1) != 0)
            reach(stats, ring, index);
        else
            let_go(stats, index);
    return live;
}

static bool reached(const struct held_group *held)
{
    return held->view.page != NULL;
}

/* ---- room for a snapshot ---- */

static bool grow(void *memory, size_t size)
{
    void **room = memory;
    void *more = realloc(*room, size);

    if (more != NULL)
        *room = more;
    return more != NULL;
}

static bool make_room(struct mring_stats *stats, size_t size, size_t places)
{
    if (size > stats->size) {
        if (!grow(&stats->snapshot, size) || !grow(&stats->other, size))
            return false;
        stats->size = size;
    }
    if (places > stats->places) {
        if (!grow(&stats->member, places * sizeof(*stats->member)))
            return false;
        stats->places = places;
    }
    return true;
}

/* ---- in words ---- */

static void tell_ring(struct mring_stats *stats, const struct mring *ring, const struct measures *measures,
                      bool instant)
{
    const struct seen_ring *seen = &stats->snapshot->ring;
    uint64_t life = owner_life(seen->epoch);
    bool producing = life != 0 && life_alive(ring->life, life);

    stats->told = (struct mring_ring_stats){.size = sizeof(stats->told),
                                            .messages = measures->published.messages,
                                            .bytes = measures->published.bytes,
                                            .position = measures->published.position,
                                            .waits = seen->waits,
                                            .wakeups = seen->wakeups,
                                            .rescued = seen->rescued,
                                            .cut_offs = seen->cut_offs,
                                            .producer = producing ? life_process(ring->life, life) : 0,
                                            .producing = producing,
                                            .ended = seen->ended != 0,
                                            .instant = instant};
}

/* What stands there may be no such thing. */
static enum mring_unserved read_unserved(const struct group_terms *terms)
{
    uint32_t unserved = terms->unserved;

    return unserved <= UNSERVED_DROPS ? (enum mring_unserved)unserved : MRING_STOP; /* they have the same numbers */
}

/* False: the directory's place is another group's meanwhile. */
static bool describe(const struct mring *ring, uint32_t index, const struct held_group *held,
                     struct mring_group_stats *told)
{
    const struct ring_view *view = &ring->region.view;
    const struct group_entry *entry = &view->directory[index];
    uint64_t incarnation = word_load(&entry->incarnation);
    struct group_terms terms;

    fence_load(); /* [GROUP] */
    terms = entry_terms(entry);
    *told = (struct mring_group_stats){.size = sizeof(*told),
                                       .number = index,
                                       .durable = terms.kind != GROUP_PASSING,
                                       .lossy = terms.lossy,
                                       .limit = terms.limit,
                                       .after = terms.after,
                                       .members_most = terms.members,
                                       .unserved = read_unserved(&terms),
                                       .lag_messages = MRING_UNKNOWN,
                                       .lag_bytes = MRING_UNKNOWN};
    entry_name(entry, told->name);
    told->name[sizeof(told->name) - 1] = '\0';
    /* The bit first: if it was set anew, the incarnation shows that. */
    return (word_load_acquire(&view->page->groups) >> index & 1) != 0 && /* [GROUP] */
           word_load(&entry->incarnation) == incarnation &&
           (held->view.page == NULL || held->view.incarnation == incarnation);
}

static uint64_t beyond(uint64_t all, uint64_t before)
{
    return all > before ? all - before : 0;
}

static void tell_group(const struct seen_group *seen, const struct measures *measures, uint32_t index,
                       struct mring_group_stats *told)
{
    bool known = (measures->known >> index & 1) != 0;
    const struct fact *fact = &measures->group[index];

    told->reached = 1;
    told->cut_off = (unsigned)seen->cut_off;
    told->turned = (unsigned)seen->turned;
    told->lossy |= told->turned;
    told->dropped = (unsigned)seen->dropped;
    told->waits = seen->awaited;
    told->position = seen->position;
    told->released = seen->released;
    if (known) {
        told->lag_messages = beyond(measures->published.messages, fact->messages);
        told->lag_bytes = beyond(measures->published.bytes, fact->bytes);
    }
    told->aside = seen->aside;
    told->aside_ever = seen->aside_ever;
    told->deaths = seen->deaths;
}

static void tell_member(const struct mring *ring, const struct seen_place *seen, uint64_t released,
                        struct mring_member_stats *told)
{
    uint64_t life = owner_life(seen->owner);
    bool alive = life != 0 && life_alive(ring->life, life);

    told->size = sizeof(*told);
    told->alive = alive;
    told->asleep = alive && seen->asleep != 0;
    told->gating = seen->held == released && seen->from < seen->to;
    told->process = alive ? life_process(ring->life, life) : 0;
    told->held_from = seen->from;
    told->held_to = seen->to;
    told->messages = seen->messages;
    told->redelivered = seen->redelivered;
    told->missed = seen->missed;
    told->missed_bytes = seen->missed_bytes;
    told->batches = seen->batches;
    told->sleeps = seen->sleeps;
    told->rescued = seen->rescued;
    told->wakeups = seen->wakeups;
    told->damaged = seen->damaged;
}

/* The places of a group that were ever taken, and their sums. */
static void tell_members(struct mring_stats *stats, const struct mring *ring, const struct seen_place *place,
                         uint32_t places, struct mring_group_stats *group)
{
    for (uint32_t index = 0; index < places; index++) {
        struct mring_member_stats *told = &stats->member[stats->told.members];

        if (place[index].owner == 0)
            continue;
        *told = (struct mring_member_stats){.group = stats->told.groups, .place = index};
        tell_member(ring, &place[index], group->released, told);
        stats->told.members++;
        group->members += told->alive;
        group->messages += told->messages;
        group->redelivered += told->redelivered;
        group->missed += told->missed;
        group->missed_bytes += told->missed_bytes;
    }
}

/* Does the producer leave it room? */
static bool awaited(const struct mring_group_stats *group)
{
    return group->reached && !group->lossy && !group->cut_off;
}

/* Bit g: group number g is one of those furthest behind that the producer waits for. */
static uint64_t last_groups(const struct mring_stats *stats)
{
    uint64_t lowest = stats->snapshot->ring.tail, last = 0;

    for (unsigned at = 0; at < stats->told.groups; at++)
        if (awaited(&stats->group[at]) && stats->group[at].released < lowest)
            lowest = stats->group[at].released;
    for (unsigned at = 0; at < stats->told.groups; at++)
        if (awaited(&stats->group[at]) && stats->group[at].released == lowest)
            last |= UINT64_C(1) << stats->group[at].number;
    return lowest < stats->snapshot->ring.tail ? last : 0;
}

/* Whom the producer waits for, when room is short. Who is after one of the last has released all that it may see. */
static void tell_gating(struct mring_stats *stats)
{
    const struct seen_ring *ring = &stats->snapshot->ring;
    const uint64_t last = last_groups(stats);

    for (unsigned at = 0; at < stats->told.groups; at++) {
        struct mring_group_stats *group = &stats->group[at];
        const struct seen_group *words = &stats->snapshot->group[group->number];

        group->gating = (last >> group->number & 1) != 0 && (group->after & last) == 0;
        if (awaited(group) && words->want != 0 && words->want_epoch == ring->epoch && stats->told.producing)
            stats->told.waiting = 1;
    }
}

static void tell(struct mring_stats *stats, const struct mring *ring, uint64_t live, const struct measures *measures,
                 bool instant)
{
    const struct seen_place *place = stats->snapshot->place;

    tell_ring(stats, ring, measures, instant);
    for (; live != 0; live &= live - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(live);
        const struct held_group *held = &stats->held[index];
        struct mring_group_stats *group = &stats->group[stats->told.groups];
        uint32_t places = reached(held) ? held->view.members : 0;

        /* A passing group that all have left is gone, also before who serves the ring clears it away. */
        bool gone = reached(held) && stats->snapshot->group[index].released == NOWHERE;

        if (!gone && describe(ring, index, held, group)) {
            if (reached(held))
                tell_group(&stats->snapshot->group[index], measures, index, group);
            else
                stats->told.unreached++;
            tell_members(stats, ring, place, places, group);
            stats->told.groups++;
        }
        place += places;
    }
    tell_gating(stats);
}

/* ---- calls ---- */

static int take(struct mring *ring, struct mring_stats *stats, struct mring_error *error)
{
    struct sight sight = {.ring = ring->region.view};
    struct measures measures;
    uint64_t live = reach_all(stats, ring);
    unsigned tries = TRIES;
    size_t places = 0;
    bool instant;

    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (reached(&stats->held[index])) {
            sight.group[index] = &stats->held[index].view;
            places += stats->held[index].view.members;
        }
    if (!make_room(stats, snapshot_size(&sight), places))
        return failure(error, -ENOMEM, 0, "no memory for the counters of %zu members", places);
    do
        instant = snapshot_take(&sight, stats->snapshot, stats->other);
    while (!snapshot_measure(&sight, stats->snapshot, &measures) && --tries > 0);
    tell(stats, ring, live, &measures, instant);
    return 0;
}

int mring_stats(struct mring *ring, struct mring_stats **stats, struct mring_error *error)
{
    struct mring_stats *made;
    int code;

    if (ring == NULL || stats == NULL)
        return -EINVAL;
    code = inspect_arrive(ring, error);
    if (code != 0)
        return code;
    made = *stats != NULL ? *stats : calloc(1, sizeof(*made));
    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a snapshot");
    code = take(ring, made, error);
    if (code == 0)
        *stats = made;
    else if (*stats == NULL)
        mring_stats_free(made);
    return code;
}

/* An older caller's struct is shorter, a newer one's longer than what this library fills. */
static int fill(void *to, size_t claimed, const void *from, size_t size)
{
    enum { FIRST = sizeof(size_t), SIZE_MOST = 4096 };

    if (claimed < FIRST || claimed > SIZE_MOST)
        return -EINVAL;
    memset((unsigned char *)to + FIRST, 0, claimed - FIRST);
    memcpy((unsigned char *)to + FIRST, (const unsigned char *)from + FIRST, (claimed < size ? claimed : size) - FIRST);
    return 0;
}

int mring_stats_ring(const struct mring_stats *stats, struct mring_ring_stats *ring)
{
    return fill(ring, ring->size, &stats->told, sizeof(stats->told));
}

int mring_stats_group(const struct mring_stats *stats, unsigned index, struct mring_group_stats *group)
{
    if (index >= stats->told.groups)
        return -ENOENT;
    return fill(group, group->size, &stats->group[index], sizeof(stats->group[index]));
}

int mring_stats_member(const struct mring_stats *stats, unsigned index, struct mring_member_stats *member)
{
    if (index >= stats->told.members)
        return -ENOENT;
    return fill(member, member->size, &stats->member[index], sizeof(stats->member[index]));
}

void mring_stats_free(struct mring_stats *stats)
{
    if (stats == NULL)
        return;
    let_all_go(stats);
    free(stats->snapshot);
    free(stats->other);
    free(stats->member);
    free(stats);
}
