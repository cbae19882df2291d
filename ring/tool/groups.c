#include "groups.h"

#include "tool.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { MEMBERS = 16 /* as the library gives to groups that are made without a number */ };

/* One more group that this one is after: the names of one group stand together, as its terms do. */
static void add_after(struct mring_join_options *terms, const char *name)
{
    static const char *names[4 * MRING_GROUPS_MAX];
    static size_t count;

    if (count == sizeof(names) / sizeof(names[0]))
        usage_error("--group: more than %zu times after=", count);
    if (terms->after_count++ == 0)
        terms->after = &names[count];
    names[count++] = name;
}

static void add_limit(struct mring_join_options *terms, enum mring_unserved unserved, const char *bytes)
{
    terms->unserved = unserved;
    terms->limit = read_size(bytes, "group");
    if (terms->limit == 0)
        usage_error("--group: a limit of 0 bytes is none");
}

static void add_start(struct mring_join_options *terms, const char *where)
{
    terms->start = MRING_START_NOW;
    if (strcmp(where, "now") == 0)
        return;
    if (strcmp(where, "oldest") == 0) {
        terms->start = MRING_START_OLDEST;
    } else if (*where == '@') {
        terms->start = MRING_START_GROUP;
        terms->start_group = where + 1;
    } else {
        terms->start = MRING_START_POSITION;
        terms->position = read_number(where, 0, ULONG_MAX, "group: start");
    }
}

/* What is behind KEY= in a term; NULL: it is another term. */
static const char *value_of(const char *term, const char *key)
{
    size_t length = strlen(key);

    return strncmp(term, key, length) == 0 && term[length] == '=' ? term + length + 1 : NULL;
}

static void add_term(struct mring_join_options *terms, const char *term)
{
    const char *value;

    if (strcmp(term, "durable") == 0)
        terms->durable = 1;
    else if (strcmp(term, "lossy") == 0)
        terms->lossy = 1;
    else if ((value = value_of(term, "lossy")) != NULL)
        add_limit(terms, MRING_TURN_LOSSY, value);
    else if ((value = value_of(term, "drop")) != NULL)
        add_limit(terms, MRING_DROP, value);
    else if ((value = value_of(term, "after")) != NULL)
        add_after(terms, value);
    else if ((value = value_of(term, "start")) != NULL)
        add_start(terms, value);
    else if (isdigit((unsigned char)*term))
        terms->members = (unsigned)read_number(term, 1, MRING_MEMBERS_MAX, "group");
    else
        usage_error("--group: \"%s\" is no term of a group", term);
}

struct group_value group_value(char *text)
{
    char *terms = strrchr(text, ':');
    struct group_value value = {text, MRING_JOIN_OPTIONS_INIT};

    if (terms == NULL)
        return value;
    *terms++ = '\0';
    for (char *term; (term = strsep(&terms, ",")) != NULL;)
        add_term(&value.terms, term);
    return value;
}

void groups_add(struct groups *groups, char *text)
{
    struct group_value value = group_value(text);
    const struct mring_join_options *terms = &value.terms;

    if (groups->count == MRING_GROUPS_MAX)
        usage_error("--group: a ring has at most %d groups", MRING_GROUPS_MAX);
    if (terms->start != MRING_START_NOW)
        usage_error("--group: \"%s\" is made with the ring, and gets all: start= is of groups that recv makes",
                    value.name);
    groups->group[groups->count++] = (struct mring_group){.name = value.name,
                                                          .members = terms->members != 0 ? terms->members : MEMBERS,
                                                          .lossy = terms->lossy,
                                                          .after = terms->after,
                                                          .after_count = terms->after_count,
                                                          .unserved = terms->unserved,
                                                          .limit = terms->limit};
}
