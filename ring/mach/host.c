/*
 * The host's port, its clocks' and the task's name port: rights that programs ask for in passing. They name something, do
 * little, and do not travel.
 */
#include "host.h"
#include "port.h"
#include "space.h"

#include <mach/mach.h>
#include <mach/mach_time.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

/* One port of each kind: all objects with its id are it. */
static struct object_id id_of(enum host_port which)
{
    return (struct object_id){{OBJECT_HOST, which}};
}

static void nothing_to_do(struct mach_object *object)
{
    (void)object;
}

static const struct object_ops host_ops = {
    .kind = OBJECT_HOST, .destroy = nothing_to_do, .forked = nothing_to_do, .pack = object_never_packed};

struct mach_object *host_object(enum host_port which)
{
    return object_alloc(&host_ops, id_of(which));
}

/* KERN_INVALID_ARGUMENT: it is another port; what a message to nobody answers otherwise. */
static kern_return_t check(mach_port_t name, enum host_port which)
{
    kern_return_t kr;
    struct mach_object *object = space_hold_send(name, &kr);

    if (object == NULL)
        return MACH_SEND_INVALID_DEST;
    if (atomic_load_explicit(&object->ops, memory_order_relaxed) == &host_ops && object->id.word[1] == which)
        kr = KERN_SUCCESS;
    else
        kr = port_right_alive(object) ? KERN_INVALID_ARGUMENT : MACH_SEND_INVALID_DEST;
    object_drop(object);
    return kr;
}

kern_return_t host_check_task_name(mach_port_name_t name)
{
    kern_return_t kr = space_check_task(name);

    return kr == KERN_SUCCESS ? kr : check(name, HOST_TASK_NAME);
}

mach_port_t mach_host_self(void)
{
    struct mach_object *object = host_object(HOST_SELF);
    mach_port_name_t name = MACH_PORT_NULL;

    return object != NULL && space_insert_send(object, &name) == KERN_SUCCESS ? name : MACH_PORT_NULL;
}

mach_port_name_t host_self_trap(void)
{
    return mach_host_self();
}

kern_return_t host_page_size(host_t host, vm_size_t *out_page_size)
{
    kern_return_t kr = check(host, HOST_SELF);

    if (kr == KERN_SUCCESS)
        *out_page_size = vm_page_size;
    return kr;
}

/* Callers of old know the structure up to here. */
enum { OLD_COUNT = offsetof(struct host_basic_info, cpu_threadtype) / sizeof(integer_t) };

kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t host_info_out,
                        mach_msg_type_number_t *host_info_outCnt)
{
    kern_return_t kr = check(host, HOST_SELF);

    if (kr != KERN_SUCCESS)
        return kr;
    if (flavor != HOST_BASIC_INFO)
        return KERN_INVALID_ARGUMENT;
    if (*host_info_outCnt < OLD_COUNT)
        return KERN_FAILURE;
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * vm_page_size;
    int configured = (int)sysconf(_SC_NPROCESSORS_CONF), online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    struct host_basic_info info = {.max_cpus = configured,
                                   .avail_cpus = online,
                                   .memory_size = memory < INT32_MAX ? (natural_t)memory : INT32_MAX,
                                   .physical_cpu = online,
                                   .physical_cpu_max = configured,
                                   .logical_cpu = online,
                                   .logical_cpu_max = configured,
                                   .max_mem = memory};
    *host_info_outCnt = *host_info_outCnt < HOST_BASIC_INFO_COUNT ? OLD_COUNT : HOST_BASIC_INFO_COUNT;
    memcpy(host_info_out, &info, *host_info_outCnt * sizeof(integer_t));
    return KERN_SUCCESS;
}

/* ---- clocks ---- */

kern_return_t host_get_clock_service(host_t host, clock_id_t clock_id, clock_serv_t *clock_serv)
{
    kern_return_t kr = check(host, HOST_SELF);

    if (kr != KERN_SUCCESS)
        return kr;
    if (clock_id != SYSTEM_CLOCK && clock_id != CALENDAR_CLOCK)
        return KERN_INVALID_ARGUMENT;
    struct mach_object *object = host_object(clock_id == SYSTEM_CLOCK ? HOST_SYSTEM_CLOCK : HOST_CALENDAR_CLOCK);
    return object != NULL ? space_insert_send(object, clock_serv) : KERN_RESOURCE_SHORTAGE;
}

kern_return_t clock_get_time(clock_serv_t clock_serv, mach_timespec_t *cur_time)
{
    bool calendar = check(clock_serv, HOST_CALENDAR_CLOCK) == KERN_SUCCESS;
    kern_return_t kr = calendar ? KERN_SUCCESS : check(clock_serv, HOST_SYSTEM_CLOCK);
    struct timespec now;

    if (kr != KERN_SUCCESS)
        return kr;
    clock_gettime(calendar ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    *cur_time = (mach_timespec_t){(unsigned)now.tv_sec, (int)now.tv_nsec};
    return KERN_SUCCESS;
}

/* ---- the processor ---- */

kern_return_t thread_switch(mach_port_name_t thread_name, int option, mach_msg_timeout_t option_time)
{
    (void)thread_name;
    if (option < SWITCH_OPTION_NONE || option > SWITCH_OPTION_WAIT)
        return KERN_INVALID_ARGUMENT;
    if (option == SWITCH_OPTION_WAIT)
        mach_wait_until(mach_absolute_time() + option_time * UINT64_C(1000000));
    else
        sched_yield();
    return KERN_SUCCESS;
}

/* TRUE: another thread may have run. */
boolean_t swtch(void)
{
    sched_yield();
    return TRUE;
}

boolean_t swtch_pri(int pri)
{
    (void)pri;
    return swtch();
}
