/* Entries and ports are no files and have no descriptors: nothing to tell apart. */
#include "api/shortage.h"

#include <errno.h>

int shortage_code(uint64_t size)
{
    (void)size;
    return -ENOMEM;
}

void shortage_text(int code, char *text, size_t size)
{
    (void)code;
    (void)size;
    *text = '\0';
}
