#include "stat.h"
#include "tool.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_WIDTH = 16, STATE_WIDTH = 13 };

static void print_name(FILE *to, const char *name)
{
    int width = print_word(to, name);

    (void)fprintf(to, "%*s", width < NAME_WIDTH ? NAME_WIDTH - width : 0, "");
}

/* ---- the ring ---- */

static void print_producer(FILE *to, const struct mring_ring_stats *ring)
{
    if (ring->producer != 0)
        (void)fprintf(to, "producer %" PRId64, ring->producer);
    else
        (void)fprintf(to, "%s", ring->producing ? "a producer" : "no producer");
    (void)fprintf(to, "%s%s\n", ring->waiting ? ", asleep until more is released" : "",
                  ring->ended ? "; the stream is complete" : "");
}

static void print_speed(FILE *to, const struct reading *now, const struct reading *before)
{
    double seconds = now->time - before->time;

    (void)fprintf(to, ", %.0f and %.0f a second", (double)(now->ring.messages - before->ring.messages) / seconds,
                  (double)(now->ring.bytes - before->ring.bytes) / seconds);
}

/* Which member holds what keeps its group there; or who else, if there is but one. NULL: all of them alike, or nobody. */
static const struct mring_member_stats *last_member(const struct reading *reading, unsigned group)
{
    const struct mring_member_stats *found = NULL;

    for (unsigned at = 0; at < reading->ring.members; at++) {
        const struct mring_member_stats *member = &reading->member[at];

        if (member->group != group)
            continue;
        if (member->gating)
            return member;
        if (member->alive && reading->group[group].members == 1)
            found = member;
    }
    return found;
}

/* Who of this group it is. */
static void print_who(FILE *to, const struct reading *reading, unsigned at)
{
    const struct mring_group_stats *group = &reading->group[at];
    const struct mring_member_stats *member = last_member(reading, at);

    if (member != NULL)
        (void)fprintf(to, ", place %u", member->place);
    if (member != NULL && member->process != 0)
        (void)fprintf(to, " (pid %" PRId64 ")", member->process);
    if (group->members == 0 && group->durable)
        (void)fprintf(to, ", which nobody serves");
    if (group->members == 0 && group->unserved != MRING_STOP)
        (void)fprintf(to, ", until it is more than %" PRIu64 " bytes behind", group->limit);
}

static void print_awaited(FILE *to, const struct reading *reading)
{
    unsigned count = 0;

    for (unsigned at = 0; at < reading->ring.groups; at++)
        if (reading->group[at].gating && count++ == 0) {
            (void)fprintf(to, "%s group ", reading->ring.waiting ? "it waits for" : "for want of room it waits for");
            (void)print_word(to, reading->group[at].name);
            print_who(to, reading, at);
        }
    if (count > 1)
        (void)fprintf(to, "; and for %u more", count - 1);
    if (count > 0)
        (void)fputc('\n', to);
}

static void print_ring(FILE *to, const struct reading *reading, const struct reading *before)
{
    const struct mring_ring_stats *ring = &reading->ring;

    (void)fprintf(to, "ring ");
    (void)print_word(to, reading->name);
    (void)fprintf(to, ", position %" PRIu64 ": ", ring->position);
    print_producer(to, ring);
    (void)fprintf(to, "%" PRIu64 " messages of %" PRIu64 " bytes published", ring->messages, ring->bytes);
    if (before != NULL)
        print_speed(to, reading, before);
    (void)fprintf(to, "\n%" PRIu64 " waits, %" PRIu64 " wake-ups, %" PRIu64 " rescued\n", ring->waits, ring->wakeups,
                  ring->rescued);
    print_awaited(to, reading);
}

/* ---- columns of numbers ---- */

struct column {
    const char *title;
    int width;
    size_t offset; /* of a uint64_t, in the struct that the line is about */
    bool rate;     /* a second: only when there is an earlier reading */
};

/* What a line is about, now and before (NULL: it was not there), and how long ago that was; 0: there is no before for anybody. */
struct line {
    const void *now, *before;
    double seconds;
};

static uint64_t number_in(const void *of, const struct column *column)
{
    return *(const uint64_t *)(const void *)((const char *)of + column->offset);
}

static void print_rate(FILE *to, const struct column *column, const struct line *line)
{
    uint64_t now = number_in(line->now, column), before = line->before != NULL ? number_in(line->before, column) : 0;

    if (line->before == NULL)
        (void)fprintf(to, " %*s", column->width, "-");
    else
        (void)fprintf(to, " %*.0f", column->width, now > before ? (double)(now - before) / line->seconds : 0);
}

static void print_number(FILE *to, uint64_t number, int width)
{
    if (number == MRING_UNKNOWN)
        (void)fprintf(to, " %*s", width, "?");
    else
        (void)fprintf(to, " %*" PRIu64, width, number);
}

static void print_columns(FILE *to, const struct column *column, size_t count, const struct line *line)
{
    for (const struct column *end = column + count; column < end; column++)
        if (!column->rate)
            print_number(to, number_in(line->now, column), column->width);
        else if (line->seconds > 0)
            print_rate(to, column, line);
}

static void print_titles(FILE *to, const struct column *column, size_t count, bool rates)
{
    for (const struct column *end = column + count; column < end; column++)
        if (rates || !column->rate)
            (void)fprintf(to, " %*s", column->width, column->title);
}

#define COUNT_OF(columns) (sizeof(columns) / sizeof((columns)[0]))

/* ---- groups ---- */

#define GROUP(title, width, member, rate)                                                                              \
    {                                                                                                                  \
        title, width, offsetof(struct mring_group_stats, member), rate                                                 \
    }
static const struct column of_group[] = {
    GROUP("LAG", 9, lag_messages, false),     GROUP("PER-SEC", 10, messages, true),
    GROUP("MISSED", 8, missed, false),        GROUP("REDELIVERED", 11, redelivered, false),
    GROUP("LAG-BYTES", 12, lag_bytes, false), GROUP("WAITS", 8, waits, false),
    GROUP("MESSAGES", 12, messages, false),   GROUP("MISSED-BYTES", 12, missed_bytes, false),
    GROUP("ASIDE", 5, aside, false),          GROUP("POSITION", 15, position, false),
};

static void print_state(FILE *to, const struct mring_group_stats *group)
{
    bool unserved = group->reached && group->durable && !group->lossy && group->members == 0;
    const char *state = unserved ? "unserved" : "-";

    if (!group->reached)
        state = "not-reached";
    else if (group->cut_off)
        state = group->dropped ? "dropped" : "cut-off";
    else if (group->turned)
        state = "turned";
    else if (group->gating)
        state = unserved ? "last,unserved" : "last";
    (void)fprintf(to, " %-*s", STATE_WIDTH, state);
}

/* What it is, as --group says it. */
static void print_kind(FILE *to, const struct mring_group_stats *group)
{
    (void)fprintf(to, " %s%s", group->durable ? "durable" : "passing", group->lossy && !group->turned ? ",lossy" : "");
    if (group->unserved != MRING_STOP)
        (void)fprintf(to, ",%s=%" PRIu64, group->unserved == MRING_DROP ? "drop" : "lossy", group->limit);
    (void)fputc('\n', to);
}

/* The same in another reading, if it was there. */
static const struct mring_group_stats *group_in(const struct reading *before, const struct mring_group_stats *group)
{
    for (unsigned at = 0; before != NULL && at < before->ring.groups; at++)
        if (before->group[at].number == group->number && strcmp(before->group[at].name, group->name) == 0)
            return &before->group[at];
    return NULL;
}

static void print_groups(FILE *to, const struct reading *reading, const struct reading *before, double seconds)
{
    (void)fprintf(to, "\n%-*s %-*s %7s", NAME_WIDTH, "GROUP", STATE_WIDTH, "STATE", "MEMBERS");
    print_titles(to, of_group, COUNT_OF(of_group), seconds > 0);
    (void)fprintf(to, " KIND\n");
    for (unsigned at = 0; at < reading->ring.groups; at++) {
        const struct mring_group_stats *group = &reading->group[at];
        char members[32];

        (void)snprintf(members, sizeof(members), "%u/%u", group->members, group->members_most);
        print_name(to, group->name);
        print_state(to, group);
        (void)fprintf(to, " %7s", members);
        print_columns(to, of_group, COUNT_OF(of_group), &(struct line){group, group_in(before, group), seconds});
        print_kind(to, group);
    }
}

/* ---- members ---- */

#define MEMBER(title, width, member, rate)                                                                             \
    {                                                                                                                  \
        title, width, offsetof(struct mring_member_stats, member), rate                                                \
    }
static const struct column of_member[] = {
    MEMBER("PER-SEC", 10, messages, true),         MEMBER("MISSED", 8, missed, false),
    MEMBER("REDELIVERED", 11, redelivered, false), MEMBER("MESSAGES", 12, messages, false),
    MEMBER("BATCHES", 10, batches, false),         MEMBER("SLEEPS", 9, sleeps, false),
    MEMBER("RESCUED", 7, rescued, false),          MEMBER("WAKE-UPS", 9, wakeups, false),
};

static const char *doing(const struct mring_member_stats *member)
{
    if (!member->alive)
        return member->held_to != 0 ? "left" : "-";
    return member->asleep ? "asleep" : member->gating ? "last" : "awake";
}

static const struct mring_member_stats *member_in(const struct reading *before, const struct mring_group_stats *group,
                                                  unsigned place)
{
    const struct mring_group_stats *same = group_in(before, group);

    for (unsigned at = 0; same != NULL && at < before->ring.members; at++)
        if (&before->group[before->member[at].group] == same && before->member[at].place == place)
            return &before->member[at];
    return NULL;
}

static void print_members(FILE *to, const struct reading *reading, const struct reading *before, double seconds)
{
    (void)fprintf(to, "\n%-*s %5s %8s %-6s %9s", NAME_WIDTH, "MEMBER OF", "PLACE", "PID", "STATE", "HELD");
    print_titles(to, of_member, COUNT_OF(of_member), seconds > 0);
    (void)fputc('\n', to);
    for (unsigned at = 0; at < reading->ring.members; at++) {
        const struct mring_member_stats *member = &reading->member[at];
        const struct mring_group_stats *group = &reading->group[member->group];
        char process[32] = "-";

        if (member->process != 0)
            (void)snprintf(process, sizeof(process), "%" PRId64, member->process);
        print_name(to, group->name);
        (void)fprintf(to, " %5u %8s %-6s", member->place, process, doing(member));
        print_number(to, member->held_to - member->held_from, 9);
        print_columns(to, of_member, COUNT_OF(of_member),
                      &(struct line){member, member_in(before, group, member->place), seconds});
        (void)fputc('\n', to);
    }
}

void stat_table(FILE *to, const struct reading *reading, const struct reading *before)
{
    double seconds = before != NULL ? reading->time - before->time : 0;

    print_ring(to, reading, before);
    if (reading->ring.groups > 0)
        print_groups(to, reading, before, seconds);
    if (reading->ring.members > 0)
        print_members(to, reading, before, seconds);
}
