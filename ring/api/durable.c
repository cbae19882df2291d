/*
 * Durable groups in escrow.
 *
 * A durable group is made by a join, after most heirs got their rights (succession.c). So they look for new ones when they look at the ring
 * anyway: who waits does four times a second, who joins one at once, the producer when it finds the group.
 *
 * Each keeps the entry, unmapped, in the ring's table, and sets the group's mark: some process lives that can bring it. A successor that does not
 * have the entry waits for one who has, as with the members of a passing group; when nobody has it any more, by the marks, the place
 * is lost and the name free (directory.c). So a durable group outlives its members and whoever serves the ring, as long as one process that
 * has kept its entry does.
 *
 * The mark is set after the entry was had, and counts if the broker that gave it is there afterwards: then it was set before any successor
 * asks for it. Else the entry is let go, and had again from the next.
 */
#include "durable.h"

#include <string.h>

static bool is_kept(const struct mring *ring, uint32_t index)
{
    return (ring->kept >> index & 1) != 0;
}

/* What is kept of this group, is it of the one that there is now? With the lock held. */
static bool is_current(const struct mring *ring, uint32_t index)
{
    return is_kept(ring, index) &&
           ring->group[index].view.incarnation == word_load(&ring->region.view.directory[index].incarnation);
}

static void unmark(struct mring *ring, uint32_t index)
{
    ring->kept &= ~(UINT64_C(1) << index);
    life_unmark(ring->life, group_mark(&ring->group[index].view));
}

void durables_let_go(struct mring *ring, uint32_t index)
{
    if (!is_kept(ring, index))
        return;
    unmark(ring, index);
    region_group_close(&ring->group[index]);
}

/* Of what the reply brought the entry is consumed. With the lock held. */
static void keep(struct mring *ring, uint64_t broker, const struct group_reply *reply)
{
    struct region_group *group = &ring->group[reply->index];

    durables_let_go(ring, reply->index);
    region_group_close(group); /* a forked child has its parent's mapping there */
    group->entry = reply->entry;
    ring_describe(group, reply);
    if (life_mark(ring->life, group_mark(&group->view)) != 0) {
        region_group_close(group);
        return;
    }
    ring->kept |= UINT64_C(1) << reply->index;
    if (word_load_acquire(&ring->region.view.page->broker) != broker || /* [BROKER] */
        !life_alive(ring->life, owner_life(broker)))
        durables_let_go(ring, reply->index);
}

static void take(struct mring *ring, const struct ring_key *secret, uint32_t index)
{
    uint64_t broker = word_load_acquire(&ring->region.view.page->broker); /* [BROKER] */
    struct group_reply reply;
    bool have;

    ring_lock();
    have = is_current(ring, index);
    ring_unlock();
    if (have || meet_group(ring->link, secret, index, &reply) != 0)
        return;
    ring_lock();
    if (reply.index == index && reply.terms.kind == GROUP_DURABLE)
        keep(ring, broker, &reply);
    else
        (void)mach_port_deallocate(mach_task_self(), reply.entry);
    ring_unlock();
}

/* False: the broker is gone again, or in want of something. */
static bool bring(struct mring *ring, const struct ring_key *secret, uint32_t index)
{
    struct held_group held;
    bool brought;

    memset(&held, 0, sizeof(held));
    ring_lock();
    if (is_current(ring, index) && region_share(ring->group[index].entry) == KERN_SUCCESS) {
        held.view = ring->group[index].view;
        held.own.entry = ring->group[index].entry;
        held.key = key_of_group(secret, index, held.view.members, held.view.incarnation);
    }
    ring_unlock();
    if (!MACH_PORT_VALID(held.own.entry))
        return true;
    brought = ring_bring(ring, &held);
    (void)mach_port_deallocate(mach_task_self(), held.own.entry);
    key_forget(&held.key);
    return brought;
}

bool durables_behind(const struct mring *ring)
{
    return word_load(&ring->kept_of) != word_load(&ring->region.view.page->directory_version) ||
           word_load(&ring->brought) != word_load(&ring->meetings);
}

void durables_keep_up(struct mring *ring)
{
    uint64_t version = word_load_acquire(&ring->region.view.page->directory_version); /* [VERSION] */
    uint64_t durable = ring_groups_of_kind(ring, GROUP_DURABLE);
    uint64_t meetings = word_load(&ring->meetings);
    struct ring_key secret;
    bool brought = true;

    ring_lock();
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if ((durable >> index & 1) == 0 || !is_current(ring, index))
            durables_let_go(ring, index);
    secret = ring->secret;
    ring_unlock();
    for (uint32_t index = 0; index < LAYOUT_GROUPS && brought && word_load(&ring->brought) != meetings; index++)
        brought = bring(ring, &secret, index);
    if (brought)
        word_store(&ring->brought, meetings);
    for (uint64_t left = MACH_PORT_VALID(ring->escrow) ? durable : 0; left != 0; left &= left - 1)
        take(ring, &secret, (uint32_t)__builtin_ctzll(left));
    word_store(&ring->kept_of, version);
    key_forget(&secret);
}

int durables_unfold(struct mring *ring)
{
    int code = 0;

    for (uint32_t index = 0; index < LAYOUT_GROUPS && code == 0; index++) {
        struct region_group *group = &ring->group[index];

        if (!is_current(ring, index))
            continue;
        if (group->view.page == NULL)
            code = region_group_map(group, ring->region.view.capacity, NULL);
        ring->group_key[index] = key_of_group(&ring->secret, index, group->view.members, group->view.incarnation);
    }
    return code;
}

void durables_serve(struct mring *ring)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (is_kept(ring, index))
            unmark(ring, index);
}
