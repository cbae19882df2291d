/*
 * Everything that comes in is hostile: any process that was ever given a send right, or the registrant's socket of it, can write any bytes
 * and any descriptors. A packet is first peeked at for its length and header, then read whole into memory of that length; between the
 * two nobody else reads, since callers hold the port's lock. It is taken only if every size agrees with every
 * other, and every descriptor is accounted for by a right. Descriptors that belong to nothing are closed here.
 */
#include "packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint32_t MAGIC = UINT32_C(0x6d6d7031);

union control {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(PACKET_FDS * sizeof(int))];
};

int packet_send(int socket, const struct packet_out *packet)
{
    struct packet_header header = packet->header;
    header.magic = MAGIC;

    struct iovec parts[2 + PACKET_PARTS] = {
        {&header, sizeof(header)},
        {(void *)(uintptr_t)packet->rights, header.rights * sizeof(packet->rights[0])},
    };
    for (uint32_t i = 0; i < packet->body_parts; i++)
        parts[2 + i] = packet->body[i];

    union control control;
    size_t fd_bytes = packet->descriptor_count * sizeof(int);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2 + packet->body_parts, .msg_control = &control};
    message.msg_controllen = CMSG_SPACE(sizeof(struct ucred)) + (fd_bytes ? CMSG_SPACE(fd_bytes) : 0);
    memset(&control, 0, message.msg_controllen);

    /* The effective ids, which the kernel checks; by itself it would send the real ones. */
    struct ucred self = {.pid = getpid(), .uid = geteuid(), .gid = getegid()};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_CREDENTIALS;
    part->cmsg_len = CMSG_LEN(sizeof(self));
    memcpy(CMSG_DATA(part), &self, sizeof(self));
    if (fd_bytes) {
        part = CMSG_NXTHDR(&message, part);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(fd_bytes);
        memcpy(CMSG_DATA(part), packet->descriptors, fd_bytes);
    }

    if (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    switch (errno) {
    case ECONNRESET: /* closed with messages unread */
    case ECONNREFUSED:
    case ENOTCONN:
        return -EPIPE;
    default:
        return -errno;
    }
}

/* Descriptors and credentials, in whatever order and number they come. */
static bool read_control(struct msghdr *message, struct packet_in *packet)
{
    bool known = false;

    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET)
            continue;
        size_t bytes = part->cmsg_len - CMSG_LEN(0);
        if (part->cmsg_type == SCM_CREDENTIALS && bytes == sizeof(packet->sender)) {
            memcpy(&packet->sender, CMSG_DATA(part), sizeof(packet->sender));
            known = true;
        } else if (part->cmsg_type == SCM_RIGHTS) {
            size_t count = bytes / sizeof(int);
            for (size_t i = 0; i < count; i++) {
                int fd;
                memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
                if (packet->descriptor_count < PACKET_FDS)
                    packet->descriptors[packet->descriptor_count++] = fd;
                else
                    close(fd);
            }
        }
    }
    packet->truncated = (message->msg_flags & MSG_CTRUNC) != 0;
    return known;
}

static bool header_sound(const struct packet_header *header, size_t length)
{
    return header->magic == MAGIC && header->size >= sizeof(mach_msg_header_t) && header->size <= PACKET_MESSAGE &&
           header->size % 4 == 0 && header->rights <= PACKET_RIGHTS && (header->reply == 0 || header->rights != 0) &&
           length == sizeof(*header) + header->rights * sizeof(struct wire_right) +
                         (header->size - sizeof(mach_msg_header_t));
}

/* Every right says how many descriptors are its own, and together these are the packet's. */
static bool rights_sound(const struct packet_in *packet)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < packet->header.rights; i++) {
        if (packet->rights[i].descriptors > WIRE_FDS)
            return false;
        sum += packet->rights[i].descriptors;
    }
    return packet->truncated ? packet->descriptor_count < sum : packet->descriptor_count == sum;
}

static void discard(int socket)
{
    char byte;
    struct iovec part = {&byte, sizeof(byte)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1}; /* no room for descriptors: the kernel drops them */
    (void)!recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}

/* The length of what is next, and its header, which is sound. */
static enum packet_result peek(int socket, struct packet_header *header, size_t *length)
{
    struct iovec part = {header, sizeof(*header)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = recvmsg(socket, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? PACKET_NONE : PACKET_END;
    if (got == 0)
        return PACKET_END;
    *length = (size_t)got;
    return *length >= sizeof(*header) && header_sound(header, *length) ? PACKET_GOT : PACKET_DAMAGED;
}

/* All of what was peeked at. `flags` of recvmsg say whether it stays. */
static enum packet_result read_whole(int socket, size_t length, int flags, struct packet_in *packet)
{
    unsigned char *memory = malloc(length);
    if (!memory)
        return PACKET_NO_MEMORY;
    union control control;
    struct iovec part = {memory, length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(socket, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    packet->memory = memory;
    if (got < 0) {
        packet_free(packet);
        return PACKET_NONE;
    }
    packet->rights = (struct wire_right *)(void *)(memory + sizeof(packet->header));
    packet->body = (unsigned char *)(packet->rights + packet->header.rights);
    packet->body_size = packet->header.size - (uint32_t)sizeof(mach_msg_header_t);
    bool known = read_control(&message, packet);
    if (!known || (size_t)got != length || memcmp(memory, &packet->header, sizeof(packet->header)) != 0 ||
        !rights_sound(packet)) {
        packet_free(packet);
        return PACKET_DAMAGED;
    }
    return PACKET_GOT;
}

static void packet_init(struct packet_in *packet)
{
    packet->memory = NULL;
    packet->descriptor_count = 0;
    packet->truncated = false;
}

enum packet_result packet_receive(int socket, uint32_t limit, bool keep, struct packet_in *packet)
{
    size_t length = 0;

    packet_init(packet);
    enum packet_result result = peek(socket, &packet->header, &length);
    if (result == PACKET_DAMAGED)
        discard(socket);
    if (result != PACKET_GOT)
        return result;
    if (packet->header.size > limit) {
        if (!keep)
            discard(socket);
        return PACKET_TOO_LARGE;
    }
    return read_whole(socket, length, 0, packet);
}

enum packet_result packet_peek(int socket, uint32_t limit, struct packet_in *packet)
{
    size_t length = 0;

    packet_init(packet);
    enum packet_result result = peek(socket, &packet->header, &length);
    if (result == PACKET_GOT && packet->header.size > limit)
        return PACKET_TOO_LARGE;
    return result == PACKET_GOT ? read_whole(socket, length, MSG_PEEK, packet) : result;
}

void packet_free(struct packet_in *packet)
{
    for (uint32_t i = 0; i < packet->descriptor_count; i++)
        if (packet->descriptors[i] >= 0)
            close(packet->descriptors[i]);
    packet->descriptor_count = 0;
    free(packet->memory);
    packet->memory = NULL;
}
