/*
 * A message as one packet of a unix socket: header, rights, body; descriptors beside it (SCM_RIGHTS), and the sender as the kernel
 * knows it (SCM_CREDENTIALS).
 *
 * Limits: PACKET_MESSAGE bytes of message with its header (MACH_SEND_TOO_LARGE beyond; a socket's buffer is at least this
 * large unless the administrator made it smaller), PACKET_RIGHTS rights, the reply port included, and PACKET_FDS descriptors
 * of all rights together.
 */
#ifndef MRING_MACH_PACKET_H
#define MRING_MACH_PACKET_H

#include "object.h"

#include <mach/message.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    PACKET_MESSAGE = 128 * 1024,
    PACKET_RIGHTS = 60,
    PACKET_FDS = 253, /* SCM_MAX_FD, the kernel's own limit */
    PACKET_BODY = PACKET_MESSAGE - (int)sizeof(mach_msg_header_t)
};

struct packet_header {
    uint32_t magic;
    uint32_t size;   /* of the message: its header and body */
    int32_t id;      /* msgh_id */
    uint32_t rights; /* how many follow */
    uint32_t reply;  /* MACH_MSG_TYPE_PORT_SEND, _SEND_ONCE: the first right is the reply port; 0: there is none */
    uint32_t complex;
};

/* What goes out. `descriptors` are borrowed. */
struct packet_out {
    struct packet_header header;
    struct wire_right rights[PACKET_RIGHTS];
    int descriptors[PACKET_FDS];
    uint32_t descriptor_count;
    struct iovec *body;
    uint32_t body_parts; /* at most PACKET_PARTS */
};
enum { PACKET_PARTS = 4 };

/* What came in. Freed by packet_free, which also closes the descriptors nobody took over (set to -1). */
struct packet_in {
    struct packet_header header;
    struct wire_right *rights;
    unsigned char *body;
    uint32_t body_size;
    int descriptors[PACKET_FDS];
    uint32_t descriptor_count;
    bool truncated; /* descriptors are missing: this process may have no more */
    struct ucred sender;
    void *memory;
};

/* Send without waiting. 0 or -errno: -EAGAIN when the queue is full, -EPIPE when nobody receives any more. */
int packet_send(int socket, const struct packet_out *packet);

enum packet_result {
    PACKET_NONE,      /* nothing is there */
    PACKET_GOT,       /* *packet is filled */
    PACKET_TOO_LARGE, /* packet->header is filled; the packet itself is still there if `keep`, else gone */
    PACKET_DAMAGED,   /* something that no library sent was there and is gone */
    PACKET_END,       /* the socket is shut: nothing will come any more */
    PACKET_NO_MEMORY  /* it is still there */
};

/* Take the next packet if its message is at most `limit` bytes. Never waits. */
enum packet_result packet_receive(int socket, uint32_t limit, bool keep, struct packet_in *packet);

/* The same, and all of it stays there: the kernel gives each who looks descriptors of its own. */
enum packet_result packet_peek(int socket, uint32_t limit, struct packet_in *packet);

void packet_free(struct packet_in *packet);

#endif
