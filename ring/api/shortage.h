/* What was short when Mach says no more than that something was: KERN_RESOURCE_SHORTAGE and its like. */
#ifndef MRING_API_SHORTAGE_H
#define MRING_API_SHORTAGE_H

#include <stddef.h>
#include <stdint.h>

/* -EMFILE, -EFBIG or -ENOMEM, where an entry of `size` bytes was asked for (0: something else was). */
int shortage_code(uint64_t size);

/* The limit behind the code, in words with its number; empty if there is none. */
void shortage_text(int code, char *text, size_t size);

#endif
