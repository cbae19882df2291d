/*
 * Removing a durable group that nobody serves. Whoever serves the ring takes it out of the directory, as it does with a passing group
 * whose members are gone (directory.c). For the others that is nothing new: a producer sees at its next look for room that the directory has
 * changed, and waits for the group no more; those who keep the entry let it go (durable.c); who joins it later makes it anew.
 *
 * Who is there is settled under the lock of who serves, which gives each place of such a group. One that is given to a process that lives
 * is enough to refuse: so no group goes from under a member, nor from under one who is just being told of its place.
 *
 * A successor decides it when it has the group, from those who keep it; until then it cannot tell who is in it. Killed at any step, whoever serves
 * leaves the group as it was or gone: that is one bit. Who had asked it asks the next; and is told that there is no such group, if it was gone.
 */
#include "check.h"
#include "directory.h"
#include "inspect.h"

#include <errno.h>
#include <unistd.h>

static int ask(struct mring *ring, const char *group)
{
    const struct meet_peer self = {.uid = geteuid(), .role = ring->region.writable ? ring->role : MRING_CONSUME};
    bool serves;

    ring_lock();
    serves = ring->broker != NULL;
    ring_unlock();
    return serves ? directory_remove(ring, &self, group) : meet_remove(ring->link, group);
}

/* As long as there is time. Whoever was asked may have removed the group, and not have lived to say so. */
static int ask_until_answered(struct mring *ring, const char *group)
{
    const bool there = ring_find_group(ring, group) >= 0;
    int64_t deadline = ring_deadline();
    bool died = false;
    int code;

    do {
        code = ask(ring, group);
        died |= code == -EPIPE;
    } while ((code == -EPIPE || code == -EAGAIN) && ring_try_again(ring, deadline));
    return code == -ENOENT && there && died ? 0 : code;
}

static const char *trouble_text(int code)
{
    switch (code) {
    case -ENOENT:
        return "there is none of this name";
    case -EBUSY:
        return "a living process is a member; a stopped one lives";
    case -EOPNOTSUPP:
        return "it was declared with the ring, and lasts as long";
    case -EACCES:
        return "another user has made it; the ring's user, and who has the ring with MRING_PRODUCE, may";
    case -EPIPE:
        return "the process that served the ring is gone, and nobody has taken its place";
    case -ETIMEDOUT:
        return "the process that serves the ring does not answer, or is new and none of those who keep the group has "
               "come to it; are they stopped?";
    default:
        return mring_strerror(code);
    }
}

int mring_group_remove(struct mring *ring, const char *group, struct mring_error *error)
{
    int code;

    if (ring == NULL)
        return -EINVAL;
    code = check_name(group, "group", error);
    if (code == 0 && ring->role == MRING_INSPECT)
        code = failure(error, -EACCES, 0, "this process has the ring for looking only: open it with MRING_CONSUME");
    if (code == 0)
        code = inspect_arrive(ring, error);
    if (code != 0)
        return code;
    code = ask_until_answered(ring, group);
    if (code == -EAGAIN)
        code = -ETIMEDOUT;
    return code == 0 ? 0 : failure(error, code, 0, "group \"%s\" cannot be removed: %s", group, trouble_text(code));
}
