#include "process.h"

#include <libproc.h>
#include <stdio.h>
#include <sys/proc_info.h>

bool process_describe(int64_t pid, struct process *process)
{
    struct proc_bsdinfo info;

    if (proc_pidinfo((int)pid, PROC_PIDTBSDINFO, 0, &info, (int)sizeof(info)) != (int)sizeof(info))
        return false;
    (void)snprintf(process->command, sizeof(process->command), "%.*s", (int)sizeof(info.pbi_comm), info.pbi_comm);
    process->since = (time_t)info.pbi_start_tvsec;
    return true;
}
