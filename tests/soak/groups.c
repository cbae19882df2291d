/* The groups of a ring, of each kind there is, and how one comes to be a member. */
#include "soak.h"

#include <errno.h>

#define AFTER(group) (1u << (group))

const struct group groups[GROUPS] = {
    [JOURNAL] = {.name = "journal", .members = 1, .declared = true},
    [LONE] = {.name = "lone", .members = 1, .declared = true},
    [WORK] = {.name = "work", .members = 4, .declared = true},
    [PAIR] = {.name = "pair", .members = 2, .declared = true},
    [STAGE] = {.name = "stage", .members = 2, .declared = true, .after = AFTER(LONE) | AFTER(PAIR)},
    [CREW] = {.name = "crew", .members = 3},
    [ARCHIVE] = {.name = "archive", .members = 2, .durable = true},
    [TAP] = {.name = "tap", .members = 1},
    [SPARE] = {.name = "spare", .members = 1, .durable = true, .limit = CAPACITY / 4},
    [GLANCE] = {.name = "glance", .members = 1, .declared = true, .lossy = true},
    [FLOCK] = {.name = "flock", .members = 3, .declared = true, .lossy = true},
    [HERD] = {.name = "herd", .members = 2, .declared = true, .lossy = true, .after = AFTER(LONE)},
};

/*
 * A passing group is gone with its last member: what it saw before does not bind the next. So of "crew", which must see to
 * everything, there is always one that is not killed; of "tap", which must not, there need not be. "archive" and "spare" are made by a join as
 * well, but keep their place.
 */
bool keeps_one(enum group_number group)
{
    return group < LEDGERS && !groups[group].declared && !groups[group].durable;
}

static struct mring_group declared_as(enum group_number group, const char **after)
{
    struct mring_group declared = {.name = groups[group].name, .members = groups[group].members};

    declared.lossy = groups[group].lossy;
    declared.after = after;
    for (enum group_number before = 0; before < GROUPS; before++)
        if ((groups[group].after & AFTER(before)) != 0)
            after[declared.after_count++] = groups[before].name;
    return declared;
}

struct mring *make_ring(void)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_group declared[GROUPS];
    const char *after[GROUPS][GROUPS];
    struct mring *ring;
    int code;

    options.capacity = CAPACITY;
    options.attempts = ATTEMPTS;
    options.error = &error;
    options.groups = declared;
    for (enum group_number group = 0; group < GROUPS; group++)
        if (groups[group].declared)
            declared[options.group_count++] = declared_as(group, after[group]);
    code = mring_create(&ring, ring_name, &options);
    if (code != 0)
        BAD("mring_create: %d, %s", code, error.text);
    return ring;
}

/*
 * A place may be in use by a living member that works up what the dead one left there; who serves the ring, or those who could bring it the
 * group, may be stopped; and so may a producer that was about to give the group up.
 */
static bool passes(int code)
{
    add_figure(CROWDED, code == -EUSERS);
    add_figure(UNANSWERED, code == -ETIMEDOUT || code == -EAGAIN);
    if (code == -EUSERS)
        nap();
    return code == -EUSERS || code == -ETIMEDOUT || code == -EAGAIN;
}

struct mring_consumer *join_group(struct mring *ring, enum group_number group)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring_join_options options = MRING_JOIN_OPTIONS_INIT;
    struct mring_consumer *consumer;
    int64_t end = now_ns() + INT64_C(20) * 1000000000;
    int code;

    options.members = groups[group].members;
    options.batch = random_below(&my_random, 2) == 0 ? 0 : 1 + random_below(&my_random, 16);
    options.durable = groups[group].durable;
    options.limit = groups[group].limit;
    options.unserved = options.limit != 0 ? MRING_DROP : MRING_STOP;
    options.start = group == TAP && random_below(&my_random, 2) == 0 ? MRING_START_OLDEST : MRING_START_NOW;
    options.wait = my_waiting;
    options.interval = my_interval;
    options.error = &error;
    do
        code = mring_join(ring, groups[group].name, &options, &consumer);
    while (code != 0 && passes(code) && (code == -EUSERS || now_ns() < end));
    if (code != 0)
        BAD("mring_join(%s): %d, %s", groups[group].name, code, error.text);
    word_store_release(&book->joined[my_role], my_life);
    return consumer;
}
