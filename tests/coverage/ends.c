/*
 * Loaded before the C library where coverage is measured (run.sh): a process also leaves its counts where exit() is not how it ends. That is before
 * _exit, exec, a signal to itself, and before it waits in pause() to be killed. Who is killed by others in the midst of work leaves none;
 * nor does one that a kill point ends, for there are a million of those: the walk runs the same steps without, too.
 */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* gcov's, in a program that counts; each of them has its own. */
static void call(const char *name)
{
    void *address = dlsym(RTLD_DEFAULT, name);
    void (*function)(void);

    memcpy(&function, &address, sizeof(function));
    if (function != NULL)
        function();
}

static void leave_counts(void)
{
    call("__gcov_dump");
    call("__gcov_reset"); /* it may go on after all: what was written is not to be added once more */
}

_Noreturn void _exit(int status)
{
    leave_counts();
    for (;;)
        (void)syscall(SYS_exit_group, status);
}

_Noreturn void _Exit(int status)
{
    _exit(status);
}

int pause(void)
{
    leave_counts();
    return ppoll(NULL, 0, NULL, NULL);
}

int raise(int number)
{
    leave_counts();
    return (int)syscall(SYS_tgkill, getpid(), gettid(), number);
}

int kill(pid_t process, int number)
{
    if (number == SIGKILL && process == getpid() && dlsym(RTLD_DEFAULT, "mring_kill_point") == NULL)
        leave_counts();
    return (int)syscall(SYS_kill, process, number);
}

int execve(const char *path, char *const *arguments, char *const *environment)
{
    leave_counts();
    return (int)syscall(SYS_execve, path, arguments, environment);
}
