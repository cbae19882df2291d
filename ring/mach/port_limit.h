/*
 * How many messages a port's queue takes.
 *
 * The queue is a socket, which the kernel bounds by bytes. The number of messages is kept beside it, in a page that the receiver makes and
 * that travels with every send right: `queued` is what senders have announced less what the receiver has taken. A sender announces
 * its message first, and takes that back if the socket refuses it.
 *
 * The count is advice; whether the queue is empty, and when a message leaves it, only the kernel says. A sender that is killed
 * between the two steps leaves the count too high, and a hostile one may write anything. So a queue that is full by the count and empty by the kernel
 * is open, and the count starts again: also when those who have announced are about to send, so that several senders at once may
 * exceed the limit by a few. Nobody waits unless the kernel holds a message, whose leaving, or the receiver's end, ends
 * the wait (departures.h). Hence no count can close a port for good. Nor can one hurt the receiver: it may let more messages in than
 * the limit, but never more bytes than the socket takes.
 *
 * The kernel says that a message has left before the receiver can lower the count. A sender woken in between finds the queue full still. So
 * whoever lowers a count that was at the limit wakes them again (port_size_buffer()); they watch before they look. A receiver that
 * ends lowers nothing, and the kernel tells of its end, and of each message that goes with it, before the last byte is off its books. So a
 * queue that is full by both counts is open too when it has ended: what is sent there is refused.
 *
 * Words: `queued` is changed by everybody, `limit` by the receiver. Both are hostile and are only ever compared. They order nothing:
 * the socket does.
 */
#ifndef MRING_MACH_PORT_LIMIT_H
#define MRING_MACH_PORT_LIMIT_H

#include "vm_file.h"

struct port_limit {
    struct vm_file *file;
    _Atomic(struct limit_page *) page; /* NULL until it is needed */
};

/* Inside the gate, except enter and leave. */
bool port_limit_create(struct port_limit *limit, uint32_t messages);
/* Take a peer's descriptor over. False, and it is closed: it is none of ours. */
bool port_limit_adopt(struct port_limit *limit, int fd);
void port_limit_close(struct port_limit *limit);
/* Have the page mapped. */
bool port_limit_map(struct port_limit *limit);

void port_limit_set(struct port_limit *limit, uint32_t messages);
/* Announced and, by the kernel, not all taken; `socket` is a send end. */
uint32_t port_limit_queued(struct port_limit *limit, int socket);

/* Before a message is sent: is there room for it? A port that takes none takes one. */
bool port_limit_enter(struct port_limit *limit, int socket);
/* Before one that always has room. */
void port_limit_announce(struct port_limit *limit);
/* It was not sent after all, or the receiver has taken it. True: the queue was full by the count, and somebody may wait. */
bool port_limit_leave(struct port_limit *limit);

#endif
