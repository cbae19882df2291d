/*
 * `mring send` and `mring recv`: what goes in comes out, byte for byte, whatever it is, and to several receivers of one group each line
 * once.
 */
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* ---- one receiver: the same bytes ---- */

/* Bytes of which one in `newlines` is a newline; 0: none. */
static struct text noise(uint64_t *random, size_t length, uint32_t newlines)
{
    struct text text = {malloc(length + 1), length};

    EXPECT(text.bytes != NULL, ==, 1);
    for (size_t at = 0; at < length; at++) {
        char byte = (char)random_below(random, 256);

        text.bytes[at] = newlines != 0 && random_below(random, newlines) == 0 ? '\n' : (char)(byte == '\n' ? 0 : byte);
    }
    return text;
}

/* Through a ring of this size, with these words for send. */
static void expect_through(const struct text *text, const char *size, const char *way, const char *groups)
{
    int in = scratch(text), out = scratch(NULL);
    pid_t sender = TOOL(in, -1, "send", "--create", "--size", size, way, groups, RING);
    pid_t receiver = TOOL(-1, out, "recv", "--wait", "forever", "--group", "one", RING);

    EXPECT(tool_status(receiver), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    EXPECT_OK(strcmp(tool_said(), ""));
    expect_scratch(out, text);
    EXPECT_OK(close(in));
}

static const char *const all_groups[] = {"--wait=1" /* says nothing */, "--group=one:1", "--group=one"};

static void expect_through_all(const struct text *text, const char *size, const char *way)
{
    for (size_t at = 0; at < sizeof(all_groups) / sizeof(all_groups[0]); at++)
        expect_through(text, size, way, all_groups[at]);
}

static void large_files_come_through(void)
{
    uint64_t random = harness_seed;
    struct text text = noise(&random, 20000000 + random_below(&random, 1000), 1 + random_below(&random, 1000));

    expect_through_all(&text, "1M", "--wait=1");
    expect_through(&text, "64K", "--wait=1", "--group=one");
    expect_through(&text, "64K", "--raw", "--group=one");
    free(text.bytes);
}

static void odd_files_come_through(void)
{
    static const char *const ends[] = {"", "\n", "x", "x\n", "\n\n", "a\n\nb", "a\nb\n"};
    static const char *const ways[] = {"--wait=1", "--raw"};

    for (size_t at = 0; at < sizeof(ends) / sizeof(ends[0]); at++)
        for (size_t way = 0; way < 2; way++) {
            struct text text = {(char *)(uintptr_t)ends[at], strlen(ends[at])};

            expect_through_all(&text, "16K", ways[way]);
        }
}

/* Of a ring of 16 KiB the longest message is 8184 bytes. */
static void long_lines_come_through(void)
{
    enum { LONGEST = 8184 };
    static const size_t lengths[] = {LONGEST - 1, LONGEST,         LONGEST + 1,     2 * LONGEST - 1,
                                     2 * LONGEST, 2 * LONGEST + 1, 3 * LONGEST + 5, 1000000};
    uint64_t random = harness_seed;

    for (size_t at = 0; at < sizeof(lengths) / sizeof(lengths[0]); at++) {
        struct text text = noise(&random, lengths[at], 0);

        expect_through_all(&text, "16K", "--wait=1");
        text.bytes[text.length++] = '\n'; /* noise leaves room for it */
        expect_through_all(&text, "16K", "--wait=1");
        free(text.bytes);
    }
}

/* ---- records ---- */

static struct text records(uint64_t *random, unsigned count, uint32_t longest)
{
    struct text text = {malloc((size_t)count * (longest + 4)), 0};

    EXPECT(text.bytes != NULL, ==, 1);
    for (unsigned at = 0; at < count; at++) {
        uint32_t length = random_below(random, longest + 1);

        for (int byte = 3; byte >= 0; byte--)
            text.bytes[text.length++] = (char)(length >> 8 * byte & 255);
        for (; length > 0; length--)
            text.bytes[text.length++] = (char)random_below(random, 256);
    }
    return text;
}

static void records_keep_their_bounds(void)
{
    uint64_t random = harness_seed;
    struct text text = records(&random, 3000, 8184);
    int in = scratch(&text), out = scratch(NULL);
    pid_t sender = TOOL(in, -1, "send", "--create", "--size=16K", "--records", RING);
    pid_t receiver = TOOL(-1, out, "recv", "--wait=forever", "--records", RING);

    EXPECT(tool_status(receiver), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    expect_scratch(out, &text);
    free(text.bytes);
}

static void no_records_are_no_records(void)
{
    int out = scratch(NULL);
    pid_t sender = TOOL(-1, -1, "send", "--create", "--records", "--group=all", RING);

    EXPECT(tool_status(TOOL(-1, out, "recv", "--wait=forever", "--records", RING)), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    expect_scratch(out, &(struct text){(char *)(uintptr_t) "", 0});
}

/* A ring of this process's, which is there before and after all who use it. */
static struct mring *keep_ring(size_t capacity, const char *name, unsigned members)
{
    struct mring_group group = {.name = name, .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.capacity = capacity;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    return ring;
}

/* A record that is cut off, or is too long, is no record: send fails, and what came before it was sent. */
static void expect_bad_record(const char *bytes, size_t length, const char *word)
{
    struct mring *ring = keep_ring(16384, "all", 1);
    struct text text = {(char *)(uintptr_t)bytes, length};
    int in = scratch(&text), out = scratch(NULL);

    EXPECT(tool_status(TOOL(in, -1, "send", "--records", RING)), ==, 1);
    EXPECT(strstr(tool_said(), word) != NULL, ==, 1);
    EXPECT(tool_status(TOOL(-1, out, "recv", "--records", RING)), ==, 3);
    EXPECT(strstr(tool_said(), "before the end of the stream") != NULL, ==, 1);
    text.length = 5; /* of the first record */
    expect_scratch(out, &text);
    EXPECT_OK(mring_close(ring));
}

static void bad_records_are_refused(void)
{
    expect_bad_record("\0\0\0\1x\0\0", 7, "record 2");
    expect_bad_record("\0\0\0\1x\0\0\0\5four", 13, "record 2");
    expect_bad_record("\0\0\0\1x\0\0\x1f\xf9", 9, "8184 at most");
}

/* ---- several receivers ---- */

enum { COUNT = 100000, LONGEST = 300, RECEIVERS = 3 };

static void expect_seen(const struct lines *lines, const unsigned *seen, unsigned times)
{
    for (unsigned at = 0; at < lines->count; at++)
        EXPECT(seen[at], ==, times);
}

/* Who comes when all is over finds the stream complete. */
static void three_of_one_group_share_the_lines(void)
{
    static unsigned seen[COUNT];
    uint64_t random = harness_seed;
    struct lines lines = lines_make(&random, COUNT, LONGEST);
    struct mring *ring = keep_ring(0, "workers", RECEIVERS);
    int in = scratch(&lines.text), out[RECEIVERS];
    pid_t receiver[RECEIVERS], sender;
    size_t total = 0;

    for (int at = 0; at < RECEIVERS; at++) {
        out[at] = scratch(NULL);
        receiver[at] = TOOL(-1, out[at], "recv", "--group=workers", RING);
    }
    sender = TOOL(in, -1, "send", RING);
    for (int at = 0; at < RECEIVERS; at++)
        EXPECT(tool_status(receiver[at]), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    for (int at = 0; at < RECEIVERS; at++) {
        struct text got = read_scratch(out[at]);

        total += got.length;
        lines_count(&lines, &got, seen);
        free(got.bytes);
    }
    EXPECT(total, ==, lines.text.length);
    expect_seen(&lines, seen, 1);
    lines_free(&lines);
    EXPECT_OK(mring_close(ring));
}

static void two_groups_get_all(void)
{
    uint64_t random = harness_seed;
    struct lines lines = lines_make(&random, COUNT, LONGEST);
    int in = scratch(&lines.text), out[] = {scratch(NULL), scratch(NULL)};
    pid_t sender = TOOL(in, -1, "send", "--create", "--size=32K", "--group=a", "--group=b:1", RING);
    pid_t receiver[] = {TOOL(-1, out[0], "recv", "--wait=forever", "--group=a", RING),
                        TOOL(-1, out[1], "recv", "--wait=forever", "--group=b", RING)};

    for (int at = 0; at < 2; at++) {
        EXPECT(tool_status(receiver[at]), ==, 0);
        expect_scratch(out[at], &lines.text);
    }
    EXPECT(tool_status(sender), ==, 0);
    lines_free(&lines);
}

/*
 * One that is not read from, until the sender has finished with a group that is waited for. What it wrote is whole lines, each once, and what it
 * says it missed is the rest, exactly.
 */
static void a_lossy_group_is_not_waited_for(void)
{
    static unsigned seen[COUNT];
    uint64_t random = harness_seed;
    struct lines lines = lines_make(&random, COUNT, LONGEST);
    int out = scratch(NULL), ends[2];
    unsigned long long missed, bytes, got = 0;
    struct text text;
    pid_t sender =
        TOOL(scratch(&lines.text), -1, "send", "--create", "--size=64K", "--group=all", "--group=show:1,lossy", RING);
    pid_t show, keep;

    pipe_make(ends);
    show = TOOL(-1, ends[1], "recv", "--wait=forever", "--group=show", RING);
    EXPECT_OK(close(ends[1]));
    EXPECT(poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, -1), ==, 1);
    keep = TOOL(-1, out, "recv", RING);
    EXPECT(tool_status(keep), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    expect_scratch(out, &lines.text);
    text = read_pipe(ends[0]);
    EXPECT(tool_status(show), ==, 0);
    lines_count(&lines, &text, seen);
    for (unsigned at = 0; at < COUNT; at++) {
        EXPECT(seen[at], <=, 1);
        got += seen[at];
    }
    EXPECT(sscanf(tool_said(), "mring recv: missed %llu messages of %llu bytes", &missed, &bytes), ==, 2);
    EXPECT(missed + got, ==, COUNT);
    EXPECT(bytes + text.length, ==, lines.text.length);
    lines_free(&lines);
    free(text.bytes);
}

/* Each line goes to the second group after the first: who starts there earlier waits. */
static void a_group_comes_after_another(void)
{
    uint64_t random = harness_seed;
    struct lines lines = lines_make(&random, COUNT, LONGEST);
    int out[] = {scratch(NULL), scratch(NULL)};
    pid_t sender =
        TOOL(scratch(&lines.text), -1, "send", "--create", "--group=apply:1,after=journal", "--group=journal:1", RING);
    pid_t apply = TOOL(-1, out[1], "recv", "--wait=forever", "--group=apply", RING);

    for (int at = 0; at < 2; at++)
        EXPECT(tool_status(at == 0 ? TOOL(-1, out[0], "recv", "--wait=forever", "--group=journal", "--count=1000", RING)
                                   : TOOL(-1, out[0], "recv", "--group=journal", RING)),
               ==, 0);
    EXPECT(tool_status(apply), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    for (int at = 0; at < 2; at++)
        expect_scratch(out[at], &lines.text);
    lines_free(&lines);
}

static void lines_that_are_torn_are_told_of(void)
{
    uint64_t random = harness_seed;
    struct text text = noise(&random, 1000000, 0);
    int out = scratch(NULL);
    pid_t sender = TOOL(scratch(&text), -1, "send", "--create", "--size=16K", "--group=all", RING);

    EXPECT(tool_status(TOOL(-1, out, "recv", "--wait=forever", "--count=1", RING)), ==, 0);
    EXPECT_OK(strcmp(tool_said(), ""));
    EXPECT(tool_status(TOOL(-1, out, "recv", RING)), ==, 3);
    EXPECT(strstr(tool_said(), "not all of its pieces came here") != NULL, ==, 1);
    EXPECT(tool_status(sender), ==, 0);
    expect_scratch(out, &text);
    free(text.bytes);
}

/* ---- bounds of a stream ---- */

static void several_senders_make_one_stream(void)
{
    static const char *const parts[] = {"one\n", "two, without an end", "\nthree\n"};
    struct text whole = {(char *)(uintptr_t) "one\ntwo, without an end\nthree\n", 30};
    int out = scratch(NULL), in[3];
    pid_t receiver = TOOL(-1, out, "recv", "--wait=forever", RING);

    for (int at = 0; at < 3; at++) {
        in[at] = scratch(&(struct text){(char *)(uintptr_t)parts[at], strlen(parts[at])});
        EXPECT(tool_status(at == 0   ? TOOL(in[at], -1, "send", "--create", "--no-end", RING)
                           : at == 1 ? TOOL(in[at], -1, "send", "--no-end", "--wait=forever", RING)
                                     : TOOL(in[at], -1, "send", "--wait=forever", RING)),
               ==, 0);
    }
    EXPECT(tool_status(receiver), ==, 0);
    expect_scratch(out, &whole);
}

/* Each takes as many as it was told to, and leaves the next to the next. */
static void a_count_ends_a_receiver(void)
{
    uint64_t random = harness_seed;
    struct lines lines = lines_make(&random, 1000, LONGEST);
    int in = scratch(&lines.text), out = scratch(NULL);
    pid_t sender = TOOL(in, -1, "send", "--create", "--size=16K", "--group=all", RING);

    for (unsigned at = 0; at < 10; at++)
        EXPECT(tool_status(TOOL(-1, out, "recv", "--wait=forever", "--count=97", RING)), ==, 0);
    EXPECT(tool_status(TOOL(-1, out, "recv", RING)), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    expect_scratch(out, &lines.text);
    lines_free(&lines);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"large_files_come_through", large_files_come_through, 120},
        {"odd_files_come_through", odd_files_come_through, 120},
        {"long_lines_come_through", long_lines_come_through, 120},
        {"records_keep_their_bounds", records_keep_their_bounds, 60},
        {"no_records_are_no_records", no_records_are_no_records, 60},
        {"bad_records_are_refused", bad_records_are_refused, 60},
        {"three_of_one_group_share_the_lines", three_of_one_group_share_the_lines, 60},
        {"two_groups_get_all", two_groups_get_all, 60},
        {"a_lossy_group_is_not_waited_for", a_lossy_group_is_not_waited_for, 60},
        {"a_group_comes_after_another", a_group_comes_after_another, 60},
        {"lines_that_are_torn_are_told_of", lines_that_are_torn_are_told_of, 60},
        {"several_senders_make_one_stream", several_senders_make_one_stream, 60},
        {"a_count_ends_a_receiver", a_count_ends_a_receiver, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
