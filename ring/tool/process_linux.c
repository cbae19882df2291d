#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* When, of a moment in clock ticks since the system started. */
static time_t since(unsigned long long ticks)
{
    struct timespec running;

    (void)clock_gettime(CLOCK_BOOTTIME, &running);
    return time(NULL) - running.tv_sec + (time_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* PID (COMMAND) STATE ..., the 22nd when it began. The command may hold blanks and parentheses, the rest is the kernel's own. */
static bool read_stat(char *text, struct process *process)
{
    char *begin = strchr(text, '('), *end = strrchr(text, ')');
    unsigned long long ticks;

    if (begin == NULL || end == NULL || end < begin ||
        sscanf(end + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &ticks) !=
            1)
        return false;
    *end = '\0';
    (void)snprintf(process->command, sizeof(process->command), "%s", begin + 1);
    process->since = since(ticks);
    return true;
}

bool process_describe(int64_t pid, struct process *process)
{
    char text[1024];
    FILE *file;
    size_t length;

    (void)snprintf(text, sizeof(text), "/proc/%" PRId64 "/stat", pid);
    file = fopen(text, "re");
    if (file == NULL)
        return false;
    length = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    return read_stat(text, process);
}
