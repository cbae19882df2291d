#include "fork.h"
#include "space.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    vm_fork_prepare();
    space_fork_prepare();
    vm_fork_copy();
}

static void parent(void)
{
    space_fork_parent();
    vm_fork_parent();
}

static void child(void)
{
    vm_fork_place();
    semaphore_fork_child();
    space_fork_child();
    mig_fork_child();
    vm_fork_child();
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
