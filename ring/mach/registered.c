/*
 * mach_ports_register and mach_ports_lookup (Mach 6.1 to 6.3).
 *
 * Not kept: an exec'ed program does not inherit the slots (6.3), since every descriptor here is close-on-exec.
 */
#include "slots.h"
#include "space.h"

#include <mach/mach.h>
#include <mach/mach_vm.h>

_Static_assert((int)SLOT_REGISTERED_COUNT == (int)TASK_PORT_REGISTER_MAX, "a slot for each registered port");

static void drop_all(struct mach_object *const objects[], mach_msg_type_number_t count)
{
    for (mach_msg_type_number_t i = 0; i < count; i++)
        if (objects[i])
            object_drop(objects[i]);
}

kern_return_t mach_ports_register(task_t target_task, mach_port_array_t init_port_set,
                                  mach_msg_type_number_t init_port_setCnt)
{
    struct mach_object *objects[TASK_PORT_REGISTER_MAX] = {NULL};
    kern_return_t kr = space_check_task(target_task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (init_port_setCnt > TASK_PORT_REGISTER_MAX)
        return KERN_INVALID_ARGUMENT;
    for (mach_msg_type_number_t i = 0; i < init_port_setCnt; i++) {
        mach_port_t name = init_port_set[i];
        if (!MACH_PORT_VALID(name))
            continue;
        objects[i] = space_hold_send(name, &kr);
        if (!objects[i]) {
            drop_all(objects, i);
            return MACH_SEND_INVALID_RIGHT;
        }
        if (objects[i] == &task_object) { /* pinned, and so immovable */
            drop_all(objects, i + 1);
            return KERN_INVALID_RIGHT;
        }
    }
    slots_set(SLOT_REGISTERED, SLOT_REGISTERED_COUNT, objects);
    return KERN_SUCCESS;
}

kern_return_t mach_ports_lookup(task_t target_task, mach_port_array_t *init_port_set,
                                mach_msg_type_number_t *init_port_setCnt)
{
    mach_vm_address_t array = 0;
    kern_return_t kr = space_check_task(target_task);

    if (kr == KERN_SUCCESS)
        kr = mach_vm_allocate(mach_task_self_, &array, TASK_PORT_REGISTER_MAX * sizeof(mach_port_t), VM_FLAGS_ANYWHERE);
    if (kr != KERN_SUCCESS)
        return kr;

    mach_port_array_t names = (mach_port_array_t)(uintptr_t)array;
    for (int i = 0; i < TASK_PORT_REGISTER_MAX; i++) {
        struct mach_object *object = slot_hold(SLOT_REGISTERED + i);
        names[i] = MACH_PORT_NULL;
        if (object && space_insert_send(object, &names[i]) != KERN_SUCCESS)
            kr = KERN_RESOURCE_SHORTAGE;
    }
    if (kr != KERN_SUCCESS) {
        for (int i = 0; i < TASK_PORT_REGISTER_MAX; i++)
            if (names[i] != MACH_PORT_NULL)
                space_deallocate(names[i]);
        mach_vm_deallocate(mach_task_self_, array, TASK_PORT_REGISTER_MAX * sizeof(mach_port_t));
        return kr;
    }
    *init_port_set = names;
    *init_port_setCnt = TASK_PORT_REGISTER_MAX;
    return KERN_SUCCESS;
}
