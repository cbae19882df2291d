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
 * two reads to be fooled, one name would have to be freed and given out again 255 times in between.
 *
 * Names. {index << 8 | generation}: a freed index goes to the tail of a queue and comes back with the next generation, so a stale
 * name fails for as long as possible. Chunks of entries are added and stay. Names 0x103 and 0x203 are the task's own port and the
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
#include "slots.h"

#include <mach/mach_init.h>
#include <mach/message.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { CHUNK = 256, CHUNKS = 1024, BUCKETS = 1024, UREFS_MAX = 65535 };
enum { TASK_INDEX = 1, BOOTSTRAP_INDEX = 2, FIRST_INDEX = 3, FIRST_GENERATION = 3 };

/* A key: generation in the low byte, rights where MACH_PORT_TYPE_* has them (bits 16 to 20). */
static const uint32_t GENERATION = 0xff;
static const uint32_t RIGHTS = MACH_PORT_TYPE_ALL_RIGHTS;

struct entry {
    _Atomic uint32_t key;
    _Atomic(struct mach_object *) object;
    uint32_t references; /* of the send right, send-once right or dead name */
    uint32_t link;       /* next in the bucket, or in the queue of free entries; 0: the last */
};

static void never_destroyed(struct mach_object *object)
{
    (void)object;
    abort(); /* the static reference was dropped: the counts are wrong */
}

static const struct object_ops task_ops = {
    .kind = OBJECT_TASK, .destroy = never_destroyed, .pack = object_never_packed};
static const struct object_ops bootstrap_ops = {
    .kind = OBJECT_BOOTSTRAP, .destroy = never_destroyed, .pack = object_never_packed};

struct mach_object task_object = {.ops = &task_ops, .references = 1, .id = {{OBJECT_TASK, 0}}};
struct mach_object bootstrap_object = {.ops = &bootstrap_ops, .references = 1, .id = {{OBJECT_BOOTSTRAP, 0}}};

mach_port_t mach_task_self_ = TASK_INDEX << 8 | FIRST_GENERATION;
mach_port_t bootstrap_port = BOOTSTRAP_INDEX << 8 | FIRST_GENERATION;

static struct entry first_chunk[CHUNK] = {
    [TASK_INDEX] = {.key = MACH_PORT_TYPE_SEND | FIRST_GENERATION, .object = &task_object, .references = 1},
    [BOOTSTRAP_INDEX] = {.key = MACH_PORT_TYPE_SEND | FIRST_GENERATION, .object = &bootstrap_object, .references = 1},
};
static _Atomic(struct entry *) chunks[CHUNKS] = {first_chunk};

/* All below under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t fresh = FIRST_INDEX; /* the first index never used */
static uint32_t free_head, free_tail;
static uint32_t buckets[BUCKETS];

static struct entry *entry_at(uint32_t index)
{
    if (index / CHUNK >= CHUNKS)
        return NULL;
    struct entry *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire); /* entries-made */
    return chunk ? &chunk[index % CHUNK] : NULL;
}

/* An index that is in use, or was. */
static struct entry *entry_of(uint32_t index)
{
    return &atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire)[index % CHUNK]; /* entries-made */
}

static uint32_t bucket_of(const struct mach_object *object)
{
    return (uint32_t)(((object->id.word[0] ^ object->id.word[1]) * UINT64_C(0x9e3779b97f4a7c15)) >> 54);
}

static bool pinned(uint32_t index)
{
    return index < FIRST_INDEX;
}

static bool same_id(const struct mach_object *a, const struct mach_object *b)
{
    return a->id.word[0] == b->id.word[0] && a->id.word[1] == b->id.word[1];
}

static struct mach_object *object_of(struct entry *entry)
{
    return atomic_load_explicit(&entry->object, memory_order_relaxed);
}

/* ---- look-up ---- */

struct mach_object *space_hold(mach_port_name_t name, mach_port_type_t right, kern_return_t *kr)
{
    struct entry *entry = entry_at(name >> 8);

    *kr = KERN_INVALID_NAME;
    if (!entry)
        return NULL;
    for (;;) {
        uint32_t key = atomic_load_explicit(&entry->key, memory_order_acquire); /* name-made */
        if ((key & GENERATION) != (name & GENERATION) || !(key & RIGHTS) || (key & MACH_PORT_TYPE_DEAD_NAME))
            return NULL;
        if (!(key & right)) {
            *kr = KERN_INVALID_RIGHT;
            return NULL;
        }
        struct mach_object *object = atomic_load_explicit(&entry->object, memory_order_acquire); /* name-made */
        if (!object || !object_hold(object))
            continue; /* the name is going or changing at this moment: its key will say so */
        if (atomic_load_explicit(&entry->key, memory_order_acquire) == key && object_of(entry) == object) {
            *kr = KERN_SUCCESS;
            return object;
        }
        object_drop(object);
    }
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

/* The live entry of a name, or NULL. */
static struct entry *find(mach_port_name_t name)
{
    struct entry *entry = entry_at(name >> 8);
    if (!entry)
        return NULL;
    uint32_t key = atomic_load_explicit(&entry->key, memory_order_relaxed);
    return (key & RIGHTS) && (key & GENERATION) == (name & GENERATION) ? entry : NULL;
}

static uint32_t rights_of(struct entry *entry)
{
    return atomic_load_explicit(&entry->key, memory_order_relaxed) & RIGHTS;
}

static void set_rights(struct entry *entry, uint32_t rights)
{
    uint32_t generation = atomic_load_explicit(&entry->key, memory_order_relaxed) & GENERATION;
    atomic_store_explicit(&entry->key, rights | generation, memory_order_release); /* name-made */
}

/* A send right to a port whose receiver is gone has become a dead name, by itself; nobody told the entry. */
static uint32_t effective_rights(struct entry *entry)
{
    uint32_t rights = rights_of(entry);
    if ((rights & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_SEND_ONCE)) && !(rights & MACH_PORT_TYPE_RECEIVE) &&
        !port_right_alive(object_of(entry)))
        return MACH_PORT_TYPE_DEAD_NAME;
    return rights;
}

/* The entry of the name under which the task knows an object with sends or a receive right, or 0. */
static uint32_t find_object(const struct mach_object *object)
{
    if (object == &task_object)
        return TASK_INDEX;
    if (object == &bootstrap_object)
        return BOOTSTRAP_INDEX;
    uint32_t index = buckets[bucket_of(object)];
    while (index != 0 && !same_id(object_of(entry_of(index)), object))
        index = entry_of(index)->link;
    return index;
}

static uint32_t take_free(void)
{
    uint32_t index = free_head;
    if (index != 0) {
        free_head = entry_of(index)->link;
        if (free_head == 0)
            free_tail = 0;
        return index;
    }
    if (fresh == CHUNK * CHUNKS)
        return 0;
    if (fresh % CHUNK == 0) {
        struct entry *chunk = calloc(CHUNK, sizeof(*chunk));
        if (!chunk)
            return 0;
        atomic_store_explicit(&chunks[fresh / CHUNK], chunk, memory_order_release); /* entries-made */
    }
    atomic_store_explicit(&entry_of(fresh)->key, FIRST_GENERATION - 1, memory_order_relaxed);
    return fresh++;
}

static void put_free(uint32_t index)
{
    entry_of(index)->link = 0;
    if (free_tail != 0)
        entry_of(free_tail)->link = index;
    else
        free_head = index;
    free_tail = index;
}

static bool in_bucket(uint32_t rights)
{
    return (rights & MACH_PORT_TYPE_SEND_RECEIVE) != 0;
}

static mach_port_name_t make(struct mach_object *object, mach_port_type_t right)
{
    uint32_t index = take_free();
    if (index == 0)
        return MACH_PORT_NULL;
    struct entry *entry = entry_of(index);
    uint32_t generation = (atomic_load_explicit(&entry->key, memory_order_relaxed) & GENERATION) + 1;
    if (generation > GENERATION)
        generation = 1;
    entry->references = right == MACH_PORT_TYPE_RECEIVE || right == MACH_PORT_TYPE_PORT_SET ? 0 : 1;
    if (in_bucket(right)) {
        uint32_t *bucket = &buckets[bucket_of(object)];
        entry->link = *bucket;
        *bucket = index;
    }
    atomic_store_explicit(&entry->object, object, memory_order_release);          /* name-made */
    atomic_store_explicit(&entry->key, right | generation, memory_order_release); /* name-made */
    return index << 8 | generation;
}

/* No right is left: the name goes. Returns the object, whose reference is now the caller's. */
static struct mach_object *unmake(uint32_t index)
{
    struct entry *entry = entry_of(index);
    struct mach_object *object = object_of(entry);

    if (in_bucket(rights_of(entry))) {
        uint32_t *link = &buckets[bucket_of(object)];
        while (*link != index)
            link = &entry_of(*link)->link;
        *link = entry->link;
    }
    set_rights(entry, 0);
    atomic_store_explicit(&entry->object, NULL, memory_order_relaxed);
    put_free(index);
    return object;
}

static void add_references(struct entry *entry, uint32_t more)
{
    entry->references = entry->references + more > UREFS_MAX ? UREFS_MAX : entry->references + more;
}

/* Take `count` references of the only counted right of an entry. What the caller has to let go of comes in *gone. */
static kern_return_t take_references(uint32_t index, uint32_t right, uint32_t count, struct mach_object **gone)
{
    struct entry *entry = entry_of(index);

    if (count > entry->references)
        return KERN_INVALID_VALUE;
    if (pinned(index) && count >= entry->references)
        return KERN_INVALID_CAPABILITY;
    if (entry->references == UREFS_MAX && count != UREFS_MAX)
        return KERN_SUCCESS;
    entry->references -= count;
    if (entry->references != 0)
        return KERN_SUCCESS;
    if (rights_of(entry) & ~right)
        set_rights(entry, rights_of(entry) & ~right); /* the receive right stays */
    else
        *gone = unmake(index);
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
    return index << 8 | (atomic_load_explicit(&entry_of(index)->key, memory_order_relaxed) & GENERATION);
}

kern_return_t space_insert_send(struct mach_object *object, mach_port_name_t *name)
{
    struct mach_object *surplus = object;

    enter();
    uint32_t index = find_object(object);
    if (index != 0) {
        struct entry *entry = entry_of(index);
        if (rights_of(entry) & MACH_PORT_TYPE_SEND) {
            add_references(entry, 1);
        } else {
            entry->references = 1;
            set_rights(entry, rights_of(entry) | MACH_PORT_TYPE_SEND);
        }
        *name = name_of(index);
    } else {
        mach_port_name_t made = make(object, MACH_PORT_TYPE_SEND);
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

kern_return_t space_insert(struct mach_object *object, mach_port_type_t right, mach_port_name_t *name)
{
    struct mach_object *surplus = object;
    mach_port_name_t made;

    enter();
    uint32_t index = right == MACH_PORT_TYPE_RECEIVE ? find_object(object) : 0;
    if (index != 0) { /* it has send rights already: one port, one name */
        /* They may be known by another object, which came in a message and cannot receive: this one takes its place. */
        struct entry *entry = entry_of(index);
        surplus = object_of(entry);
        object_publish(object);
        atomic_store_explicit(&entry->object, object, memory_order_relaxed);
        set_rights(entry, rights_of(entry) | MACH_PORT_TYPE_RECEIVE);
        made = name_of(index);
    } else {
        made = make(object, right);
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
    struct entry *entry = find(name);
    if (entry) {
        kr = KERN_INVALID_RIGHT;
        if (rights_of(entry) & MACH_PORT_TYPE_SEND)
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
    struct entry *entry = entry_of(index);
    *ended = object_of(entry);
    object_hold(*ended);
    if (rights_of(entry) & ~right)
        set_rights(entry, rights_of(entry) & ~right);
    else
        *gone = unmake(index);
}

kern_return_t space_deallocate(mach_port_name_t name)
{
    struct mach_object *gone = NULL, *ended = NULL;
    kern_return_t kr = KERN_INVALID_NAME;

    enter();
    struct entry *entry = find(name);
    if (entry) {
        uint32_t rights = rights_of(entry);
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

/* mod_refs of a right that is there or not, all or nothing. */
static kern_return_t modify_whole(uint32_t index, mach_port_type_t right, int32_t delta, struct mach_object **ended,
                                  struct mach_object **gone)
{
    if (delta != 0 && delta != -1)
        return KERN_INVALID_VALUE;
    if (delta == -1)
        take_right(index, right, ended, gone);
    return KERN_SUCCESS;
}

static kern_return_t modify_counted(uint32_t index, uint32_t held, int32_t delta, struct mach_object **gone)
{
    struct entry *entry = entry_of(index);

    if (delta > UREFS_MAX || delta < -UREFS_MAX)
        return KERN_INVALID_VALUE;
    if (delta < 0)
        return take_references(index, held, (uint32_t)-delta, gone);
    if (held == MACH_PORT_TYPE_SEND_ONCE && delta > 0)
        return KERN_INVALID_VALUE; /* it has one reference, ever */
    add_references(entry, (uint32_t)delta);
    return KERN_SUCCESS;
}

kern_return_t space_modify(mach_port_name_t name, mach_port_type_t right, int32_t delta)
{
    struct mach_object *gone = NULL, *ended = NULL;
    kern_return_t kr = KERN_INVALID_NAME;

    enter();
    struct entry *entry = find(name);
    if (entry) {
        kr = KERN_INVALID_RIGHT;
        if (effective_rights(entry) & right) {
            if (right == MACH_PORT_TYPE_RECEIVE || right == MACH_PORT_TYPE_PORT_SET)
                kr = modify_whole(name >> 8, right, delta, &ended, &gone);
            else
                kr = modify_counted(name >> 8, rights_of(entry) & ~MACH_PORT_TYPE_RECEIVE, delta, &gone);
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

kern_return_t space_destroy(mach_port_name_t name)
{
    struct mach_object *gone = NULL;
    kern_return_t kr = KERN_INVALID_NAME;
    uint32_t rights = 0;

    enter();
    struct entry *entry = find(name);
    if (entry) {
        kr = pinned(name >> 8) ? KERN_INVALID_CAPABILITY : KERN_SUCCESS;
        if (kr == KERN_SUCCESS) {
            rights = rights_of(entry);
            gone = unmake(name >> 8);
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
    struct entry *entry = find(name);
    if (entry)
        *type = effective_rights(entry);
    leave();
    return entry ? KERN_SUCCESS : KERN_INVALID_NAME;
}

kern_return_t space_references(mach_port_name_t name, mach_port_type_t right, uint32_t *references)
{
    enter();
    struct entry *entry = find(name);
    if (entry) {
        bool whole = right == MACH_PORT_TYPE_RECEIVE || right == MACH_PORT_TYPE_PORT_SET;
        uint32_t held = effective_rights(entry);
        *references = !(held & right) ? 0 : whole ? 1 : entry->references;
    }
    leave();
    return entry ? KERN_SUCCESS : KERN_INVALID_NAME;
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

/*
 * The child's names are gone. Generations move on, so that a number inherited in a variable finds nothing (5.7) for as long as
 * the index is not given out 255 times.
 */
static void forget_names(void)
{
    free_head = free_tail = 0;
    for (uint32_t i = 0; i < BUCKETS; i++)
        buckets[i] = 0;
    for (uint32_t index = FIRST_INDEX; index < fresh; index++) {
        struct entry *entry = entry_of(index);
        set_rights(entry, 0);
        atomic_store_explicit(&entry->object, NULL, memory_order_relaxed);
        entry->references = 0;
        put_free(index);
    }
    entry_of(TASK_INDEX)->references = 1;
    entry_of(BOOTSTRAP_INDEX)->references = 1;
}

void space_fork_child(void)
{
    forget_names();
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
