/*
 * Names of services as addresses of sockets, and who may deal with whom over them.
 *
 * An abstract unix socket address belongs to a network namespace and dies with the last descriptor of the socket that is bound to
 * it. Ours carries a prefix, the user and the name; binding it is the atomic claim of the name. Not the pid namespace: who is at the other
 * end is told by its user, which the kernel translates between namespaces, never by a pid, and a process in a namespace below that of the
 * registrant could not even find out what to put there.
 *
 * Anybody can bind any address. So the address says whose name it is, and the kernel, of the socket that answers there, whose process
 * that is: it must be the same user, or root. Whoever sits on another user's address keeps it from being bound, and is
 * found out; it is never believed. The other way round the registrant says whom it serves (enum service_scope).
 */
#ifndef MRING_MACH_BOOTSTRAP_NAME_H
#define MRING_MACH_BOOTSTRAP_NAME_H

#include "object.h"

#include <mach/mring_mach.h>
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
struct service_address service_address(uid_t owner, const struct service_name *name);

/* Is the process at the other end this user's, or root's? As it was when it began to listen, or connected. */
bool service_peer_is(int socket, uid_t owner);

/* Is it in the scope of a name that this process serves? For a group: by its effective or any of its other groups. */
bool service_peer_in(int socket, int scope);

/* What a registrant sends to whoever connects: one packet, with the right's descriptors beside it; or that it does not serve it. */
struct service_answer {
    uint32_t magic;
    struct service_name name; /* an address may be a hash: this is not */
    struct wire_right right;
};
enum { SERVICE_MAGIC = 0x6d6d6231, SERVICE_REFUSES };

#endif
