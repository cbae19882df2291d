#include "right.h"
#include "space.h"

#include <unistd.h>

bool right_pack(struct mach_object *object, struct wire_right *wire, int fds[WIRE_FDS])
{
    const struct object_ops *ops = atomic_load_explicit(&object->ops, memory_order_relaxed);

    *wire = (struct wire_right){.kind = (uint32_t)ops->kind, .id = object->id};
    wire_no_descriptors(fds);
    return ops->pack(object, wire, fds);
}

static const struct object_ops *ops_of(uint32_t kind, mach_msg_type_name_t disposition)
{
    if (disposition == MACH_MSG_TYPE_PORT_SEND_ONCE)
        return kind == OBJECT_SEND_ONCE ? &send_once_ops : NULL;
    switch (kind) {
    case OBJECT_PORT:
        return &port_ops;
    case OBJECT_MEMORY_ENTRY:
        return &memory_entry_ops;
    case OBJECT_SEMAPHORE:
        return &semaphore_ops;
    default:
        return NULL;
    }
}

bool right_travels(struct mach_object *object)
{
    return ops_of(atomic_load_explicit(&object->ops, memory_order_relaxed)->kind, MACH_MSG_TYPE_PORT_SEND) != NULL;
}

struct mach_object *right_unpack(const struct wire_right *wire, mach_msg_type_name_t disposition,
                                 const int fds[WIRE_FDS])
{
    const struct object_ops *ops = ops_of(wire->kind, disposition);

    if (ops && wire->descriptors <= WIRE_FDS)
        return ops->unpack(wire, fds);
    for (int i = 0; i < WIRE_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return NULL;
}

kern_return_t right_receive(const struct wire_right *wire, mach_msg_type_name_t disposition, const int fds[WIRE_FDS],
                            mach_port_name_t *name)
{
    struct mach_object *object = right_unpack(wire, disposition, fds);

    *name = MACH_PORT_NULL;
    if (!object)
        return KERN_SUCCESS;
    if (disposition == MACH_MSG_TYPE_PORT_SEND_ONCE)
        return space_insert(object, MACH_PORT_TYPE_SEND_ONCE, name);
    return space_insert_send(object, name);
}
