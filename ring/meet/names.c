#include "meet/names.h"

#include <stdio.h>

bool names_service(name_t service, const char *name)
{
    return snprintf(service, sizeof(name_t), "mring.%s", name) <= (int)sizeof "mring." - 1 + MRING_NAME_MAX;
}

kern_return_t names_server(mach_port_t *server)
{
    return task_get_special_port(mach_task_self(), TASK_BOOTSTRAP_PORT, server);
}
