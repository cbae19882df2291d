/*
 * Names by launchd. It keeps them by session, or user, and for the whole system what root's daemons register; who may look a name up is
 * launchd's to say. So another user's ring is found only where launchd shows its names, and the broker and its askers look at the
 * ids of each message: an answer that is not from the ring's user, or root, is refused.
 *
 * A name is a receive right of the broker's own, from bootstrap_check_in, and everything else is handed out by message. That is the way that
 * ends with its process: an entry or a semaphore that was registered itself belongs to the kernel, never dies while launchd has a right to it, and
 * keeps the name until the user logs out (Mach 8.9).
 */
#include "meet/names.h"

static bool is_held(mach_port_t server, const name_t service)
{
    mach_port_t holder = MACH_PORT_NULL;

    if (bootstrap_look_up(server, service, &holder) != KERN_SUCCESS)
        return false;
    mach_port_deallocate(mach_task_self(), holder);
    return true;
}

/* What is refused may be another's name, or any name at all, in a sandbox. It may just have become free, too. */
kern_return_t names_check_in(mach_port_t server, const name_t service, enum mring_access access, mach_port_t *port)
{
    kern_return_t kr = bootstrap_check_in(server, service, port);

    (void)access;
    if (kr != BOOTSTRAP_NOT_PRIVILEGED || is_held(server, service))
        return kr;
    kr = bootstrap_check_in(server, service, port);
    return kr == BOOTSTRAP_NOT_PRIVILEGED ? KERN_PROTECTION_FAILURE : kr;
}

kern_return_t names_look_up(mach_port_t server, uid_t owner, const name_t service, mach_port_t *port)
{
    (void)owner;
    return bootstrap_look_up(server, service, port);
}

bool names_holder(uid_t owner, const name_t service, uid_t *uid, pid_t *pid)
{
    (void)owner;
    (void)service;
    (void)uid;
    (void)pid;
    return false;
}

kern_return_t names_list(const struct names_listener *listener)
{
    (void)listener;
    return KERN_NOT_SUPPORTED; /* launchd shows its names to nobody but itself */
}

bool names_reach(mach_port_t port)
{
    (void)port; /* which was found by a name */
    return true;
}

bool names_turns_away(void)
{
    return false;
}
