/* A ring handle: its making and its end, and what becomes of it in a forked child. */
#include "ring.h"

#include "durable.h"

#include <errno.h>
#include <stdlib.h>

struct mring *ring_blank(void)
{
    struct mring *made = calloc(1, sizeof(*made));

    if (made != NULL)
        made->generation = mring_generation;
    return made;
}

void ring_dismantle(struct mring *ring)
{
    if (ring == NULL)
        return;
    serve_end(ring);
    region_desk_close(&ring->desk);
    meet_close(ring->link);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++) {
        durables_let_go(ring, index);
        region_group_close(&ring->group[index]);
    }
    if (MACH_PORT_VALID(ring->escrow))
        mach_port_deallocate(mach_task_self(), ring->escrow);
    life_end(ring->life);
    region_close(&ring->region);
    key_forget(&ring->secret);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        key_forget(&ring->group_key[index]);
    free(ring);
}

/* What a parent that opened the ring to consume has mapped is what it took to serve it, and no child's. A creator's child: lower.h. */
static void forget_group(struct mring *ring, uint32_t index)
{
    region_group_forked(&ring->group[index]);
    if (ring->region.writable)
        return;
    region_group_unmap(&ring->group[index]);
    key_forget(&ring->group_key[index]);
}

void ring_forget_parent(struct mring *ring)
{
    region_forked(&ring->region);
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        forget_group(ring, index);
    broker_stop(ring->broker); /* the copy of what the parent serves */
    ring->broker = NULL;
    region_desk_close(&ring->desk);
    ring->escrow = MACH_PORT_NULL;
    ring->meeting = false;
    ring->kept = 0; /* marks are not inherited */
    word_store(&ring->kept_of, 0);
    ring->handles = 0;
    ring->producing = false;
    ring->generation = mring_generation;
}

int ring_enter(struct mring *ring, struct mring_error *error)
{
    struct life *life;
    int code;

    ring_lock();
    if (ring->generation == mring_generation)
        return 0;
    ring_unlock();
    code = life_begin_forked(&life, ring->life, ring_fetch_life, ring);
    if (code != 0)
        return failure(error, code, 0, "a forked child cannot begin a life of its own in the ring: %s",
                       mring_strerror(code));
    ring_lock();
    if (ring->generation != mring_generation) /* else another thread was quicker */
        ring_forget_parent(ring);
    ring_unlock();
    life_end(life); /* the ring's handle of it is as good */
    ring_take_escrow(ring);
    ring_keep_up(ring);
    ring_lock();
    return 0;
}

int mring_close(struct mring *ring)
{
    int code;

    if (ring == NULL)
        return 0;
    ring_lock();
    if (ring->generation != mring_generation)
        ring_forget_parent(ring);
    code = ring->handles != 0 ? -EBUSY : 0;
    ring_unlock();
    if (code == 0)
        ring_dismantle(ring);
    return code;
}

int mring_info(struct mring *ring, struct mring_info *info)
{
    const struct ring_view *view = &ring->region.view;

    if (info == NULL || info->size < sizeof(*info))
        return -EINVAL;
    info->capacity = (size_t)view->capacity;
    info->alignment = (size_t)view->alignment;
    info->message_max = (size_t)view_message_max(view);
    ring_lock(); /* a join that this process's broker is at is done, and its group's place fixed, before it counts */
    info->groups = (unsigned)__builtin_popcountll(word_load(&view->page->groups));
    ring_unlock();
    return 0;
}
