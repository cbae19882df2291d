/* Groups as they are named on the command line: NAME, or NAME:TERM,TERM... */
#ifndef MRING_TOOL_GROUPS_H
#define MRING_TOOL_GROUPS_H

#include <mring.h>
#include <stddef.h>

struct group_value {
    const char *name;
    struct mring_join_options terms; /* what is not said is 0 there */
};

/* What the value of --group says; the text is taken apart in place, and what makes no sense is a usage_error. */
struct group_value group_value(char *text);

/* Those that `mring send --create` declares: durable, and from the first message on, whether that is said or not. */
struct groups {
    struct mring_group group[MRING_GROUPS_MAX];
    size_t count;
};

/* One more. */
void groups_add(struct groups *groups, char *text);

#endif
