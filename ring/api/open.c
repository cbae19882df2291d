/* mring_open: find who serves a ring, be let in, and begin a life there. */
#include "check.h"
#include "meet/clock.h"
#include "owner.h"
#include "ring.h"

#include <errno.h>
#include <string.h>

static const char *role_text(enum mring_role role)
{
    return role == MRING_PRODUCE ? "produce for" : role == MRING_CONSUME ? "consume from" : "inspect";
}

int ring_attached(struct mring *ring, const struct attach_reply *reply, const char *name, struct mring_error *error)
{
    int code = region_open(&ring->region, reply->ring, ring->role, reply->doorbell, error);

    if (code != 0)
        return code;
    /* The header's name any producer can write: to succeed by it would be to serve whatever name that one likes as this user. */
    memset(ring->region.name, 0, sizeof(ring->region.name));
    memcpy(ring->region.name, name, strnlen(name, sizeof(ring->region.name) - 1));
    code = life_begin(&ring->life, ring->region.view.identity, ring_fetch_life, ring);
    if (code != 0)
        return failure(error, code, 0, "this process cannot begin a life in ring \"%s\": %s", name,
                       mring_strerror(code));
    ring_take_escrow(ring);
    ring_keep_up(ring);
    return 0;
}

static int attach(struct mring *ring, uid_t owner, const char *name, int64_t timeout, struct mring_error *error)
{
    struct attach_reply reply;
    int code = ring_prepare_process(error);

    ring->owner = owner;
    if (code == 0)
        code = meet_look_up(&ring->link, owner, name, timeout, error);
    if (code == 0)
        code = meet_attach(ring->link, ring->role, &reply, error);
    if (code == -EACCES && ring->link != NULL)
        return failure(error, code, 0,
                       "this process may not %s the ring \"%s\" of user %lu (mring_options.access and .produce)",
                       role_text(ring->role), name, (unsigned long)owner);
    return code != 0 ? code : ring_attached(ring, &reply, name, error);
}

/* -EPIPE: who served the ring when it was found died in the middle. */
static int open_once(struct mring **ring, uid_t owner, const char *name, enum mring_role role, int64_t timeout,
                     struct mring_error *error)
{
    struct mring *made = ring_blank();
    int code;

    if (made == NULL)
        return failure(error, -ENOMEM, 0, "no memory for a ring handle");
    made->role = role;
    code = attach(made, owner, name, timeout, error);
    if (code == 0)
        *ring = made;
    else
        ring_dismantle(made);
    return code;
}

int mring_open(struct mring **ring, const char *name, enum mring_role role, const struct mring_open_options *options)
{
    struct mring_error *error = NULL, said = MRING_ERROR_INIT;
    const char *plain;
    int64_t deadline;
    uid_t owner;
    int code;

    if (ring == NULL)
        return -EINVAL;
    code = read_open_options(options, &error, &deadline);
    if (code != 0)
        return code;
    code = owner_of(name, &owner, &plain, error);
    if (code == 0)
        code = check_name(plain, "ring", error);
    if (code == 0)
        code = check_role(role, error);
    if (code != 0)
        return code;
    do
        code = open_once(ring, owner, plain, role, clock_left(deadline), &said);
    while (code == -EPIPE && clock_left(deadline) > 0);
    if (code == -EPIPE)
        return failure(error, -ENOENT, 0, "the process that served ring \"%s\" is gone", name);
    return code != 0 ? failure_pass(error, code, &said) : 0;
}
