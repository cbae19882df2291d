/*
 * What the system has, and what the memory cgroups that this process is in leave of their limits: its own and all above it, of version 2
 * and of version 1. A cgroup's room is its limit less what is used, not counting files that it can drop at once.
 *
 * Whoever fills more than that is not refused by the kernel, but killed, or somebody else is.
 */
#include "vm_available.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 512, LINE_ROOM = 2048 };

struct version {
    const char *filesystem;
    const char *controller; /* as /proc/self/cgroup and the mount's options call it; version 2 has no name there */
    const char *limit, *usage, *droppable;
};

static const struct version versions[] = {
    {"cgroup2", "", "memory.max", "memory.current", "inactive_file"},
    {"cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The number behind `key` at the beginning of a line. `otherwise`: there is none. */
static uint64_t read_number(const char *path, const char *key, uint64_t otherwise)
{
    FILE *file = fopen(path, "re");
    unsigned long long value = otherwise;
    char line[LINE_ROOM];
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, key, strlen(key)) == 0;
        if (found && sscanf(line + strlen(key), " %llu", &value) != 1)
            value = otherwise; /* "max" */
    }
    if (file != NULL)
        fclose(file);
    return value;
}

static uint64_t number_in(const char *folder, const char *name, const char *key, uint64_t otherwise)
{
    char path[PATH_ROOM + 64];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_number(path, key, otherwise);
}

static uint64_t room_in(const char *folder, const struct version *version)
{
    uint64_t limit = number_in(folder, version->limit, "", UINT64_MAX);
    uint64_t used = limit != UINT64_MAX ? number_in(folder, version->usage, "", 0) : 0;
    uint64_t droppable = limit != UINT64_MAX ? number_in(folder, "memory.stat", version->droppable, 0) : 0;

    used -= least(used, droppable);
    return limit - least(limit, used);
}

/* Is it one of a list with commas? Version 2 has an empty list. */
static bool lists(const char *list, const char *controller)
{
    const size_t length = strlen(controller);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, controller, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* The path of this process's cgroup within the hierarchy: a line of "number:controllers:path". */
static bool find_group(const struct version *version, char path[PATH_ROOM])
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[LINE_ROOM];
    bool found = false;

    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        char *controllers = strchr(line, ':');
        char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

        if (group == NULL)
            continue;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        found = lists(controllers + 1, version->controller);
        snprintf(path, PATH_ROOM, "%s", group);
    }
    if (file != NULL)
        fclose(file);
    return found;
}

/* Where the hierarchy is mounted, and what part of it is seen there. */
static bool find_mount(const struct version *version, char root[PATH_ROOM], char mount[PATH_ROOM])
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[LINE_ROOM], filesystem[32], options[256];
    bool found = false;

    _Static_assert(PATH_ROOM == 512, "the widths below");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *behind = strstr(line, " - ");

        found = behind != NULL && sscanf(line, "%*s %*s %*s %511s %511s", root, mount) == 2 &&
                sscanf(behind, " - %31s %*s %255s", filesystem, options) == 2 &&
                strcmp(filesystem, version->filesystem) == 0 &&
                (*version->controller == '\0' || lists(options, version->controller));
    }
    if (file != NULL)
        fclose(file);
    return found;
}

static uint64_t room_of_groups(const struct version *version)
{
    char group[PATH_ROOM], root[PATH_ROOM], folder[2 * PATH_ROOM], mount[PATH_ROOM];
    uint64_t room = UINT64_MAX;
    size_t seen;

    if (!find_group(version, group) || !find_mount(version, root, mount))
        return room;
    seen = strcmp(root, "/") == 0 ? 0 : strlen(root);
    /* A group outside of what is mounted here: that much, at least, it is in. */
    snprintf(folder, sizeof folder, "%s%s", mount, strncmp(group, root, seen) == 0 ? group + seen : "");
    for (char *end = folder + strlen(folder); end != NULL && end >= folder + strlen(mount);
         end = strrchr(folder, '/')) {
        *end = '\0';
        room = least(room, room_in(folder, version));
    }
    return room;
}

uint64_t vm_memory_available(void)
{
    uint64_t kibibytes = read_number("/proc/meminfo", "MemAvailable:", UINT64_MAX / 1024);
    uint64_t room = kibibytes * 1024;

    for (size_t at = 0; at < sizeof versions / sizeof *versions; at++)
        room = least(room, room_of_groups(&versions[at]));
    return room;
}
