#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool make_room(struct output *output, size_t length)
{
    size_t room = 2 * (output->length + length);
    char *bytes;

    if (output->length + length <= output->room)
        return true;
    bytes = realloc(output->bytes, room);
    if (bytes == NULL)
        return false;
    output->bytes = bytes;
    output->room = room;
    return true;
}

bool output_add(struct output *output, const void *bytes, size_t length)
{
    if (!make_room(output, length))
        return false;
    if (length != 0)
        memcpy(output->bytes + output->length, bytes, length);
    output->length += length;
    return true;
}

/* After a write that wrote nothing: 0, if it can be tried again. */
static int try_again(int error)
{
    if (error == EAGAIN) /* somebody has set it to not wait */
        (void)poll(&(struct pollfd){STDOUT_FILENO, POLLOUT, 0}, 1, -1);
    return error == EAGAIN || error == EINTR ? 0 : -error;
}

int output_write(struct output *output, size_t *written)
{
    size_t length = output->length;
    int code = 0;

    output->length = 0;
    for (*written = 0; *written < length && code == 0;) {
        ssize_t count = write(STDOUT_FILENO, output->bytes + *written, length - *written);

        if (count < 0)
            code = try_again(errno);
        else
            *written += (size_t)count;
    }
    return code;
}
