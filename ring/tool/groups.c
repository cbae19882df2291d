#include "groups.h"

#include "tool.h"

#include <string.h>

enum { MEMBERS = 16 /* as the library gives to groups that are made without a number */ };

/* One more group that this one is after: the names of one group stand together, as its terms do. */
static void add_after(struct mring_group *group, const char *name)
{
    static const char *names[4 * MRING_GROUPS_MAX];
    static size_t count;

    if (count == sizeof(names) / sizeof(names[0]))
        usage_error("--group: more than %zu times after=", count);
    if (group->after_count++ == 0)
        group->after = &names[count];
    names[count++] = name;
}

static void add_term(struct mring_group *group, const char *term)
{
    if (strcmp(term, "lossy") == 0)
        group->lossy = 1;
    else if (strncmp(term, "after=", 6) == 0)
        add_after(group, term + 6);
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
