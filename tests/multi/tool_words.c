/* What `mring` says: to whom does not know how it is used, of rings that are not there, or not to be had. */
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <fcntl.h>
#include <string.h>

static void what_makes_no_sense_is_named(void)
{
    static const char *const none[] = {NULL};

    tool_expect(2, "command is missing", none);
    TOOL_EXPECT(2, "no command \"nonsense\"", "nonsense");
    TOOL_EXPECT(2, "no command \"--nonsense\"", "--nonsense");
    TOOL_EXPECT(2, "mring send: the name of a ring is missing", "send");
    TOOL_EXPECT(2, "mring recv: the name of a ring is missing", "recv", "--group=a", "--");
    TOOL_EXPECT(2, "\"b\": nothing was expected", "fsck", "a", "b");
    TOOL_EXPECT(2, "\"a\": nothing was expected", "ls", "a");
    TOOL_EXPECT(2, "--nonsense", "recv", "--nonsense", RING);
    TOOL_EXPECT(2, "mring fsck: ", "fsck", "--repair=1", RING);
    TOOL_EXPECT(2, "--wait: \"soon\"", "recv", "--wait=soon", RING);
    TOOL_EXPECT(2, "--wait: \"-1\"", "recv", "--wait=-1", RING);
    TOOL_EXPECT(2, "--wait: \"nan\"", "send", "--wait=nan", RING);
    TOOL_EXPECT(2, "--count: \"0\"", "recv", "--count=0", RING);
    TOOL_EXPECT(2, "--count: \"1x\"", "recv", "--count=1x", RING);
    TOOL_EXPECT(2, "--count: \"99999999999999999999\"", "recv", "--count=99999999999999999999", RING);
    TOOL_EXPECT(2, "--size: \"1Q\"", "send", "--create", "--size=1Q", RING);
    TOOL_EXPECT(2, "--size: \"1MM\"", "send", "--create", "--size=1MM", RING);
    TOOL_EXPECT(2, "--size: \"18446744073709551615K\"", "send", "--create", "--size=18446744073709551615K", RING);
    TOOL_EXPECT(2, "--size: \"\"", "send", "--create", "--size=", RING);
    TOOL_EXPECT(2, "to --create", "send", "--group=a", RING);
    TOOL_EXPECT(2, "to --create", "send", "--size=1M", RING);
    TOOL_EXPECT(2, "exclude each other", "send", "--records", "--raw", RING);
}

static void help_is_printed(void)
{
    TOOL_EXPECT(0, "usage: mring COMMAND", "--help");
    TOOL_EXPECT(0, "usage: mring send", "send", "--help");
    TOOL_EXPECT(0, "usage: mring recv", "recv", "-h");
    TOOL_EXPECT(0, "usage: mring ls", "ls", "--help");
    TOOL_EXPECT(0, "usage: mring fsck", "fsck", "--help");
    TOOL_EXPECT(0, mring_version(), "--version");
}

static void output_that_fails_is_told_of(void)
{
    EXPECT(tool_status(TOOL(-1, open("/dev/null", O_RDONLY), "ls", "--help")), ==, 1);
    EXPECT(strstr(tool_said(), "standard output: ") != NULL, ==, 1);
}

/* Else they would write into, or read from, what the library has opened. */
static void streams_that_are_closed_are_told_of(void)
{
    struct text text = {(char *)(uintptr_t) "one\n", 4};
    pid_t sender = TOOL(scratch(&text), -1, "send", "--create", "--group=all", RING);

    EXPECT(tool_status(TOOL(-1, CLOSED, "recv", "--wait=forever", RING)), ==, 1);
    EXPECT(strstr(tool_said(), "mring recv: standard output: ") != NULL, ==, 1);
    EXPECT(tool_status(TOOL(CLOSED, -1, "recv", RING)), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    EXPECT(tool_status(TOOL(CLOSED, CLOSED, "send", "--create", "--group=all", RING)), ==, 1);
    EXPECT(strstr(tool_said(), "mring send: standard input: ") != NULL, ==, 1);
}

/* ---- rings that are not to be had ---- */

static void what_cannot_be_had_is_named(void)
{
    struct mring_group groups[] = {{.name = "few", .members = 1}};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_producer *producer;
    struct mring_consumer *consumer;
    struct mring *ring;

    TOOL_EXPECT(1, tool_ring(), "send", "--wait=0", RING);
    TOOL_EXPECT(1, tool_ring(), "recv", "--wait=0", RING);
    TOOL_EXPECT(1, tool_ring(), "fsck", RING);
    TOOL_EXPECT(1, "no user \"no such user\"", "recv", "no such user/feed");
    TOOL_EXPECT(1, "control character", "send", "--create", "a\nb");
    TOOL_EXPECT(1, "\"nobody\"", "send", "--create", "--group=a:after=nobody", RING);
    TOOL_EXPECT(1, "two groups are called \"a\"", "send", "--create", "--group=a", "--group=a", RING);
    options.groups = groups;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    TOOL_EXPECT(0, "group few", "fsck", RING);
    TOOL_EXPECT(1, "lossy", "recv", "--group=few:lossy", RING);
    EXPECT_OK(mring_join(ring, "few", NULL, &consumer));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    TOOL_EXPECT(1, "\"few\" cannot be joined", "recv", "--group=few", RING);
    TOOL_EXPECT(1, "'/'", "recv", "--group=a/b", RING);
    TOOL_EXPECT(1, "producer", "send", RING);
    TOOL_EXPECT(1, tool_ring(), "send", "--create", RING);
    EXPECT_OK(mring_end(producer));
    EXPECT_OK(mring_producer_close(producer));
    TOOL_EXPECT(1, "complete", "send", RING);
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"what_makes_no_sense_is_named", what_makes_no_sense_is_named, 60},
        {"help_is_printed", help_is_printed, 60},
        {"output_that_fails_is_told_of", output_that_fails_is_told_of, 60},
        {"streams_that_are_closed_are_told_of", streams_that_are_closed_are_told_of, 60},
        {"what_cannot_be_had_is_named", what_cannot_be_had_is_named, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
