#include "slots.h"
#include "gate.h"
#include "object_cells.h"
#include "right.h"

#include <fcntl.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mach_object *slots[SLOTS];

/* Filled by prepare with the gate closed: nobody changes slots until the child has read it. */
static struct {
    bool used;
    struct wire_right right;
    int fds[WIRE_FDS];
} packed[SLOTS];

struct mach_object *slot_hold(int slot)
{
    gate_enter();
    pthread_mutex_lock(&lock);
    struct mach_object *object = slots[slot];
    if (object)
        object_hold(object);
    pthread_mutex_unlock(&lock);
    gate_leave();
    return object;
}

void slots_set(int first, int count, struct mach_object *const objects[])
{
    struct mach_object *old[SLOTS];

    gate_enter();
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++) {
        old[i] = slots[first + i];
        slots[first + i] = objects[i];
    }
    pthread_mutex_unlock(&lock);
    gate_leave();
    for (int i = 0; i < count; i++)
        if (old[i])
            object_drop(old[i]);
}

void slots_fork_prepare(void)
{
    for (int i = 0; i < SLOTS; i++)
        packed[i].used = slots[i] && right_pack(slots[i], &packed[i].right, packed[i].fds);
}

void slots_fork_child_before(void)
{
    for (int i = 0; i < SLOTS; i++) {
        slots[i] = NULL;
        for (int j = 0; packed[i].used && j < WIRE_FDS; j++)
            if (packed[i].fds[j] >= 0)
                packed[i].fds[j] = fcntl(packed[i].fds[j], F_DUPFD_CLOEXEC, 0);
    }
}

void slots_fork_child_after(void)
{
    for (int i = 0; i < SLOTS; i++) {
        if (!packed[i].used)
            continue;
        packed[i].used = false;
        slots[i] = right_unpack(&packed[i].right, MACH_MSG_TYPE_PORT_SEND, packed[i].fds);
        if (slots[i])
            object_publish(slots[i]);
    }
}
