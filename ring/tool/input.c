#include "input.h"

#include "stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_ONCE = 128 * 1024 /* what a cache holds while it is copied on, and more than a pipe does */ };

ssize_t input_read_into(void *where, size_t room)
{
    for (;;) {
        int ready = stop_or_input(STDIN_FILENO);
        ssize_t count;

        if (ready != 1)
            return ready == 0 ? -ECANCELED : ready;
        count = read(STDIN_FILENO, where, room);
        if (count >= 0)
            return count;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

/* Room for a whole read behind what is there: at the front, or in more memory. */
static int make_room(struct input *input)
{
    char *memory = input->memory;

    if (input->length + AT_ONCE > input->size) {
        size_t size = 2 * (input->length + AT_ONCE);

        memory = malloc(size);
        if (memory == NULL)
            return -ENOMEM;
        input->size = size;
    }
    if (input->length != 0)
        memmove(memory, input->data, input->length);
    if (memory != input->memory)
        free(input->memory);
    input->memory = memory;
    input->data = memory;
    return 0;
}

ssize_t input_read(struct input *input)
{
    size_t begin = input->memory != NULL ? (size_t)(input->data - input->memory) : 0;
    ssize_t count;
    int code = 0;

    if (begin + input->length + AT_ONCE > input->size)
        code = make_room(input);
    if (code != 0)
        return code;
    count = input_read_into(input->data + input->length, AT_ONCE);
    if (count > 0)
        input->length += (size_t)count;
    return count;
}

void input_take(struct input *input, size_t length)
{
    input->data += length;
    input->length -= length;
}
