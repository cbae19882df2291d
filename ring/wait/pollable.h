/*
 * Something to sleep on for one who sleeps elsewhere: in the poll, epoll or kqueue of an event loop.
 *
 * A semaphore cannot be polled; a port can. So who has a descriptor gives its wakers a send right to a port in place of the semaphore, and
 * a waker, whom the kernel tells that this is no semaphore, sends an empty message (api/wakers.c). The descriptor is readable from when
 * one has come, or was asked for in this process (pollable_ring), or a tick, until all that was taken (pollable_drain).
 *
 * Linux: an epoll set of the port's queue, a timer and an event counter. macOS: a kqueue with the port (EVFILT_MACHPORT), a timer and
 * EVFILT_USER; a kqueue can be polled, and be put into another one with EVFILT_READ.
 *
 * The port has room for one message: more would say no more. Who finds it full has no need to add to it.
 */
#ifndef MRING_WAIT_POLLABLE_H
#define MRING_WAIT_POLLABLE_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

struct pollable {
    mach_port_t port; /* the receive right, and a send right by the same name */
    int descriptor;   /* for the caller to poll, not to read */
    int64_t period;   /* between ticks */
    int timer, bell;  /* inside the descriptor, on Linux */
};

/* 0, with nothing to take and no ticks yet; -ENOMEM, -EMFILE, -ENFILE. */
int pollable_open(struct pollable *pollable);
/* `mine` false in a forked child. */
void pollable_close(struct pollable *pollable, bool mine);

/* A tick after this time, and so on. */
void pollable_tick(struct pollable *pollable, int64_t nanoseconds);

/* Make it readable, as an edge too. From any thread, and from signal handlers. */
void pollable_ring(const struct pollable *pollable);

/* Take all that made it readable. True: a tick was among it. */
bool pollable_drain(const struct pollable *pollable);

/* Wait until it is readable, in whole milliseconds. KERN_SUCCESS, KERN_OPERATION_TIMED_OUT, KERN_ABORTED: a handler ran. */
kern_return_t pollable_wait(const struct pollable *pollable, int64_t nanoseconds);

/* ---- the pair ---- */

/* What can have made it readable. */
enum { POLLABLE_MESSAGE = 1, POLLABLE_TICK = 2 };

int pollable_system_open(struct pollable *pollable);
void pollable_system_close(const struct pollable *pollable, bool mine);
/* What did; the tick and the ringing are taken. */
unsigned pollable_system_take(const struct pollable *pollable);

#endif
