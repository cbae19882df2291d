/*
 * No Mach call is a cancellation point: a thread that is cancelled while it is in one ends after it, and leaves no lock
 * taken and nothing held. So whatever of the C library's that is a point (poll, connect, nanosleep, open) is called
 * between these two, or with one of the layer's locks, which do the same. They nest, and are async-signal-safe.
 */
#ifndef MRING_MACH_CANCEL_H
#define MRING_MACH_CANCEL_H

#include <pthread.h>

/* Returns what cancel_release puts back. */
static inline int cancel_hold(void)
{
    int before;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void cancel_release(int before)
{
    pthread_setcancelstate(before, NULL);
}

#endif
