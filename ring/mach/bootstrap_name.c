#include "bootstrap_name.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_GROUPS = 4096 };

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

struct service_name service_name(const char *text)
{
    struct service_name name = {{0}};
    memcpy(name.text, text, strnlen(text, sizeof(name.text) - 1));
    return name;
}

bool service_name_equal(const struct service_name *a, const struct service_name *b)
{
    return memcmp(a->text, b->text, sizeof(a->text)) == 0;
}

static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

struct service_address service_address(uid_t owner, const struct service_name *name)
{
    struct service_address made = {.address = {.sun_family = AF_UNIX}};
    char *path = made.address.sun_path + 1; /* after the zero that makes it abstract */
    size_t room = sizeof(made.address.sun_path) - 1;

    int head = snprintf(path, room, "mring-mach/%lu/", (unsigned long)owner);
    size_t used = (size_t)head, length = strlen(name->text);
    if (length < room - used) {
        memcpy(path + used, name->text, length);
        used += length;
    } else { /* as much as fits for the eye, and a hash of the whole; a zero byte keeps it apart from every short name */
        enum { TAIL = 17 };
        size_t shown = room - used - TAIL - 1;
        memcpy(path + used, name->text, shown);
        used += shown;
        path[used++] = '\0';
        used += (size_t)snprintf(path + used, TAIL, "%016llx", (unsigned long long)hash(name->text));
    }
    made.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + used);
    return made;
}

bool service_address_read(const char *shown, uid_t *owner, struct service_name *name)
{
    static const char head[] = "@mring-mach/";
    const char *number = shown + sizeof(head) - 1;
    unsigned long value;
    char *end;

    if (strncmp(shown, head, sizeof(head) - 1) != 0 || *number < '0' || *number > '9')
        return false;
    errno = 0;
    value = strtoul(number, &end, 10);
    *owner = (uid_t)value;
    if (errno != 0 || *owner != value || *end != '/' || end[1] == '\0')
        return false;
    *name = service_name(end + 1);
    return true;
}

static bool read_namespace(int socket, uint64_t *cookie)
{
    socklen_t size = sizeof(*cookie);
    return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) == 0;
}

bool service_names_shared(int theirs)
{
    uint64_t there = 0, here = 0;
    int ours = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (ours < 0)
        return true;
    bool known = read_namespace(theirs, &there) && read_namespace(ours, &here);
    close(ours);
    return !known || there == here;
}

static bool read_peer(int socket, struct ucred *peer)
{
    socklen_t size = sizeof(*peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0;
}

bool service_peer_is(int socket, uid_t owner)
{
    struct ucred peer;
    return read_peer(socket, &peer) && (peer.uid == owner || peer.uid == 0);
}

/* Who is in more groups than fit is taken by its effective group alone. */
static bool peer_in_group(int socket, gid_t group)
{
    gid_t groups[MOST_GROUPS];
    socklen_t size = sizeof(groups);
    struct ucred peer;

    if (!read_peer(socket, &peer))
        return false;
    if (peer.gid == group)
        return true;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof(groups[0]); i++)
        if (groups[i] == group)
            return true;
    return false;
}

bool service_peer_served(int socket, const struct service_policy *policy)
{
    return policy->scope == MRING_MACH_SERVE_EVERYONE || service_peer_is(socket, policy->owner) ||
           (policy->scope == MRING_MACH_SERVE_GROUP && peer_in_group(socket, policy->group));
}
