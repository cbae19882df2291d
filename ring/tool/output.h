/*
 * Standard output, by the piece: what is put together is written by one call, and is then gone from here. Nothing waits in a buffer.
 */
#ifndef MRING_TOOL_OUTPUT_H
#define MRING_TOOL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
    char *bytes;
    size_t length, room;
};

/* Behind what is there already. False: there is no memory for it. */
bool output_add(struct output *output, const void *bytes, size_t length);

/* Write it all, whatever signals come, and begin afresh. 0; or what write said, and *written says how much went before that. */
int output_write(struct output *output, size_t *written);

#endif
