/*
 * A kqueue, which is a descriptor itself. The timer and EVFILT_USER are taken by being told of; a message, by receiving it.
 */
#include "event.h"

#include <errno.h>
#include <stddef.h>
#include <sys/event.h>
#include <unistd.h>

enum { IDENT_TIMER = 1, IDENT_BELL = 2 };

/* 0 or -errno; errno is the caller's. */
static int change(int queue, uintptr_t ident, int16_t filter, uint16_t flags, uint32_t how, intptr_t data)
{
    struct kevent event;
    int saved = errno;
    int code;

    EV_SET(&event, ident, filter, flags, how, data, NULL);
    code = kevent(queue, &event, 1, NULL, 0, NULL) < 0 ? -errno : 0;
    errno = saved;
    return code;
}

int event_system_open(struct event *event)
{
    int saved = errno;
    int code;

    event->timer = event->bell = -1;
    event->descriptor = kqueue();
    code = event->descriptor < 0 ? -errno : 0;
    errno = saved;
    if (code != 0)
        return code;
    code = change(event->descriptor, event->port, EVFILT_MACHPORT, EV_ADD, 0, 0);
    if (code == 0)
        code = change(event->descriptor, IDENT_BELL, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
    if (code != 0)
        event_system_close(event, true);
    return code;
}

/* A forked child has no kqueue of its parent's: the number may be another file's there. */
void event_system_close(const struct event *event, bool mine)
{
    int saved = errno;

    if (mine)
        (void)close(event->descriptor);
    errno = saved;
}

void event_tick(struct event *event, int64_t nanoseconds)
{
    (void)change(event->descriptor, IDENT_TIMER, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, (intptr_t)nanoseconds);
    event->period = nanoseconds;
}

void event_ring(const struct event *event)
{
    (void)change(event->descriptor, IDENT_BELL, EVFILT_USER, 0, NOTE_TRIGGER, 0);
}

unsigned event_system_take(const struct event *event)
{
    static const struct timespec now = {0, 0};
    struct kevent events[3];
    int saved = errno;
    int count = kevent(event->descriptor, NULL, 0, events, 3, &now);
    unsigned taken = 0;

    for (int at = 0; at < count; at++)
        if (events[at].filter == EVFILT_MACHPORT)
            taken |= EVENT_MESSAGE;
        else if (events[at].filter == EVFILT_TIMER)
            taken |= EVENT_TICK;
    errno = saved;
    return taken;
}
