/*
 * A lock of F_SETLK belongs to a table of descriptors, and goes when any descriptor of the file is closed in that. A process cannot help
 * closing one: whoever has the file can send it a message with one more in it, and received is closed later, or at once. So the locks are taken
 * by a thread with a table of its own, which has this one descriptor in it, receives nothing and closes nothing.
 *
 * The thread ends with its process, but not exactly: when all are killed, each goes by itself. It is gone after exec, for the kernel ends
 * all other threads first; and a forked child does not have it.
 *
 * Where the kernel does not give the thread a table of its own (before Linux 5.9, or a filter of system calls), the locks are in the one that
 * all threads share.
 */
#include "member/lock_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct lock_keeper {
    pthread_t thread;
    int descriptor;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct flock wanted; /* while `asked` */
    bool asked;
    bool stopping; /* it is the last */
    int result;
};

/* A copy of the table up to this descriptor, of which all others are closed. */
static void part(int kept)
{
    if (syscall(SYS_close_range, (unsigned)kept + 1, UINT_MAX, CLOSE_RANGE_UNSHARE) == 0 && kept > 0)
        (void)syscall(SYS_close_range, 0U, (unsigned)kept - 1, 0U);
}

static void *keep(void *context)
{
    struct lock_keeper *keeper = context;
    bool stopping = false;

    part(keeper->descriptor);
    pthread_mutex_lock(&keeper->mutex);
    while (!stopping) {
        while (!keeper->asked)
            pthread_cond_wait(&keeper->changed, &keeper->mutex);
        keeper->result = fcntl(keeper->descriptor, F_SETLK, &keeper->wanted) == 0 ? 0 : -errno;
        keeper->asked = false;
        stopping = keeper->stopping;
        pthread_cond_broadcast(&keeper->changed);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

struct lock_keeper *lock_keeper_start(int descriptor)
{
    struct lock_keeper *keeper = calloc(1, sizeof *keeper);
    sigset_t all, before;
    bool started;

    if (keeper == NULL)
        return NULL;
    keeper->descriptor = descriptor;
    keeper->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    keeper->changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(&keeper->thread, NULL, keep, keeper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        return keeper;
    free(keeper);
    return NULL;
}

/* Not to be cancelled in the middle. */
static int ask(struct lock_keeper *keeper, struct flock wanted, bool stopping)
{
    int result, cancellation;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    pthread_mutex_lock(&keeper->mutex);
    keeper->wanted = wanted;
    keeper->stopping = stopping;
    keeper->asked = true;
    pthread_cond_broadcast(&keeper->changed);
    while (keeper->asked)
        pthread_cond_wait(&keeper->changed, &keeper->mutex);
    result = keeper->result;
    pthread_mutex_unlock(&keeper->mutex);
    if (stopping)
        pthread_join(keeper->thread, NULL);
    pthread_setcancelstate(cancellation, NULL);
    return result;
}

int lock_keeper_set(struct lock_keeper *keeper, short type, off_t offset)
{
    return ask(keeper, (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1}, false);
}

void lock_keeper_stop(struct lock_keeper *keeper)
{
    /* Not left to its end: a thread that was joined may still have its table. */
    (void)ask(keeper, (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET}, true);
    lock_keeper_forget(keeper);
}

void lock_keeper_forget(struct lock_keeper *keeper)
{
    free(keeper);
}
