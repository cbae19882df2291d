/* Standard output, without a buffer: what was written is gone from here. */
#ifndef MRING_TOOL_OUTPUT_H
#define MRING_TOOL_OUTPUT_H

#include <stddef.h>
#include <sys/uio.h>

/* Write all the pieces, whatever signals come; they are used up. 0; or what writev said, and *written says how much went before that. */
int output_all(struct iovec *pieces, int count, size_t *written);

#endif
