/* Groups as they are named on the command line: NAME, or NAME:TERM,TERM... */
#ifndef MRING_TOOL_GROUPS_H
#define MRING_TOOL_GROUPS_H

#include <mring.h>
#include <stddef.h>

/*
 * What the value of --group says; the text is taken apart in place, and what makes no sense is a usage_error. A TERM is a number of members,
 * "lossy", or "after=" and another group's name. `members` is 0 if nothing is said of it.
 */
struct mring_group group_value(char *text);

/* Those that `mring send --create` declares. */
struct groups {
    struct mring_group group[MRING_GROUPS_MAX];
    size_t count;
};

/* One more. */
void groups_add(struct groups *groups, char *text);

#endif
