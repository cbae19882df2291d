#include "groups.h"

#include "tool.h"

#include <string.h>

enum { MEMBERS = 16 /* as the library gives to groups that are made without a number */ };

void groups_add(struct groups *groups, char *text)
{
    char *colon = strrchr(text, ':');
    struct mring_group *group = &groups->group[groups->count];

    if (groups->count == MRING_GROUPS_MAX)
        usage_error("--group: a ring has at most %d groups", MRING_GROUPS_MAX);
    group->name = text;
    group->members = MEMBERS;
    if (colon != NULL) {
        *colon = '\0';
        group->members = (unsigned)read_number(colon + 1, 1, MRING_MEMBERS_MAX, "group");
    }
    groups->count++;
}
