#include "right_take.h"
#include "gate.h"
#include "object_cells.h"
#include "port.h"
#include "space.h"

#include <errno.h>

static kern_return_t make(mach_port_name_t name, mach_msg_type_name_t disposition, struct taken_right *taken)
{
    kern_return_t kr;
    struct mach_object *port = space_translate(name, MACH_PORT_TYPE_RECEIVE, &kr);

    if (!port)
        return kr;
    if (disposition == MACH_MSG_TYPE_MAKE_SEND) {
        port_send_made(port);
        *taken = (struct taken_right){.object = port, .right = MACH_PORT_TYPE_SEND};
        return KERN_SUCCESS;
    }
    int saved = errno;
    gate_enter();
    struct mach_object *once = port_make_once(port);
    if (once)
        object_publish(once);
    gate_leave();
    errno = saved;
    object_drop(port);
    if (!once)
        return KERN_RESOURCE_SHORTAGE;
    *taken = (struct taken_right){.object = once, .right = MACH_PORT_TYPE_SEND_ONCE};
    return KERN_SUCCESS;
}

static kern_return_t copy_or_move(mach_port_name_t name, mach_msg_type_name_t disposition, struct taken_right *taken)
{
    kern_return_t kr;
    mach_port_type_t right =
        disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE ? MACH_PORT_TYPE_SEND_ONCE : MACH_PORT_TYPE_SEND;
    bool dead = space_is_dead(name);
    struct mach_object *object = dead ? NULL : space_hold(name, right, &kr);

    if (!dead && !object)
        return kr;
    kr = KERN_SUCCESS;
    if (disposition == MACH_MSG_TYPE_MOVE_SEND && !dead)
        kr = space_consume_send(name);
    else if (disposition != MACH_MSG_TYPE_COPY_SEND)
        kr = space_deallocate(name);
    if (kr == KERN_SUCCESS)
        *taken = (struct taken_right){.object = object, .right = right};
    else if (object)
        object_drop(object);
    return kr;
}

kern_return_t right_take(mach_port_name_t name, mach_msg_type_name_t disposition, struct taken_right *taken)
{
    kern_return_t kr;
    struct mach_object *port;

    switch (disposition) {
    case MACH_MSG_TYPE_MAKE_SEND:
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
        return make(name, disposition, taken);
    case MACH_MSG_TYPE_COPY_SEND:
    case MACH_MSG_TYPE_MOVE_SEND:
    case MACH_MSG_TYPE_MOVE_SEND_ONCE:
        return copy_or_move(name, disposition, taken);
    case MACH_MSG_TYPE_MOVE_RECEIVE:
        port = space_translate(name, MACH_PORT_TYPE_RECEIVE, &kr);
        if (!port)
            return kr;
        object_drop(port);
        return KERN_INVALID_CAPABILITY;
    default:
        return KERN_INVALID_VALUE;
    }
}
