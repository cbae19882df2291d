/*
 * Names of services as addresses of sockets.
 *
 * An abstract unix socket address belongs to a network namespace and dies with the last descriptor of the socket that is bound to
 * it. Ours carries a prefix, the user, the PID namespace and the name; binding it is the atomic claim of the name.
 */
#ifndef MRING_MACH_BOOTSTRAP_NAME_H
#define MRING_MACH_BOOTSTRAP_NAME_H

#include "object.h"

#include <servers/bootstrap.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A name cut to 127 bytes, zero behind its end. */
struct service_name {
    char text[BOOTSTRAP_MAX_NAME_LEN];
};
struct service_name service_name(const char *text);
bool service_name_equal(const struct service_name *a, const struct service_name *b);

struct service_address {
    struct sockaddr_un address;
    socklen_t size;
};
struct service_address service_address(const struct service_name *name);

/* May we believe, or answer, the process at the other end? Our own user and root only. */
bool service_peer_trusted(int socket);

/* What a registrant sends to whoever connects: one packet, with the right's descriptors beside it. */
struct service_answer {
    uint32_t magic;
    struct service_name name; /* an address may be a hash: this is not */
    struct wire_right right;
};
enum { SERVICE_MAGIC = 0x6d6d6231 };

#endif
