/*
 * How `mring send` and `mring recv` end, other than by the end of input: killed, interrupted, with nobody at the other end of a pipe. Nothing is
 * lost, nothing is written twice without need, and whoever is left knows.
 */
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 30000, LONGEST = 300 };

/* What goes through, and what has come of it. */
static struct lines lines;
static unsigned seen[COUNT];
static uint64_t numbers;

static void make_lines(void)
{
    numbers = harness_seed;
    lines = lines_make(&numbers, COUNT, LONGEST);
}

static pid_t start_sender(const char *group)
{
    return TOOL(scratch(&lines.text), -1, "send", "--create", "--size=64K", group, RING);
}

/* A receiver whose output is a pipe: *from is this process's end. */
static pid_t start_receiver(int *from)
{
    int ends[2];
    pid_t receiver;

    pipe_make(ends);
    receiver = TOOL(-1, ends[1], "recv", "--wait=forever", RING);
    EXPECT_OK(close(ends[1]));
    *from = ends[0];
    return receiver;
}

/* The next bytes of a pipe, so many, and the rest of a line; what is behind it remains there. */
static void read_lines(int from, size_t least)
{
    struct text text = {malloc(least + 2 * LONGEST), 0};

    while (text.length < least || text.bytes[text.length - 1] != '\n') {
        ssize_t count = read(from, text.bytes + text.length, text.length < least ? least - text.length : 1);

        EXPECT(count, >, 0);
        text.length += (size_t)count;
    }
    lines_count(&lines, &text, seen);
    free(text.bytes);
}

static void count_rest(int from)
{
    struct text text = read_pipe(from);

    lines_count(&lines, &text, seen);
    free(text.bytes);
}

/* Each line was seen once at least, and more often only as many as `twice`. */
static void expect_all(unsigned twice)
{
    unsigned more = 0;

    for (unsigned at = 0; at < COUNT; at++) {
        EXPECT(seen[at], >=, 1);
        more += seen[at] - 1;
    }
    EXPECT(more, <=, twice);
}

/* Somewhere in the stream. */
static size_t somewhere(void)
{
    return random_below(&numbers, COUNT * LONGEST / 4);
}

/* ---- receivers ---- */

/* Another takes over where it was, and may repeat what that one had written and not released: a batch. */
static void take_over(const char *group, int how, unsigned twice)
{
    int from, rest;
    pid_t sender = start_sender(group), receiver = start_receiver(&from);

    memset(seen, 0, sizeof(seen));
    read_lines(from, somewhere());
    EXPECT_OK(kill(receiver, how));
    count_rest(from);
    EXPECT(tool_status(receiver), ==, 128 + how);
    receiver = start_receiver(&rest);
    count_rest(rest);
    EXPECT(tool_status(receiver), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    expect_all(twice);
}

/* Again and again: where it is hit, in a wait, or in or between writes, is chance. */
static void expect_takeover(const char *group, int how, unsigned twice)
{
    enum { TURNS = 10 };

    make_lines();
    for (int turn = 0; turn < TURNS; turn++)
        take_over(group, how, twice);
}

static void a_killed_receiver_is_taken_over_from(void)
{
    expect_takeover("--group=all:1", SIGKILL, 512);
}

static void a_killed_receiver_of_many_is_taken_over_from(void)
{
    expect_takeover("--group=all", SIGKILL, 64);
}

/* What was written was released: not a line comes twice. */
static void an_interrupted_receiver_leaves_in_good_order(void)
{
    expect_takeover("--group=all:1", SIGINT, 0);
}

static void a_terminated_receiver_of_many_leaves_in_good_order(void)
{
    expect_takeover("--group=all", SIGTERM, 0);
}

/* One of three, which can do nothing but hold what it has, while the others go on. */
static void the_others_take_over_from_one_that_is_killed(void)
{
    int from, out[2];
    pid_t sender, victim, other[2];

    make_lines();
    sender = start_sender("--group=all");
    victim = start_receiver(&from);
    read_lines(from, 1);
    for (int at = 0; at < 2; at++) {
        out[at] = scratch(NULL);
        other[at] = TOOL(-1, out[at], "recv", RING);
    }
    read_lines(from, random_below(&numbers, 100000));
    EXPECT_OK(kill(victim, SIGKILL));
    count_rest(from);
    EXPECT(tool_status(victim), ==, 128 + SIGKILL);
    for (int at = 0; at < 2; at++) {
        struct text got;

        EXPECT(tool_status(other[at]), ==, 0);
        got = read_scratch(out[at]);
        lines_count(&lines, &got, seen);
        free(got.bytes);
    }
    EXPECT(tool_status(sender), ==, 0);
    expect_all(64);
}

/* What nobody took from the pipe is lost with it, and no more: the next one goes on behind that. */
static void output_that_is_closed_early_leaves_the_rest_to_others(void)
{
    enum { PIPE = 65536 };
    int from, rest;
    size_t had, left;
    struct text got;
    pid_t sender, receiver;

    make_lines();
    sender = start_sender("--group=all:1");
    receiver = start_receiver(&from);
    had = somewhere();
    read_lines(from, had);
    EXPECT_OK(close(from));
    EXPECT(tool_status(receiver), ==, 128 + SIGPIPE);
    receiver = start_receiver(&rest);
    got = read_pipe(rest);
    EXPECT(tool_status(receiver), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    left = lines.text.length - got.length;
    EXPECT(left, >=, had);
    EXPECT(left, <=, had + 2 * LONGEST + PIPE);
    EXPECT_OK(memcmp(got.bytes, lines.text.bytes + left, got.length));
    free(got.bytes);
}

static void output_that_takes_nothing_loses_nothing(void)
{
    int unwritable = open("/dev/null", O_RDONLY), ends[2], rest;
    pid_t sender, receiver;

    make_lines();
    sender = start_sender("--group=all:1");
    pipe_make(ends);
    EXPECT_OK(close(ends[0]));
    EXPECT(tool_status(TOOL(-1, ends[1], "recv", "--wait=forever", RING)), ==, 128 + SIGPIPE);
    EXPECT_OK(strcmp(tool_said(), ""));
    EXPECT(tool_status(TOOL(-1, unwritable, "recv", RING)), ==, 1);
    EXPECT(strstr(tool_said(), "standard output: ") != NULL, ==, 1);
    receiver = start_receiver(&rest);
    count_rest(rest);
    EXPECT(tool_status(receiver), ==, 0);
    EXPECT(tool_status(sender), ==, 0);
    expect_all(0);
}

/* ---- senders that wait for input ---- */

/* A sender whose input is a pipe, and a receiver whose output is one. */
struct line {
    int to, from;
    pid_t sender, receiver;
};

static void start_input(struct line *line, const char *how, const char *group)
{
    int ends[2];

    pipe_make(ends);
    line->sender = TOOL(ends[0], -1, "send", how, group, RING);
    EXPECT_OK(close(ends[0]));
    line->to = ends[1];
}

static void start_output(struct line *line, const char *follow)
{
    int ends[2];

    pipe_make(ends);
    line->receiver = TOOL(-1, ends[1], "recv", "--wait=forever", follow, RING);
    EXPECT_OK(close(ends[1]));
    line->from = ends[0];
}

static void put_in(const struct line *line, const char *text)
{
    EXPECT(write(line->to, text, strlen(text)), ==, strlen(text));
}

static void expect_out(const struct line *line, const char *text)
{
    char got[64];

    for (size_t at = 0; at < strlen(text); at++)
        EXPECT(read(line->from, &got[at], 1), ==, 1);
    EXPECT_OK(memcmp(got, text, strlen(text)));
}

static void expect_end(const struct line *line, int sender, int receiver)
{
    char byte;

    EXPECT(read(line->from, &byte, 1), ==, 0);
    EXPECT_OK(close(line->from));
    EXPECT(tool_status(line->sender), ==, sender);
    EXPECT(tool_status(line->receiver), ==, receiver);
}

static void each_line_is_there_at_once(void)
{
    struct line line;

    start_input(&line, "--create", "--wait=1");
    start_output(&line, "--group=all");
    put_in(&line, "one\n");
    expect_out(&line, "one\n");
    put_in(&line, "two\nthr");
    expect_out(&line, "two\n");
    put_in(&line, "ee\nfour");
    expect_out(&line, "three\n");
    EXPECT_OK(close(line.to));
    expect_out(&line, "four");
    expect_end(&line, 0, 0);
    EXPECT_OK(strcmp(tool_said(), ""));
}

static void a_killed_sender_is_told_of(void)
{
    struct line line;

    start_input(&line, "--create", "--wait=1");
    start_output(&line, "--group=all");
    put_in(&line, "one\ntwo");
    expect_out(&line, "one\n");
    EXPECT_OK(kill(line.sender, SIGKILL));
    expect_end(&line, 128 + SIGKILL, 3);
    EXPECT(strstr(tool_said(), "before the end of the stream") != NULL, ==, 1);
}

/* The receiver serves the ring then. */
static void who_follows_waits_for_another_sender(void)
{
    struct line line;

    start_input(&line, "--create", "--wait=1");
    start_output(&line, "--follow");
    put_in(&line, "one\n");
    expect_out(&line, "one\n");
    EXPECT_OK(kill(line.sender, SIGKILL));
    EXPECT(tool_status(line.sender), ==, 128 + SIGKILL);
    EXPECT_OK(close(line.to));
    start_input(&line, "--no-end", "--wait=forever");
    put_in(&line, "two\n");
    expect_out(&line, "two\n");
    EXPECT_OK(close(line.to));
    EXPECT(tool_status(line.sender), ==, 0);
    start_input(&line, "--wait=forever", "--wait=forever");
    put_in(&line, "three\n");
    EXPECT_OK(close(line.to));
    expect_out(&line, "three\n");
    expect_end(&line, 0, 0);
}

/* What is whole was sent; what is not never is; and the stream is not complete. */
static void an_interrupted_sender_has_sent_what_it_could(void)
{
    struct line line;
    const char *said;

    start_input(&line, "--create", "--wait=1");
    start_output(&line, "--group=all");
    put_in(&line, "one\ntwo\nthr");
    expect_out(&line, "one\ntwo\n");
    EXPECT_OK(kill(line.sender, SIGINT));
    expect_end(&line, 128 + SIGINT, 3);
    said = tool_said();
    EXPECT(strstr(said, "last 3 bytes") != NULL, ==, 1);
    EXPECT(strstr(said, "before the end of the stream") != NULL, ==, 1);
}

/* Its place is free at once, though the group has but one. */
static void an_interrupted_receiver_makes_place(void)
{
    struct line line;

    start_input(&line, "--create", "--group=all:1");
    for (int turn = 0; turn < 3; turn++) {
        start_output(&line, "--group=all");
        put_in(&line, "one\n");
        expect_out(&line, "one\n");
        if (turn == 2)
            break;
        EXPECT_OK(kill(line.receiver, turn == 0 ? SIGINT : SIGHUP));
        EXPECT(tool_status(line.receiver), ==, 128 + (turn == 0 ? SIGINT : SIGHUP));
        EXPECT_OK(close(line.from));
    }
    EXPECT_OK(close(line.to));
    expect_end(&line, 0, 0);
}

/* ---- senders that wait for receivers ---- */

static struct mring *keep_ring(size_t capacity)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.capacity = capacity;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    return ring;
}

static void note_tail(void *context, const struct mring_finding *finding)
{
    uint64_t *tail = context;

    if (finding->group == NULL && finding->to > *tail)
        *tail = finding->to;
}

static void await_tail(struct mring *ring, uint64_t least)
{
    struct mring_fsck_options options = MRING_FSCK_OPTIONS_INIT;
    uint64_t tail = 0;

    options.report = note_tail;
    options.context = &tail;
    while (tail < least)
        EXPECT(mring_fsck(ring, &options), >=, 0);
}

static void a_sender_without_room_can_be_interrupted(void)
{
    enum { CAPACITY = 16384 };
    struct mring *ring = keep_ring(CAPACITY);
    struct text got;
    int out = scratch(NULL);
    pid_t sender;

    make_lines();
    sender = TOOL(scratch(&lines.text), -1, "send", RING);
    await_tail(ring, CAPACITY - 2 * LONGEST);
    EXPECT_OK(kill(sender, SIGINT));
    EXPECT(tool_status(sender), ==, 128 + SIGINT);
    EXPECT(strstr(tool_said(), "bytes that were read are not sent") != NULL, ==, 1);
    EXPECT(tool_status(TOOL(-1, out, "recv", RING)), ==, 3);
    got = read_scratch(out);
    EXPECT(got.length, >, CAPACITY / 2);
    EXPECT_OK(memcmp(got.bytes, lines.text.bytes, got.length));
    EXPECT(got.bytes[got.length - 1], ==, '\n');
    free(got.bytes);
    EXPECT_OK(mring_close(ring));
}

/* The stream is complete by then. */
static void a_sender_that_waits_for_receivers_can_be_interrupted(void)
{
    struct mring *ring = keep_ring(0);
    struct text text = {(char *)(uintptr_t) "one\ntwo\n", 8};
    int out = scratch(NULL);
    pid_t sender = TOOL(scratch(&text), -1, "send", RING);

    await_tail(ring, 1);
    EXPECT_OK(kill(sender, SIGTERM));
    EXPECT(tool_status(sender), ==, 128 + SIGTERM);
    EXPECT(tool_status(TOOL(-1, out, "recv", RING)) % 3, ==, 0);
    expect_scratch(out, &text);
    EXPECT_OK(mring_close(ring));
}

int main(int argc, char **argv)
{
#define SCENARIO(name)                                                                                                 \
    {                                                                                                                  \
#name, name, 60                                                                                                \
    }
    static const struct scenario scenarios[] = {
        SCENARIO(a_killed_receiver_is_taken_over_from),
        SCENARIO(a_killed_receiver_of_many_is_taken_over_from),
        SCENARIO(an_interrupted_receiver_leaves_in_good_order),
        SCENARIO(a_terminated_receiver_of_many_leaves_in_good_order),
        SCENARIO(the_others_take_over_from_one_that_is_killed),
        SCENARIO(output_that_is_closed_early_leaves_the_rest_to_others),
        SCENARIO(output_that_takes_nothing_loses_nothing),
        SCENARIO(each_line_is_there_at_once),
        SCENARIO(a_killed_sender_is_told_of),
        SCENARIO(who_follows_waits_for_another_sender),
        SCENARIO(an_interrupted_sender_has_sent_what_it_could),
        SCENARIO(an_interrupted_receiver_makes_place),
        SCENARIO(a_sender_without_room_can_be_interrupted),
        SCENARIO(a_sender_that_waits_for_receivers_can_be_interrupted),
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
