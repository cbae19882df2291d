/*
 * Names by launchd. It keeps them by session, or user, and for the whole system what root's daemons register; who may look a name up is
 * launchd's to say. So another user's ring is found only where launchd shows its names, and the broker and its askers look at the
 * ids of each message: an answer that is not from the ring's user, or root, is refused.
 */
#include "meet/names.h"

kern_return_t names_check_in(mach_port_t server, const name_t service, enum mring_access access, mach_port_t *port)
{
    (void)access;
    return bootstrap_check_in(server, service, port);
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
