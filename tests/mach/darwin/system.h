/* What the tests ask of macOS. */
#ifndef TESTS_MACH_SYSTEM_H
#define TESTS_MACH_SYSTEM_H

#include <libproc.h>
#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/proc_info.h>

/* By the number that proc_pidinfo knows it by. */
static inline uint64_t own_thread(void)
{
    thread_identifier_info_data_t info = {.thread_handle = 0};
    mach_msg_type_number_t count = THREAD_IDENTIFIER_INFO_COUNT;
    mach_port_t self = mach_thread_self();

    (void)thread_info(self, THREAD_IDENTIFIER_INFO, (thread_info_t)&info, &count);
    (void)mach_port_deallocate(mach_task_self(), self);
    return info.thread_handle;
}

/* Is this thread asleep in the kernel? 0: the process's first. */
static inline bool is_asleep(pid_t process, uint64_t thread)
{
    struct proc_threadinfo info;

    if (thread == 0 && proc_pidinfo(process, PROC_PIDLISTTHREADS, 0, &thread, (int)sizeof thread) != (int)sizeof thread)
        return false;
    return proc_pidinfo(process, PROC_PIDTHREADINFO, thread, &info, (int)sizeof info) == (int)sizeof info &&
           info.pth_run_state == TH_STATE_WAITING;
}

/* Children that outlive their parent are launchd's: there is no way to have them. */
static inline void keep_orphans(void)
{
}

#endif
