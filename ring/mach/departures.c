/*
 * Room in a socket is a state that poll() tells of at once, however many messages are too many. A message that leaves is an event: the
 * kernel then signals room for writing anew, which an edge-triggered epoll set turns into readiness, once, until the next. Each
 * waiter has a set of its own, so none takes another's event; it watches before it looks whether there is room, so none is missed.
 *
 * While more than a quarter of the socket's bytes is in use the kernel keeps that signal back, as it does for any writer.
 *
 * The set is an object, though nothing has a name for it, so that a forked child closes its descriptor (object.h).
 */
#include "departures.h"
#include "gate.h"
#include "object_cells.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

struct watch {
    struct mach_object object;
    int queue;
};

static void close_queue(struct mach_object *object)
{
    struct watch *watch = (struct watch *)object;
    if (watch->queue >= 0)
        close(watch->queue);
}

static const struct object_ops watch_ops = {
    .kind = OBJECT_WATCH, .destroy = close_queue, .forked = close_queue, .pack = object_never_packed};

struct mach_object *departures_watch(int socket)
{
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET};

    gate_enter();
    struct watch *watch = (struct watch *)object_alloc(&watch_ops, (struct object_id){{0, 0}});
    if (watch) {
        watch->queue = epoll_create1(EPOLL_CLOEXEC);
        if (watch->queue < 0 || epoll_ctl(watch->queue, EPOLL_CTL_ADD, socket, &event) != 0) {
            object_drop(&watch->object);
            watch = NULL;
        } else {
            object_publish(&watch->object);
        }
    }
    gate_leave();
    return (struct mach_object *)watch;
}

enum msg_wait departures_wait(struct mach_object *object, const struct msg_deadline *deadline, bool interruptible)
{
    struct watch *watch = (struct watch *)object;
    struct epoll_event event;
    enum msg_wait result = msg_wait(watch->queue, POLLIN, deadline, interruptible);

    if (result == MSG_READY)
        (void)epoll_wait(watch->queue, &event, 1, 0);
    return result;
}
