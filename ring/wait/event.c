#include "event.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

int event_open(struct event *event)
{
    mach_port_options_t options = {.flags = MPO_INSERT_SEND_RIGHT | MPO_QLIMIT, .mpl = {.mpl_qlimit = 1}};
    int code;

    if (mach_port_construct(mach_task_self(), &options, 0, &event->port) != KERN_SUCCESS)
        return -ENOMEM;
    code = event_system_open(event);
    if (code != 0)
        (void)mach_port_destruct(mach_task_self(), event->port, -1, 0);
    return code;
}

void event_close(struct event *event, bool mine)
{
    event_system_close(event, mine);
    if (mine)
        (void)mach_port_destruct(mach_task_self(), event->port, -1, 0);
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

bool event_drain(const struct event *event)
{
    unsigned taken = event_system_take(event);

    /* Once: there is room for one. Should a hostile peer have made room for more, the descriptor stays readable. */
    if ((taken & EVENT_MESSAGE) != 0)
        (void)take_message(event->port);
    return (taken & EVENT_TICK) != 0;
}

kern_return_t event_wait(const struct event *event, int64_t nanoseconds)
{
    struct pollfd wait = {.fd = event->descriptor, .events = POLLIN};
    int64_t milliseconds = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    int saved = errno;
    int ready = poll(&wait, 1, milliseconds < INT_MAX ? (int)milliseconds : INT_MAX);
    bool interrupted = ready < 0 && errno == EINTR;

    errno = saved;
    return ready > 0 ? KERN_SUCCESS : interrupted ? KERN_ABORTED : ready == 0 ? KERN_OPERATION_TIMED_OUT : KERN_FAILURE;
}
