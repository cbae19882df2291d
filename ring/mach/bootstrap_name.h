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
 * found out; it is never believed. The other way round the registrant says whom it serves (struct service_policy).
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

/* Back from an address as /proc shows it, with an '@' for each zero byte. False: it is none of ours. What a hash stands in is no name. */
bool service_address_read(const char *shown, uid_t *owner, struct service_name *name);

/* Is the process at the other end this user's, or root's? As it was when it began to listen, or connected. */
bool service_peer_is(int socket, uid_t owner);

/* Does this process see the names of who made this socket? Also if the kernel cannot say. */
bool service_names_shared(int socket);

/* Whom a name is served to (MRING_MACH_SERVE_...), and whose it is, as of when it was bound. */
struct service_policy {
    int scope;
    uid_t owner;
    gid_t group;
};

/* Is the process at the other end served? In a group it is by its effective one or any other of its groups. */
bool service_peer_served(int socket, const struct service_policy *policy);

/* What a registrant sends to whoever connects: one packet, with the right's descriptors beside it; or that it does not serve it. */
struct service_answer {
    uint32_t magic;
    struct service_name name; /* an address may be a hash: this is not */
    struct wire_right right;
};
enum { SERVICE_MAGIC = 0x6d6d6231, SERVICE_REFUSES };

#endif
