/*
 * One word: how many are inside, and two flags. CLOSED: fork is under way, nobody enters. WANTED: somebody waits to close.
 *
 * Nesting forbids that WANTED simply keeps people out: a thread already inside, or a signal handler on it, may enter again,
 * and would wait for a closer that waits for it. Nor may WANTED be ignored, or a closer could starve. So whoever finds
 * WANTED steps back once, for a millisecond at most, and then goes in all the same: no deadlock, and gaps for the closer.
 * The thread that closed the gate passes freely (the handlers of its own fork, and its signal handlers, use the layer).
 *
 * Leaving is a release, closing an acquire of the same word: what was done inside is seen whole by the forking thread [gate-in];
 * opening is a release, entering an acquire, for what the forking thread did meanwhile [gate-out].
 */
#include "gate.h"
#include "cancel.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const uint32_t CLOSED = UINT32_C(1) << 31;
static const uint32_t WANTED = UINT32_C(1) << 30;

static _Atomic uint32_t word;
static _Atomic(pthread_t) closer; /* valid while CLOSED */

static void word_wait(uint32_t seen, const struct timespec *limit)
{
    int saved = errno;
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, limit, NULL, 0);
    errno = saved;
}

static void word_wake(void)
{
    int saved = errno;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    errno = saved;
}

static bool closed_here(uint32_t seen)
{
    return (seen & CLOSED) && pthread_equal(atomic_load_explicit(&closer, memory_order_relaxed), pthread_self());
}

/*
 * A thread that is cancelled inside would never leave; so nobody is. The state is saved by the outermost enter; a signal handler that
 * comes between any two of these steps puts back what it found.
 */
static _Thread_local unsigned depth
    __attribute__((tls_model("initial-exec"))); /* without allocation, for signal handlers */
static _Thread_local int cancellation __attribute__((tls_model("initial-exec")));

static void hold_cancellation(void)
{
    int before = cancel_hold();
    if (depth++ == 0)
        cancellation = before;
}

static void release_cancellation(void)
{
    int before = cancellation;
    if (--depth == 0)
        cancel_release(before);
}

static void enter(void)
{
    static const struct timespec millisecond = {0, 1000000};
    bool stepped_back = false;
    uint32_t seen = atomic_load_explicit(&word, memory_order_relaxed);

    for (;;) {
        if (closed_here(seen))
            return;
        if (seen & CLOSED) {
            word_wait(seen, NULL);
        } else if ((seen & WANTED) && !stepped_back) {
            stepped_back = true;
            word_wait(seen, &millisecond);
        } else if (atomic_compare_exchange_weak_explicit(&word, &seen, seen + 1, memory_order_acquire, /* gate-out */
                                                         memory_order_relaxed)) {
            return;
        }
        seen = atomic_load_explicit(&word, memory_order_relaxed);
    }
}

static void leave(void)
{
    if (closed_here(atomic_load_explicit(&word, memory_order_relaxed)))
        return;
    uint32_t before = atomic_fetch_sub_explicit(&word, 1, memory_order_release); /* gate-in */
    if ((before & WANTED) && (before & ~WANTED) == 1)
        word_wake();
}

void gate_enter(void)
{
    hold_cancellation();
    enter();
}

void gate_leave(void)
{
    leave();
    release_cancellation();
}

void gate_close(void)
{
    uint32_t seen = atomic_load_explicit(&word, memory_order_relaxed);

    for (;;) {
        if ((seen & ~WANTED) == 0) {
            if (atomic_compare_exchange_weak_explicit(&word, &seen, CLOSED, memory_order_acquire, /* gate-in */
                                                      memory_order_relaxed))
                break;
            continue;
        }
        if (!(seen & WANTED) && !atomic_compare_exchange_weak_explicit(&word, &seen, seen | WANTED,
                                                                       memory_order_relaxed, memory_order_relaxed))
            continue;
        word_wait(seen | WANTED, NULL);
        seen = atomic_load_explicit(&word, memory_order_relaxed);
    }
    atomic_store_explicit(&closer, pthread_self(), memory_order_relaxed);
}

void gate_open(void)
{
    atomic_store_explicit(&word, 0, memory_order_release); /* gate-out */
    word_wake();
}
