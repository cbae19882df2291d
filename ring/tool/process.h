/* What there is to say of a process to people. */
#ifndef MRING_TOOL_PROCESS_H
#define MRING_TOOL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct process {
    char command[64]; /* as it calls itself: any bytes */
    time_t since;
};

/* False: there is none, or this one may not know. */
bool process_describe(int64_t pid, struct process *process);

#endif
