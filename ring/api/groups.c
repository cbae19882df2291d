/* Groups as handles have them: see struct held_group. */
#include "ring.h"

#include "core/unserved.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool is_named(const struct mring *ring, uint32_t index, const char *name)
{
    char seen[LAYOUT_NAME];

    entry_name(&ring->region.view.directory[index], seen);
    return strncmp(seen, name, LAYOUT_NAME) == 0;
}

struct region_group *ring_group(struct mring *ring, uint32_t index)
{
    struct region_group *group = &ring->group[index];
    const struct group_entry *entry = &ring->region.view.directory[index];
    uint64_t live = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */

    if ((live >> index & 1) == 0 || group->view.page == NULL ||
        word_load(&entry->incarnation) != group->view.incarnation)
        return NULL;
    return group;
}

int ring_find_declared(struct mring *ring, const char *name)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        const struct region_group *group = ring_group(ring, index);

        if (group != NULL && group->view.terms.kind == GROUP_DECLARED && is_named(ring, index, name))
            return (int)index;
    }
    return -1;
}

_Static_assert((int)MRING_STOP == UNSERVED_STOPS && (int)MRING_TURN_LOSSY == UNSERVED_LOSES &&
                   (int)MRING_DROP == UNSERVED_DROPS,
               "what becomes of a group is in the format");

int read_limit(enum mring_unserved unserved, uint64_t limit, uint64_t capacity, struct group_terms *terms,
               struct mring_error *error)
{
    if ((unsigned)unserved > MRING_DROP)
        return failure(error, -EINVAL, 0, "unserved %d is none of enum mring_unserved", (int)unserved);
    if ((limit != 0) != (unserved != MRING_STOP))
        return failure(error, -EINVAL, 0, "of limit and unserved a group has both, or none");
    if (limit > capacity)
        return failure(error, -EINVAL, 0, "a limit of %" PRIu64 " bytes: no group is further behind than the capacity",
                       limit);
    terms->unserved = (uint32_t)unserved;
    terms->limit = limit;
    return 0;
}

int ring_find_group(const struct mring *ring, const char *name)
{
    uint64_t live = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */

    for (; live != 0; live &= live - 1) {
        int index = __builtin_ctzll(live);

        if (is_named(ring, (uint32_t)index, name))
            return index;
    }
    return -1;
}

uint64_t ring_count_places(const struct mring *ring)
{
    uint64_t live = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */
    uint64_t places = 0;

    for (; live != 0; live &= live - 1)
        places += entry_terms(&ring->region.view.directory[__builtin_ctzll(live)]).members;
    return places;
}

uint64_t ring_groups_of_kind(const struct mring *ring, enum group_kind kind)
{
    uint64_t groups = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */

    for (uint64_t left = groups; left != 0; left &= left - 1)
        if (entry_terms(&ring->region.view.directory[__builtin_ctzll(left)]).kind != (uint32_t)kind)
            groups &= ~(left & -left);
    return groups;
}

void ring_describe(struct region_group *group, const struct group_reply *reply)
{
    group->view.index = reply->index;
    group->view.terms = reply->terms;
    group->view.members = reply->terms.members;
    group->view.incarnation = reply->incarnation;
}

static void describe(const struct ring_view *ring, struct held_group *held, const struct group_view *as)
{
    held->view.index = as->index;
    held->view.terms = as->terms;
    held->view.incarnation = as->incarnation;
    unserved_apply(ring, &held->view);
    group_view_place_sleepers(ring, &held->view);
}

static bool own_mapping(const struct ring_view *ring, const struct region_group *group, struct held_group *held)
{
    if (region_share(group->entry) != KERN_SUCCESS ||
        region_group_open(&held->own, group->entry, ring->capacity, group->view.members, NULL) != 0)
        return false;
    held->view = held->own.view;
    describe(ring, held, &group->view);
    return true;
}

bool held_group_borrow(struct mring *ring, uint32_t index, struct held_group *held)
{
    const struct region_group *group;
    bool found;

    memset(held, 0, sizeof(*held));
    ring_lock();
    group = ring_group(ring, index);
    found = group != NULL;
    if (found && group->view.terms.kind != GROUP_DECLARED)
        found = MACH_PORT_VALID(group->entry) && own_mapping(&ring->region.view, group, held);
    else if (found) {
        held->view = group->view;
        unserved_apply(&ring->region.view, &held->view);
        group_view_place_sleepers(&ring->region.view, &held->view);
    }
    held->key = ring->group_key[index];
    ring_unlock();
    return found;
}

int held_group_open(const struct ring_view *ring, const struct group_reply *reply, struct held_group *held,
                    struct mring_error *error)
{
    int code;

    memset(held, 0, sizeof(*held));
    code = region_group_open(&held->own, reply->entry, ring->capacity, reply->terms.members, error);
    if (code == 0)
        held_group_describe(ring, held, reply);
    return code;
}

int held_group_inspect(const struct ring_view *ring, const struct group_reply *reply, struct held_group *held,
                       struct mring_error *error)
{
    int code;

    memset(held, 0, sizeof(*held));
    code = region_group_inspect(&held->own, reply->entry, ring->capacity, reply->terms.members, error);
    if (code == 0)
        held_group_describe(ring, held, reply);
    return code;
}

void held_group_describe(const struct ring_view *ring, struct held_group *held, const struct group_reply *reply)
{
    const struct group_view as = {.index = reply->index, .terms = reply->terms, .incarnation = reply->incarnation};

    held->view = held->own.view;
    describe(ring, held, &as);
    held->key = reply->key;
}

struct sleeper held_group_sleeper(const struct held_group *held, uint32_t line, uint64_t owner)
{
    return (struct sleeper){held->view.index, line, held->view.incarnation, owner, held->view.members, held->key};
}

void held_group_drop(struct held_group *held)
{
    if (held->own.view.page != NULL)
        region_group_close(&held->own);
    memset(held, 0, sizeof(*held));
}
