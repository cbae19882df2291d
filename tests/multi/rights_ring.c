#include "rights_ring.h"

#include "users.h"

#include <string.h>
#include <unistd.h>

struct event ready, finished;
char ring_name[64], foreign_name[80];

static const struct mring_group groups[] = {{.name = "g", .members = RIGHTS_MEMBERS},
                                            {.name = "h", .members = RIGHTS_MEMBERS}};

void name_ring(void)
{
    ready = event_make();
    finished = event_make();
    (void)snprintf(ring_name, sizeof(ring_name), "rights-%d", getpid());
    (void)snprintf(foreign_name, sizeof(foreign_name), "%d/%s", OWNER, ring_name);
}

static struct mring *make_ring_with(struct mring_options options)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct mring *ring;
    int code;

    options.capacity = 65536;
    options.groups = groups;
    options.group_count = 2;
    options.error = &error;
    code = mring_create(&ring, ring_name, &options);
    if (code != 0)
        (void)fprintf(stderr, "%s\n", error.text);
    EXPECT_OK(code);
    return ring;
}

struct mring *make_ring(enum mring_access access, enum mring_access produce)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.access = access;
    options.produce = produce;
    return make_ring_with(options);
}

struct mring *make_strict_ring(void)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.strict = 1;
    return make_ring_with(options);
}

int open_ring(struct mring **ring, const char *called, enum mring_role role)
{
    struct mring_open_options options = MRING_OPEN_OPTIONS_INIT;
    struct mring_error error = MRING_ERROR_INIT;
    int code;

    options.error = &error;
    code = mring_open(ring, called, role, &options);
    if (code != 0)
        EXPECT(strlen(error.text), >, 20);
    return code;
}

void serve_until_finished(void *argument)
{
    const enum mring_access *modes = argument;
    struct mring *ring;

    become(OWNER, OTHERS, OWNER);
    ring = make_ring(modes[0], modes[1]);
    event_send(&ready);
    event_wait(&finished);
    EXPECT_OK(mring_close(ring));
}
