#include "bootstrap_name.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Without /proc all share namespace 0; the address then still carries the user. */
static unsigned long long pid_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (unsigned long long)status.st_ino : 0;
}

static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

struct service_address service_address(const struct service_name *name)
{
    struct service_address made = {.address = {.sun_family = AF_UNIX}};
    char *path = made.address.sun_path + 1; /* after the zero that makes it abstract */
    size_t room = sizeof(made.address.sun_path) - 1;

    int head = snprintf(path, room, "mring-mach/%lu/%llu/", (unsigned long)geteuid(), pid_namespace());
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

bool service_peer_trusted(int socket)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}
