#include "stat.h"
#include "tool.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static void no_memory(void)
{
    exit(complain("no memory for a ring's counters in JSON"));
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        no_memory();
}

static void append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        no_memory();
}

/* How long the UTF-8 sequence is that begins here; 0: it is none. */
static size_t sequence(const char *at)
{
    for (size_t length = 1; length <= strnlen(at, 4); length++) {
        json_t *one = json_stringn(at, length);

        json_decref(one);
        if (one != NULL)
            return length;
    }
    return 0;
}

/* A name that somebody else chose: what is no UTF-8 is replaced by U+FFFD, as JSON has no other bytes. */
static json_t *text(const char *name)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char sound[sizeof(replacement) * (MRING_NAME_MAX + sizeof("4294967295/"))];
    size_t length = 0;

    while (*name != '\0' && length + sizeof(replacement) < sizeof(sound)) {
        size_t taken = sequence(name);

        memcpy(sound + length, taken != 0 ? name : replacement, taken != 0 ? taken : sizeof(replacement) - 1);
        length += taken != 0 ? taken : sizeof(replacement) - 1;
        name += taken != 0 ? taken : 1;
    }
    return json_stringn(sound, length);
}

/* MRING_UNKNOWN, and what is no count of anything either, as a ring's memory holds whatever was written there. */
static json_t *number(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_null();
}

/* ---- structs ---- */

/* How a field of a struct is told. */
enum kind {
    NUMBER, /* uint64_t */
    COUNT,  /* unsigned */
    TRUTH,  /* unsigned: not 0 */
    PROCESS /* int64_t; 0: null */
};

struct field {
    const char *name;
    size_t offset;
    enum kind kind;
};

static json_t *value_of(const void *field, enum kind kind)
{
    switch (kind) {
    case NUMBER:
        return number(*(const uint64_t *)field);
    case COUNT:
        return number(*(const unsigned *)field);
    case TRUTH:
        return json_boolean(*(const unsigned *)field != 0);
    default:
        return *(const int64_t *)field != 0 ? json_integer(*(const int64_t *)field) : json_null();
    }
}

static void set_fields(json_t *object, const void *of, const struct field *fields, size_t count)
{
    for (size_t at = 0; at < count; at++)
        set(object, fields[at].name, value_of((const char *)of + fields[at].offset, fields[at].kind));
}

#define SET_FIELDS(object, of, fields) set_fields(object, of, fields, sizeof(fields) / sizeof((fields)[0]))

#define RING(member, kind)                                                                                             \
    {                                                                                                                  \
#member, offsetof(struct mring_ring_stats, member), kind                                                       \
    }
static const struct field of_ring[] = {
    RING(messages, NUMBER), RING(bytes, NUMBER),   RING(position, NUMBER), RING(producer, PROCESS),
    RING(producing, TRUTH), RING(waiting, TRUTH),  RING(ended, TRUTH),     RING(waits, NUMBER),
    RING(wakeups, NUMBER),  RING(rescued, NUMBER), RING(cut_offs, NUMBER), RING(unreached, COUNT),
    RING(instant, TRUTH),
};

#define GROUP(member, kind)                                                                                            \
    {                                                                                                                  \
#member, offsetof(struct mring_group_stats, member), kind                                                      \
    }
static const struct field of_group[] = {
    GROUP(number, COUNT),        GROUP(reached, TRUTH),       GROUP(durable, TRUTH),   GROUP(lossy, TRUTH),
    GROUP(limit, NUMBER),        GROUP(members_most, COUNT),  GROUP(cut_off, TRUTH),   GROUP(dropped, TRUTH),
    GROUP(gating, TRUTH),        GROUP(waits, NUMBER),        GROUP(position, NUMBER), GROUP(released, NUMBER),
    GROUP(lag_messages, NUMBER), GROUP(lag_bytes, NUMBER),    GROUP(messages, NUMBER), GROUP(redelivered, NUMBER),
    GROUP(missed, NUMBER),       GROUP(missed_bytes, NUMBER), GROUP(aside, NUMBER),    GROUP(aside_ever, NUMBER),
    GROUP(deaths, NUMBER),       GROUP(turned, TRUTH),
};

#define MEMBER(member, kind)                                                                                           \
    {                                                                                                                  \
#member, offsetof(struct mring_member_stats, member), kind                                                     \
    }
static const struct field of_member[] = {
    MEMBER(place, COUNT),        MEMBER(process, PROCESS),  MEMBER(alive, TRUTH),         MEMBER(asleep, TRUTH),
    MEMBER(gating, TRUTH),       MEMBER(held_from, NUMBER), MEMBER(held_to, NUMBER),      MEMBER(messages, NUMBER),
    MEMBER(redelivered, NUMBER), MEMBER(missed, NUMBER),    MEMBER(missed_bytes, NUMBER), MEMBER(batches, NUMBER),
    MEMBER(sleeps, NUMBER),      MEMBER(rescued, NUMBER),   MEMBER(wakeups, NUMBER),      MEMBER(damaged, NUMBER),
};

/* ---- a reading ---- */

static json_t *members_of(const struct reading *reading, unsigned group)
{
    json_t *members = json_array();

    for (unsigned at = 0; at < reading->ring.members; at++)
        if (reading->member[at].group == group) {
            json_t *member = json_object();

            SET_FIELDS(member, &reading->member[at], of_member);
            append(members, member);
        }
    return members;
}

/* The names of the groups that it is after. */
static json_t *before(const struct reading *reading, uint64_t after)
{
    json_t *names = json_array();

    for (unsigned at = 0; at < reading->ring.groups; at++)
        if ((after >> reading->group[at].number & 1) != 0)
            append(names, text(reading->group[at].name));
    return names;
}

static json_t *group_of(const struct reading *reading, unsigned at)
{
    static const char *const unserved[] = {[MRING_STOP] = "stop", [MRING_TURN_LOSSY] = "lossy", [MRING_DROP] = "drop"};
    json_t *group = json_object();

    set(group, "name", text(reading->group[at].name));
    SET_FIELDS(group, &reading->group[at], of_group);
    set(group, "unserved", text(unserved[reading->group[at].unserved]));
    set(group, "after", before(reading, reading->group[at].after));
    set(group, "members", members_of(reading, at));
    return group;
}

void stat_json(const struct reading *reading)
{
    json_t *ring = json_object(), *groups = json_array();

    set(ring, "ring", text(reading->name));
    SET_FIELDS(ring, &reading->ring, of_ring);
    for (unsigned at = 0; at < reading->ring.groups; at++)
        append(groups, group_of(reading, at));
    set(ring, "groups", groups);
    (void)json_dumpf(ring, stdout, JSON_COMPACT); /* a failure of the output is seen at its end */
    (void)putchar('\n');
    json_decref(ring);
}
