/*
 * Which names there are: the kernel lists the addresses of all sockets of a network namespace, of whatever user.
 *
 * A line of it, whose path is the rest of it, with each zero byte shown as an '@':
 *   Num RefCount Protocol Flags Type St Inode Path
 *   0000000000000000: 00000002 00000000 00010000 0005 01 12345 @mring-mach/1000/mring.feed
 * Anybody can bind an address of any bytes, also one with a newline and what looks like another line behind it. So this is hearsay:
 * who wants to know asks for the holder of a name.
 */
#include "bootstrap_name.h"
#include "cancel.h"
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, LISTENS = 0x10000 /* of the flags: __SO_ACCEPTCON */ };

struct text {
    char *bytes;
    size_t length, room;
};

static bool make_room(struct text *text)
{
    size_t room = text->room != 0 ? 2 * text->room : ROOM;
    char *bytes;

    if (text->length + 1 < text->room)
        return true;
    bytes = realloc(text->bytes, room);
    if (bytes == NULL)
        return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

/* The whole file, with a zero behind it. */
static kern_return_t read_all(int fd, struct text *text)
{
    while (make_room(text)) {
        ssize_t got = read(fd, text->bytes + text->length, text->room - text->length - 1);

        if (got > 0)
            text->length += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return got == 0 ? KERN_SUCCESS : KERN_FAILURE;
        text->bytes[text->length] = '\0';
    }
    return KERN_RESOURCE_SHORTAGE;
}

static kern_return_t read_sockets(struct text *text)
{
    kern_return_t kr = KERN_FAILURE;

    gate_enter();
    int fd = open("/proc/thread-self/net/unix", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        kr = read_all(fd, text);
        close(fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        kr = KERN_RESOURCE_SHORTAGE;
    }
    gate_leave();
    return kr;
}

/* The path of a socket that listens, or NULL. */
static const char *listener_path(const char *line)
{
    unsigned long flags;
    int path = 0;

    if (sscanf(line, "%*s %*s %*s %lx %*s %*s %*s %n", &flags, &path) != 1 || path == 0)
        return NULL;
    return (flags & LISTENS) != 0 ? line + path : NULL;
}

static void tell(char *text, void (*found)(void *context, uid_t owner, const char *name), void *context)
{
    char *rest = text;

    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        const char *path = listener_path(line);
        struct service_name name;
        uid_t owner;

        if (path != NULL && service_address_read(path, &owner, &name))
            found(context, owner, name.text);
    }
}

kern_return_t mring_mach_bootstrap_list(void (*found)(void *context, uid_t owner, const char *service_name),
                                        void *context)
{
    struct text text = {NULL, 0, 0};
    int saved = errno, cancellation = cancel_hold();
    kern_return_t kr = read_sockets(&text);

    if (kr == KERN_SUCCESS && text.length != 0)
        tell(text.bytes, found, context);
    free(text.bytes);
    cancel_release(cancellation);
    errno = saved;
    return kr;
}
