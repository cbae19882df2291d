/* The terms of groups on the command line: what they say is what the group is, whoever makes it, and what cannot be is told of. */
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <string.h>

enum { COUNT = 300, READ = 100, RECORD = 24 /* of a line of 9 to 16 bytes */, MANY = 3000 };

static struct mring *ring;
static struct mring_producer *producer;
static struct mring_consumer *consumer; /* of the group "work" */
static char lines[COUNT][17];

static void send_lines(unsigned from, unsigned to)
{
    for (unsigned at = from; at < to; at++)
        EXPECT_OK(mring_send(producer, lines[at], strlen(lines[at]), 0));
}

/* A ring with all lines but the last 100 in it, of which "work" has read some; and the room of those is not used again. */
static void make_ring(void)
{
    static const struct mring_group groups[] = {{.name = "work", .members = 2},
                                                {.name = "mind", .members = 1, .unserved = MRING_DROP, .limit = 65536}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_message message;

    options.capacity = 65536;
    options.groups = groups;
    options.group_count = 2;
    for (unsigned at = 0; at < COUNT; at++)
        (void)snprintf(lines[at], sizeof(lines[at]), "line %05u\n", at);
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    send_lines(0, COUNT - 100);
    for (unsigned at = 0; at < READ; at++) {
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT(message.position, ==, at * RECORD);
        EXPECT_OK(mring_release(consumer, &message));
    }
}

static void end_ring(void)
{
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void expect_lines(int file, unsigned from, unsigned to)
{
    struct text text = {malloc((to - from) * sizeof(lines[0]) + 1), 0};

    EXPECT(text.bytes != NULL, ==, 1);
    for (unsigned at = from; at < to; at++)
        text.length += (size_t)sprintf(text.bytes + text.length, "%s", lines[at]);
    expect_scratch(file, &text);
    free(text.bytes);
}

/* A receiver that gets all from there on, of this group that it makes; the first one if `count` says so. */
static void expect_from(const char *group, unsigned from, const char *count)
{
    int file = scratch(NULL);

    EXPECT(tool_status(TOOL(-1, file, "recv", "--count", count, "--group", group, RING)), ==, 0);
    EXPECT_OK(strcmp(tool_said(), ""));
    expect_lines(file, from, from + (unsigned)atoi(count));
}

static void groups_start_where_they_are_told_to(void)
{
    char group[64];
    int file = scratch(NULL);
    pid_t now;

    make_ring();
    expect_from("a:1,start=oldest", 0, "200");
    expect_from("a:start=@work", READ, "100");
    (void)snprintf(group, sizeof(group), "a:3,start=%u", 150 * RECORD);
    expect_from(group, 150, "50");
    expect_from("look:1,lossy,start=oldest", 0, "200");
    TOOL_EXPECT(1, "\"a\" cannot start at position 1: no message", "recv", "--group=a:start=1", RING);
    TOOL_EXPECT(1, "\"a\" cannot start where \"b\" is", "recv", "--group=a:start=@b", RING);

    /* One that starts now gets nothing of this; which it shows by what it gets. */
    now = TOOL(-1, file, "recv", "--count=100", "--group=now:start=now", RING);
    for (struct mring_info info = MRING_INFO_INIT; info.groups < 3;)
        EXPECT_OK(mring_info(ring, &info));
    send_lines(COUNT - 100, COUNT);
    EXPECT(tool_status(now), ==, 0);
    expect_lines(file, COUNT - 100, COUNT);
    end_ring();
}

static void a_durable_group_keeps_its_place(void)
{
    make_ring();
    expect_from("keep:1,durable,start=oldest", 0, "70");
    expect_from("keep", 70, "60");
    expect_from("keep:durable", 130, "70");
    send_lines(COUNT - 100, COUNT);
    expect_from("keep:start=now", COUNT - 100, "100"); /* it is there already, with its place */
    expect_from("pass:1,start=oldest", 0, "70");
    expect_from("pass:1,start=oldest", 0, "70"); /* ended with its member, and made anew */
    end_ring();
}

static void groups_are_not_joined_as_what_they_are_not(void)
{
    struct mring_consumer *passing;

    make_ring();
    EXPECT_OK(mring_join(ring, "pass", NULL, &passing));
    TOOL_EXPECT(1, "\"pass\" is not durable", "recv", "--group=pass:durable", RING);
    TOOL_EXPECT(1, "\"pass\" was made before, with another limit", "recv", "--group=pass:drop=1K", RING);
    TOOL_EXPECT(1, "\"mind\" was made before, with another limit", "recv", "--group=mind:drop=1K", RING);
    TOOL_EXPECT(1, "\"pass\" is there already, and not after", "recv", "--group=pass:after=work", RING);
    TOOL_EXPECT(1, "cannot be after \"mind\": that one may end", "recv", "--group=a:after=mind", RING);
    TOOL_EXPECT(1, "a limit of 65537 bytes", "recv", "--group=a:durable,drop=65537", RING);
    expect_from("mind:1,durable,drop=64K", 0, "10");
    EXPECT_OK(mring_leave(passing));
    end_ring();
}

/* The other one, without a limit, is waited for, however late somebody comes to it. */
static void a_group_that_nobody_serves_is_dropped(void)
{
    uint64_t random = harness_seed;
    struct lines many = lines_make(&random, MANY, 100);
    int file = scratch(NULL);
    pid_t sender = TOOL(scratch(&many.text), -1, "send", "--create", "--size=16K", "--group=all:1",
                        "--group=idle:1,drop=8K", RING);

    EXPECT(tool_status(TOOL(-1, file, "recv", "--wait=forever", RING)), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    EXPECT_OK(strcmp(tool_said(), ""));
    expect_scratch(file, &many.text);
    lines_free(&many);
}

/* Sent through a ring whose only group nobody serves; the stream goes on. */
static struct lines send_past_nobody(enum mring_unserved unserved)
{
    const struct mring_group group = {.name = "idle", .members = 1, .unserved = unserved, .limit = 8192};
    struct mring_options options = MRING_OPTIONS_INIT;
    uint64_t random = harness_seed;
    struct lines many = lines_make(&random, MANY, 100);

    options.capacity = 16384;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    EXPECT(tool_status(TOOL(scratch(&many.text), -1, "send", "--no-end", RING)), ==, 0);
    return many;
}

static void who_comes_too_late_is_told(void)
{
    struct lines many = send_past_nobody(MRING_DROP);

    TOOL_EXPECT(1, "nobody served it", "recv", "--group=idle", RING);
    EXPECT_OK(mring_close(ring));
    lines_free(&many);
}

/* Who comes to it later is given what is left, and told of the rest, exactly. */
static void a_group_that_nobody_serves_turns_lossy(void)
{
    static unsigned seen[MANY];
    struct lines many = send_past_nobody(MRING_TURN_LOSSY);
    unsigned long long missed, bytes, got = 0;
    struct text text;
    int file = scratch(NULL);

    TOOL_EXPECT(0, "idle             turned            0/1", "stat", RING);
    TOOL_EXPECT(0, " durable,lossy=8192", "stat", RING);
    EXPECT(tool_status(TOOL(scratch(NULL), -1, "send", RING)), ==, 0);
    EXPECT(tool_status(TOOL(-1, file, "recv", "--group=idle:lossy=8K", RING)), ==, 0);
    EXPECT(sscanf(tool_said(), "mring recv: missed %llu messages of %llu bytes", &missed, &bytes), ==, 2);
    text = read_scratch(file);
    lines_count(&many, &text, seen);
    for (unsigned at = 0; at < many.count; at++)
        got += seen[at];
    EXPECT(got, >, 0);
    EXPECT(got + missed, ==, many.count);
    EXPECT(bytes + text.length, ==, many.text.length);
    EXPECT_OK(mring_close(ring));
    lines_free(&many);
    free(text.bytes);
}

static void terms_that_make_no_sense_are_named(void)
{
    TOOL_EXPECT(2, "--group: \"1025\" is no number from 1 to 1024", "send", "--create", "--group=a:1025", RING);
    TOOL_EXPECT(2, "--group: \"\" is no term", "send", "--create", "--group=a:", RING);
    TOOL_EXPECT(2, "--group: \"lossless\" is no term", "recv", "--group=a:1,lossless", RING);
    TOOL_EXPECT(2, "--group: \"drop\" is no term", "recv", "--group=a:drop", RING);
    TOOL_EXPECT(2, "--group: \"8Q\" is no size", "recv", "--group=a:drop=8Q", RING);
    TOOL_EXPECT(2, "limit of 0 bytes", "send", "--create", "--group=a:drop=0", RING);
    TOOL_EXPECT(2, "--group: start: \"yesterday\"", "recv", "--group=a:start=yesterday", RING);
    TOOL_EXPECT(2, "start= is of groups that recv makes", "send", "--create", "--group=a:start=oldest", RING);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"groups_start_where_they_are_told_to", groups_start_where_they_are_told_to, 60},
        {"a_durable_group_keeps_its_place", a_durable_group_keeps_its_place, 60},
        {"groups_are_not_joined_as_what_they_are_not", groups_are_not_joined_as_what_they_are_not, 60},
        {"a_group_that_nobody_serves_is_dropped", a_group_that_nobody_serves_is_dropped, 60},
        {"who_comes_too_late_is_told", who_comes_too_late_is_told, 60},
        {"a_group_that_nobody_serves_turns_lossy", a_group_that_nobody_serves_turns_lossy, 60},
        {"terms_that_make_no_sense_are_named", terms_that_make_no_sense_are_named, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
