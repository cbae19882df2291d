#include "sema_lock.h"
#include "gate.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void sema_lock(sigset_t *mask)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, mask);
    gate_enter();
    pthread_mutex_lock(&lock);
}

void sema_unlock(const sigset_t *mask)
{
    pthread_mutex_unlock(&lock);
    gate_leave();
    pthread_sigmask(SIG_SETMASK, mask, NULL);
}
