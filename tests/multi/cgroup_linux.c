/*
 * A memory cgroup that has not enough: the ring is refused with an error, where the kernel would have killed its maker. Needs a system
 * where this process may make cgroups; elsewhere it is skipped.
 */
#include "harness.h"
#include "mring.h"
#include "possessions_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT = 48 * 1024 * 1024, TOO_LARGE = 64 * 1024 * 1024, SMALL = 1024 * 1024, SKIPPED = 77 };

static char folder[128];

static bool put(const char *file, long value)
{
    char path[192];
    FILE *to;
    bool done;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    to = fopen(path, "we");
    if (to == NULL)
        return false;
    done = fprintf(to, "%ld", value) > 0;
    return fclose(to) == 0 && done;
}

/* A cgroup of this limit, of either version. */
static bool group_made(void)
{
    static const struct {
        const char *mount, *limit;
    } versions[] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}};

    for (int at = 0; at < 2; at++) {
        (void)snprintf(folder, sizeof(folder), "%s/mring-test-%d", versions[at].mount, (int)getpid());
        if (mkdir(folder, 0700) == 0 && put(versions[at].limit, LIMIT))
            return true;
        (void)rmdir(folder);
    }
    return false;
}

static int create(struct mring **ring, size_t capacity, struct mring_error *error)
{
    struct mring_options options = MRING_OPTIONS_INIT;

    options.capacity = capacity;
    options.error = error;
    return mring_create(ring, NULL, &options);
}

static void live_there(void *unused)
{
    struct mring_error error = MRING_ERROR_INIT;
    struct possessions before, after;
    struct mring *ring;

    (void)unused;
    EXPECT(put("cgroup.procs", getpid()), ==, 1);
    EXPECT_OK(create(&ring, SMALL, NULL));
    EXPECT_OK(mring_close(ring));
    before = possessions_now();
    EXPECT(create(&ring, TOO_LARGE, &error), ==, -ENOMEM);
    (void)printf("  %s\n", error.text);
    EXPECT(strstr(error.text, "ring entry") != NULL, ==, 1);
    after = possessions_now();
    possessions_within(&before, &after, "after the failure");
    EXPECT_OK(create(&ring, SMALL, NULL));
    EXPECT_OK(mring_close(ring));
}

static void too_large_for_the_group(void)
{
    child_finish(child_start(live_there, NULL));
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {{"too_large_for_the_group", too_large_for_the_group, 30}};
    int result;

    if (!group_made()) {
        (void)printf("no memory cgroup can be made here\n");
        return SKIPPED;
    }
    result = harness_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
    (void)rmdir(folder);
    return result;
}
