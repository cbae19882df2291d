#include "json.h"
#include "stat.h"

#define FIELDS_OF(fields) fields, sizeof(fields) / sizeof(fields[0])

#define RING(member, kind)                                                                                             \
    {                                                                                                                  \
#member, offsetof(struct mring_ring_stats, member), JSON_##kind                                                \
    }
static const struct json_field of_ring[] = {
    RING(messages, NUMBER), RING(bytes, NUMBER),   RING(position, NUMBER), RING(producer, PROCESS),
    RING(producing, TRUTH), RING(waiting, TRUTH),  RING(ended, TRUTH),     RING(waits, NUMBER),
    RING(wakeups, NUMBER),  RING(rescued, NUMBER), RING(cut_offs, NUMBER), RING(unreached, COUNT),
    RING(instant, TRUTH),
};

#define GROUP(member, kind)                                                                                            \
    {                                                                                                                  \
#member, offsetof(struct mring_group_stats, member), JSON_##kind                                               \
    }
static const struct json_field of_group[] = {
    GROUP(number, COUNT),        GROUP(reached, TRUTH),       GROUP(durable, TRUTH),      GROUP(lossy, TRUTH),
    GROUP(limit, NUMBER),        GROUP(after, NUMBER),        GROUP(members_most, COUNT), GROUP(cut_off, TRUTH),
    GROUP(gating, TRUTH),        GROUP(waits, NUMBER),        GROUP(position, NUMBER),    GROUP(released, NUMBER),
    GROUP(lag_messages, NUMBER), GROUP(lag_bytes, NUMBER),    GROUP(messages, NUMBER),    GROUP(redelivered, NUMBER),
    GROUP(missed, NUMBER),       GROUP(missed_bytes, NUMBER), GROUP(aside, NUMBER),       GROUP(aside_ever, NUMBER),
    GROUP(deaths, NUMBER),       GROUP(turned, TRUTH),
};

#define MEMBER(member, kind)                                                                                           \
    {                                                                                                                  \
#member, offsetof(struct mring_member_stats, member), JSON_##kind                                              \
    }
static const struct json_field of_member[] = {
    MEMBER(place, COUNT),        MEMBER(process, PROCESS),  MEMBER(alive, TRUTH),         MEMBER(asleep, TRUTH),
    MEMBER(gating, TRUTH),       MEMBER(held_from, NUMBER), MEMBER(held_to, NUMBER),      MEMBER(messages, NUMBER),
    MEMBER(redelivered, NUMBER), MEMBER(missed, NUMBER),    MEMBER(missed_bytes, NUMBER), MEMBER(batches, NUMBER),
    MEMBER(sleeps, NUMBER),      MEMBER(rescued, NUMBER),   MEMBER(wakeups, NUMBER),      MEMBER(damaged, NUMBER),
};

void stat_json(const struct reading *reading)
{
    unsigned member = 0;

    json_begin(NULL, '{');
    json_string("ring", reading->name);
    json_fields(&reading->ring, FIELDS_OF(of_ring));
    json_begin("groups", '[');
    for (unsigned at = 0; at < reading->ring.groups; at++) {
        json_begin(NULL, '{');
        json_string("name", reading->group[at].name);
        json_fields(&reading->group[at], FIELDS_OF(of_group));
        json_begin("members", '[');
        for (; member < reading->ring.members && reading->member[member].group == at; member++) {
            json_begin(NULL, '{');
            json_fields(&reading->member[member], FIELDS_OF(of_member));
            json_end('}');
        }
        json_end(']');
        json_end('}');
    }
    json_end(']');
    json_end('}');
}
