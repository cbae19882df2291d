/* Names by the layer below, which asks the kernel who is at the other end, on both sides (mach/bootstrap_name.h). */
#include "meet/names.h"

#include <mach/mring_mach.h>

kern_return_t names_check_in(mach_port_t server, const name_t service, enum mring_access access, mach_port_t *port)
{
    static const int scope[] = {[MRING_OWNER] = MRING_MACH_SERVE_OWNER,
                                [MRING_GROUP] = MRING_MACH_SERVE_GROUP,
                                [MRING_EVERYONE] = MRING_MACH_SERVE_EVERYONE};

    return mring_mach_bootstrap_check_in_for(server, service, scope[access], port);
}

kern_return_t names_look_up(mach_port_t server, uid_t owner, const name_t service, mach_port_t *port)
{
    return mring_mach_bootstrap_look_up_of(server, owner, service, port);
}

bool names_holder(uid_t owner, const name_t service, uid_t *uid, pid_t *pid)
{
    return mring_mach_bootstrap_holder(owner, service, uid, pid);
}

static void found_service(void *context, uid_t owner, const char *service)
{
    const struct names_listener *listener = context;
    const char *name = names_ring(service);

    if (name != NULL)
        listener->found(listener->context, owner, name);
}

kern_return_t names_list(const struct names_listener *listener)
{
    return mring_mach_bootstrap_list(found_service, (void *)(uintptr_t)listener);
}

bool names_reach(mach_port_t port)
{
    return mring_mach_bootstrap_reaches(port);
}

bool names_turns_away(void)
{
    return true;
}
