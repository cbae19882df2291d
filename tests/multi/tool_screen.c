/* `mring stat --watch` on a terminal: what a person sees there, and what is left of it when it ends. */
#include "harness.h"
#include "mring.h"
#include "terminal.h"
#include "tool.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { CAPACITY = 16384, LENGTH = 56, RECORD = 64, LAP = CAPACITY / RECORD, MANY = 40, ROWS = 24, COLUMNS = 80 };

static struct mring *ring;
static struct mring_producer *producer;
static struct mring_consumer *consumer;
static struct terminal terminal;

static void make_ring(const struct mring_group *groups, size_t count)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = CAPACITY;
    options.groups = groups;
    options.group_count = count;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
}

static void make_common_ring(void)
{
    static const struct mring_group groups[] = {
        {.name = "work", .members = 1}, {.name = "show", .members = 1, .lossy = 1}, {.name = "idle", .members = 3}};

    make_ring(groups, 3);
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
}

static void end_ring(void)
{
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static void send_some(unsigned count)
{
    static const char bytes[LENGTH];

    for (unsigned at = 0; at < count; at++)
        EXPECT_OK(mring_send(producer, bytes, LENGTH, at));
}

static void read_some(struct mring_consumer *who, unsigned count)
{
    struct mring_message message;

    for (unsigned at = 0; at < count; at++) {
        EXPECT(mring_next(who, &message), ==, 1);
        EXPECT_OK(mring_release(who, &message));
    }
}

static void watch(int rows, int columns)
{
    terminal_open(&terminal, rows, columns);
    TERMINAL_START(&terminal, "stat", "--watch", "--every=0.05", RING);
}

static void quit(void)
{
    terminal_type(&terminal, "q");
    EXPECT(terminal_status(&terminal), ==, 0);
    terminal_close(&terminal);
}

/* Words of a line: the one at an index from 0, as a number. */
static double number_at(const char *line, int index)
{
    while (index-- > 0) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    return atof(line);
}

enum { PER_SECOND = 4 };

/* All that matters is there on a screen of the usual size, and follows what happens. */
static void counters_are_shown_as_they_change(void)
{
    char words[128];
    struct mring_consumer *show;

    make_common_ring();
    EXPECT_OK(mring_join(ring, "show", NULL, &show));
    watch(ROWS, COLUMNS);
    terminal_await(&terminal, "MISSED REDELIVERED");
    (void)snprintf(words, sizeof(words), "producer %ld", (long)getpid());
    terminal_await(&terminal, words);
    terminal_await(&terminal, "work             -                 1/1         0          0        0           0");
    send_some(200);
    terminal_await(&terminal, "200 messages of 11200 bytes published");
    terminal_await(&terminal, "work             last              1/1       200");
    terminal_await(&terminal, "idle             last,unserved     0/3       200");
    terminal_await(&terminal, "show             -                 1/1       200");
    (void)snprintf(words, sizeof(words), "for want of room it waits for group work, place 0 (pid %ld); and for 1 more",
                   (long)getpid());
    terminal_await(&terminal, words);
    read_some(consumer, 150);
    terminal_await(&terminal, "work             -                 1/1        50");
    terminal_await(&terminal, "for want of room it waits for group idle, which nobody serves");
    quit();
    EXPECT_OK(mring_leave(show));
    end_ring();
}

/* Each is shown for one interval: some are seen. */
static void speeds_are_shown(void)
{
    static const struct mring_group groups[] = {{.name = "work", .members = 1}};

    make_ring(groups, 1);
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    watch(ROWS, COLUMNS);
    terminal_await(&terminal, "published, 0 and 0 a second");
    terminal_await(&terminal, "work             -                 1/1         0          0");
    do {
        send_some(1);
        read_some(consumer, 1);
        EXPECT(terminal_look(&terminal), ==, 1);
    } while (number_at(terminal_find(&terminal, "work    "), PER_SECOND) == 0 ||
             terminal_find(&terminal, "published, 0 and 0 a second") != NULL);
    terminal_await(&terminal, "published, 0 and 0 a second");
    terminal_await(&terminal, "work             -                 1/1         0          0");
    quit();
    end_ring();
}

static void fill(void *argument)
{
    struct mring *opened;
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_producer *own;

    (void)argument;
    EXPECT_OK(mring_open(&opened, tool_ring(), MRING_PRODUCE, &options));
    EXPECT_OK(mring_producer(opened, &own, NULL));
    for (;;)
        EXPECT_OK(mring_send_wait(own, "", 0, 0, MRING_FOREVER));
}

static void it_is_told_who_stops_the_producer(void)
{
    char words[128];
    pid_t child;
    struct mring_consumer *other;

    make_common_ring();
    EXPECT_OK(mring_join(ring, "idle", NULL, &other));
    EXPECT_OK(mring_producer_close(producer));
    child = child_start(fill, NULL);
    watch(ROWS, COLUMNS);
    (void)snprintf(words, sizeof(words), "producer %ld, asleep until more is released", (long)child);
    terminal_await(&terminal, words);
    (void)snprintf(words, sizeof(words), "it waits for group work, place 0 (pid %ld); and for 1 more", (long)getpid());
    terminal_await(&terminal, words);
    EXPECT_OK(kill(child, SIGKILL));
    terminal_await(&terminal, "no producer");
    (void)tool_status(child);
    quit();
    EXPECT_OK(mring_leave(other));
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_close(ring));
}

static void who_is_dropped_is_told(void)
{
    static const struct mring_group groups[] = {
        {.name = "work", .members = 1}, {.name = "idle", .members = 3, .unserved = MRING_DROP, .limit = CAPACITY / 2}};
    static const char words[LENGTH];

    make_ring(groups, 2);
    EXPECT_OK(mring_join(ring, "work", NULL, &consumer));
    watch(ROWS, 200);
    send_some(LAP - 1);
    read_some(consumer, LAP - 1);
    terminal_await(&terminal,
                   "for want of room it waits for group idle, which nobody serves, until it is more than 8192 ");
    terminal_await(&terminal, "durable,drop=8192");
    terminal_await(&terminal, "idle             last,unserved ");
    EXPECT_OK(mring_send_wait(producer, words, LENGTH, 0, MRING_FOREVER));
    read_some(consumer, 1);
    terminal_await(&terminal, "idle             dropped ");
    terminal_await_gone(&terminal, "for want of room");
    terminal_type(&terminal, "q");
    EXPECT(terminal_status(&terminal), ==, 3); /* as of a group that was cut off */
    terminal_close(&terminal);
    end_ring();
}

/* More groups than lines, and than fit behind those that are fixed. */
static void what_does_not_fit_is_moved_to(void)
{
    static char names[MANY][16];
    static struct mring_group groups[MANY];

    for (int at = 0; at < MANY; at++) {
        (void)snprintf(names[at], sizeof(names[at]), "group-%02d", at);
        groups[at] = (struct mring_group){.name = names[at], .members = 1};
    }
    make_ring(groups, MANY);
    EXPECT_OK(mring_join(ring, "group-39", NULL, &consumer));
    watch(ROWS, COLUMNS);
    terminal_await(&terminal, "group-17 "); /* 3 lines of the ring, an empty one, titles; the last line is help */
    terminal_await(&terminal, "GROUP   ");
    terminal_await_gone(&terminal, "group-18 ");
    terminal_type(&terminal, "\033B");
    terminal_await(&terminal, "group-18 ");
    terminal_type(&terminal, "\033A");
    terminal_await_gone(&terminal, "group-18 ");
    terminal_resize(&terminal, 30, 100);
    terminal_await(&terminal, "group-23 ");
    terminal_await(&terminal, "LAG-BYTES");
    terminal_resize(&terminal, 10, 40);
    terminal_await(&terminal, "group-03 ");
    terminal_await(&terminal, "MEMBERS");
    terminal_await_gone(&terminal, "group-04 ");
    terminal_await_gone(&terminal, "LAG ");
    for (int at = 0; at < 40; at++)
        terminal_type(&terminal, "\033B");
    terminal_await(&terminal, "MEMBER OF");
    terminal_type(&terminal, "\033C\033C\033C");
    terminal_await(&terminal, "HELD");
    terminal_await_gone(&terminal, "group-39 ");
    terminal_resize(&terminal, 1, 1);
    terminal_resize(&terminal, ROWS, COLUMNS);
    terminal_await(&terminal, "q quits");
    quit();
    end_ring();
}

static void ctrl_c_leaves_the_terminal_as_it_was(void)
{
    make_common_ring();
    watch(ROWS, COLUMNS);
    terminal_await(&terminal, "work  ");
    terminal_type(&terminal, "\003");
    EXPECT(terminal_status(&terminal), ==, 128 + SIGINT);
    terminal_close(&terminal);
    end_ring();
}

/* The numbers, again and again: also for programs, whatever they are shown on. */
static void other_terminals_are_written_to(void)
{
    make_common_ring();
    terminal_open(&terminal, ROWS, 200);
    terminal_start(&terminal, "no-such-terminal", (const char *const[]){"stat", "--watch", "--every=0.05", RING, NULL});
    terminal_await(&terminal, "idle             unserved ");
    send_some(1);
    terminal_await(&terminal, "1 messages of 56 bytes published, ");
    terminal_type(&terminal, "\003");
    EXPECT(terminal_status(&terminal), ==, 128 + SIGINT);
    terminal_close(&terminal);
    terminal_open(&terminal, ROWS, 200);
    TERMINAL_START(&terminal, "stat", "--json", "--watch", "--every=0.05", RING);
    terminal_await(&terminal, "{\"ring\":\"");
    terminal_type(&terminal, "\003");
    EXPECT(terminal_status(&terminal), ==, 128 + SIGINT);
    terminal_close(&terminal);
    end_ring();
}

int main(int argc, char **argv)
{
#define SCENARIO(name)                                                                                                 \
    {                                                                                                                  \
#name, name, 60                                                                                                \
    }
    static const struct scenario scenarios[] = {
        SCENARIO(counters_are_shown_as_they_change), SCENARIO(speeds_are_shown),
        SCENARIO(it_is_told_who_stops_the_producer), SCENARIO(who_is_dropped_is_told),
        SCENARIO(what_does_not_fit_is_moved_to),     SCENARIO(ctrl_c_leaves_the_terminal_as_it_was),
        SCENARIO(other_terminals_are_written_to),
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
