/* What the tests ask of Linux. */
#ifndef TESTS_MACH_SYSTEM_H
#define TESTS_MACH_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static inline uint64_t own_thread(void)
{
    return (uint64_t)gettid();
}

/* Is this thread asleep in the kernel? 0: the process's first. */
static inline bool is_asleep(pid_t process, uint64_t thread)
{
    char path[64], text[512], *state;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, thread != 0 ? (int)thread : (int)process);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    state = strrchr(text, ')');
    return state && state[1] == ' ' && state[2] == 'S';
}

/* Children of this process's that outlive their parent are this process's own. */
static inline void keep_orphans(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

#endif
