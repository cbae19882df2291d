/*
 * An epoll set within the caller's own: a new event in it is a new edge there. Each member stays in it until the end, readable as long as
 * nobody has taken what it has.
 */
#include "event.h"

#include <errno.h>
#include <mach/mring_mach.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENT_BELL = 4 };

static int add(int set, int member, unsigned what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

    return member < 0 || epoll_ctl(set, EPOLL_CTL_ADD, member, &event) != 0 ? -errno : 0;
}

static void close_all(const struct event *event)
{
    const int descriptors[] = {event->descriptor, event->timer, event->bell};

    for (size_t at = 0; at < sizeof(descriptors) / sizeof(descriptors[0]); at++)
        if (descriptors[at] >= 0)
            (void)close(descriptors[at]);
}

static int open_all(struct event *event)
{
    int code;

    event->timer = event->bell = -1;
    event->descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (event->descriptor < 0)
        return -errno;
    code = add(event->descriptor, mring_mach_port_descriptor(event->port), EVENT_MESSAGE);
    if (code == 0) {
        event->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        code = add(event->descriptor, event->timer, EVENT_TICK);
    }
    if (code == 0) {
        event->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        code = add(event->descriptor, event->bell, EVENT_BELL);
    }
    if (code != 0)
        close_all(event);
    return code;
}

int event_system_open(struct event *event)
{
    int saved = errno;
    int code = open_all(event);

    errno = saved;
    return code;
}

/* A forked child has copies. */
void event_system_close(const struct event *event, bool mine)
{
    int saved = errno;

    (void)mine;
    close_all(event);
    errno = saved;
}

void event_tick(struct event *event, int64_t nanoseconds)
{
    struct timespec period = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    struct itimerspec ticks = {period, period};
    int saved = errno;

    (void)timerfd_settime(event->timer, 0, &ticks, NULL);
    event->period = nanoseconds;
    errno = saved;
}

void event_ring(const struct event *event)
{
    const uint64_t one = 1;
    int saved = errno;
    ssize_t written = write(event->bell, &one, sizeof(one));

    (void)written; /* it fails only where so many came before it that it is readable in any case */
    errno = saved;
}

/* Of a counter that never blocks. */
static void empty(int descriptor)
{
    uint64_t count;
    ssize_t taken = read(descriptor, &count, sizeof(count));

    (void)taken;
}

unsigned event_system_take(const struct event *event)
{
    struct epoll_event events[3];
    int saved = errno;
    int count = epoll_wait(event->descriptor, events, 3, 0);
    unsigned taken = 0;

    for (int at = 0; at < count; at++)
        taken |= events[at].data.u32;
    if ((taken & EVENT_TICK) != 0)
        empty(event->timer);
    if ((taken & EVENT_BELL) != 0)
        empty(event->bell);
    errno = saved;
    return taken;
}
