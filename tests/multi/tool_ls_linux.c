/* mring_list, and `mring ls`: rings while they are served, whatever they are called; and of what others have bound, nothing else. */
#include "event.h"
#include "harness.h"
#include "mring.h"
#include "tool.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How often a ring of this name is listed, and that its server is this process. */
struct search {
    const char *name;
    int found;
};

static void look(void *context, const struct mring_listed *listed)
{
    struct search *search = context;

    if (strcmp(listed->name, search->name) != 0)
        return;
    EXPECT(listed->process, ==, getpid());
    search->found++;
}

static int listed(const char *name, unsigned others)
{
    struct mring_list_options options = MRING_LIST_OPTIONS_INIT;
    struct search search = {name, 0};

    options.report = look;
    options.context = &search;
    options.others = others;
    EXPECT(mring_list(&options), >=, search.found);
    return search.found;
}

static void expect_row(const char *name, const char *escaped)
{
    char row[128];
    struct mring *ring;

    EXPECT(listed(name, 0), ==, 0);
    EXPECT_OK(mring_create(&ring, name, NULL));
    EXPECT(listed(name, 0), ==, 1);
    EXPECT(listed(name, 1), ==, 1);
    TOOL_EXPECT(0, escaped, "ls", "--quiet");
    (void)snprintf(row, sizeof(row), "%ld  20", (long)getpid()); /* and the year */
    TOOL_EXPECT(0, row, "ls", "--all");
    TOOL_EXPECT(0, escaped, "ls");
    EXPECT_OK(mring_close(ring));
    EXPECT(listed(name, 1), ==, 0);
}

static void rings_are_listed_while_they_are_served(void)
{
    struct mring_list_options options = MRING_LIST_OPTIONS_INIT;
    char name[64], escaped[128];

    expect_row(tool_ring(), tool_ring());
    (void)snprintf(name, sizeof(name), "%s \\\xc3\xa4@", tool_ring());
    (void)snprintf(escaped, sizeof(escaped), "%s\\x20\\x5c\\xc3\\xa4@", tool_ring());
    expect_row(name, escaped);
    EXPECT(mring_list(NULL), >=, 0);
    options.size = 1;
    EXPECT(mring_list(&options), ==, -EINVAL);
}

/* Somebody binds an address: with a `listener` it looks like a ring's, unless it is asked. */
static int bind_name(const char *path, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    EXPECT(length, <, sizeof(address.sun_path));
    memcpy(address.sun_path + 1, path, length);
    EXPECT_OK(
        bind(listener, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));
    EXPECT_OK(listen(listener, 1));
    return listener;
}

static void expect_another(void *own, const struct mring_listed *listed)
{
    EXPECT(strstr(listed->name, own) != NULL, ==, 0);
}

/* Addresses of anybody's: a second line within one, controls, no name, numbers that are no user's. None is shown, and none does harm. */
static void what_is_no_ring_is_not_listed(void)
{
    static const char *const paths[] = {
        "x\n0: 2 0 00010000 0005 01 1 @mring-mach/%u/mring.forged.%ld",
        "mring-mach/%u/mring.a\x1b[31m.%ld",
        "mring-mach/%u/mring.\x01.%ld",
        "mring-mach/%u/mring.slash/%ld",
        "mring-mach/%u/other.%ld",
        "mring-mach/%u0000000000/mring.%ld",
        "mring-mach/-%u/mring.%ld",
        "mring-mach/%u",
    };
    enum { PATHS = sizeof(paths) / sizeof(paths[0]) };
    struct mring_list_options options = MRING_LIST_OPTIONS_INIT;
    int listener[PATHS];
    char path[108], own[32];

    for (size_t at = 0; at < PATHS; at++) {
        int length = snprintf(path, sizeof(path), paths[at], (unsigned)geteuid(), (long)getpid());

        listener[at] = bind_name(path, (size_t)length);
    }
    (void)snprintf(own, sizeof(own), "%ld", (long)getpid());
    options.report = expect_another;
    options.context = own;
    options.others = 1;
    EXPECT(mring_list(&options), >=, 0);
    for (size_t at = 0; at < PATHS; at++)
        EXPECT_OK(close(listener[at]));
}

/* Takes an address of root's, as another user, and listens there. */
static void squat(void *argument)
{
    const struct event *const *events = argument;
    char path[108];
    int length = snprintf(path, sizeof(path), "mring-mach/0/mring.squat.%ld", (long)getppid());

    EXPECT_OK(setuid(65534));
    (void)bind_name(path, (size_t)length);
    event_send(events[0]);
    event_wait(events[1]);
}

/* Root alone can become somebody else. */
static void who_sits_on_a_name_is_not_listed(void)
{
    const struct event here = event_make(), go = event_make(), *events[] = {&here, &go};
    char name[64];
    pid_t child;

    if (geteuid() != 0)
        return;
    child = child_start(squat, (void *)events);
    event_wait(&here);
    (void)snprintf(name, sizeof(name), "squat.%ld", (long)getpid());
    EXPECT(listed(name, 0), ==, 0);
    event_send(&go);
    child_finish(child);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"rings_are_listed_while_they_are_served", rings_are_listed_while_they_are_served, 60},
        {"what_is_no_ring_is_not_listed", what_is_no_ring_is_not_listed, 60},
        {"who_sits_on_a_name_is_not_listed", who_sits_on_a_name_is_not_listed, 60},
    };

    return harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
