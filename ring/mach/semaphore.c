/*
 * The calls of <mach/semaphore.h>, and how a semaphore travels.
 *
 * A semaphore is a file (vm_file.h) of the shape sema_page.h, which both names and carries it: two rights are the same semaphore if their
 * files are the same inode. What a peer sends is taken for one only if it is sealed, writable and of the right size; its contents are
 * never trusted (sema_queue.c).
 *
 * The caller's right is held during a call, so no other thread's deallocation takes the memory away under it.
 */
#include "fork.h"
#include "gate.h"
#include "port.h"
#include "sema_futex.h"
#include "sema_map.h"
#include "space.h"

#include <errno.h>
#include <mach/mach.h>
#include <string.h>
#include <unistd.h>

/* The old bit for what is always so now: that a signal without a waiter is kept. */
enum { POLICY_PREPOST = 4, NANOSECONDS = 1000000000 };

struct semaphore {
    struct mach_object object;
    struct vm_file *file;
    struct sema_map *map;
};
_Static_assert(sizeof(struct semaphore) <= OBJECT_CELL, "a semaphore fits a cell");

struct wire_semaphore {
    uint32_t order;
};
_Static_assert(sizeof(struct wire_semaphore) <= WIRE_BODY, "a semaphore fits a wire right");

/* ---- the object ---- */

static void destroy(struct mach_object *object)
{
    struct semaphore *semaphore = (struct semaphore *)object;

    sema_map_drop(semaphore->map);
    vm_file_drop(semaphore->file);
}

/* What was mapped is not in the child; the descriptor is. */
static void forked(struct mach_object *object)
{
    vm_file_drop(((struct semaphore *)object)->file);
}

static bool pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    struct semaphore *semaphore = (struct semaphore *)object;
    struct wire_semaphore wire = {.order = semaphore->map->sema.order};

    if (!sema_map_share(semaphore->map))
        return false;
    memcpy(right->body, &wire, sizeof wire);
    right->descriptors = 1;
    fds[0] = semaphore->file->fd;
    return true;
}

/* Takes over the file, also on failure. */
static struct semaphore *make(struct vm_file *file, enum sema_order order)
{
    struct object_id id = {{file->inode, OBJECT_SEMAPHORE}};
    struct sema_map *map = sema_map_hold(file, order);
    struct semaphore *semaphore = map ? (struct semaphore *)object_alloc(&semaphore_ops, id) : NULL;

    if (semaphore) {
        semaphore->file = file;
        semaphore->map = map;
    } else {
        if (map)
            sema_map_drop(map);
        vm_file_drop(file);
    }
    return semaphore;
}

static struct mach_object *unpack(const struct wire_right *right, const int fds[WIRE_FDS])
{
    struct wire_semaphore wire;
    struct vm_file *file = NULL;

    memcpy(&wire, right->body, sizeof wire);
    for (int i = 0; i < WIRE_FDS; i++) {
        if (fds[i] < 0)
            continue;
        if (i == 0 && right->descriptors == 1)
            file = vm_file_adopt(fds[i]);
        else
            close(fds[i]);
    }
    if (!file)
        return NULL;
    if (!file->writable || file->size != SEMA_BYTES || wire.order > SEMA_LIFO) {
        vm_file_drop(file);
        return NULL;
    }
    struct semaphore *semaphore = make(file, (enum sema_order)wire.order);
    return semaphore ? &semaphore->object : NULL;
}

const struct object_ops semaphore_ops = {
    .kind = OBJECT_SEMAPHORE, .destroy = destroy, .forked = forked, .pack = pack, .unpack = unpack};

static struct semaphore *semaphore_of(struct mach_object *object)
{
    return atomic_load_explicit(&object->ops, memory_order_relaxed) == &semaphore_ops ? (struct semaphore *)object
                                                                                      : NULL;
}

/* The semaphore of a name, held (Mach 7.2). */
static struct semaphore *hold(semaphore_t name, kern_return_t *kr)
{
    struct mach_object *object = space_hold_send(name, kr);
    struct semaphore *semaphore = object ? semaphore_of(object) : NULL;

    if (object && !semaphore) {
        *kr = port_right_alive(object) ? KERN_INVALID_CAPABILITY : KERN_INVALID_NAME;
        object_drop(object);
    }
    return semaphore;
}

/* ---- create and destroy ---- */

static kern_return_t create(enum sema_order order, uint32_t value, mach_port_name_t *name)
{
    struct vm_file *file;
    kern_return_t kr = vm_file_create(SEMA_BYTES, &file);

    if (kr != KERN_SUCCESS)
        return kr;
    struct semaphore *semaphore = make(file, order);
    if (!semaphore)
        return KERN_RESOURCE_SHORTAGE;
    semaphore->map->owner = true;
    atomic_store_explicit(&semaphore->map->sema.life, LIFE_OWNER, memory_order_release); /* life-held */
    sema_init(semaphore->map->sema.page, value);
    return space_insert_send(&semaphore->object, name);
}

kern_return_t semaphore_create(task_t task, semaphore_t *name, int policy, int value)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    if (value < 0 || (policy & ~(SYNC_POLICY_LIFO | POLICY_PREPOST)) != 0)
        return KERN_INVALID_ARGUMENT;

    int saved = errno;
    gate_enter();
    kr = create((policy & SYNC_POLICY_REVERSED) ? SEMA_LIFO : SEMA_FIFO, (uint32_t)value, name);
    gate_leave();
    errno = saved;
    return kr;
}

/* A dead name is sent as well as a live one, and arrives as no semaphore (Mach 7.12). */
static kern_return_t destroy_dead(semaphore_t name)
{
    mach_port_type_t type;

    if (space_type(name, &type) != KERN_SUCCESS || type != MACH_PORT_TYPE_DEAD_NAME ||
        space_deallocate(name) != KERN_SUCCESS)
        return MACH_SEND_INVALID_RIGHT;
    return KERN_INVALID_ARGUMENT;
}

kern_return_t semaphore_destroy(task_t task, semaphore_t name)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_ARGUMENT;
    struct mach_object *object = space_hold_send(name, &kr);
    if (!object)
        return destroy_dead(name);
    if (space_consume_send(name) != KERN_SUCCESS) {
        object_drop(object);
        return MACH_SEND_INVALID_RIGHT;
    }
    struct semaphore *semaphore = semaphore_of(object);
    if (semaphore && semaphore->map->owner)
        sema_terminate(&semaphore->map->sema);
    object_drop(object);
    return semaphore ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

/* ---- signal ---- */

static kern_return_t on_semaphore(semaphore_t name, kern_return_t (*operation)(const struct sema *))
{
    kern_return_t kr;
    struct semaphore *semaphore = hold(name, &kr);

    if (!semaphore)
        return kr;
    kr = operation(&semaphore->map->sema);
    object_drop(&semaphore->object);
    return kr;
}

kern_return_t semaphore_signal(semaphore_t name)
{
    return on_semaphore(name, sema_signal);
}

kern_return_t semaphore_signal_all(semaphore_t name)
{
    return on_semaphore(name, sema_signal_all);
}

static kern_return_t signal_no_thread(const struct sema *sema)
{
    (void)sema;
    return KERN_INVALID_ARGUMENT;
}

/* Threads have no names here, so no name is one. */
kern_return_t semaphore_signal_thread(semaphore_t name, thread_t thread)
{
    return on_semaphore(name, thread == THREAD_NULL ? sema_signal_waiter : signal_no_thread);
}

/* ---- wait ---- */

/* How long a wait may take. */
struct patience {
    bool poll;
    struct timespec limit;
};

static const struct patience for_ever = {false, {UINT32_MAX, 0}};

/* KERN_INVALID_VALUE for what is not a time (Mach 7.8). */
static kern_return_t patience_of(mach_timespec_t time, struct patience *patience)
{
    if (time.tv_nsec < 0 || time.tv_nsec >= NANOSECONDS)
        return KERN_INVALID_VALUE;
    patience->poll = time.tv_sec == 0 && time.tv_nsec == 0;
    if (!patience->poll)
        patience->limit = sema_time_after((uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec);
    return KERN_SUCCESS;
}

static kern_return_t wait_in_line(struct sema_map *map, const struct patience *patience)
{
    if (!sema_map_join(map))
        return KERN_RESOURCE_SHORTAGE;
    atomic_fetch_add_explicit(&map->waiters, 1, memory_order_relaxed);
    kern_return_t kr = sema_finish(&map->sema, sema_enter(&map->sema), &patience->limit);
    atomic_fetch_sub_explicit(&map->waiters, 1, memory_order_relaxed);
    return kr;
}

static kern_return_t wait_named(semaphore_t name, const struct patience *patience)
{
    kern_return_t kr;
    struct semaphore *semaphore = hold(name, &kr);

    if (!semaphore)
        return kr;
    kr = sema_try(&semaphore->map->sema);
    if (kr == KERN_OPERATION_TIMED_OUT && !patience->poll)
        kr = wait_in_line(semaphore->map, patience);
    object_drop(&semaphore->object);
    return kr;
}

kern_return_t semaphore_wait(semaphore_t name)
{
    return wait_named(name, &for_ever);
}

kern_return_t semaphore_timedwait(semaphore_t name, mach_timespec_t time)
{
    struct patience patience;
    kern_return_t kr = patience_of(time, &patience);

    return kr == KERN_SUCCESS ? wait_named(name, &patience) : kr;
}

/* First the place in line, then the signal: so whoever the signal wakes can already signal back (Mach 7.10). */
static kern_return_t line_up_and_signal(struct sema_map *map, const struct sema *signalled,
                                        const struct patience *patience)
{
    if (!sema_map_join(map))
        return KERN_RESOURCE_SHORTAGE;
    atomic_fetch_add_explicit(&map->waiters, 1, memory_order_relaxed);
    struct sema_place place = sema_enter(&map->sema);
    kern_return_t kr = sema_signal(signalled);
    if (kr == KERN_SUCCESS)
        kr = sema_finish(&map->sema, place, &patience->limit);
    else
        sema_leave(&map->sema, place);
    atomic_fetch_sub_explicit(&map->waiters, 1, memory_order_relaxed);
    return kr;
}

static kern_return_t poll_and_signal(const struct sema *sema, const struct sema *signalled)
{
    kern_return_t kr = sema_try(sema);
    kern_return_t signal_kr = sema_signal(signalled);

    return signal_kr == KERN_SUCCESS ? kr : signal_kr;
}

static kern_return_t wait_signal_named(semaphore_t wait_name, semaphore_t signal_name, const struct patience *patience)
{
    kern_return_t kr;
    struct semaphore *signalled = hold(signal_name, &kr);

    if (!signalled)
        return kr;
    struct semaphore *semaphore = hold(wait_name, &kr);
    if (semaphore) {
        kr = patience->poll ? poll_and_signal(&semaphore->map->sema, &signalled->map->sema)
                            : line_up_and_signal(semaphore->map, &signalled->map->sema, patience);
        object_drop(&semaphore->object);
    }
    object_drop(&signalled->object);
    return kr;
}

kern_return_t semaphore_wait_signal(semaphore_t wait_name, semaphore_t signal_name)
{
    return wait_signal_named(wait_name, signal_name, &for_ever);
}

kern_return_t semaphore_timedwait_signal(semaphore_t wait_name, semaphore_t signal_name, mach_timespec_t time)
{
    struct patience patience;
    kern_return_t kr = patience_of(time, &patience);

    return kr == KERN_SUCCESS ? wait_signal_named(wait_name, signal_name, &patience) : kr;
}

/* ---- fork ---- */

void semaphore_fork_child(void)
{
    sema_map_fork_child();
}
