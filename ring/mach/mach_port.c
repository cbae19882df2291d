/* The calls of <mach/mach_port.h>: arguments, and the table or the sets underneath. */
#include "gate.h"
#include "port.h"
#include "port_set.h"
#include "right_take.h"
#include "space.h"

#include <errno.h>
#include <mach/mach.h>

/* What a right allocated stands for; a dead name stands for nothing. Inside the gate. */
static kern_return_t create(mach_port_right_t right, struct mach_object **object)
{
    *object = NULL;
    switch (right) {
    case MACH_PORT_RIGHT_RECEIVE:
        *object = port_create();
        break;
    case MACH_PORT_RIGHT_PORT_SET:
        *object = port_set_create();
        break;
    case MACH_PORT_RIGHT_DEAD_NAME:
        return KERN_SUCCESS;
    default:
        return KERN_INVALID_VALUE;
    }
    return *object ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name)
{
    struct mach_object *object;
    int saved = errno;
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    gate_enter();
    kr = create(right, &object);
    if (kr == KERN_SUCCESS && space_insert(object, MACH_PORT_TYPE(right), name) != KERN_SUCCESS)
        kr = KERN_NO_SPACE;
    gate_leave();
    errno = saved;
    return kr;
}

kern_return_t mach_port_allocate_name(ipc_space_t task, mach_port_right_t right, mach_port_name_t name)
{
    struct mach_object *object;
    int saved = errno;
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_VALUE;
    gate_enter();
    kr = create(right, &object);
    if (kr == KERN_SUCCESS)
        kr = space_insert_as(name, object, MACH_PORT_TYPE(right));
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
    struct taken_right taken;
    kern_return_t kr = space_check_task(task);
    bool in_place = name == poly && (polyPoly == MACH_MSG_TYPE_MAKE_SEND || polyPoly == MACH_MSG_TYPE_COPY_SEND);

    if (kr == KERN_SUCCESS && in_place &&
        space_is_dead(name)) /* the kernel takes nothing out here, and says why first */
        return KERN_INVALID_CAPABILITY;
    if (kr == KERN_SUCCESS)
        kr = right_take(poly, polyPoly, &taken);
    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_PORT_VALID(name) || !taken.object) {
        if (taken.object)
            object_drop(taken.object);
        return MACH_PORT_VALID(name) ? KERN_INVALID_CAPABILITY : KERN_INVALID_VALUE;
    }
    return space_insert_as(name, taken.object, taken.right);
}

kern_return_t mach_port_extract_right(ipc_space_t task, mach_port_name_t name, mach_msg_type_name_t msgt_name,
                                      mach_port_t *poly, mach_msg_type_name_t *polyPoly)
{
    struct taken_right taken;
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_MSG_TYPE_PORT_ANY(msgt_name))
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_RIGHT;
    kr = right_take(name, msgt_name, &taken);
    if (kr != KERN_SUCCESS)
        return kr;
    mach_port_t given = MACH_PORT_DEAD;
    if (taken.object && taken.right == MACH_PORT_TYPE_SEND)
        kr = space_insert_send(taken.object, &given);
    else if (taken.object)
        kr = space_insert(taken.object, taken.right, &given);
    if (kr != KERN_SUCCESS)
        return kr;
    *poly = given;
    *polyPoly = taken.right == MACH_PORT_TYPE_SEND ? MACH_MSG_TYPE_PORT_SEND : MACH_MSG_TYPE_PORT_SEND_ONCE;
    return KERN_SUCCESS;
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
    struct mach_object *port = space_translate(member, MACH_PORT_TYPE_RECEIVE, &kr);
    if (!port)
        return kr;
    struct mach_object *members = NULL;
    if (set != MACH_PORT_NULL) {
        members = space_translate(set, MACH_PORT_TYPE_PORT_SET, &kr);
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

/* Here no set is a mistake. */
static kern_return_t change_one_set(ipc_space_t task, mach_port_name_t member, mach_port_name_t set, change_t *change)
{
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_PORT_VALID(member) || !MACH_PORT_VALID(set))
        return KERN_INVALID_RIGHT;
    return change_member(task, member, set, change);
}

kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset)
{
    return change_one_set(task, name, pset, port_set_insert);
}

kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset)
{
    return change_one_set(task, name, pset, extract);
}

kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after)
{
    return change_member(task, member, after, port_set_move);
}
