/* The calls on names: rights, references, and semaphores as rights of another kind (Mach 5, 7). */
#include "mach_vm.h"

void call_port_allocate(struct world *world)
{
    static const enum held_kind kinds[] = {[MACH_PORT_RIGHT_RECEIVE] = HELD_PORT,
                                           [MACH_PORT_RIGHT_PORT_SET] = HELD_SET,
                                           [MACH_PORT_RIGHT_DEAD_NAME] = HELD_DEAD};
    uint64_t choice = take(world, 1);
    mach_port_right_t right = choice < 8 ? UINT32_MAX - (mach_port_right_t)choice : choice % 8;
    mach_port_name_t name = UNTOUCHED;
    enum held_kind kind = right < sizeof kinds / sizeof *kinds ? kinds[right] : HELD_NOTHING;
    kern_return_t code = names_task_code(&world->names, world->task);

    if (code == KERN_SUCCESS && kind == HELD_NOTHING)
        code = KERN_INVALID_VALUE;
    if (!names_have_room(&world->names))
        return;
    say(world, "mach_port_allocate(%#x, %u)", world->task, right);
    kern_return_t kr = mach_port_allocate(world->task, right, &name);
    expect_code(world, code, kr);
    if (kr != KERN_SUCCESS)
        expect_value(world, "name", UNTOUCHED, name);
    else if (!MACH_PORT_VALID(name) || names_find(&world->names, name) != NULL)
        wrong(world, "the name %#x is not new", name);
    else
        names_add(&world->names, name, kind);
}

void call_port_insert_right(struct world *world)
{
    uint64_t choice = take(world, 1);
    mach_msg_type_name_t how =
        choice < 240 ? MACH_MSG_TYPE_MOVE_RECEIVE + (mach_msg_type_name_t)(choice % 7) : (mach_msg_type_name_t)choice;
    mach_port_name_t right = take_name(world), name = choice & 128 ? take_name(world) : right;
    const struct held *held = names_find(&world->names, right);
    kern_return_t code = names_task_code(&world->names, world->task);

    if (held != NULL && held->kind == HELD_PINNED && held->references > 1000)
        return; /* what is pegged could not be taken back */
    if (!names_have_room(&world->names))
        return;
    say(world, "mach_port_insert_right(%#x, %#x, %#x, %u)", world->task, name, right, how);
    kern_return_t kr = mach_port_insert_right(world->task, name, right, how);
    expect_code(world, code == KERN_SUCCESS ? names_insert_right(&world->names, name, right, how) : code, kr);
}

void call_port_mod_refs(struct world *world)
{
    static const int32_t deltas[] = {70000, -70000, 65535, -65535, 65534, -65534, INT32_MAX, INT32_MIN};
    uint64_t choice = take(world, 1);
    mach_port_name_t name = take_name(world);
    mach_port_right_t right = choice < 248 ? choice % 8 : UINT32_MAX;
    const struct held *held = names_find(&world->names, name);
    int32_t delta;

    if (choice < 128) /* a right that the name has */
        for (right = 0; right < MACH_PORT_RIGHT_NUMBER && !(held_type(held) & MACH_PORT_TYPE(right)); right++)
            ;
    choice = take(world, 1);
    delta = choice < 224 ? (int32_t)(choice % 8) - 4 : deltas[choice % 8];
    if (held != NULL && held->kind == HELD_PINNED && delta > 4)
        return; /* what is pegged could not be taken back */
    say(world, "mach_port_mod_refs(%#x, %#x, %u, %d)", world->task, name, right, delta);
    kern_return_t code = names_task_code(&world->names, world->task);
    kern_return_t kr = mach_port_mod_refs(world->task, name, right, delta);
    expect_code(world, code == KERN_SUCCESS ? names_modify(&world->names, name, right, delta) : code, kr);
}

void call_port_deallocate(struct world *world)
{
    mach_port_name_t name = take_name(world);
    kern_return_t code = names_task_code(&world->names, world->task);

    say(world, "mach_port_deallocate(%#x, %#x)", world->task, name);
    kern_return_t kr = mach_port_deallocate(world->task, name);
    expect_code(world, code == KERN_SUCCESS ? names_deallocate(&world->names, name) : code, kr);
}

void call_port_destroy(struct world *world)
{
    mach_port_name_t name = take_name(world);
    kern_return_t code = names_task_code(&world->names, world->task);

    say(world, "mach_port_destroy(%#x, %#x)", world->task, name);
    kern_return_t kr = mach_port_destroy(world->task, name);
    expect_code(world, code == KERN_SUCCESS ? names_destroy(&world->names, name) : code, kr);
}

void call_port_type(struct world *world)
{
    mach_port_name_t name = take_name(world);
    const struct held *held = names_find(&world->names, name);
    kern_return_t code = names_task_code(&world->names, world->task);
    mach_port_type_t expected = name == MACH_PORT_DEAD ? MACH_PORT_TYPE_DEAD_NAME : held_type(held), type = UNTOUCHED;

    if (code == KERN_SUCCESS && expected == MACH_PORT_TYPE_NONE)
        code = KERN_INVALID_NAME;
    say(world, "mach_port_type(%#x, %#x)", world->task, name);
    expect_code(world, code, mach_port_type(world->task, name, &type));
    expect_value(world, "type", code == KERN_SUCCESS ? expected : UNTOUCHED, type);
}

void call_port_get_refs(struct world *world)
{
    uint64_t choice = take(world, 1);
    mach_port_name_t name = take_name(world);
    mach_port_right_t right = choice < 248 ? (mach_port_right_t)(choice % 7) : UINT32_MAX;
    const struct held *held = names_find(&world->names, name);
    mach_port_urefs_t references = UNTOUCHED, expected = UNTOUCHED;
    kern_return_t code = names_task_code(&world->names, world->task);

    if (code == KERN_SUCCESS && right >= MACH_PORT_RIGHT_NUMBER) {
        code = KERN_INVALID_VALUE;
    } else if (code == KERN_SUCCESS && !MACH_PORT_VALID(name)) {
        code = right == MACH_PORT_RIGHT_SEND || right == MACH_PORT_RIGHT_SEND_ONCE ? KERN_SUCCESS : KERN_INVALID_NAME;
        expected = code == KERN_SUCCESS ? 1 : UNTOUCHED;
    } else if (code == KERN_SUCCESS) {
        code = held != NULL ? KERN_SUCCESS : KERN_INVALID_NAME;
        expected = held != NULL ? names_references(held, right) : UNTOUCHED;
    }
    say(world, "mach_port_get_refs(%#x, %#x, %u)", world->task, name, right);
    expect_code(world, code, mach_port_get_refs(world->task, name, right, &references));
    expect_value(world, "references", expected, references);
}

/* ---- semaphores ---- */

/* Mach 7.1 */
void call_semaphore_create(struct world *world)
{
    uint64_t choice = take(world, 1);
    int policy = choice < 128 ? (int)(choice % 8) & ~1 : (int)(choice % 16) - 1;
    int value = choice & 64 ? -(int)(choice % 3) : (int)(choice % 4);
    semaphore_t name = UNTOUCHED;
    kern_return_t code = names_task_code(&world->names, world->task);

    if (code == KERN_SUCCESS && (value < 0 || (policy & ~6) != 0))
        code = KERN_INVALID_ARGUMENT;
    if (!names_have_room(&world->names))
        return;
    say(world, "semaphore_create(%#x, %d, %d)", world->task, policy, value);
    kern_return_t kr = semaphore_create(world->task, &name, policy, value);
    expect_code(world, code, kr);
    if (kr != KERN_SUCCESS)
        expect_value(world, "name", UNTOUCHED, name);
    else if (!MACH_PORT_VALID(name) || names_find(&world->names, name) != NULL)
        wrong(world, "the name %#x is not new", name);
    else
        names_add(&world->names, name, HELD_SEMAPHORE)->count = (uint32_t)value;
}

/* Mach 7.11, 7.12: the caller's reference goes as if it were sent, also when it was to something else. */
static kern_return_t semaphore_destroy_code(struct world *world, mach_port_name_t name)
{
    kern_return_t code = names_task_code(&world->names, world->task);
    struct held *held = names_find(&world->names, name);
    mach_port_type_t type = held_type(held);

    if (code != KERN_SUCCESS)
        return code;
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_ARGUMENT;
    if (!(type & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_DEAD_NAME)))
        return MACH_SEND_INVALID_RIGHT;
    bool semaphore = held->kind == HELD_SEMAPHORE;
    held->terminated = semaphore;
    if (names_deallocate(&world->names, name) != KERN_SUCCESS)
        return MACH_SEND_INVALID_RIGHT;
    return semaphore ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

void call_semaphore_destroy(struct world *world)
{
    mach_port_name_t name = take_name(world);

    say(world, "semaphore_destroy(%#x, %#x)", world->task, name);
    kern_return_t kr = semaphore_destroy(world->task, name);
    expect_code(world, semaphore_destroy_code(world, name), kr);
}

/* Mach 7.2 */
static kern_return_t semaphore_code(const struct held *held)
{
    mach_port_type_t type = held_type(held);

    if (type == MACH_PORT_TYPE_NONE || type == MACH_PORT_TYPE_DEAD_NAME)
        return KERN_INVALID_NAME;
    if (!(type & MACH_PORT_TYPE_SEND))
        return KERN_INVALID_RIGHT;
    if (held->kind != HELD_SEMAPHORE)
        return KERN_INVALID_CAPABILITY;
    return held->terminated ? KERN_TERMINATED : KERN_SUCCESS;
}

void call_semaphore_signal(struct world *world)
{
    mach_port_name_t name = take_name(world);
    struct held *held = names_find(&world->names, name);
    kern_return_t code = semaphore_code(held);

    say(world, "semaphore_signal(%#x)", name);
    expect_code(world, code, semaphore_signal(name));
    if (code == KERN_SUCCESS)
        held->count++;
}

/* A wait that does not. Mach 7.8: the time is looked at first. */
void call_semaphore_poll(struct world *world)
{
    mach_port_name_t name = take_name(world);
    struct held *held = names_find(&world->names, name);
    mach_timespec_t time = {0, take(world, 1) < 240 ? 0 : -1};
    kern_return_t code = time.tv_nsec != 0 ? KERN_INVALID_VALUE : semaphore_code(held);

    if (code == KERN_SUCCESS && held->count == 0)
        code = KERN_OPERATION_TIMED_OUT;
    say(world, "semaphore_timedwait(%#x, {0, %d})", name, time.tv_nsec);
    expect_code(world, code, semaphore_timedwait(name, time));
    if (code == KERN_SUCCESS)
        held->count--;
}
