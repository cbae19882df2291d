/*
 * The mapping that a child has from its parent can be made read-only for good only by who can open the memory anew: the user whose it is
 * (mach/vm_call.c). A child that has become another user before asks the broker for the read-only entry, and maps that over it. If there is no
 * broker any more, this layer's calls refuse to write there, and that is all.
 *
 * What it holds in escrow (succession.c), as one process of the ring's user among others, it keeps, without a mapping. Where it is
 * not given that, or the ring is strict, it has nothing left that could write, nor could get it.
 */
#include "lower.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Can this process write what it has from its parent, though it only consumes? Who serves the ring, or is about to, can. As long as a handle of it
 * is open what it has stays as it is: the producer writes it, and members that joined beside that go by the words of groups there. With the lock
 * held.
 */
static bool has_too_much(const struct mring *ring)
{
    return ring->desk.page == NULL && ring->handles == 0 && ring->region.writable &&
           ring->region.ring == MACH_PORT_NULL;
}

/* The ring as consumers get it, or MACH_PORT_NULL. */
static mem_entry_name_port_t fetch_readonly(struct mring *ring)
{
    struct attach_reply reply;

    if (meet_attach(ring->link, MRING_CONSUME, &reply, NULL) != 0)
        return MACH_PORT_NULL;
    if (MACH_PORT_VALID(reply.doorbell))
        (void)mach_port_deallocate(mach_task_self(), reply.doorbell);
    return reply.ring;
}

/* The broker gave it only if it may have it; but in a strict ring that was to one that might have written. With the lock held. */
static bool keeps_escrow(const struct mring *ring)
{
    return MACH_PORT_VALID(ring->escrow) && !ring->region.strict;
}

void inherited_close(struct inherited *inherited)
{
    for (uint32_t index = 0; inherited != NULL && index < LAYOUT_GROUPS; index++)
        region_group_close(&inherited->group[index]);
    free(inherited);
}

/* The joined group is after these: they are taken out of the ring's table, so that nobody else joins them by a mapping that is read-only. */
static void keep(struct region_group *group, struct region_group *kept)
{
    if (group->view.page != NULL && region_group_lower(group, NULL) == 0)
        region_group_move(kept, group);
}

static void give_up(struct mring *ring, int joined, struct inherited *inherited)
{
    uint64_t after = joined >= 0 ? ring->group[joined].view.terms.after : 0;

    meet_lower(ring->link);
    for (int index = 0; index < LAYOUT_GROUPS; index++)
        if (index != joined) {
            if ((after >> index & 1) != 0)
                keep(&ring->group[index], &inherited->group[index]);
            region_group_unmap(&ring->group[index]);
            key_forget(&ring->group_key[index]);
        }
    if (!keeps_escrow(ring))
        ring_drop_escrow(ring);
}

int lower_heir(struct mring *ring, const char *group, struct inherited **inherited, struct mring_error *error)
{
    mem_entry_name_port_t readonly = MACH_PORT_NULL;
    bool lower;
    int code = 0;

    *inherited = NULL;
    ring_lock();
    lower = has_too_much(ring);
    ring_unlock();
    if (!lower)
        return 0;
    if (geteuid() != ring->owner)
        readonly = fetch_readonly(ring);
    ring_lock();
    if (has_too_much(ring)) { /* another thread may have been quicker */
        *inherited = calloc(1, sizeof(**inherited));
        if (*inherited == NULL)
            code = failure(error, -ENOMEM, 0, "no memory for the groups that this one is after");
        else
            code = MACH_PORT_VALID(readonly) ? region_replace(&ring->region, &readonly, error)
                                             : region_lower(&ring->region, error);
        if (code == 0)
            give_up(ring, ring_find_declared(ring, group), *inherited);
    }
    ring_unlock();
    if (MACH_PORT_VALID(readonly))
        (void)mach_port_deallocate(mach_task_self(), readonly);
    return code;
}
