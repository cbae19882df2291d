/*
 * XNU has no public way to put a Mach right into a descriptor (fileport_makeport is the way back). So what is in one is the ring's name at launchd,
 * by which it is looked up again, and the key of the role: whoever has it needs no right of its own to open the ring, but launchd must show it
 * the name. A ring without a name cannot be handed over.
 *
 * The bytes lie in a socket whose other half is closed, and are looked at, never taken out.
 */
#include "meet/parcel.h"

#include "api/failure.h"
#include "meet/names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int post(const struct parcel_text *text, int *fd)
{
    int ends[2];
    ssize_t sent;

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        return -errno;
    sent = fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 ? send(ends[1], text, sizeof *text, 0) : -1;
    close(ends[1]);
    if (sent != (ssize_t)sizeof *text) {
        close(ends[0]);
        return -ENOMEM;
    }
    *fd = ends[0];
    return 0;
}

int parcel_make(const struct parcel *parcel, int *fd, struct mring_error *error)
{
    struct parcel_text text = parcel_write(parcel);
    int saved = errno;
    int code;

    if (parcel->name[0] == '\0')
        return failure(error, -ENOTSUP, 0, "on this system only a ring with a name can be handed over in a descriptor");
    code = post(&text, fd);
    errno = saved;
    key_forget(&text.key);
    return code == 0 ? 0 : failure(error, code, 0, "cannot make a descriptor for the ring");
}

/* Whoever answers is asked for the ring of this identity, and must be its owner (call.c): so the name is the ring's. */
static int find(struct parcel *parcel, struct mring_error *error)
{
    mach_port_t server = MACH_PORT_NULL;
    name_t service;
    kern_return_t kr = names_server(&server);

    if (kr == KERN_SUCCESS && names_service(service, parcel->name)) {
        kr = names_look_up(server, parcel->owner, service, &parcel->broker);
        mach_port_deallocate(mach_task_self(), server);
    }
    return kr == KERN_SUCCESS
               ? 0
               : failure(error, -ENOENT, kr, "nobody who can be found from here serves the ring \"%s\"", parcel->name);
}

int parcel_open(int fd, struct parcel *parcel, struct mring_error *error)
{
    struct parcel_text text;
    int saved = errno, type = 0;
    socklen_t size = sizeof type;
    bool datagrams = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
    ssize_t got = datagrams ? recv(fd, &text, sizeof text, MSG_PEEK | MSG_DONTWAIT) : -1;
    bool sound = got == (ssize_t)sizeof text && parcel_read(parcel, &text) && parcel->name[0] != '\0';

    errno = saved;
    if (!datagrams)
        return parcel_refused(fd, error);
    key_forget(&text.key);
    return sound ? find(parcel, error)
                 : failure(error, -EPROTO, 0, "what is in descriptor %d is damaged, or was read already", fd);
}
