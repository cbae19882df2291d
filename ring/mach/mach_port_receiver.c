/* The calls of <mach/mach_port.h> that a receive right is needed for, and those that list names. */
#include "gate.h"
#include "port.h"
#include "port_set.h"
#include "port_status.h"
#include "space.h"

#include <errno.h>
#include <mach/mach.h>
#include <mach/mring_mach.h>
#include <stdlib.h>
#include <string.h>

/* The port of a receive right of ours, held, inside the gate; NULL and outside if there is none. */
static struct mach_object *enter(ipc_space_t task, mach_port_name_t name, kern_return_t *kr)
{
    struct mach_object *port = NULL;

    *kr = space_check_task(task);
    if (*kr == KERN_SUCCESS && !MACH_PORT_VALID(name))
        *kr = KERN_INVALID_RIGHT;
    if (*kr == KERN_SUCCESS)
        port = space_translate(name, MACH_PORT_TYPE_RECEIVE, kr);
    if (port)
        gate_enter();
    return port;
}

static kern_return_t leave(struct mach_object *port, kern_return_t kr)
{
    gate_leave();
    object_drop(port);
    return kr;
}

/* ---- making and ending ---- */

static bool several(uint32_t flags)
{
    return (flags & (flags - 1)) != 0;
}

static kern_return_t check_options(const mach_port_options_t *options)
{
    uint32_t kinds = options->flags & (MPO_SERVICE_PORT | MPO_CONNECTION_PORT | MPO_TG_BLOCK_TRACKING);
    uint32_t replies = options->flags & (MPO_REPLY_PORT | MPO_ENFORCE_REPLY_PORT_SEMANTICS |
                                         MPO_PROVISIONAL_ID_PROT_OPTOUT | MPO_PROVISIONAL_REPLY_PORT);

    if (several(kinds) || several(replies))
        return KERN_INVALID_ARGUMENT;
    if (kinds)
        return KERN_DENIED;
    if ((options->flags & MPO_QLIMIT) && options->mpl.mpl_qlimit > MACH_PORT_QLIMIT_MAX)
        return KERN_INVALID_VALUE;
    return KERN_SUCCESS;
}

static kern_return_t construct(const mach_port_options_t *options, uint64_t context, mach_port_name_t *name)
{
    mach_port_name_t made;
    struct mach_object *port = port_create();

    if (!port)
        return KERN_RESOURCE_SHORTAGE;
    if (options->flags & MPO_QLIMIT)
        port_set_message_limit(port, options->mpl.mpl_qlimit);
    if (options->flags & MPO_CONTEXT_AS_GUARD)
        port_guard(port, context, options->flags & MPO_STRICT);
    else
        port_set_context(port, context);
    object_hold(port);
    kern_return_t kr = space_insert(port, MACH_PORT_TYPE_RECEIVE, &made) == KERN_SUCCESS ? KERN_SUCCESS : KERN_NO_SPACE;
    if (kr == KERN_SUCCESS && (options->flags & MPO_INSERT_SEND_RIGHT)) {
        port_send_made(port);
        kr = space_insert_send(port, &made);
    } else {
        object_drop(port);
    }
    if (kr == KERN_SUCCESS)
        *name = made;
    return kr;
}

kern_return_t mach_port_construct(ipc_space_t task, mach_port_options_ptr_t options, mach_port_context_t context,
                                  mach_port_name_t *name)
{
    int saved = errno;
    kern_return_t kr = space_check_task(task);

    if (kr == KERN_SUCCESS)
        kr = check_options(options);
    if (kr != KERN_SUCCESS)
        return kr;
    gate_enter();
    kr = construct(options, context, name);
    gate_leave();
    errno = saved;
    return kr;
}

kern_return_t mach_port_destruct(ipc_space_t task, mach_port_name_t name, mach_port_delta_t srdelta,
                                 mach_port_context_t guard)
{
    kern_return_t kr = space_check_task(task);
    if (kr != KERN_SUCCESS)
        return kr;
    return MACH_PORT_VALID(name) ? space_destruct(name, srdelta, guard) : KERN_INVALID_NAME;
}

int mring_mach_port_descriptor(mach_port_name_t name)
{
    kern_return_t kr;
    struct mach_object *port = enter(mach_task_self_, name, &kr);
    int descriptor = port ? port_queue(port) : -1;

    if (port)
        leave(port, KERN_SUCCESS);
    return descriptor;
}

/* ---- guards and contexts ---- */

kern_return_t mach_port_guard_with_flags(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard,
                                         uint64_t flags)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return MACH_PORT_VALID(name) || kr != KERN_INVALID_RIGHT ? kr : KERN_INVALID_NAME;
    return leave(port, port_guard(port, guard, flags & MPG_STRICT));
}

kern_return_t mach_port_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard, boolean_t strict)
{
    return mach_port_guard_with_flags(task, name, guard, strict ? MPG_STRICT : MPG_FLAGS_NONE);
}

kern_return_t mach_port_unguard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return MACH_PORT_VALID(name) || kr != KERN_INVALID_RIGHT ? kr : KERN_INVALID_NAME;
    return leave(port, port_unguard(port, guard));
}

kern_return_t mach_port_swap_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t old_guard,
                                   mach_port_context_t new_guard)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return MACH_PORT_VALID(name) || kr != KERN_INVALID_RIGHT ? kr : KERN_INVALID_NAME;
    return leave(port, port_swap_guard(port, old_guard, new_guard));
}

kern_return_t mach_port_get_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t *context)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return kr;
    *context = port_context(port);
    return leave(port, KERN_SUCCESS);
}

kern_return_t mach_port_set_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t context)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    return port ? leave(port, port_set_context(port, context)) : kr;
}

/* ---- attributes ---- */

static void status_of(struct mach_object *port, mach_port_status_t *status)
{
    port_status(port, status);
    status->mps_pset = port_set_any(port);
}

/* How many words a flavor tells; 0: it tells none. */
static mach_msg_type_number_t words_of(mach_port_flavor_t flavor)
{
    switch (flavor) {
    case MACH_PORT_LIMITS_INFO:
        return MACH_PORT_LIMITS_INFO_COUNT;
    case MACH_PORT_RECEIVE_STATUS:
        return MACH_PORT_RECEIVE_STATUS_COUNT;
    case MACH_PORT_DNREQUESTS_SIZE:
        return MACH_PORT_DNREQUESTS_SIZE_COUNT;
    case MACH_PORT_INFO_EXT:
        return MACH_PORT_INFO_EXT_COUNT;
    default:
        return 0;
    }
}

kern_return_t mach_port_get_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                       mach_port_info_t port_info_out, mach_msg_type_number_t *port_info_outCnt)
{
    union {
        mach_port_limits_t limits;
        mach_port_status_t status;
        mach_port_info_ext_t extended;
        int requests;
    } info;
    mach_msg_type_number_t words = words_of(flavor);
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (words == 0)
        return flavor == MACH_PORT_SERVICE_THROTTLED ? KERN_INVALID_CAPABILITY : KERN_INVALID_ARGUMENT;
    if (*port_info_outCnt < words)
        return KERN_FAILURE;
    if (!MACH_PORT_VALID(name) && flavor == MACH_PORT_LIMITS_INFO) { /* nothing has no limits */
        *port_info_outCnt = 0;
        return KERN_SUCCESS;
    }
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return kr;
    memset(&info, 0, sizeof(info));
    if (flavor == MACH_PORT_LIMITS_INFO)
        info.limits.mpl_qlimit = port_message_limit(port);
    else if (flavor != MACH_PORT_DNREQUESTS_SIZE)
        status_of(port, &info.status); /* with which the extended one begins */
    memcpy(port_info_out, &info, words * sizeof(natural_t));
    *port_info_outCnt = words;
    return leave(port, KERN_SUCCESS);
}

kern_return_t mach_port_set_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                       mach_port_info_t port_info, mach_msg_type_number_t port_infoCnt)
{
    mach_port_limits_t limits = {0};
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    switch (flavor) {
    case MACH_PORT_LIMITS_INFO:
        if (port_infoCnt < MACH_PORT_LIMITS_INFO_COUNT)
            return KERN_FAILURE;
        memcpy(&limits, port_info, sizeof(limits));
        if (limits.mpl_qlimit > MACH_PORT_QLIMIT_MAX)
            return KERN_INVALID_VALUE;
        break;
    case MACH_PORT_DNREQUESTS_SIZE:
        if (port_infoCnt < MACH_PORT_DNREQUESTS_SIZE_COUNT)
            return KERN_FAILURE;
        break;
    case MACH_PORT_TEMPOWNER: /* there is no importance to donate */
    case MACH_PORT_IMPORTANCE_RECEIVER:
    case MACH_PORT_DENAP_RECEIVER:
        break;
    default:
        return KERN_INVALID_ARGUMENT;
    }
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return kr;
    if (flavor == MACH_PORT_LIMITS_INFO)
        port_set_message_limit(port, limits.mpl_qlimit);
    return leave(port, KERN_SUCCESS);
}

kern_return_t mach_port_set_mscount(ipc_space_t task, mach_port_name_t name, mach_port_mscount_t mscount)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return kr;
    port_set_made(port, mscount);
    return leave(port, KERN_SUCCESS);
}

kern_return_t mach_port_set_seqno(ipc_space_t task, mach_port_name_t name, mach_port_seqno_t seqno)
{
    kern_return_t kr;
    struct mach_object *port = enter(task, name, &kr);
    if (!port)
        return kr;
    port_set_sequence(port, seqno);
    return leave(port, KERN_SUCCESS);
}

/* ---- lists ---- */

/* A list grows while memory for it is found; so a little more is taken than was needed a moment ago. */
enum { SPARE = 64 };

static kern_return_t allocate(uint32_t count, natural_t **array)
{
    vm_address_t address = 0;
    kern_return_t kr = vm_allocate(mach_task_self_, &address, count * sizeof(natural_t), VM_FLAGS_ANYWHERE);
    *array = (natural_t *)address;
    return kr == KERN_SUCCESS ? KERN_SUCCESS : KERN_RESOURCE_SHORTAGE;
}

static void give_back(natural_t *array, uint32_t count)
{
    vm_deallocate(mach_task_self_, (vm_address_t)array, count * sizeof(natural_t));
}

/* What is given to the caller, who will give back `count` words: the pages beyond go now. */
static natural_t *keep(natural_t *array, uint32_t count, uint32_t room)
{
    vm_size_t kept = (count * sizeof(natural_t) + vm_page_mask) & ~vm_page_mask;
    vm_size_t taken = (room * sizeof(natural_t) + vm_page_mask) & ~vm_page_mask;

    if (taken > kept)
        vm_deallocate(mach_task_self_, (vm_address_t)array + kept, taken - kept);
    return count ? array : NULL;
}

kern_return_t mach_port_names(ipc_space_t task, mach_port_name_array_t *names, mach_msg_type_number_t *namesCnt,
                              mach_port_type_array_t *types, mach_msg_type_number_t *typesCnt)
{
    natural_t *found_names, *found_types;
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    for (uint32_t count = space_list(NULL, NULL, 0);;) {
        uint32_t room = count + SPARE;
        kr = allocate(room, &found_names);
        if (kr != KERN_SUCCESS)
            return kr;
        kr = allocate(room, &found_types);
        if (kr != KERN_SUCCESS) {
            give_back(found_names, room);
            return kr;
        }
        count = space_list(found_names, found_types, room);
        if (count <= room) {
            *names = keep(found_names, count, room);
            *types = keep(found_types, count, room);
            *namesCnt = *typesCnt = count;
            return KERN_SUCCESS;
        }
        give_back(found_names, room);
        give_back(found_types, room);
    }
}

static int compare_names(const void *a, const void *b)
{
    mach_port_name_t left = *(const mach_port_name_t *)a, right = *(const mach_port_name_t *)b;
    return (left > right) - (left < right);
}

static uint32_t members_of(struct mach_object *set, mach_port_name_t *names, uint32_t room)
{
    gate_enter();
    uint32_t count = port_set_members(set, names, room);
    gate_leave();
    return count;
}

static kern_return_t list_members(struct mach_object *set, mach_port_name_array_t *members, uint32_t *membersCnt)
{
    for (uint32_t count = members_of(set, NULL, 0);;) {
        uint32_t room = count + SPARE;
        kern_return_t kr = allocate(room, members);
        if (kr != KERN_SUCCESS)
            return kr;
        count = members_of(set, *members, room);
        if (count <= room) {
            qsort(*members, count, sizeof(**members), compare_names);
            *members = keep(*members, count, room);
            *membersCnt = count;
            return KERN_SUCCESS;
        }
        give_back(*members, room);
    }
}

kern_return_t mach_port_get_set_status(ipc_space_t task, mach_port_name_t name, mach_port_name_array_t *members,
                                       mach_msg_type_number_t *membersCnt)
{
    mach_port_name_array_t found;
    kern_return_t kr = space_check_task(task);

    if (kr != KERN_SUCCESS)
        return kr;
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_RIGHT;
    struct mach_object *set = space_translate(name, MACH_PORT_TYPE_PORT_SET, &kr);
    if (!set)
        return kr;
    kr = list_members(set, &found, membersCnt);
    object_drop(set);
    if (kr == KERN_SUCCESS)
        *members = found;
    return kr;
}
