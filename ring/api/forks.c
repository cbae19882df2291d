/*
 * What a fork does to the handles of this process.
 *
 * Producers and consumers are the parent's alone: in a child each of them is stopped, so that the calls for each message find
 * nothing to hand out and no room, go on to their slow halves, and learn there that the handle is stale. So the paths of a message
 * need not ask. Ring handles go on in a child, once they have arrived there (ring_enter).
 */
#include "ring.h"
#include "wait/fence.h"

#include <errno.h>

uint32_t mring_generation;

static pthread_mutex_t mring_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, handle) handles = LIST_HEAD_INITIALIZER(handles);
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static int forks_result;

void ring_lock(void)
{
    (void)pthread_mutex_lock(&mring_lock);
}

void ring_unlock(void)
{
    (void)pthread_mutex_unlock(&mring_lock);
}

void handle_opened(struct handle *handle, struct mring *ring, void (*stop)(void *), void *context)
{
    handle->stop = stop;
    handle->context = context;
    LIST_INSERT_HEAD(&handles, handle, others);
    ring->handles++;
}

void handle_closed(struct handle *handle, struct mring *ring)
{
    LIST_REMOVE(handle, others);
    if (!handle->stale) /* else the ring counts those of the child, and may be closed */
        ring->handles--;
}

static void before_fork(void)
{
    meet_pause(); /* before the lock, which the broker's thread may be waiting for */
    ring_lock();
}

static void after_fork(void)
{
    ring_unlock();
    meet_resume();
}

static void after_fork_child(void)
{
    struct handle *handle;

    mring_generation++;
    LIST_FOREACH (handle, &handles, others) {
        handle->stale = true;
        handle->stop(handle->context);
    }
    after_fork();
}

static void prepare_process(void)
{
    /*
     * Producers and members register when they begin (R15). The first time takes nothing while a process has one thread, and some 15 ms,
     * until each processor has switched, once there is a broker's.
     */
    (void)fence_register();
    /*
     * What is registered last is done first before a fork, so the innermost lock comes first. Who holds ring_lock, or answers a request, asks
     * about lives and marks: whoever forked with the lock of these in hand, and waited for one of those, would wait for ever.
     */
    forks_result = life_watch_forks();
    if (forks_result == 0)
        forks_result = meet_watch_forks();
    if (forks_result == 0)
        forks_result = pthread_atfork(before_fork, after_fork, after_fork_child);
}

int ring_prepare_process(struct mring_error *error)
{
    (void)pthread_once(&prepared, prepare_process);
    return forks_result == 0 ? 0 : failure(error, -ENOMEM, 0, "the fork handlers cannot be registered");
}
