/* The calls of <mach/mach_port.h>: arguments, and the table or the sets underneath. */
#include "gate.h"
#include "port.h"
#include "port_set.h"
#include "space.h"

#include <errno.h>
#include <mach/mach.h>

static kern_return_t allocate(mach_port_right_t right, mach_port_name_t *name)
{
    struct mach_object *object = NULL;

    switch (right) {
    case MACH_PORT_RIGHT_RECEIVE:
        object = port_create();
        break;
    case MACH_PORT_RIGHT_PORT_SET:
        object = port_set_create();
        break;
    case MACH_PORT_RIGHT_DEAD_NAME:
        break;
    default:
        return KERN_INVALID_VALUE;
    }
    if (!object && right != MACH_PORT_RIGHT_DEAD_NAME)
        return KERN_RESOURCE_SHORTAGE;
    return space_insert(object, MACH_PORT_TYPE(right), name) == KERN_SUCCESS ? KERN_SUCCESS : KERN_NO_SPACE;
}

kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name)
{
    int saved = errno;
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    gate_enter();
    kr = allocate(right, name);
    gate_leave();
    errno = saved;
    return kr;
}

mach_port_t mach_reply_port(void)
{
    mach_port_name_t name = MACH_PORT_NULL;
    mach_port_allocate(mach_task_self_, MACH_PORT_RIGHT_RECEIVE, &name);
    return name;
}

kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_name_t name, mach_port_t poly,
                                     mach_msg_type_name_t polyPoly)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_MSG_TYPE_PORT_ANY(polyPoly) || !MACH_PORT_VALID(name))
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(poly))
        return KERN_INVALID_CAPABILITY;

    bool makes = polyPoly == MACH_MSG_TYPE_MAKE_SEND;
    if (!makes && polyPoly != MACH_MSG_TYPE_COPY_SEND && polyPoly != MACH_MSG_TYPE_MOVE_SEND)
        return KERN_INVALID_VALUE; /* a send-once right has its own name, a receive right its one */
    mach_port_type_t type;
    if (!makes && space_type(poly, &type) == KERN_SUCCESS && type == MACH_PORT_TYPE_DEAD_NAME)
        return KERN_INVALID_CAPABILITY;
    struct mach_object *object = space_hold(poly, makes ? MACH_PORT_TYPE_RECEIVE : MACH_PORT_TYPE_SEND, &kr);
    if (!object)
        return MACH_SEND_INVALID_RIGHT;
    if (poly != name) { /* the task knows this port by another name already, or the name means something else */
        object_drop(object);
        return space_type(name, &type) == KERN_SUCCESS ? KERN_NAME_EXISTS : KERN_RIGHT_EXISTS;
    }
    mach_port_name_t same;
    if (polyPoly == MACH_MSG_TYPE_MOVE_SEND) { /* one reference goes and comes */
        object_drop(object);
        return KERN_SUCCESS;
    }
    return space_insert_send(object, &same);
}

kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS || !MACH_PORT_VALID(name))
        return kr;
    return space_deallocate(name);
}

kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_delta_t delta)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    if (right >= MACH_PORT_RIGHT_NUMBER)
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(name))
        return right == MACH_PORT_RIGHT_SEND || right == MACH_PORT_RIGHT_SEND_ONCE ? KERN_SUCCESS : KERN_INVALID_NAME;
    return space_modify(name, MACH_PORT_TYPE(right), delta);
}

kern_return_t mach_port_get_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_urefs_t *refs)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    if (right >= MACH_PORT_RIGHT_NUMBER)
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(name)) {
        if (right != MACH_PORT_RIGHT_SEND && right != MACH_PORT_RIGHT_SEND_ONCE)
            return KERN_INVALID_NAME;
        *refs = 1;
        return KERN_SUCCESS;
    }
    return space_references(name, MACH_PORT_TYPE(right), refs);
}

kern_return_t mach_port_destroy(ipc_space_t task, mach_port_name_t name)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS || !MACH_PORT_VALID(name))
        return kr;
    return space_destroy(name);
}

kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name, mach_port_type_t *ptype)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    if (name == MACH_PORT_NULL)
        return KERN_INVALID_NAME;
    if (name == MACH_PORT_DEAD) {
        *ptype = MACH_PORT_TYPE_DEAD_NAME;
        return KERN_SUCCESS;
    }
    return space_type(name, ptype);
}

/* ---- port sets ---- */

/* What to do with a member and a set, both held, inside the gate. */
typedef kern_return_t change_t(struct mach_object *set, struct mach_object *port, mach_port_name_t name);

static kern_return_t extract(struct mach_object *set, struct mach_object *port, mach_port_name_t name)
{
    (void)name;
    return port_set_extract(set, port);
}

static kern_return_t change_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t set, change_t *change)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    struct mach_object *port = space_hold(member, MACH_PORT_TYPE_RECEIVE, &kr);
    if (!port)
        return kr;
    struct mach_object *members = NULL;
    if (set != MACH_PORT_NULL) {
        members = space_hold(set, MACH_PORT_TYPE_PORT_SET, &kr);
        if (!members) {
            object_drop(port);
            return kr;
        }
    }
    int saved = errno;
    gate_enter();
    kr = change(members, port, member);
    gate_leave();
    errno = saved;
    if (members)
        object_drop(members);
    object_drop(port);
    return kr;
}

kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset)
{
    return pset == MACH_PORT_NULL ? KERN_INVALID_NAME : change_member(task, name, pset, port_set_insert);
}

kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset)
{
    return pset == MACH_PORT_NULL ? KERN_INVALID_NAME : change_member(task, name, pset, extract);
}

kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after)
{
    return change_member(task, member, after, port_set_move);
}
