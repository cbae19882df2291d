/* What a task can learn of itself. */
#include "gate.h"
#include "host.h"
#include "space.h"

#include <mach/mach.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* Bytes; 0 where /proc is not to be had. */
struct sizes {
    uint64_t mapped, resident;
};

static struct sizes read_sizes(void)
{
    unsigned long long mapped = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file != NULL) {
        if (fscanf(file, "%llu %llu", &mapped, &resident) != 2)
            mapped = resident = 0;
        fclose(file);
    }
    return (struct sizes){mapped * vm_page_size, resident * vm_page_size};
}

static time_value_t time_value(const struct timeval *time)
{
    return (time_value_t){(integer_t)time->tv_sec, (integer_t)time->tv_usec};
}

static void fill_basic(const struct sizes *sizes, const struct rusage *usage, integer_t *out)
{
    struct task_basic_info_64 info = {.virtual_size = sizes->mapped,
                                      .resident_size = sizes->resident,
                                      .user_time = time_value(&usage->ru_utime),
                                      .system_time = time_value(&usage->ru_stime),
                                      .policy = POLICY_TIMESHARE};
    memcpy(out, &info, sizeof info);
}

static void fill_mach_basic(const struct sizes *sizes, const struct rusage *usage, integer_t *out)
{
    struct mach_task_basic_info info = {.virtual_size = sizes->mapped,
                                        .resident_size = sizes->resident,
                                        .resident_size_max = (uint64_t)usage->ru_maxrss * 1024,
                                        .user_time = time_value(&usage->ru_utime),
                                        .system_time = time_value(&usage->ru_stime),
                                        .policy = POLICY_TIMESHARE};
    memcpy(out, &info, sizeof info);
}

kern_return_t task_info(task_name_t target_task, task_flavor_t flavor, task_info_t task_info_out,
                        mach_msg_type_number_t *task_info_outCnt)
{
    static const struct {
        task_flavor_t flavor;
        mach_msg_type_number_t count;
        void (*fill)(const struct sizes *sizes, const struct rusage *usage, integer_t *out);
    } flavors[] = {{TASK_BASIC_INFO, TASK_BASIC_INFO_COUNT, fill_basic},
                   {MACH_TASK_BASIC_INFO, MACH_TASK_BASIC_INFO_COUNT, fill_mach_basic}};
    kern_return_t kr = host_check_task_name(target_task);

    if (kr != KERN_SUCCESS)
        return kr;
    for (size_t i = 0; i < sizeof flavors / sizeof *flavors; i++) {
        if (flavors[i].flavor != flavor || *task_info_outCnt < flavors[i].count)
            continue;
        struct rusage usage;
        gate_enter(); /* a fork does not come between opening and closing */
        struct sizes sizes = read_sizes();
        gate_leave();
        getrusage(RUSAGE_SELF, &usage);
        flavors[i].fill(&sizes, &usage, task_info_out);
        *task_info_outCnt = flavors[i].count;
        return KERN_SUCCESS;
    }
    return KERN_INVALID_ARGUMENT;
}

mach_port_name_t task_self_trap(void)
{
    return mach_task_self_;
}

/* For those who do not see the macro of that name. */
mach_port_t(mach_task_self)(void)
{
    return mach_task_self_;
}

/* Unlike the other calls, these two traps of BSD's write on failure as well. */
kern_return_t pid_for_task(mach_port_name_t t, int *x)
{
    *x = -1;
    if (host_check_task_name(t) != KERN_SUCCESS)
        return KERN_FAILURE;
    *x = getpid();
    return KERN_SUCCESS;
}

/* Other tasks' ports are not to be had. */
kern_return_t task_for_pid(mach_port_name_t target_tport, int pid, mach_port_name_t *t)
{
    *t = MACH_PORT_NULL;
    if (space_check_task(target_tport) != KERN_SUCCESS)
        return KERN_FAILURE;
    if (pid != getpid())
        return KERN_FAILURE;
    object_hold(&task_object);
    return space_insert_send(&task_object, t);
}

kern_return_t task_get_exc_guard_behavior(task_inspect_t task, task_exc_guard_behavior_t *behavior)
{
    kern_return_t kr = space_check_task(task);

    if (kr == KERN_SUCCESS)
        *behavior = TASK_EXC_GUARD_NONE;
    return kr;
}

kern_return_t task_set_exc_guard_behavior(task_t task, task_exc_guard_behavior_t behavior)
{
    kern_return_t kr = space_check_task(task);

    if (kr == KERN_SUCCESS && behavior != TASK_EXC_GUARD_NONE)
        kr = behavior & ~(task_exc_guard_behavior_t)TASK_EXC_GUARD_ALL ? KERN_INVALID_ARGUMENT : KERN_NOT_SUPPORTED;
    return kr;
}
