/*
 * The mapping that a child has from its parent can be made read-only for good only by who can open the memory anew: the user whose it is
 * (mach/vm_call.c). A child that has become another user before asks the broker for the read-only entry, and maps that over it. If there is no
 * broker any more, this layer's calls refuse to write there, and that is all.
 */
#include "lower.h"

#include <unistd.h>

/* Does this process hold more by inheritance than a consumer may have? With the lock held. */
static bool is_heir(const struct mring *ring)
{
    return ring->broker == NULL && !ring->producing && ring->region.writable && ring->region.ring == MACH_PORT_NULL;
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

static void give_up(struct mring *ring, const char *group)
{
    int joined = ring_find_declared(ring, group);

    meet_lower(ring->link);
    key_forget(&ring->secret);
    for (int index = 0; index < LAYOUT_GROUPS; index++)
        if (index != joined) {
            region_group_close(&ring->group[index]);
            key_forget(&ring->group_key[index]);
        }
}

int lower_heir(struct mring *ring, const char *group, struct mring_error *error)
{
    mem_entry_name_port_t readonly = MACH_PORT_NULL;
    bool heir;
    int code = 0;

    ring_lock();
    heir = is_heir(ring);
    ring_unlock();
    if (!heir)
        return 0;
    if (geteuid() != ring->owner)
        readonly = fetch_readonly(ring);
    ring_lock();
    if (is_heir(ring)) { /* another thread may have been quicker */
        code = MACH_PORT_VALID(readonly) ? region_replace(&ring->region, &readonly, error)
                                         : region_lower(&ring->region, error);
        if (code == 0)
            give_up(ring, group);
    }
    ring_unlock();
    if (MACH_PORT_VALID(readonly))
        (void)mach_port_deallocate(mach_task_self(), readonly);
    return code;
}
