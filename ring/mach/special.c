/*
 * The task's special ports: its own, and the bootstrap port. The latter may be set to any send right, which a forked child then finds in its
 * place (a way to hand a child one's own port); unset, it is the name server of bootstrap_*.c.
 */
#include "host.h"
#include "slots.h"
#include "space.h"

#include <mach/mach.h>
#include <mach/task_special_ports.h>

kern_return_t task_get_special_port(task_inspect_t task, int which_port, mach_port_t *special_port)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;

    struct mach_object *object;
    switch (which_port) {
    case TASK_KERNEL_PORT:
        object = &task_object;
        object_hold(object);
        break;
    case TASK_BOOTSTRAP_PORT:
        object = slot_hold(SLOT_BOOTSTRAP);
        if (!object) {
            object = &bootstrap_object;
            object_hold(object);
        }
        break;
    case TASK_HOST_PORT:
        object = host_object(HOST_SELF);
        break;
    case TASK_NAME_PORT:
        object = host_object(HOST_TASK_NAME);
        break;
    default:
        return KERN_INVALID_ARGUMENT;
    }
    if (object == NULL)
        return KERN_RESOURCE_SHORTAGE;
    return space_insert_send(object, special_port);
}

/* The caller keeps its own reference. MACH_PORT_NULL puts the name server back. */
kern_return_t task_set_special_port(task_t task, int which_port, mach_port_t special_port)
{
    struct mach_object *object = NULL;
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (which_port != TASK_BOOTSTRAP_PORT)
        return KERN_INVALID_ARGUMENT;
    if (MACH_PORT_VALID(special_port)) {
        object = space_hold_send(special_port, &kr);
        if (!object)
            return MACH_SEND_INVALID_RIGHT;
        if (object == &bootstrap_object) {
            object_drop(object);
            object = NULL;
        }
    }
    slots_set(SLOT_BOOTSTRAP, 1, &object);
    return KERN_SUCCESS;
}
