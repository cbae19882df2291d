/*
 * Pid and start time, asked from the kernel with proc_pidinfo.
 *
 * A number is {start time: 31 bits, pid: 17 bits}: the start time in microseconds, modulo 2^31 (35.8 minutes). XNU gives
 * out pids up to 99999 and never 0 to a process of a user, so a number is never 0 and every pid fits.
 *
 * Is it a verdict? A pid that is not there, or there with another start time, is the kernel's word that the process is
 * dead; a stopped process keeps both. A zombie is not found: it is dead. A dead process is taken for a living one only if its
 * pid was given out again and the new process started a whole multiple of 2^31 microseconds after it, to the microsecond: 1 in
 * 2^31 for each process that gets the pid again while somebody still asks about the dead one.
 * What differs from Linux: exec keeps both pid and start time, so a member that execs is dead only when it exits; and a process
 * cannot be asked about from another user's account, which counts as living. Marks cannot be had: every mark counts as set.
 */
#include "member/life_system.h"

#include "core/layout.h"

#include <errno.h>
#include <libproc.h>
#include <sys/proc_info.h>
#include <unistd.h>

enum { PID_BITS = 17 };
#define PID_MASK   ((UINT64_C(1) << PID_BITS) - 1)
#define START_MASK (LIFE_MASK >> PID_BITS)

/* The number of the process that has this pid now. 0, or the errno value: ESRCH when there is none. */
static int number_of(pid_t pid, uint64_t *number)
{
    struct proc_bsdinfo info;
    int size;

    errno = 0;
    size = proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, (int)sizeof info);
    if (size != (int)sizeof info)
        return errno != 0 ? errno : EIO;
    *number = ((info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec) & START_MASK) << PID_BITS |
              ((uint64_t)pid & PID_MASK);
    return 0;
}

int life_system_open(struct life_place *place, mem_entry_name_port_t entry)
{
    (void)entry; /* nothing is kept in it here */
    *place = (struct life_place){.descriptor = -1};
    return 0;
}

void life_system_close(struct life_place *place)
{
    (void)place;
}

void life_system_forked(struct life_place *place)
{
    (void)place;
}

int life_system_take(struct life_place *place, uint64_t *number)
{
    (void)place;
    return -number_of(getpid(), number);
}

void life_system_refresh(const struct life_place *place, uint64_t number)
{
    (void)place;
    (void)number;
}

bool life_system_lives(const struct life_place *place, uint64_t number)
{
    uint64_t now;
    int saved = errno;
    int result = number_of((pid_t)(number & PID_MASK), &now);

    (void)place;
    errno = saved;
    if (result == 0)
        return now == number;
    return result != ESRCH;
}

pid_t life_system_process(const struct life_place *place, uint64_t number)
{
    return life_system_lives(place, number) ? (pid_t)(number & PID_MASK) : 0;
}

int life_system_mark(const struct life_place *place, uint64_t mark)
{
    (void)place;
    (void)mark;
    return 0;
}

void life_system_unmark(const struct life_place *place, uint64_t mark)
{
    (void)place;
    (void)mark;
}

bool life_system_marked(const struct life_place *place, uint64_t mark)
{
    (void)place;
    (void)mark;
    return true;
}
