/*
 * Send rights in a descriptor.
 *
 * A parcel is a socket with one packet in it, as a port's queue would hold it, and nobody at the other end. It is looked at and never taken
 * out: the kernel gives each who looks descriptors of its own, so that any number of processes can open it, at once and again, and
 * keeps what is in it for as long as anybody has the socket, on a descriptor or on its way in a message. A datagram socket, since
 * one of another kind would show a hang-up to whoever polls it: systemd drops a stored descriptor at that.
 *
 * Who opens one has got it from somewhere, so it is hostile: any descriptor at all. It is asked for what kind it is, and looked into
 * without waiting. What a holder does to the socket (take the packet out, close its other half) it does to all who have the same one.
 */
#include "cancel.h"
#include "gate.h"
#include "packet.h"
#include "right.h"
#include "space.h"

#include <errno.h>
#include <mach/mring_mach.h>
#include <string.h>
#include <unistd.h>

/* ---- make ---- */

/* Hold the objects and describe them. `held` is how many are the caller's to drop, also on failure. */
static kern_return_t pack(struct packet_out *packet, const mach_port_t *rights, unsigned count,
                          struct mach_object **objects, unsigned *held)
{
    int fds[WIRE_FDS];
    kern_return_t kr;

    for (*held = 0; *held < count;) {
        struct wire_right *wire = &packet->rights[*held];
        struct mach_object *object = space_hold_send(rights[*held], &kr);

        if (!object)
            return kr;
        objects[(*held)++] = object;
        if (!right_travels(object) || !right_pack(object, wire, fds))
            return KERN_INVALID_RIGHT;
        if (wire->descriptors > PACKET_FDS - packet->descriptor_count)
            return KERN_RESOURCE_SHORTAGE;
        for (uint32_t i = 0; i < wire->descriptors; i++)
            packet->descriptors[packet->descriptor_count++] = fds[i];
    }
    packet->header.rights = count;
    return KERN_SUCCESS;
}

/* A socket with the packet in it. */
static kern_return_t post(const struct packet_out *packet, int *fd)
{
    static const int on = 1;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
        return KERN_RESOURCE_SHORTAGE;
    bool posted =
        setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 && packet_send(ends[1], packet) == 0;
    close(ends[1]);
    if (!posted) {
        close(ends[0]);
        return KERN_RESOURCE_SHORTAGE;
    }
    *fd = ends[0];
    return KERN_SUCCESS;
}

kern_return_t mring_mach_parcel_make(const mach_port_t *rights, unsigned count, const void *text, size_t size, int *fd)
{
    struct packet_out packet = {.header = {.size = (uint32_t)(sizeof(mach_msg_header_t) + size)}};
    struct iovec body = {(void *)(uintptr_t)text, size};
    struct mach_object *objects[PACKET_RIGHTS];
    unsigned held;

    if (count > PACKET_RIGHTS || size > PACKET_BODY || size % 4 != 0)
        return KERN_INVALID_ARGUMENT;
    packet.body = &body;
    packet.body_parts = 1;
    int saved = errno, cancellation = cancel_hold();
    gate_enter();
    kern_return_t kr = pack(&packet, rights, count, objects, &held);
    if (kr == KERN_SUCCESS)
        kr = post(&packet, fd);
    while (held > 0)
        object_drop(objects[--held]);
    gate_leave();
    cancel_release(cancellation);
    errno = saved;
    return kr;
}

/* ---- open ---- */

static bool is_datagram_socket(int fd)
{
    int domain = 0, type = 0;
    socklen_t domain_size = sizeof(domain), type_size = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0 && domain == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_DGRAM;
}

/* All rights of the packet, under names; none on failure. */
static kern_return_t unpack(struct packet_in *packet, mach_port_t *rights)
{
    kern_return_t kr = KERN_SUCCESS;
    uint32_t count = packet->header.rights, next_fd = 0, got = 0;

    for (; got < count && kr == KERN_SUCCESS; got++) {
        int fds[WIRE_FDS];

        wire_no_descriptors(fds);
        for (uint32_t i = 0; i < packet->rights[got].descriptors; i++, next_fd++) {
            fds[i] = packet->descriptors[next_fd];
            packet->descriptors[next_fd] = -1;
        }
        kr = right_receive(&packet->rights[got], MACH_MSG_TYPE_PORT_SEND, fds, &rights[got]);
        if (kr == KERN_SUCCESS && rights[got] == MACH_PORT_NULL)
            kr = KERN_INVALID_OBJECT;
    }
    if (kr == KERN_SUCCESS)
        return kr;
    while (got-- > 0)
        if (rights[got] != MACH_PORT_NULL)
            space_deallocate(rights[got]);
    return kr;
}

static kern_return_t look_into(int fd, mach_port_t *rights, unsigned count, void *text, size_t size, uid_t *maker)
{
    struct packet_in packet;

    switch (packet_peek(fd, PACKET_MESSAGE, &packet)) {
    case PACKET_GOT:
        break;
    case PACKET_NO_MEMORY:
        return KERN_RESOURCE_SHORTAGE;
    default:
        return KERN_INVALID_OBJECT;
    }
    kern_return_t kr = KERN_INVALID_OBJECT;
    if (packet.truncated)
        kr = KERN_RESOURCE_SHORTAGE;
    else if (packet.header.rights == count && packet.body_size == size)
        kr = unpack(&packet, rights);
    if (kr == KERN_SUCCESS) {
        memcpy(text, packet.body, size);
        *maker = packet.sender.uid;
    }
    packet_free(&packet);
    return kr;
}

kern_return_t mring_mach_parcel_open(int fd, mach_port_t *rights, unsigned count, void *text, size_t size, uid_t *maker)
{
    kern_return_t kr = KERN_INVALID_ARGUMENT;
    int saved = errno, cancellation = cancel_hold();

    gate_enter();
    if (is_datagram_socket(fd))
        kr = look_into(fd, rights, count, text, size, maker);
    gate_leave();
    cancel_release(cancellation);
    errno = saved;
    return kr;
}
