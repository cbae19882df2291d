/*
 * Links over a fork.
 *
 * A forked child has none of its parent's port names (Mach 5.6). What it has is a copy of the three registered ports, so
 * around each fork of a process with links these carry the brokers' send rights:
 *
 *   prepare   take meet.lock; look the registered ports up; put each broker that a link leads to into a free slot, the
 *             process's own broker first; remember in each link which slot is its
 *   parent    register what was there before; unlock
 *   child     look up again, which gives names of the child's own; hand them to the links; register what the user had;
 *             forget the broker, whose thread and receive rights the child does not have; unlock
 *
 * Slots that the user fills are left alone, and a port that cannot be registered (its broker is dead) is left out; a link
 * without a slot says -EPIPE in the child. With no link nothing is registered at all.
 *
 * Locks. meet.lock is a leaf, held until the fork is over. A service may be under way on the broker's thread meanwhile; it ends in
 * the parent alone. What it guards with locks of its own its owner takes care of, by handlers registered after these: those
 * run before this lock is taken.
 *
 * Order. Handlers that prepare for a fork run last registered first, the others first registered first. The layer below
 * registers its own when the program starts, these are registered when the first link or ring is made: so the slots are filled before
 * the layer below carries them over, and read after it has.
 */
#include "meet/state.h"

#include <errno.h>
#include <string.h>

enum { SLOTS = 3, NO_SLOT = -1 }; /* TASK_PORT_REGISTER_MAX: as many as a task has */

static struct {
    pthread_once_t once;
    int registered;           /* what pthread_atfork answered */
    bool carrying;            /* prepare has registered ports */
    mach_port_t users[SLOTS]; /* what was registered before: one reference each */
} state = {.once = PTHREAD_ONCE_INIT};

static bool look_up_slots(mach_port_t slots[SLOTS])
{
    mach_port_array_t array = NULL;
    mach_msg_type_number_t count = 0;

    memset(slots, 0, SLOTS * sizeof *slots);
    if (mach_ports_lookup(mach_task_self(), &array, &count) != KERN_SUCCESS)
        return false;
    for (mach_msg_type_number_t slot = 0; slot < count && slot < SLOTS; slot++)
        slots[slot] = array[slot];
    vm_deallocate(mach_task_self(), (vm_address_t)array, count * sizeof *array);
    return true;
}

static bool register_slots(const mach_port_t slots[SLOTS])
{
    mach_port_t copy[SLOTS];

    memcpy(copy, slots, sizeof copy);
    return mach_ports_register(mach_task_self(), copy, SLOTS) == KERN_SUCCESS;
}

static void drop_slots(mach_port_t slots[SLOTS])
{
    for (int slot = 0; slot < SLOTS; slot++)
        if (MACH_PORT_VALID(slots[slot]))
            mach_port_deallocate(mach_task_self(), slots[slot]);
    memset(slots, 0, SLOTS * sizeof *slots);
}

/* Register `port` in a free slot and have all links to it know. */
static void carry(mach_port_t slots[SLOTS], mach_port_t port)
{
    int slot = 0;

    while (slot < SLOTS && MACH_PORT_VALID(slots[slot]))
        slot++;
    if (slot == SLOTS)
        return;
    slots[slot] = port;
    if (!register_slots(slots)) {
        slots[slot] = MACH_PORT_NULL;
        return;
    }
    state.carrying = true;
    for (struct meet_link *link = meet.links; link != NULL; link = link->next)
        if (link->port == port)
            link->slot = slot;
}

static void before_fork(void)
{
    mach_port_t slots[SLOTS];

    pthread_mutex_lock(&meet.lock);
    while (meet.starting)
        pthread_cond_wait(&meet.changed, &meet.lock);
    for (struct meet_link *link = meet.links; link != NULL; link = link->next)
        link->slot = NO_SLOT;
    if (meet.links == NULL || !look_up_slots(state.users))
        return;
    memcpy(slots, state.users, sizeof slots);
    for (struct meet_link *link = meet.links; link != NULL; link = link->next)
        if (link->slot == NO_SLOT && MACH_PORT_VALID(link->port) && link->port == meet.port)
            carry(slots, link->port);
    for (struct meet_link *link = meet.links; link != NULL; link = link->next)
        if (link->slot == NO_SLOT && MACH_PORT_VALID(link->port))
            carry(slots, link->port);
}

static void after_fork_parent(void)
{
    if (state.carrying)
        register_slots(state.users);
    state.carrying = false;
    drop_slots(state.users);
    pthread_mutex_unlock(&meet.lock);
}

/* Give each link its port under the name it has here. */
static void take_links_over(void)
{
    mach_port_t slots[SLOTS];

    if (!state.carrying || !look_up_slots(slots))
        memset(slots, 0, sizeof slots);
    for (struct meet_link *link = meet.links; link != NULL; link = link->next) {
        link->port = link->slot == NO_SLOT ? MACH_PORT_NULL : slots[link->slot];
        if (MACH_PORT_VALID(link->port) &&
            mach_port_mod_refs(mach_task_self(), link->port, MACH_PORT_RIGHT_SEND, 1) != KERN_SUCCESS)
            link->port = MACH_PORT_NULL;
    }
    if (state.carrying) {
        mach_port_t users[SLOTS];

        for (int slot = 0; slot < SLOTS; slot++)
            users[slot] = MACH_PORT_VALID(state.users[slot]) ? slots[slot] : MACH_PORT_NULL;
        register_slots(users);
    }
    drop_slots(slots);
}

static void forget_broker(void)
{
    for (struct broker *ring = meet.rings; ring != NULL; ring = ring->next) {
        ring->served = false;
        memset(ring->named, 0, sizeof ring->named);
        semaphores_forget(&ring->semaphores);
    }
    meet.rings = NULL;
    meet.set = MACH_PORT_NULL;
    meet.port = MACH_PORT_NULL;
    meet.running = false;
    meet.stopping = false;
    meet.busy = NULL;
    meet.changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER; /* the parent's threads wait on it, the child's do not */
}

static void after_fork_child(void)
{
    take_links_over();
    forget_broker();
    state.carrying = false;
    memset(state.users, 0, sizeof state.users); /* names of the parent */
    pthread_mutex_unlock(&meet.lock);
}

static void register_handlers(void)
{
    state.registered = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

int meet_watch_forks(void)
{
    pthread_once(&state.once, register_handlers);
    return -state.registered;
}
