#include "fork.h"
#include "space.h"

#include <pthread.h>
#include <signal.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
 * Of the thread that forks, under the locks. No handler runs until all is in its place: in a child the names of semaphores would still
 * be there for it, but their memory no more.
 */
static sigset_t mask_before;

static void prepare(void)
{
    sigset_t all, mask;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &mask);
    vm_fork_prepare();
    mask_before = mask;
    space_fork_prepare();
    vm_fork_copy();
}

static void parent(void)
{
    sigset_t mask = mask_before;

    space_fork_parent();
    vm_fork_parent();
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void child(void)
{
    vm_fork_place();
    semaphore_fork_child();
    space_fork_child();
    mig_fork_child();
    vm_fork_child();
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

/* Fails only when memory is short at start-up; then a child would keep its parent's names, and nothing worse. */
static void enlist(void)
{
    pthread_atfork(prepare, parent, child);
}

__attribute__((constructor)) void mach_layer_init(void)
{
    pthread_once(&once, enlist);
}
