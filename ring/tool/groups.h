/* The groups that `mring send --create` declares. */
#ifndef MRING_TOOL_GROUPS_H
#define MRING_TOOL_GROUPS_H

#include <mring.h>
#include <stddef.h>

struct groups {
    struct mring_group group[MRING_GROUPS_MAX];
    size_t count;
};

/* One more: NAME, or NAME:MEMBERS. The text is taken apart in place. What makes no sense is a usage_error. */
void groups_add(struct groups *groups, char *text);

#endif
