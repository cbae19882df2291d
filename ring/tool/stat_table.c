#include "stat.h"
#include "tool.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_WIDTH = 20 };

static void print_name(const char *name)
{
    int width = print_word(name);

    (void)printf("%*s", width < NAME_WIDTH ? NAME_WIDTH - width : 0, "");
}

static void print_number(uint64_t number, int width)
{
    if (number == MRING_UNKNOWN)
        (void)printf(" %*s", width, "?");
    else
        (void)printf(" %*" PRIu64, width, number);
}

static void print_process(int64_t process)
{
    if (process == 0)
        (void)printf(" %8s", "-");
    else
        (void)printf(" %8" PRId64, process);
}

/* ---- the ring ---- */

static void print_producer(const struct mring_ring_stats *ring)
{
    if (ring->producer != 0)
        (void)printf("producer %" PRId64, ring->producer);
    else
        (void)printf("%s", ring->producing ? "a producer" : "no producer");
    (void)printf("%s%s\n", ring->waiting ? ", asleep until more is released" : "",
                 ring->ended ? "; the stream is complete" : "");
}

static void print_speed(const struct reading *now, const struct reading *before)
{
    double seconds = now->time - before->time;

    (void)printf(", %.0f and %.0f a second", (double)(now->ring.messages - before->ring.messages) / seconds,
                 (double)(now->ring.bytes - before->ring.bytes) / seconds);
}

static void print_ring(const struct reading *reading, const struct reading *before)
{
    const struct mring_ring_stats *ring = &reading->ring;

    (void)printf("ring ");
    (void)print_word(reading->name);
    (void)printf(", position %" PRIu64 ": ", ring->position);
    print_producer(ring);
    (void)printf("%" PRIu64 " messages of %" PRIu64 " bytes published", ring->messages, ring->bytes);
    if (before != NULL)
        print_speed(reading, before);
    (void)printf("; %" PRIu64 " waits, %" PRIu64 " wake-ups, %" PRIu64 " rescued\n", ring->waits, ring->wakeups,
                 ring->rescued);
}

/* ---- groups ---- */

/* In one word each: what it is, and what is the matter with it. */
static const char *kind_of(const struct mring_group_stats *group)
{
    if (group->lossy)
        return group->durable ? "lossy" : "lossy,passing";
    return group->durable ? "durable" : "passing";
}

static const char *state_of(const struct mring_group_stats *group)
{
    return !group->reached ? "not-reached" : group->cut_off ? "cut-off" : group->gating ? "last" : "-";
}

static void print_group(const struct mring_group_stats *group)
{
    char members[32];

    (void)snprintf(members, sizeof(members), "%u/%u", group->members, group->members_most);
    print_name(group->name);
    (void)printf(" %-13s %-11s %9s", kind_of(group), state_of(group), members);
    print_number(group->position, 15);
    print_number(group->lag_messages, 12);
    print_number(group->lag_bytes, 14);
    print_number(group->messages, 12);
    print_number(group->redelivered, 11);
    print_number(group->missed, 9);
    print_number(group->aside, 5);
    print_number(group->waits, 9);
    (void)putchar('\n');
}

static void print_groups(const struct reading *reading)
{
    (void)printf("%-*s %-13s %-11s %9s %15s %12s %14s %12s %11s %9s %5s %9s\n", NAME_WIDTH, "GROUP", "KIND", "STATE",
                 "MEMBERS", "POSITION", "LAG", "LAG-BYTES", "MESSAGES", "REDELIVERED", "MISSED", "ASIDE", "WAITS");
    for (unsigned at = 0; at < reading->ring.groups; at++)
        print_group(&reading->group[at]);
}

/* ---- members ---- */

static const char *doing(const struct mring_member_stats *member)
{
    if (!member->alive)
        return member->held_to != 0 ? "left" : "-";
    return member->asleep ? "asleep" : member->gating ? "last" : "awake";
}

static void print_member(const struct reading *reading, const struct mring_member_stats *member)
{
    print_name(reading->group[member->group].name);
    (void)printf(" %5u", member->place);
    print_process(member->process);
    (void)printf(" %-6s", doing(member));
    print_number(member->held_to - member->held_from, 12);
    print_number(member->messages, 12);
    print_number(member->redelivered, 11);
    print_number(member->missed, 9);
    print_number(member->batches, 10);
    print_number(member->sleeps, 9);
    print_number(member->rescued, 7);
    print_number(member->wakeups, 9);
    (void)putchar('\n');
}

static void print_members(const struct reading *reading)
{
    (void)printf("%-*s %5s %8s %-6s %12s %12s %11s %9s %10s %9s %7s %9s\n", NAME_WIDTH, "MEMBER OF", "PLACE", "PID",
                 "STATE", "HELD-BYTES", "MESSAGES", "REDELIVERED", "MISSED", "BATCHES", "SLEEPS", "RESCUED",
                 "WAKE-UPS");
    for (unsigned at = 0; at < reading->ring.members; at++)
        print_member(reading, &reading->member[at]);
}

void stat_table(const struct reading *reading, const struct reading *before)
{
    print_ring(reading, before);
    if (reading->ring.groups > 0) {
        (void)putchar('\n');
        print_groups(reading);
    }
    if (reading->ring.members > 0) {
        (void)putchar('\n');
        print_members(reading);
    }
}
