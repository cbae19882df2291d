/*
 * A kqueue, which is a descriptor itself. The timer and EVFILT_USER are taken by being told of; a message, by receiving it.
 */
#include "pollable.h"

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

int pollable_system_open(struct pollable *pollable)
{
    int saved = errno;
    int code;

    pollable->timer = pollable->bell = -1;
    pollable->descriptor = kqueue();
    code = pollable->descriptor < 0 ? -errno : 0;
    errno = saved;
    if (code != 0)
        return code;
    code = change(pollable->descriptor, pollable->port, EVFILT_MACHPORT, EV_ADD, 0, 0);
    if (code == 0)
        code = change(pollable->descriptor, IDENT_BELL, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0);
    if (code != 0)
        pollable_system_close(pollable, true);
    return code;
}

/* A forked child has no kqueue of its parent's: the number may be another file's there. */
void pollable_system_close(const struct pollable *pollable, bool mine)
{
    int saved = errno;

    if (mine)
        (void)close(pollable->descriptor);
    errno = saved;
}

void pollable_tick(struct pollable *pollable, int64_t nanoseconds)
{
    (void)change(pollable->descriptor, IDENT_TIMER, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, (intptr_t)nanoseconds);
    pollable->period = nanoseconds;
}

void pollable_ring(const struct pollable *pollable)
{
    (void)change(pollable->descriptor, IDENT_BELL, EVFILT_USER, 0, NOTE_TRIGGER, 0);
}

unsigned pollable_system_take(const struct pollable *pollable)
{
    static const struct timespec now = {0, 0};
    struct kevent events[3];
    int saved = errno;
    int count = kevent(pollable->descriptor, NULL, 0, events, 3, &now);
    unsigned taken = 0;

    for (int at = 0; at < count; at++)
        if (events[at].filter == EVFILT_MACHPORT)
            taken |= POLLABLE_MESSAGE;
        else if (events[at].filter == EVFILT_TIMER)
            taken |= POLLABLE_TICK;
    errno = saved;
    return taken;
}
