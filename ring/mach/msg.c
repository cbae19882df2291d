#include "msg.h"
#include "cancel.h"
#include "space.h"

#include <errno.h>
#include <mach/mach.h>
#include <poll.h>
#include <string.h>
#include <time.h>

enum { NANOSECONDS = 1000000000 };

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * NANOSECONDS + time.tv_nsec;
}

struct msg_deadline msg_deadline_in(bool limited, mach_msg_timeout_t milliseconds)
{
    struct msg_deadline deadline = {.never = !limited};
    if (limited)
        deadline.at = now() + (int64_t)milliseconds * 1000000;
    return deadline;
}

enum msg_wait msg_wait(int fd, short events, const struct msg_deadline *deadline, bool interruptible)
{
    struct pollfd wait = {.fd = fd, .events = events};

    for (;;) {
        int64_t left = deadline->never ? 0 : deadline->at - now();
        if (left < 0)
            left = 0;
        struct timespec limit = {(time_t)(left / NANOSECONDS), (long)(left % NANOSECONDS)};
        int ready = ppoll(&wait, 1, deadline->never ? NULL : &limit, NULL);
        if (ready > 0)
            return MSG_READY;
        if (ready == 0)
            return MSG_TIMED_OUT;
        if (interruptible)
            return MSG_INTERRUPTED;
    }
}

mach_msg_return_t mach_msg_overwrite(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                     mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                                     mach_port_name_t notify, mach_msg_header_t *rcv_msg, mach_msg_size_t rcv_limit)
{
    int saved = errno, cancellation = cancel_hold();
    mach_msg_return_t result = MACH_MSG_SUCCESS;

    (void)notify;
    (void)rcv_limit;
    if (option & MACH_SEND_MSG)
        result = msg_send(msg, option, send_size, timeout);
    if (result == MACH_MSG_SUCCESS && (option & MACH_RCV_MSG))
        result = msg_receive(rcv_msg ? rcv_msg : msg, option, rcv_size, rcv_name, timeout);
    cancel_release(cancellation);
    errno = saved;
    return result;
}

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify)
{
    return mach_msg_overwrite(msg, option, send_size, rcv_size, rcv_name, timeout, notify, NULL, 0);
}

mach_msg_return_t mach_msg_send(mach_msg_header_t *msg)
{
    return mach_msg(msg, MACH_SEND_MSG, msg->msgh_size, 0, MACH_PORT_NULL, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
}

mach_msg_return_t mach_msg_receive(mach_msg_header_t *msg)
{
    return mach_msg(msg, MACH_RCV_MSG, 0, msg->msgh_size, msg->msgh_local_port, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
}

static void destroy_right(mach_port_name_t name, mach_msg_type_name_t disposition)
{
    if (MACH_PORT_VALID(name) &&
        (disposition == MACH_MSG_TYPE_MOVE_SEND || disposition == MACH_MSG_TYPE_MOVE_SEND_ONCE))
        space_deallocate(name);
}

void mach_msg_destroy(mach_msg_header_t *msg)
{
    destroy_right(msg->msgh_remote_port, MACH_MSGH_BITS_REMOTE(msg->msgh_bits));
    if (!(msg->msgh_bits & MACH_MSGH_BITS_COMPLEX) || msg->msgh_size < sizeof(mach_msg_base_t))
        return;

    const mach_msg_body_t *body = (const mach_msg_body_t *)(msg + 1);
    const mach_msg_port_descriptor_t *descriptors = (const mach_msg_port_descriptor_t *)(body + 1);
    size_t room = (msg->msgh_size - sizeof(mach_msg_base_t)) / sizeof(*descriptors);
    for (size_t i = 0; i < body->msgh_descriptor_count && i < room; i++)
        if (descriptors[i].type == MACH_MSG_PORT_DESCRIPTOR)
            destroy_right(descriptors[i].name, descriptors[i].disposition);
}
