/*
 * The table of names.
 *
 * Words. An entry is {key, object, references, link}. `key` holds the generation of the name that the entry stands for
 * and the rights behind it; no rights means that the entry is free. Only a thread with the lock writes an entry.
 *
 * Guarantee for readers without the lock: space_hold() returns an object only if, at one instant during the call, `name` was a name of
 * this task with that right to that very object. Argument: the writer stores the object before the key (release), and clears the
 * rights in the key before it lets the object go. The reader takes the key (acquire) [name-made], then the object, then a
 * reference, which an object that is going refuses, and reads the key and the object again: if they are unchanged, the reference was taken while
 * the name was valid. Reading a cell that has been recycled meanwhile is harmless, since cells stay cells (object.h). For the
 * two reads to be fooled, one name would have to be freed and given out again 64 times in between.
 *
 * Names are described in space_table.h. Chunks of entries are added and stay. Names 0x103 and 0x203 are the task's own port and the
 * bootstrap port; they are pinned (5.2: the last reference stays), and the same in a forked child, so that `mach_task_self_` and
 * `bootstrap_port` need no lock.
 *
 * References: 16 bits; a count that would pass 65535 pegs there, and a pegged count stays until the whole of it is taken away (5.3).
 *
 * Objects leave after the lock is released, since taking one down closes descriptors and may call on other rooms.
 */
#include "space.h"
#include "bootstrap_server.h"
#include "fork.h"
#include "gate.h"
#include "object_cells.h"
#include "port.h"
#include "port_set.h"
#include "port_status.h"
#include "slots.h"
#include "space_table.h"

#include <mach/message.h>
#include <pthread.h>
#include <stddef.h>

enum { UREFS_MAX = 65535 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- look-up ---- */

struct mach_object *space_hold(mach_port_name_t name, mach_port_type_t right, kern_return_t *kr)
{
    struct entry *entry = table_look(name >> 8);

    *kr = KERN_INVALID_NAME;
    if (!entry)
        return NULL;
    for (;;) {
        uint32_t key = atomic_load_explicit(&entry->key, memory_order_acquire); /* name-made */
        if ((key & TABLE_GENERATION) != (name & TABLE_GENERATION) || !(key & TABLE_RIGHTS) ||
            (key & MACH_PORT_TYPE_DEAD_NAME))
            return NULL;
        if (!(key & right)) {
            *kr = KERN_INVALID_RIGHT;
            return NULL;
        }
        struct mach_object *object = atomic_load_explicit(&entry->object, memory_order_acquire); /* name-made */
        if (!object || !object_hold(object))
            continue; /* the name is going or changing at this moment: its key will say so */
        if (atomic_load_explicit(&entry->key, memory_order_acquire) == key && entry_object(entry) == object) {
            *kr = KERN_SUCCESS;
            return object;
        }
        object_drop(object);
    }
}

struct mach_object *space_translate(mach_port_name_t name, mach_port_type_t right, kern_return_t *kr)
{
    struct mach_object *object = space_hold(name, right, kr);

    if (*kr == KERN_INVALID_NAME && space_is_dead(name))
        *kr = KERN_INVALID_RIGHT;
    return object;
}

struct mach_object *space_hold_send(mach_port_name_t name, kern_return_t *kr)
{
    return space_hold(name, MACH_PORT_TYPE_SEND, kr);
}

kern_return_t space_check_task(mach_port_name_t task)
{
    if (task == mach_task_self_)
        return KERN_SUCCESS;
    kern_return_t kr;
    struct mach_object *object = space_hold_send(task, &kr);
    if (!object)
        return MACH_SEND_INVALID_DEST;
    bool alive = port_right_alive(object);
    object_drop(object);
    return alive ? KERN_INVALID_ARGUMENT : MACH_SEND_INVALID_DEST;
}

/* ---- under the lock ---- */

/* A send right to a port whose receiver is gone has become a dead name, by itself; nobody told the entry. */
static uint32_t effective_rights(struct entry *entry)
{
    uint32_t rights = entry_rights(entry);
    if ((rights & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_SEND_ONCE)) && !(rights & MACH_PORT_TYPE_RECEIVE) &&
        !port_right_alive(entry_object(entry)))
        return MACH_PORT_TYPE_DEAD_NAME;
    return rights;
}

static void add_references(struct entry *entry, uint32_t more)
{
    entry->references = entry->references + more > UREFS_MAX ? UREFS_MAX : entry->references + more;
}

/* Take `count` references of the only counted right of an entry. What the caller has to let go of comes in *gone. */
static kern_return_t take_references(uint32_t index, uint32_t right, uint32_t count, struct mach_object **gone)
{
    struct entry *entry = table_entry(index);

    if (count > entry->references)
        return KERN_INVALID_VALUE;
    if (table_pinned(index) && count >= entry->references)
        return KERN_INVALID_CAPABILITY;
    if (entry->references == UREFS_MAX && count != UREFS_MAX)
        return KERN_SUCCESS;
    entry->references -= count;
    if (entry->references != 0)
        return KERN_SUCCESS;
    if (entry_rights(entry) & ~right)
        entry_set_rights(entry, entry_rights(entry) & ~right); /* the receive right stays */
    else
        *gone = table_unmake(index);
    return KERN_SUCCESS;
}

/* ---- changes ---- */

static void enter(void)
{
    gate_enter();
    pthread_mutex_lock(&lock);
}

static void leave(void)
{
    pthread_mutex_unlock(&lock);
    gate_leave();
}

static mach_port_name_t name_of(uint32_t index)
{
    return index << 8 | (entry_key(table_entry(index)) & TABLE_GENERATION);
}

/* One more reference of the send right to an object that has a name; its receive right may be all there is yet. */
static void add_send(struct entry *entry)
{
    if (entry_rights(entry) & MACH_PORT_TYPE_SEND) {
        add_references(entry, 1);
    } else {
        entry->references = 1;
        entry_set_rights(entry, entry_rights(entry) | MACH_PORT_TYPE_SEND);
    }
}

kern_return_t space_insert_send(struct mach_object *object, mach_port_name_t *name)
{
    struct mach_object *surplus = object;

    enter();
    uint32_t index = table_find_object(object);
    if (index != 0) {
        add_send(table_entry(index));
        *name = name_of(index);
    } else {
        mach_port_name_t made = table_make(object, MACH_PORT_TYPE_SEND);
        if (made != MACH_PORT_NULL) {
            object_publish(object);
            surplus = NULL;
            index = made >> 8;
            *name = made;
        }
    }
    leave();
    if (surplus)
        object_drop(surplus);
    return index != 0 ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

/* Under the lock. *kept: the table has taken the reference over. */
static kern_return_t insert_as(mach_port_name_t name, struct mach_object *object, mach_port_type_t right, bool *kept)
{
    bool used;
    uint32_t known = 0;
    kern_return_t kr = table_choose(name, &used);

    if (kr != KERN_SUCCESS)
        return kr;
    if (right & MACH_PORT_TYPE_SEND_RIGHTS) {
        if (!port_right_alive(object))
            return KERN_INVALID_CAPABILITY;
        if (right == MACH_PORT_TYPE_SEND)
            known = table_find_object(object);
    }
    if (known != 0 && (known != name >> 8 || !used))
        return KERN_RIGHT_EXISTS;
    if (known != 0) {
        add_send(table_entry(known));
        return KERN_SUCCESS;
    }
    if (used)
        return KERN_NAME_EXISTS;
    table_make_as(name, object, right);
    if (object)
        object_publish(object);
    *kept = true;
    return KERN_SUCCESS;
}

kern_return_t space_insert_as(mach_port_name_t name, struct mach_object *object, mach_port_type_t right)
{
    bool kept = false;

    enter();
    kern_return_t kr = insert_as(name, object, right, &kept);
    leave();
    if (!kept && object)
        object_drop(object);
    return kr;
}

kern_return_t space_insert(struct mach_object *object, mach_port_type_t right, mach_port_name_t *name)
{
    struct mach_object *surplus = object;
    mach_port_name_t made;

    enter();
    uint32_t index = right == MACH_PORT_TYPE_RECEIVE ? table_find_object(object) : 0;
    if (index != 0) { /* it has send rights already: one port, one name */
        /* They may be known by another object, which came in a message and cannot receive: this one takes its place. */
        struct entry *entry = table_entry(index);
        surplus = entry_object(entry);
        object_publish(object);
        atomic_store_explicit(&entry->object, object, memory_order_relaxed);
        entry_set_rights(entry, entry_rights(entry) | MACH_PORT_TYPE_RECEIVE);
        made = name_of(index);
    } else {
        made = table_make(object, right);
        if (made != MACH_PORT_NULL && object)
            object_publish(object);
        if (made != MACH_PORT_NULL)
            surplus = NULL;
    }
    leave();
    if (surplus)
        object_drop(surplus);
    if (made == MACH_PORT_NULL)
        return KERN_RESOURCE_SHORTAGE;
    *name = made;
    return KERN_SUCCESS;
}

kern_return_t space_consume_send(mach_port_name_t name)
{
    struct mach_object *gone = NULL;
    kern_return_t kr = KERN_INVALID_NAME;

    enter();
    struct entry *entry = table_find(name);
    if (entry) {
        kr = KERN_INVALID_RIGHT;
        if (entry_rights(entry) & MACH_PORT_TYPE_SEND)
            kr = take_references(name >> 8, MACH_PORT_TYPE_SEND, 1, &gone);
    }
    leave();
    if (gone)
        object_drop(gone);
    return kr;
}

/* The receive right, or the set, of an object is gone from the table: whoever waits on it or sends to it learns that. */
static void end_right(struct mach_object *object, mach_port_type_t right)
{
    gate_enter();
    if (right == MACH_PORT_TYPE_RECEIVE) {
        port_die(object);
        port_set_forget(object);
        bootstrap_server_forget(object);
    } else {
        port_set_die(object);
    }
    gate_leave();
}

/* Take the receive right or port set of an entry away. The object comes held in *ended; *gone as in take_references. */
static void take_right(uint32_t index, mach_port_type_t right, struct mach_object **ended, struct mach_object **gone)
{
    struct entry *entry = table_entry(index);
    *ended = entry_object(entry);
    object_hold(*ended);
    if (entry_rights(entry) & ~right)
        entry_set_rights(entry, entry_rights(entry) & ~right);
    else
        *gone = table_unmake(index);
}

kern_return_t space_deallocate(mach_port_name_t name)
{
    struct mach_object *gone = NULL, *ended = NULL;
    kern_return_t kr = KERN_INVALID_NAME;

    enter();
    struct entry *entry = table_find(name);
    if (entry) {
        uint32_t rights = entry_rights(entry);
        if (rights & MACH_PORT_TYPE_PORT_SET) {
            take_right(name >> 8, MACH_PORT_TYPE_PORT_SET, &ended, &gone);
            kr = KERN_SUCCESS;
        } else {
            uint32_t counted = rights & ~MACH_PORT_TYPE_RECEIVE;
            kr = counted ? take_references(name >> 8, counted, 1, &gone) : KERN_INVALID_RIGHT;
        }
    }
    leave();
    if (ended) {
        end_right(ended, MACH_PORT_TYPE_PORT_SET);
        object_drop(ended);
    }
    if (gone)
        object_drop(gone);
    return kr;
}

/* May this right end without a guard being named? */
static bool unguarded(struct entry *entry, mach_port_type_t right)
{
    return !(right & MACH_PORT_TYPE_RECEIVE) || port_guard_admits(entry_object(entry), 0);
}

/* mod_refs of a right that is there or not, all or nothing. */
static kern_return_t modify_whole(uint32_t index, mach_port_type_t right, int32_t delta, struct mach_object **ended,
                                  struct mach_object **gone)
{
    if (delta != 0 && delta != -1)
        return KERN_INVALID_VALUE;
    if (delta == 0)
        return KERN_SUCCESS;
    if (right == MACH_PORT_TYPE_RECEIVE && port_is_guarded(entry_object(table_entry(index))))
        return KERN_INVALID_RIGHT;
    take_right(index, right, ended, gone);
    return KERN_SUCCESS;
}

static kern_return_t modify_counted(uint32_t index, mach_port_type_t right, int32_t delta, struct mach_object **gone)
{
    struct entry *entry = table_entry(index);

    if (delta > UREFS_MAX || delta < -UREFS_MAX)
        return KERN_INVALID_VALUE;
    if (delta < 0)
        return take_references(index, entry_rights(entry) & ~(uint32_t)MACH_PORT_TYPE_RECEIVE, (uint32_t)-delta, gone);
    if (right == MACH_PORT_TYPE_SEND_ONCE && delta > 0)
        return KERN_INVALID_VALUE; /* it has one reference, ever */
    add_references(entry, (uint32_t)delta);
    return KERN_SUCCESS;
}

kern_return_t space_modify(mach_port_name_t name, mach_port_type_t right, int32_t delta)
{
    struct mach_object *gone = NULL, *ended = NULL;
    kern_return_t kr = KERN_INVALID_NAME;

    enter();
    struct entry *entry = table_find(name);
    if (entry) {
        kr = KERN_INVALID_RIGHT;
        if (effective_rights(entry) & right) {
            if (right == MACH_PORT_TYPE_RECEIVE || right == MACH_PORT_TYPE_PORT_SET)
                kr = modify_whole(name >> 8, right, delta, &ended, &gone);
            else
                kr = modify_counted(name >> 8, right, delta, &gone);
        }
    }
    leave();
    if (ended) {
        end_right(ended, right);
        object_drop(ended);
    }
    if (gone)
        object_drop(gone);
    return kr;
}

static kern_return_t destruct(uint32_t index, int32_t send_delta, uint64_t guard, struct mach_object **ended,
                              struct mach_object **gone)
{
    struct entry *entry = table_entry(index);
    uint32_t rights = entry_rights(entry);
    kern_return_t kr = KERN_SUCCESS;

    if (!(rights & MACH_PORT_TYPE_RECEIVE) || (send_delta != 0 && !(rights & MACH_PORT_TYPE_SEND)))
        return KERN_INVALID_RIGHT;
    if (send_delta > 0)
        return KERN_INVALID_VALUE;
    if (!port_guard_admits(entry_object(entry), guard))
        return KERN_INVALID_ARGUMENT;
    if (send_delta != 0)
        kr = take_references(index, MACH_PORT_TYPE_SEND, 0U - (uint32_t)send_delta, gone);
    if (kr == KERN_SUCCESS)
        take_right(index, MACH_PORT_TYPE_RECEIVE, ended, gone);
    return kr;
}

kern_return_t space_destruct(mach_port_name_t name, int32_t send_delta, uint64_t guard)
{
    struct mach_object *gone = NULL, *ended = NULL;

    enter();
    kern_return_t kr = table_find(name) ? destruct(name >> 8, send_delta, guard, &ended, &gone) : KERN_INVALID_NAME;
    leave();
    if (ended) {
        end_right(ended, MACH_PORT_TYPE_RECEIVE);
        object_drop(ended);
    }
    if (gone)
        object_drop(gone);
    return kr;
}

kern_return_t space_destroy(mach_port_name_t name)
{
    struct mach_object *gone = NULL;
    kern_return_t kr = KERN_INVALID_NAME;
    uint32_t rights = 0;

    enter();
    struct entry *entry = table_find(name);
    if (entry) {
        kr = table_pinned(name >> 8) ? KERN_INVALID_CAPABILITY : KERN_SUCCESS;
        if (!unguarded(entry, entry_rights(entry)))
            kr = KERN_INVALID_RIGHT;
        if (kr == KERN_SUCCESS) {
            rights = entry_rights(entry);
            gone = table_unmake(name >> 8);
        }
    }
    leave();
    if (rights & (MACH_PORT_TYPE_RECEIVE | MACH_PORT_TYPE_PORT_SET))
        end_right(gone, rights & (MACH_PORT_TYPE_RECEIVE | MACH_PORT_TYPE_PORT_SET));
    if (gone)
        object_drop(gone);
    return kr;
}

kern_return_t space_type(mach_port_name_t name, mach_port_type_t *type)
{
    enter();
    struct entry *entry = table_find(name);
    if (entry)
        *type = effective_rights(entry);
    leave();
    return entry ? KERN_SUCCESS : KERN_INVALID_NAME;
}

bool space_is_dead(mach_port_name_t name)
{
    mach_port_type_t type = MACH_PORT_TYPE_NONE;
    return space_type(name, &type) == KERN_SUCCESS && type == MACH_PORT_TYPE_DEAD_NAME;
}

kern_return_t space_references(mach_port_name_t name, mach_port_type_t right, uint32_t *references)
{
    enter();
    struct entry *entry = table_find(name);
    if (entry) {
        bool whole = right == MACH_PORT_TYPE_RECEIVE || right == MACH_PORT_TYPE_PORT_SET;
        uint32_t held = effective_rights(entry);
        *references = !(held & right) ? 0 : whole ? 1 : entry->references;
    }
    leave();
    return entry ? KERN_SUCCESS : KERN_INVALID_NAME;
}

uint32_t space_list(mach_port_name_t *names, mach_port_type_t *types, uint32_t room)
{
    uint32_t count = 0;

    enter();
    for (uint32_t index = TASK_INDEX; index < table_bound(); index++) {
        struct entry *entry = table_entry(index);
        if (!entry_rights(entry))
            continue;
        if (count < room) {
            names[count] = index << 8 | (entry_key(entry) & TABLE_GENERATION);
            types[count] = effective_rights(entry);
        }
        count++;
    }
    leave();
    return count;
}

/* ---- fork ---- */

void space_fork_prepare(void)
{
    gate_close();
    slots_fork_prepare();
}

void space_fork_parent(void)
{
    gate_open();
}

void space_fork_child(void)
{
    table_forget();
    slots_fork_child_before();
    bootstrap_server_fork_child();
    port_set_fork_child();
    object_fork_child();
    slots_fork_child_after();
    gate_open();
}

/* Whoever links names in has the layer's fork handlers too, also from the static library. */
__attribute__((constructor)) static void link_fork_handlers(void)
{
    mach_layer_init();
}
