/*
 * The lives of this process: one for each ring it takes part in, however many handles it has of that ring.
 *
 * The registry is a list under one lock. A life carries a count of its handles; what it keeps of the system (a descriptor) is opened
 * with the first and closed with the last, once per ring and process, which is what the byte locks of Linux ask for.
 *
 * Beginning. The life entry may have to be fetched from another process, which takes as long as that process likes, and it must not
 * be fetched twice. So a life stands in the list, marked as beginning, while one thread fetches without the lock; others that
 * want the same life wait for the outcome, and begin it themselves if it failed.
 *
 * Fork. The child gets a copy of the list, whole, for the lock is taken around the fork. Its lives have their descriptors, but
 * the lock on the byte stays with the parent: the child's handler sets each number to 0, and the first
 * life_begin or life_begin_forked there takes a byte of its own, through the same descriptor, in the same struct. Two
 * structs for one ring could close the descriptor of one under the lock of the other. The name of the life entry is the
 * parent's and is forgotten; so are marks. Before the child begins its life, and never after, it may fetch the entry for itself: it
 * needs it only to hand it on. A life that another thread was beginning is forgotten with that thread.
 *
 * The number is the one field read without the lock (life_number, life_alive): it changes only in a child that begins
 * a life, before it has given the number to anybody.
 */
#include "member/life.h"

#include "core/atomic.h"
#include "core/layout.h"
#include "member/life_system.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct mark {
    struct mark *next;
    uint64_t mark;
    unsigned count;
};

struct life {
    struct life *next;
    struct mark *marks; /* of this process */
    uint64_t identity[2];
    unsigned references;
    bool beginning;     /* one thread is at it */
    struct word number; /* 0: begun by a process that this one is a fork of */
    mem_entry_name_port_t entry;
    struct life_place place;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t begun; /* some life is not `beginning` any more */
    pthread_once_t once;
    int fork_handlers; /* what registering them answered */
    struct life *lives;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER, .begun = PTHREAD_COND_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void unlink_life(struct life *life)
{
    struct life **link = &registry.lives;

    while (*link != life)
        link = &(*link)->next;
    *link = life->next;
}

static void forget_marks(struct life *life)
{
    while (life->marks != NULL) {
        struct mark *mark = life->marks;

        life->marks = mark->next;
        free(mark);
    }
}

static void before_fork(void)
{
    pthread_mutex_lock(&registry.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&registry.lock);
}

static void after_fork_child(void)
{
    struct life **link = &registry.lives;

    while (*link != NULL) {
        struct life *life = *link;

        if (life->beginning && life->references == 0) {
            *link = life->next;
            free(life);
            continue;
        }
        word_store(&life->number, 0);
        life_system_forked(&life->place);
        life->entry = MACH_PORT_NULL;
        life->beginning = false;
        forget_marks(life);
        link = &life->next;
    }
    registry.begun = (pthread_cond_t)PTHREAD_COND_INITIALIZER; /* the parent's threads wait on it, the child's do not */
    pthread_mutex_unlock(&registry.lock);
}

static void register_fork_handlers(void)
{
    registry.fork_handlers = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static struct life *find(const uint64_t identity[2])
{
    struct life *life = registry.lives;

    while (life != NULL && (life->identity[0] != identity[0] || life->identity[1] != identity[1]))
        life = life->next;
    return life;
}

static void drop_entry(mem_entry_name_port_t entry)
{
    if (MACH_PORT_VALID(entry))
        mach_port_deallocate(mach_task_self(), entry);
}

static int take(struct life *life)
{
    uint64_t number;
    int result;

    if (word_load(&life->number) != 0)
        return 0;
    result = life_system_take(&life->place, &number);
    if (result == 0)
        word_store(&life->number, number);
    return result;
}

/* Without the lock, which nobody needs for a life that is beginning. */
static int open_place(struct life *life, int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context)
{
    int result = fetch(context, &life->entry);

    if (result != 0)
        return result;
    result = life_system_open(&life->place, life->entry);
    if (result != 0)
        drop_entry(life->entry);
    return result;
}

/* With the lock held, which is given up meanwhile. */
static int make(struct life **life, const uint64_t identity[2],
                int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context)
{
    struct life *made = calloc(1, sizeof *made);
    int result;

    if (made == NULL)
        return -ENOMEM;
    made->identity[0] = identity[0];
    made->identity[1] = identity[1];
    made->beginning = true;
    made->next = registry.lives;
    registry.lives = made;
    pthread_mutex_unlock(&registry.lock);
    result = open_place(made, fetch, context);
    pthread_mutex_lock(&registry.lock);
    if (result == 0 && (result = take(made)) != 0) { /* no fork comes in between */
        life_system_close(&made->place);
        drop_entry(made->entry);
    }
    made->beginning = false;
    pthread_cond_broadcast(&registry.begun);
    if (result == 0) {
        made->references = 1;
        *life = made;
        return 0;
    }
    unlink_life(made);
    free(made);
    return result;
}

static void drop(struct life *life)
{
    if (--life->references != 0)
        return;
    unlink_life(life);
    forget_marks(life);
    /* The right goes last: where it carries a descriptor of its own, nothing is locked any more when that is closed. */
    life_system_close(&life->place);
    drop_entry(life->entry);
    free(life);
}

/* With the lock held, which is given up meanwhile. */
static void fetch_entry(struct life *life, int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context)
{
    mem_entry_name_port_t entry = MACH_PORT_NULL;

    life->beginning = true;
    pthread_mutex_unlock(&registry.lock);
    if (fetch(context, &entry) != 0)
        entry = MACH_PORT_NULL;
    pthread_mutex_lock(&registry.lock);
    life->entry = entry;
    life->beginning = false;
    pthread_cond_broadcast(&registry.begun);
}

/* A life that has a struct already: this process's, or in a forked child that of its parent. */
static int share(struct life *life, int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context)
{
    int result;

    life->references++; /* before the lock is given up */
    if (word_load(&life->number) == 0 && life->entry == MACH_PORT_NULL)
        fetch_entry(life, fetch, context);
    result = take(life);
    if (result != 0)
        drop(life);
    return result;
}

int life_watch_forks(void)
{
    pthread_once(&registry.once, register_fork_handlers);
    return -registry.fork_handlers;
}

int life_begin(struct life **life, const uint64_t identity[2],
               int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context)
{
    struct life *found;
    int result = life_watch_forks();

    if (result != 0)
        return result;
    pthread_mutex_lock(&registry.lock);
    while ((found = find(identity)) != NULL && found->beginning)
        pthread_cond_wait(&registry.begun, &registry.lock);
    result = found != NULL ? share(found, fetch, context) : make(&found, identity, fetch, context);
    if (result == 0)
        *life = found;
    pthread_mutex_unlock(&registry.lock);
    return result;
}

int life_begin_forked(struct life **life, struct life *inherited,
                      int (*fetch)(void *context, mem_entry_name_port_t *entry), void *context)
{
    return life_begin(life, inherited->identity, fetch, context);
}

mem_entry_name_port_t life_entry(const struct life *life)
{
    return life->entry;
}

uint64_t life_number(const struct life *life)
{
    return word_load(&life->number);
}

void life_refresh(const struct life *life)
{
    uint64_t number;

    pthread_mutex_lock(&registry.lock);
    number = life_number(life);
    if (number != 0)
        life_system_refresh(&life->place, number);
    pthread_mutex_unlock(&registry.lock);
}

bool life_alive(const struct life *life, uint64_t number)
{
    if (number == 0 || number > LIFE_MASK)
        return false;
    return number == life_number(life) || life_system_lives(&life->place, number);
}

pid_t life_process(const struct life *life, uint64_t number)
{
    if (number == 0 || number > LIFE_MASK)
        return 0;
    return number == life_number(life) ? getpid() : life_system_process(&life->place, number);
}

static struct mark **find_mark(struct life *life, uint64_t mark)
{
    struct mark **at = &life->marks;

    while (*at != NULL && (*at)->mark != mark)
        at = &(*at)->next;
    return at;
}

static int set_mark(struct life *life, uint64_t mark)
{
    struct mark **at = find_mark(life, mark);
    int result;

    if (*at != NULL) {
        (*at)->count++;
        return 0;
    }
    *at = calloc(1, sizeof **at);
    if (*at == NULL)
        return -ENOMEM;
    **at = (struct mark){.mark = mark, .count = 1};
    result = life_system_mark(&life->place, mark);
    if (result != 0) {
        free(*at);
        *at = NULL;
    }
    return result;
}

int life_mark(struct life *life, uint64_t mark)
{
    int result;

    pthread_mutex_lock(&registry.lock);
    result = set_mark(life, mark);
    pthread_mutex_unlock(&registry.lock);
    return result;
}

void life_unmark(struct life *life, uint64_t mark)
{
    struct mark **at, *found;

    pthread_mutex_lock(&registry.lock);
    at = find_mark(life, mark);
    found = *at;
    if (found != NULL && --found->count == 0) {
        life_system_unmark(&life->place, mark);
        *at = found->next;
        free(found);
    }
    pthread_mutex_unlock(&registry.lock);
}

bool life_marked(struct life *life, uint64_t mark)
{
    bool own;

    pthread_mutex_lock(&registry.lock);
    own = *find_mark(life, mark) != NULL;
    pthread_mutex_unlock(&registry.lock);
    return own || life_system_marked(&life->place, mark);
}

void life_end(struct life *life)
{
    if (life == NULL)
        return;
    pthread_mutex_lock(&registry.lock);
    drop(life);
    pthread_mutex_unlock(&registry.lock);
}
