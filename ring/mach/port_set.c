/*
 * A set is an epoll set of its members' queues (port.c), so a member may join or leave while somebody waits, and level-triggered
 * readiness goes round. What an event carries is the member's name; whoever finds that name stale looks again.
 *
 * All sets hang on one list under one lock, because a port that dies must leave every set it is in: a queue that stays ready for good
 * would otherwise keep its sets awake. A port that is dead may not join; `dead` is set before port_set_forget() takes the lock, so
 * either the joiner sees it or the forgetting sees the joiner.
 */
#include "port_set.h"
#include "port.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct member {
    struct mach_object *port; /* only compared */
    mach_port_name_t name;
};

struct port_set {
    struct mach_object object;
    int queue;
    int bell; /* readable when the set has died */
    _Atomic bool dead;
    uint32_t count, room;
    struct member *members;
    struct port_set *next, **link; /* link: NULL when not on the list */
};
_Static_assert(sizeof(struct port_set) <= OBJECT_CELL, "a port set fits a cell");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct port_set *sets;

static void unlist(struct port_set *set)
{
    if (!set->link)
        return;
    *set->link = set->next;
    if (set->next)
        set->next->link = set->link;
    set->link = NULL;
}

static void close_all(struct port_set *set)
{
    if (set->queue >= 0)
        close(set->queue);
    if (set->bell >= 0)
        close(set->bell);
    free(set->members);
}

static void destroy(struct mach_object *object)
{
    struct port_set *set = (struct port_set *)object;
    pthread_mutex_lock(&lock);
    unlist(set);
    pthread_mutex_unlock(&lock);
    close_all(set);
}

static void forked(struct mach_object *object)
{
    close_all((struct port_set *)object);
}

static bool pack(struct mach_object *object, struct wire_right *right, int fds[WIRE_FDS])
{
    (void)object;
    (void)right;
    (void)fds;
    return false; /* there are no send rights to a set */
}

const struct object_ops port_set_ops = {.kind = OBJECT_PORT_SET, .destroy = destroy, .forked = forked, .pack = pack};

struct mach_object *port_set_create(void)
{
    struct port_set *set = (struct port_set *)object_alloc(&port_set_ops, object_id_new());
    if (!set)
        return NULL;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = MACH_PORT_NULL};
    set->queue = epoll_create1(EPOLL_CLOEXEC);
    set->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (set->queue < 0 || set->bell < 0 || epoll_ctl(set->queue, EPOLL_CTL_ADD, set->bell, &event) != 0) {
        object_drop(&set->object);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    set->next = sets;
    set->link = &sets;
    if (sets)
        sets->link = &set->next;
    sets = set;
    pthread_mutex_unlock(&lock);
    return &set->object;
}

void port_set_die(struct mach_object *object)
{
    struct port_set *set = (struct port_set *)object;

    pthread_mutex_lock(&lock);
    unlist(set);
    atomic_store_explicit(&set->dead, true, memory_order_release); /* set-dead */
    eventfd_write(set->bell, 1);
    pthread_mutex_unlock(&lock);
}

bool port_set_is_dead(struct mach_object *object)
{
    return atomic_load_explicit(&((struct port_set *)object)->dead, memory_order_acquire); /* set-dead */
}

/* The member's place, or `count`. */
static uint32_t find_member(const struct port_set *set, const struct mach_object *port)
{
    uint32_t i = 0;
    while (i < set->count && set->members[i].port != port)
        i++;
    return i;
}

static bool remove_member(struct port_set *set, struct mach_object *port)
{
    uint32_t i = find_member(set, port);
    if (i == set->count)
        return false;
    set->members[i] = set->members[--set->count];
    epoll_ctl(set->queue, EPOLL_CTL_DEL, port_queue(port), NULL);
    return true;
}

static bool remove_everywhere(struct mach_object *port)
{
    bool removed = false;
    for (struct port_set *set = sets; set; set = set->next)
        removed |= remove_member(set, port);
    return removed;
}

static bool room_for_one(struct port_set *set)
{
    if (set->count < set->room)
        return true;
    uint32_t room = set->room ? 2 * set->room : 4;
    struct member *more = realloc(set->members, room * sizeof(*more));
    if (!more)
        return false;
    set->members = more;
    set->room = room;
    return true;
}

static kern_return_t add_member(struct mach_object *object, struct mach_object *port, mach_port_name_t name)
{
    struct port_set *set = (struct port_set *)object;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = name};

    if (port_is_dead(port) || port_set_is_dead(object))
        return KERN_INVALID_RIGHT;
    if (find_member(set, port) < set->count)
        return KERN_ALREADY_IN_SET;
    if (!room_for_one(set) || epoll_ctl(set->queue, EPOLL_CTL_ADD, port_queue(port), &event) != 0)
        return KERN_RESOURCE_SHORTAGE;
    set->members[set->count++] = (struct member){port, name};
    return KERN_SUCCESS;
}

kern_return_t port_set_insert(struct mach_object *set, struct mach_object *port, mach_port_name_t name)
{
    pthread_mutex_lock(&lock);
    kern_return_t kr = add_member(set, port, name);
    pthread_mutex_unlock(&lock);
    return kr;
}

kern_return_t port_set_extract(struct mach_object *set, struct mach_object *port)
{
    pthread_mutex_lock(&lock);
    bool removed = remove_member((struct port_set *)set, port);
    pthread_mutex_unlock(&lock);
    return removed ? KERN_SUCCESS : KERN_NOT_IN_SET;
}

kern_return_t port_set_move(struct mach_object *set, struct mach_object *port, mach_port_name_t name)
{
    pthread_mutex_lock(&lock);
    kern_return_t kr = remove_everywhere(port) ? KERN_SUCCESS : KERN_NOT_IN_SET;
    if (set)
        kr = add_member(set, port, name);
    pthread_mutex_unlock(&lock);
    return kr;
}

void port_set_forget(struct mach_object *port)
{
    pthread_mutex_lock(&lock);
    remove_everywhere(port);
    pthread_mutex_unlock(&lock);
}

uint32_t port_set_members(struct mach_object *object, mach_port_name_t *names, uint32_t room)
{
    struct port_set *set = (struct port_set *)object;

    pthread_mutex_lock(&lock);
    uint32_t count = set->count;
    for (uint32_t i = 0; i < count && i < room; i++)
        names[i] = set->members[i].name;
    pthread_mutex_unlock(&lock);
    return count;
}

bool port_set_any(struct mach_object *port)
{
    bool any = false;

    pthread_mutex_lock(&lock);
    for (struct port_set *set = sets; set && !any; set = set->next)
        any = find_member(set, port) < set->count;
    pthread_mutex_unlock(&lock);
    return any;
}

int port_set_queue(struct mach_object *set)
{
    return ((struct port_set *)set)->queue;
}

mach_port_name_t port_set_ready(struct mach_object *set)
{
    struct epoll_event event;
    return epoll_wait(port_set_queue(set), &event, 1, 0) == 1 ? (mach_port_name_t)event.data.u64 : MACH_PORT_NULL;
}

void port_set_fork_child(void)
{
    sets = NULL;
}
