/* Standard input, read ahead into one piece of memory that grows as far as what is to be seen whole is long. */
#ifndef MRING_TOOL_INPUT_H
#define MRING_TOOL_INPUT_H

#include <stddef.h>
#include <sys/types.h>

struct input {
    char *memory;
    size_t size;
    char *data;    /* what was read and not yet taken, */
    size_t length; /* so much */
};

/*
 * Read once more behind `data`, which may move. How many bytes; 0: the end; -ECANCELED: a signal came (stop.h); -ENOMEM, or what read said.
 */
ssize_t input_read(struct input *input);

/* Done with so much of it. */
void input_take(struct input *input, size_t length);

/* Read once into the memory of somebody else, who waits as above; nothing may have been read ahead. */
ssize_t input_read_into(void *where, size_t room);

#endif
