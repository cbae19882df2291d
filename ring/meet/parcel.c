#include "meet/parcel.h"

#include "api/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PARCEL_VERSION = 1 };

_Static_assert(sizeof(struct parcel_text) == 112 && sizeof(struct parcel_text) % 4 == 0, "parcels have moved");

static void drop(mach_port_t *right)
{
    if (MACH_PORT_VALID(*right))
        mach_port_deallocate(mach_task_self(), *right);
    *right = MACH_PORT_NULL;
}

void parcel_close(struct parcel *parcel)
{
    drop(&parcel->broker);
    drop(&parcel->ring);
    key_forget(&parcel->key);
}

struct parcel_text parcel_write(const struct parcel *parcel)
{
    struct parcel_text text = {
        .version = PARCEL_VERSION,
        .role = parcel->role,
        .identity = {parcel->identity[0], parcel->identity[1]},
        .key = parcel->key,
        .owner = parcel->owner,
        .owners = parcel->owner == geteuid(),
    };

    memcpy(text.name, parcel->name, sizeof text.name);
    return text;
}

bool parcel_read(struct parcel *parcel, const struct parcel_text *text)
{
    if (text->version != PARCEL_VERSION || text->role > MRING_INSPECT || key_is_none(&text->key) ||
        memchr(text->name, '\0', sizeof text->name) == NULL)
        return false;
    *parcel = (struct parcel){
        .identity = {text->identity[0], text->identity[1]},
        .key = text->key,
        .role = (enum mring_role)text->role,
        .owner = text->owner,
    };
    memcpy(parcel->name, text->name, sizeof parcel->name);
    return true;
}

int parcel_refused(int fd, struct mring_error *error)
{
    int saved = errno;
    bool open = fcntl(fd, F_GETFD) >= 0;

    errno = saved;
    return open ? failure(error, -EINVAL, 0, "descriptor %d is not one that mring_export made, or was read from", fd)
                : failure(error, -EBADF, 0, "descriptor %d is not open: close-on-exec has to be taken from it first",
                          fd);
}
