/*
 * An epoll set within the caller's own: a new event in it is a new edge there. Each member stays in it until the end, readable as long as
 * nobody has taken what it has.
 */
#include "pollable.h"

#include <errno.h>
#include <mach/mring_mach.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { POLLABLE_BELL = 4 };

static int add(int set, int member, unsigned what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};

    return member < 0 || epoll_ctl(set, EPOLL_CTL_ADD, member, &event) != 0 ? -errno : 0;
}

static void close_all(const struct pollable *pollable)
{
    const int descriptors[] = {pollable->descriptor, pollable->timer, pollable->bell};

    for (size_t at = 0; at < sizeof(descriptors) / sizeof(descriptors[0]); at++)
        if (descriptors[at] >= 0)
            (void)close(descriptors[at]);
}

static int open_all(struct pollable *pollable)
{
    int code;

    pollable->timer = pollable->bell = -1;
    pollable->descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (pollable->descriptor < 0)
        return -errno;
    code = add(pollable->descriptor, mring_mach_port_descriptor(pollable->port), POLLABLE_MESSAGE);
    if (code == 0) {
        pollable->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        code = add(pollable->descriptor, pollable->timer, POLLABLE_TICK);
    }
    if (code == 0) {
        pollable->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        code = add(pollable->descriptor, pollable->bell, POLLABLE_BELL);
    }
    if (code != 0)
        close_all(pollable);
    return code;
}

int pollable_system_open(struct pollable *pollable)
{
    int saved = errno;
    int code = open_all(pollable);

    errno = saved;
    return code;
}

/* A forked child has copies. */
void pollable_system_close(const struct pollable *pollable, bool mine)
{
    int saved = errno;

    (void)mine;
    close_all(pollable);
    errno = saved;
}

void pollable_tick(struct pollable *pollable, int64_t nanoseconds)
{
    struct timespec period = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    struct itimerspec ticks = {period, period};
    int saved = errno;

    (void)timerfd_settime(pollable->timer, 0, &ticks, NULL);
    pollable->period = nanoseconds;
    errno = saved;
}

void pollable_ring(const struct pollable *pollable)
{
    const uint64_t one = 1;
    int saved = errno;
    ssize_t written = write(pollable->bell, &one, sizeof(one));

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

unsigned pollable_system_take(const struct pollable *pollable)
{
    struct epoll_event events[3];
    int saved = errno;
    int count = epoll_wait(pollable->descriptor, events, 3, 0);
    unsigned taken = 0;

    for (int at = 0; at < count; at++)
        taken |= events[at].data.u32;
    if ((taken & POLLABLE_TICK) != 0)
        empty(pollable->timer);
    if ((taken & POLLABLE_BELL) != 0)
        empty(pollable->bell);
    errno = saved;
    return taken;
}
