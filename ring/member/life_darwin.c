/*
 * Pid and start time, asked from the kernel.
 *
 * A number is {start time: 30 bits, whether it has called exec: 1 bit, pid: 17 bits}: the start time in microseconds, modulo 2^30 (17.9
 * minutes). XNU gives out pids up to 99999 and never 0 to a process of a user, so a number is never 0 and every pid fits.
 *
 * Is it a verdict? A pid that is not there, or there with another start time, is the kernel's word that the process is
 * dead; a stopped process keeps both. A process is not found any more from when its last thread is past doing anything; a zombie is dead.
 * A dead process is taken for a living one only if its pid was given out again and the new process started a whole multiple of 2^30
 * microseconds after it, to the microsecond: 1 in 2^30 for each process that gets the pid while somebody still asks about the dead one.
 *
 * Two ways to ask. proc_pidinfo finds a process by its pid, and tells nobody but its own user and root; a pid that was given out again is often
 * another user's. sysctl tells everybody, and goes through all processes for it: so it is asked where the other one answers EPERM.
 * What neither tells, in a sandbox, counts as living.
 *
 * What differs from Linux: exec keeps pid and start time. A forked child that execs is told by the flag; a process that called exec before it
 * began its life, as a rule the first thing it did, and does so again without closing the ring, is dead only when it exits. Marks are kept in
 * the life entry (marks.h).
 */
#include "member/life_system.h"

#include "core/layout.h"
#include "member/marks.h"

#include <errno.h>
#include <libproc.h>
#include <mach/mach_vm.h>
#include <sys/proc_info.h>
#include <sys/sysctl.h>
#include <unistd.h>

enum { PID_BITS = 17, EXEC_BITS = 1 };
#define PID_MASK   ((UINT64_C(1) << PID_BITS) - 1)
#define START_MASK (LIFE_MASK >> (PID_BITS + EXEC_BITS))

static uint64_t number_from(pid_t pid, uint64_t seconds, uint64_t microseconds, bool called_exec)
{
    uint64_t start = (seconds * 1000000 + microseconds) & START_MASK;

    return (start << EXEC_BITS | called_exec) << PID_BITS | ((uint64_t)pid & PID_MASK);
}

/* The number of the process that has this pid now. 0, or the errno value: ESRCH when there is none. */
static int ask_proc_info(pid_t pid, uint64_t *number)
{
    struct proc_bsdinfo info;

    errno = 0;
    if (proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, (int)sizeof info) != (int)sizeof info)
        return errno != 0 ? errno : EIO;
    *number = number_from(pid, info.pbi_start_tvsec, info.pbi_start_tvusec, (info.pbi_flags & PROC_FLAG_EXEC) != 0);
    return 0;
}

/* The same. */
static int ask_sysctl(pid_t pid, uint64_t *number)
{
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
    struct kinfo_proc info;
    size_t size = sizeof info;

    if (sysctl(name, sizeof name / sizeof name[0], &info, &size, NULL, 0) != 0)
        return errno;
    if (size != sizeof info || info.kp_proc.p_stat == SZOMB)
        return ESRCH;
    *number = number_from(pid, (uint64_t)info.kp_proc.p_starttime.tv_sec, (uint64_t)info.kp_proc.p_starttime.tv_usec,
                          (info.kp_proc.p_flag & P_EXEC) != 0);
    return 0;
}

static int number_of(pid_t pid, uint64_t *number)
{
    int saved = errno;
    int result = ask_proc_info(pid, number);

    if (result == EPERM)
        result = ask_sysctl(pid, number);
    errno = saved;
    return result;
}

static bool lives(uint64_t number)
{
    pid_t pid = (pid_t)(number & PID_MASK);
    uint64_t now = 0;
    int result = pid != 0 ? number_of(pid, &now) : ESRCH;

    return result == 0 ? now == number : result != ESRCH;
}

int life_system_open(struct life_place *place, mem_entry_name_port_t entry)
{
    mach_vm_address_t address = 0;
    kern_return_t kr = KERN_INVALID_RIGHT;

    if (MACH_PORT_VALID(entry)) /* else it would be mapped as plain private memory, with success (Mach 2.5) */
        kr = mach_vm_map(mach_task_self(), &address, sizeof(struct mark_table), 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
                         VM_PROT_READ | VM_PROT_WRITE, VM_PROT_READ | VM_PROT_WRITE, VM_INHERIT_SHARE);
    if (kr != KERN_SUCCESS)
        return kr == KERN_NO_SPACE || kr == KERN_RESOURCE_SHORTAGE ? -ENOMEM : -EPROTO;
    *place = (struct life_place){.descriptor = -1, .marks = (struct mark_table *)address};
    return 0;
}

void life_system_close(struct life_place *place)
{
    uint64_t own;

    if (number_of(getpid(), &own) == 0)
        marks_clear_all(place->marks, own);
    (void)mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)place->marks, sizeof(struct mark_table));
    place->marks = NULL;
}

void life_system_forked(struct life_place *place)
{
    (void)place; /* the table is inherited, and what the parent has in it stays the parent's */
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
    (void)place;
    return lives(number);
}

pid_t life_system_process(const struct life_place *place, uint64_t number)
{
    (void)place;
    return lives(number) ? (pid_t)(number & PID_MASK) : 0;
}

int life_system_mark(const struct life_place *place, uint64_t mark)
{
    uint64_t own;

    if (number_of(getpid(), &own) != 0)
        return -ENOLCK;
    marks_set(place->marks, own, mark, lives);
    return 0;
}

void life_system_unmark(const struct life_place *place, uint64_t mark)
{
    uint64_t own;

    if (number_of(getpid(), &own) == 0)
        marks_clear(place->marks, own, mark);
}

bool life_system_marked(const struct life_place *place, uint64_t mark)
{
    return marks_stand(place->marks, mark, lives);
}
