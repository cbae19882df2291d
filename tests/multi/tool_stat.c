/* `mring stat`: what it shows is what mring_stats says, to people and, parsed by somebody else's parser, to programs; once, or again and again. */
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { WORK, ODD, GROUPS, MESSAGES = 50, READ = 20 };

static const struct mring_group groups[GROUPS] = {
    {.name = "work", .members = 2, .unserved = MRING_DROP, .limit = 4096},
    {.name = "a \"b\"\\\xc3\xa4\xff\xed\xa0\x80", .members = 1}, /* the last bytes are no UTF-8 */
};
static const char odd_name[] = "a \"b\"\\\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";

static struct mring *ring;
static struct mring_producer *producer;
static struct mring_consumer *consumer;

static void send_some(unsigned count)
{
    for (unsigned at = 0; at < count; at++)
        EXPECT_OK(mring_send(producer, "1234567", 7, at));
}

static void make_ring(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring_message message;

    options.capacity = 65536;
    options.groups = groups;
    options.group_count = GROUPS;
    EXPECT_OK(mring_create(&ring, tool_ring(), &options));
    EXPECT_OK(mring_producer(ring, &producer, NULL));
    EXPECT_OK(mring_join(ring, groups[ODD].name, NULL, &consumer));
    send_some(MESSAGES);
    for (unsigned at = 0; at < READ; at++) {
        EXPECT(mring_next(consumer, &message), ==, 1);
        EXPECT_OK(mring_release(consumer, &message));
    }
}

static void end_ring(void)
{
    EXPECT_OK(mring_leave(consumer));
    EXPECT_OK(mring_producer_close(producer));
    EXPECT_OK(mring_close(ring));
}

static json_t *parse(const struct text *text)
{
    json_error_t error;
    json_t *root = json_loadb(text->bytes, text->length, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL)
        (void)fprintf(stderr, "%s in %.*s\n", error.text, (int)text->length, text->bytes);
    EXPECT(root != NULL, ==, 1);
    return root;
}

static long long number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    EXPECT(json_is_integer(value), ==, 1);
    return json_integer_value(value);
}

static bool truth(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    EXPECT(json_is_boolean(value), ==, 1);
    return json_is_true(value);
}

static void programs_are_told_all(void)
{
    int file = scratch(NULL);
    struct text text;
    json_t *root, *list, *group, *member;

    make_ring();
    EXPECT(tool_status(TOOL(-1, file, "stat", "--json", RING)), ==, 0);
    text = read_scratch(file);
    EXPECT(memchr(text.bytes, '\n', text.length) == text.bytes + text.length - 1, ==, 1);
    root = parse(&text);
    EXPECT(strcmp(json_string_value(json_object_get(root, "ring")), tool_ring()), ==, 0);
    EXPECT(number(root, "messages"), ==, MESSAGES);
    EXPECT(number(root, "bytes"), ==, MESSAGES * 7);
    EXPECT(number(root, "position"), ==, MESSAGES * 16);
    EXPECT(number(root, "producer"), ==, getpid());
    EXPECT(truth(root, "producing"), ==, true);
    EXPECT(truth(root, "ended"), ==, false);
    EXPECT(truth(root, "instant"), ==, true);
    list = json_object_get(root, "groups");
    EXPECT(json_array_size(list), ==, GROUPS);
    group = json_array_get(list, WORK);
    EXPECT(number(group, "lag_messages"), ==, MESSAGES);
    EXPECT(number(group, "limit"), ==, 4096);
    EXPECT_OK(strcmp(json_string_value(json_object_get(group, "unserved")), "drop"));
    EXPECT(truth(group, "dropped"), ==, false);
    EXPECT(json_array_size(json_object_get(group, "after")), ==, 0);
    EXPECT(truth(group, "gating"), ==, true);
    EXPECT(json_array_size(json_object_get(group, "members")), ==, 0);
    group = json_array_get(list, ODD);
    EXPECT(strcmp(json_string_value(json_object_get(group, "name")), odd_name), ==, 0);
    EXPECT(number(group, "lag_messages"), ==, MESSAGES - READ);
    EXPECT(number(group, "lag_bytes"), ==, 7 * (MESSAGES - READ));
    EXPECT(number(group, "members_most"), ==, 1);
    EXPECT_OK(strcmp(json_string_value(json_object_get(group, "unserved")), "stop"));
    EXPECT(truth(group, "gating"), ==, false);
    member = json_array_get(json_object_get(group, "members"), 0);
    EXPECT(number(member, "process"), ==, getpid());
    EXPECT(number(member, "messages"), ==, READ);
    EXPECT(number(member, "place"), ==, 0);
    json_decref(root);
    free(text.bytes);
    end_ring();
}

static void people_are_told_what_matters(void)
{
    char said[64];

    make_ring();
    (void)snprintf(said, sizeof(said), "producer %ld\n%d messages of 350 bytes published\n0 waits", (long)getpid(),
                   MESSAGES);
    TOOL_EXPECT(0, said, "stat", RING);
    TOOL_EXPECT(
        0, "for want of room it waits for group work, which nobody serves, until it is more than 4096 bytes behind\n",
        "stat", RING);
    TOOL_EXPECT(0, "work             last,unserved     0/2        50", "stat", RING);
    TOOL_EXPECT(0, "a\\x20\"b\"\\x5c\\xc3\\xa4\\xff", "stat", RING);
    EXPECT_OK(mring_end(producer));
    TOOL_EXPECT(0, "the stream is complete", "stat", RING);
    end_ring();
    TOOL_EXPECT(1, "no running process", "stat", RING);
    TOOL_EXPECT(2, "--every", "stat", "--watch", "--every=0", RING);
    TOOL_EXPECT(2, "--every", "stat", "--watch", "--every=often", RING);
    TOOL_EXPECT(2, "mring stat: the name of a ring is missing", "stat");
    TOOL_EXPECT(0, "usage: mring stat", "stat", "--help");
}

static void take_one(void *work)
{
    struct mring_message message;

    EXPECT_OK(mring_join(work, groups[WORK].name, NULL, &consumer));
    EXPECT(mring_next(consumer, &message), ==, 1);
    (void)raise(SIGKILL);
}

/* What the dead hold is told by its place: they have no pid any more. */
static void the_dead_are_waited_for(void)
{
    make_ring();
    child_finish_killed(child_start(take_one, ring));
    TOOL_EXPECT(0, "for want of room it waits for group work, place 0, which nobody serves, until", "stat", RING);
    end_ring();
}

/* One line of a pipe. */
static json_t *read_line(FILE *pipe)
{
    static char *line;
    static size_t size;
    ssize_t length = getline(&line, &size, pipe);
    struct text text = {line, (size_t)length};

    EXPECT(length, >, 0);
    return parse(&text);
}

static pid_t watch(FILE **lines)
{
    int ends[2];
    pid_t process;

    pipe_make(ends);
    process = TOOL(-1, ends[1], "stat", "--json", "--watch", "--every", "0.01", RING);
    EXPECT_OK(close(ends[1]));
    *lines = fdopen(ends[0], "r");
    EXPECT(*lines != NULL, ==, 1);
    return process;
}

/* Each line is a snapshot of its own, until a signal, or the end of who reads it. */
static void it_is_watched(void)
{
    long long before = MESSAGES;
    FILE *lines;
    pid_t process;

    make_ring();
    process = watch(&lines);
    for (unsigned turn = 0; turn < 10; turn++) {
        json_t *root = read_line(lines);

        /* What is sent after this line was made is in one of the next. */
        EXPECT(number(root, "messages"), >=, before);
        EXPECT(number(root, "messages"), <=, MESSAGES + turn);
        before = number(root, "messages");
        json_decref(root);
        send_some(1);
    }
    for (bool seen = false; !seen;) {
        json_t *root = read_line(lines);

        seen = number(root, "messages") == MESSAGES + 10;
        json_decref(root);
    }
    EXPECT_OK(kill(process, SIGINT));
    EXPECT(tool_status(process), ==, 128 + SIGINT);
    EXPECT_OK(fclose(lines));
    process = watch(&lines);
    json_decref(read_line(lines));
    EXPECT_OK(fclose(lines));
    EXPECT(tool_status(process), ==, 128 + SIGPIPE);
    end_ring();
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"it_is_watched", it_is_watched, 30},
        {"people_are_told_what_matters", people_are_told_what_matters, 30},
        {"programs_are_told_all", programs_are_told_all, 30},
        {"the_dead_are_waited_for", the_dead_are_waited_for, 30},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
