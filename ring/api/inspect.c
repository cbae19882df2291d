#include "inspect.h"

#include <errno.h>
#include <string.h>

int inspect_group(struct mring *ring, uint32_t index, struct held_group *held, struct mring_error *error)
{
    struct group_reply reply;
    int code = meet_group(ring->link, NULL, index, &reply);

    if (code == -EPIPE && ring_renew(ring) == 0)
        code = meet_group(ring->link, NULL, index, &reply);
    memset(held, 0, sizeof(*held));
    if (code != 0)
        return failure(error, code, 0, "the words of group %u cannot be had", index);
    return held_group_inspect(&ring->region.view, &reply, held, error);
}

int inspect_borrow(struct mring *ring, uint32_t index, struct held_group *held)
{
    return held_group_borrow(ring, index, held) ? 0 : inspect_group(ring, index, held, NULL);
}

int inspect_arrive(struct mring *ring, struct mring_error *error)
{
    int code = ring_enter(ring, error);

    if (code == 0)
        ring_unlock();
    return code;
}
