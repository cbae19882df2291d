#include "pollable.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

int pollable_open(struct pollable *pollable)
{
    mach_port_options_t options = {.flags = MPO_INSERT_SEND_RIGHT | MPO_QLIMIT, .mpl = {.mpl_qlimit = 1}};
    int code;

    if (mach_port_construct(mach_task_self(), &options, 0, &pollable->port) != KERN_SUCCESS)
        return -ENOMEM;
    code = pollable_system_open(pollable);
    if (code != 0)
        (void)mach_port_destruct(mach_task_self(), pollable->port, -1, 0);
    return code;
}

void pollable_close(struct pollable *pollable, bool mine)
{
    pollable_system_close(pollable, mine);
    if (mine)
        (void)mach_port_destruct(mach_task_self(), pollable->port, -1, 0);
}

static bool take_message(mach_port_t port)
{
    struct {
        mach_msg_header_t header;
        mach_msg_max_trailer_t trailer;
    } message;
    mach_msg_return_t mr =
        mach_msg(&message.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(message), port, 0, MACH_PORT_NULL);

    if (mr == MACH_MSG_SUCCESS)
        mach_msg_destroy(&message.header); /* an empty one carries nothing, but who sent this one? */
    return mr == MACH_MSG_SUCCESS || mr == MACH_RCV_TOO_LARGE;
}

bool pollable_drain(const struct pollable *pollable)
{
    unsigned taken = pollable_system_take(pollable);

    /* Once: there is room for one. Should a hostile peer have made room for more, the descriptor stays readable. */
    if ((taken & POLLABLE_MESSAGE) != 0)
        (void)take_message(pollable->port);
    return (taken & POLLABLE_TICK) != 0;
}

kern_return_t pollable_wait(const struct pollable *pollable, int64_t nanoseconds)
{
    struct pollfd wait = {.fd = pollable->descriptor, .events = POLLIN};
    int64_t milliseconds = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    int saved = errno;
    int ready = poll(&wait, 1, milliseconds < INT_MAX ? (int)milliseconds : INT_MAX);
    bool interrupted = ready < 0 && errno == EINTR;

    errno = saved;
    return ready > 0 ? KERN_SUCCESS : interrupted ? KERN_ABORTED : ready == 0 ? KERN_OPERATION_TIMED_OUT : KERN_FAILURE;
}
