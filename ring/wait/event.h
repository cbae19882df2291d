/*
 * Something to sleep on for one who sleeps elsewhere: in the poll, epoll or kqueue of an event loop.
 *
 * A semaphore cannot be polled; a port can. So who has a descriptor gives its wakers a send right to a port in place of the semaphore, and
 * a waker, whom the kernel tells that this is no semaphore, sends an empty message (api/wakers.c). The descriptor is readable from when
 * one has come, or was asked for in this process (event_ring), or a tick, until all that was taken (event_drain).
 *
 * Linux: an epoll set of the port's queue, a timer and an event counter. macOS: a kqueue with the port (EVFILT_MACHPORT), a timer and
 * EVFILT_USER; a kqueue can be polled, and be put into another one with EVFILT_READ.
 *
 * The port has room for one message: more would say no more. Who finds it full has no need to add to it.
 */
#ifndef MRING_WAIT_EVENT_H
#define MRING_WAIT_EVENT_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

struct event {
    mach_port_t port; /* the receive right, and a send right by the same name */
    int descriptor;   /* for the caller to poll, not to read */
    int64_t period;   /* between ticks */
    int timer, bell;  /* inside the descriptor, on Linux */
};

/* 0, with nothing to take and no ticks yet; -ENOMEM, -EMFILE, -ENFILE. */
int event_open(struct event *event);
/* `mine` false in a forked child. */
void event_close(struct event *event, bool mine);

/* A tick after this time, and so on. */
void event_tick(struct event *event, int64_t nanoseconds);

/* Make it readable, as an edge too. From any thread, and from signal handlers. */
void event_ring(const struct event *event);

/* Take all that made it readable. True: a tick was among it. */
bool event_drain(const struct event *event);

/* Wait until it is readable, in whole milliseconds. KERN_SUCCESS, KERN_OPERATION_TIMED_OUT, KERN_ABORTED: a handler ran. */
kern_return_t event_wait(const struct event *event, int64_t nanoseconds);

/* ---- the pair ---- */

/* What can have made it readable. */
enum { EVENT_MESSAGE = 1, EVENT_TICK = 2 };

int event_system_open(struct event *event);
void event_system_close(const struct event *event, bool mine);
/* What did; the tick and the ringing are taken. */
unsigned event_system_take(const struct event *event);

#endif
