/*
 * Preloaded under qemu's user emulation. The emulator holds a lock of its own while a thread begins and while one ends, also after
 * pthread_join has returned; a child that is forked then inherits it locked, and hangs when it first makes a thread. So a fork waits until the
 * threads that have been made are at work, and those that have ended are gone from the kernel's list.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

typedef int create_call(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument);
typedef pid_t fork_call(void);

struct thread {
    void *(*routine)(void *);
    void *argument;
};

static create_call *real_create;
static fork_call *real_fork;
static unsigned alone; /* tasks of a process that has made no thread: the emulator has one for itself */
static atomic_uint making, working;
static _Thread_local int counted; /* this thread is one that `working` counts */

static unsigned tasks(void)
{
    DIR *folder = opendir("/proc/self/task");
    unsigned count = 0;

    if (folder == NULL)
        abort();
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 2; /* . and .. */
}

__attribute__((constructor)) static void begin(void)
{
    real_create = (create_call *)dlsym(RTLD_NEXT, "pthread_create");
    real_fork = (fork_call *)dlsym(RTLD_NEXT, "fork");
    alone = tasks();
}

static void end_work(void *unused)
{
    (void)unused;
    if (counted)
        atomic_fetch_sub(&working, 1);
    counted = 0;
}

static void *work(void *argument)
{
    struct thread thread = *(struct thread *)argument;
    void *result;

    free(argument);
    counted = 1;
    atomic_fetch_add(&working, 1);
    atomic_fetch_sub(&making, 1);
    pthread_cleanup_push(end_work, NULL);
    result = thread.routine(thread.argument);
    pthread_cleanup_pop(1);
    return result;
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*routine)(void *),
                   void *restrict argument)
{
    struct thread *made = malloc(sizeof(*made));
    int code;

    if (made == NULL)
        return EAGAIN;
    *made = (struct thread){routine, argument};
    atomic_fetch_add(&making, 1);
    code = real_create(thread, attributes, work, made);
    if (code != 0) {
        atomic_fetch_sub(&making, 1);
        free(made);
    }
    return code;
}

pid_t fork(void)
{
    int saved = errno;
    pid_t child;

    while (atomic_load(&making) != 0 || tasks() != alone + atomic_load(&working))
        (void)usleep(200); /* nobody tells of it */
    errno = saved;
    child = real_fork();
    if (child == 0) {
        atomic_store(&making, 0);
        atomic_store(&working, 0);
        counted = 0;
    }
    return child;
}
