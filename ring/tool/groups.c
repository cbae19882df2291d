#include "groups.h"

#include "tool.h"

#include <string.h>

enum { MEMBERS = 16 /* as the library gives to groups that are made without a number */ };

static void add_term(struct mring_group *group, const char *term)
{
    if (strcmp(term, "lossy") == 0)
        group->lossy = 1;
    else
        group->members = (unsigned)read_number(term, 1, MRING_MEMBERS_MAX, "group");
}

struct mring_group group_value(char *text)
{
    char *terms = strrchr(text, ':');
    struct mring_group group = {.name = text};

    if (terms == NULL)
        return group;
    *terms++ = '\0';
    for (char *term; (term = strsep(&terms, ",")) != NULL;)
        add_term(&group, term);
    return group;
}

void groups_add(struct groups *groups, char *text)
{
    struct mring_group *group = &groups->group[groups->count];

    if (groups->count == MRING_GROUPS_MAX)
        usage_error("--group: a ring has at most %d groups", MRING_GROUPS_MAX);
    *group = group_value(text);
    if (group->members == 0)
        group->members = MEMBERS;
    groups->count++;
}
