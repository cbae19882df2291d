#include "meet/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char head[] = "mring.";

bool names_service(name_t service, const char *name)
{
    return snprintf(service, sizeof(name_t), "%s%s", head, name) <= (int)sizeof head - 1 + MRING_NAME_MAX;
}

const char *names_ring(const char *service)
{
    return strncmp(service, head, sizeof head - 1) == 0 ? service + sizeof head - 1 : NULL;
}

void names_identity(name_t service, const uint64_t identity[2], uint64_t meeting)
{
    (void)snprintf(service, sizeof(name_t), "mring/%016" PRIx64 "%016" PRIx64 "/%016" PRIx64, identity[0], identity[1],
                   meeting);
}

kern_return_t names_server(mach_port_t *server)
{
    return task_get_special_port(mach_task_self(), TASK_BOOTSTRAP_PORT, server);
}
