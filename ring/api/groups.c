/* Groups as handles have them: see struct held_group. */
#include "ring.h"

#include <string.h>

struct region_group *ring_group(struct mring *ring, uint32_t index)
{
    struct region_group *group = &ring->group[index];
    const struct group_entry *entry = &ring->region.view.directory[index];
    uint64_t live = word_load_acquire(&ring->region.view.page->groups); /* [GROUP] */

    if ((live >> index & 1) == 0 || group->view.page == NULL || entry->incarnation != group->view.incarnation)
        return NULL;
    return group;
}

static bool own_mapping(const struct ring_view *ring, const struct region_group *group, struct held_group *held)
{
    if (region_share(group->entry) != KERN_SUCCESS ||
        region_group_open(&held->own, group->entry, ring->capacity, group->view.members, NULL) != 0)
        return false;
    held->view = held->own.view;
    held->view.index = group->view.index;
    held->view.kind = group->view.kind;
    held->view.incarnation = group->view.incarnation;
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
    if (found && ring->broker != NULL && group->view.kind != GROUP_DECLARED)
        found = own_mapping(&ring->region.view, group, held);
    else if (found)
        held->view = group->view;
    ring_unlock();
    return found;
}

int held_group_open(const struct ring_view *ring, const struct group_reply *reply, struct held_group *held,
                    struct mring_error *error)
{
    int code;

    memset(held, 0, sizeof(*held));
    code = region_group_open(&held->own, reply->entry, ring->capacity, reply->members, error);
    if (code != 0)
        return code;
    held->view = held->own.view;
    held->view.index = reply->index;
    held->view.kind = reply->kind;
    held->view.incarnation = reply->incarnation;
    return 0;
}

void held_group_drop(struct held_group *held)
{
    if (held->own.view.page != NULL)
        region_group_close(&held->own);
    memset(held, 0, sizeof(*held));
}
