#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t caught;
static int told[2];
static void (*wake_owner)(void *handle);
static void *owner;

static void handle(int signal)
{
    int saved = errno;

    caught = signal;
    if (wake_owner != NULL)
        wake_owner(owner);
    (void)!write(told[1], "", 1);
    errno = saved;
}

/* For each signal that is not ignored. 0, -errno. */
static int react(const struct sigaction *action)
{
    struct sigaction before;

    for (size_t at = 0; at < sizeof(signals) / sizeof(signals[0]); at++) {
        if (sigaction(signals[at], NULL, &before) != 0)
            return -errno;
        if (before.sa_handler != SIG_IGN && sigaction(signals[at], action, NULL) != 0)
            return -errno;
    }
    return 0;
}

int stop_watch(void (*wake)(void *handle), void *handle_to_wake)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = (int)SA_RESETHAND};

    wake_owner = wake;
    owner = handle_to_wake;
    if (pipe(told) != 0)
        return -errno;
    if (told[0] >= FD_SETSIZE)
        return -EMFILE;
    (void)fcntl(told[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(told[1], F_SETFD, FD_CLOEXEC);
    (void)sigemptyset(&action.sa_mask);
    return react(&action);
}

void stop_end(void)
{
    (void)react(&(struct sigaction){.sa_handler = SIG_DFL});
}

int stop_signal(void)
{
    return caught;
}

/* By select: macOS's poll knows no terminals. */
int stop_or_input_within(int descriptor, int milliseconds)
{
    struct timeval most = {milliseconds / 1000, milliseconds % 1000 * 1000};
    int last = descriptor > told[0] ? descriptor : told[0];
    fd_set both;
    int count;

    FD_ZERO(&both);
    FD_SET(descriptor, &both);
    FD_SET(told[0], &both);
    count = caught ? 0 : select(last + 1, &both, NULL, NULL, milliseconds < 0 ? NULL : &most);
    if (caught || (count > 0 && FD_ISSET(told[0], &both)))
        return 0;
    return count > 0 ? 1 : count == 0 ? -ETIMEDOUT : -errno;
}

int stop_or_input(int descriptor)
{
    int code;

    do
        code = stop_or_input_within(descriptor, -1);
    while (code == -EINTR);
    return code;
}

void stop_by(int number)
{
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    _Exit(128 + number); /* it is blocked */
}
