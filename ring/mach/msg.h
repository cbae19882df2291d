/* The two halves of mach_msg (msg.c), and the clock that both wait by. */
#ifndef MRING_MACH_MSG_H
#define MRING_MACH_MSG_H

#include <mach/message.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a wait ends: a time of CLOCK_MONOTONIC in nanoseconds, or never. */
struct msg_deadline {
    bool never;
    int64_t at;
};
struct msg_deadline msg_deadline_in(bool limited, mach_msg_timeout_t milliseconds);

enum msg_wait { MSG_READY, MSG_TIMED_OUT, MSG_INTERRUPTED };
/* Wait for an event of one descriptor. A handler that ran ends the wait as MSG_INTERRUPTED only if `interruptible`. */
enum msg_wait msg_wait(int fd, short events, const struct msg_deadline *deadline, bool interruptible);

mach_msg_return_t msg_send(const mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t size,
                           mach_msg_timeout_t timeout);
mach_msg_return_t msg_receive(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t size,
                              mach_port_name_t name, mach_msg_timeout_t timeout);

#endif
