/*
 * Every call, with every kind of name that is not what it asks for: the code that XNU answers, out arguments untouched, and nothing
 * taken or given (Mach 0.3 to 0.5, 5.2, 7.2).
 *
 * The names: none, the dead name, one never held, one given back, one whose port has died, a receive right alone, a port set, and live
 * send rights of the wrong kinds. The calls are in tables, by what their port argument is: the target task, whose message is not sent at
 * all when nobody is there; an object; a semaphore of the caller's own; the bootstrap port.
 */
#include "mach/memory.h"

#include <mach/mach_time.h>
#include <servers/bootstrap.h>

enum { UNTOUCHED = 0x4321 };

/* ---- names ---- */

enum kind {
    NO_NAME,
    DEAD,
    NEVER_HELD,
    GIVEN_BACK,
    ITS_PORT_DIED,
    RECEIVE_ONLY,
    PORT_SET,
    A_PORT,
    AN_ENTRY,
    A_SEMAPHORE,
    THE_TASK,
    THE_BOOTSTRAP,
    KINDS
};

static const char *const kind_names[KINDS] = {"no name",        "the dead name",   "never held", "given back",
                                              "its port died",  "a receive right", "a port set", "a port",
                                              "a memory entry", "a semaphore",     "the task",   "the bootstrap port"};

static mach_port_t names[KINDS];

static mach_port_t new_right(mach_port_right_t right)
{
    mach_port_t name = MACH_PORT_NULL;

    assert_int_equal(mach_port_allocate(SELF, right, &name), KERN_SUCCESS);
    return name;
}

static mach_port_t new_port(void)
{
    mach_port_t name = new_right(MACH_PORT_RIGHT_RECEIVE);

    assert_int_equal(mach_port_insert_right(SELF, name, name, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    return name;
}

static int make_names(void **state)
{
    (void)state;
    names[NO_NAME] = MACH_PORT_NULL;
    names[DEAD] = MACH_PORT_DEAD;
    names[NEVER_HELD] = 0x12340003;
    names[GIVEN_BACK] = fresh_entry(1, RW);
    names[ITS_PORT_DIED] = new_port();
    names[RECEIVE_ONLY] = new_right(MACH_PORT_RIGHT_RECEIVE);
    names[PORT_SET] = new_right(MACH_PORT_RIGHT_PORT_SET);
    names[A_PORT] = new_port();
    names[AN_ENTRY] = fresh_entry(1, RW);
    names[THE_TASK] = SELF;
    names[THE_BOOTSTRAP] = bootstrap_port;
    assert_int_equal(semaphore_create(SELF, &names[A_SEMAPHORE], SYNC_POLICY_FIFO, 0), KERN_SUCCESS);
    assert_int_equal(drop(names[GIVEN_BACK]), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, names[ITS_PORT_DIED], MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    return 0;
}

static mach_port_urefs_t references(enum kind kind)
{
    mach_port_urefs_t count = 0;

    mach_port_get_refs(SELF, names[kind], MACH_PORT_RIGHT_SEND, &count);
    return count;
}

/* ---- calls whose first argument is the task ---- */

/* What a call would do to memory, if it were let. */
static uint64_t page;

#define OUT(type) type out = UNTOUCHED
#define DONE(kr)                                                                                                       \
    do {                                                                                                               \
        kern_return_t done = (kr);                                                                                     \
        if (done != KERN_SUCCESS)                                                                                      \
            assert_int_equal(out, UNTOUCHED);                                                                          \
        return done;                                                                                                   \
    } while (0)

static kern_return_t call_allocate(mach_port_t name)
{
    OUT(mach_vm_address_t);
    DONE(mach_vm_allocate(name, &out, PAGE, VM_FLAGS_ANYWHERE));
}

static kern_return_t call_deallocate(mach_port_t name)
{
    return mach_vm_deallocate(name, page, PAGE);
}

static kern_return_t call_protect(mach_port_t name)
{
    return mach_vm_protect(name, page, PAGE, FALSE, VM_PROT_NONE);
}

static kern_return_t call_inherit(mach_port_t name)
{
    return mach_vm_inherit(name, page, PAGE, VM_INHERIT_NONE);
}

static kern_return_t call_map(mach_port_t name)
{
    OUT(mach_vm_address_t);
    DONE(mach_vm_map(name, &out, PAGE, 0, VM_FLAGS_ANYWHERE, 0, 0, FALSE, RW, RW, VM_INHERIT_NONE));
}

static kern_return_t call_remap(mach_port_t name)
{
    vm_prot_t current = UNTOUCHED, max = UNTOUCHED;
    OUT(mach_vm_address_t);
    kern_return_t kr = mach_vm_remap(name, &out, PAGE, 0, VM_FLAGS_ANYWHERE, SELF, page, FALSE, &current, &max, 0);
    assert_true(current == UNTOUCHED && max == UNTOUCHED);
    DONE(kr);
}

static kern_return_t call_copy(mach_port_t name)
{
    return mach_vm_copy(name, page, 1, page + 1);
}

static kern_return_t call_read(mach_port_t name)
{
    mach_msg_type_number_t count = UNTOUCHED;
    OUT(vm_offset_t);
    kern_return_t kr = mach_vm_read(name, page, 1, &out, &count);
    assert_int_equal(count, UNTOUCHED);
    DONE(kr);
}

static kern_return_t call_read_overwrite(mach_port_t name)
{
    OUT(mach_vm_size_t);
    DONE(mach_vm_read_overwrite(name, page, 1, page + 1, &out));
}

static kern_return_t call_write(mach_port_t name)
{
    return mach_vm_write(name, page, (vm_offset_t)page + 1, 1);
}

static kern_return_t call_region(mach_port_t name)
{
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_size_t size = UNTOUCHED;
    mach_port_t object = UNTOUCHED;
    OUT(mach_vm_address_t);
    kern_return_t kr =
        mach_vm_region(name, &out, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count, &object);
    assert_true(size == UNTOUCHED && object == UNTOUCHED);
    DONE(kr);
}

static kern_return_t call_region_recurse(mach_port_t name)
{
    vm_region_submap_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_SUBMAP_INFO_COUNT_64;
    mach_vm_size_t size = UNTOUCHED;
    natural_t depth = UNTOUCHED;
    OUT(mach_vm_address_t);
    kern_return_t kr = mach_vm_region_recurse(name, &out, &size, &depth, (vm_region_recurse_info_t)&info, &count);
    assert_true(size == UNTOUCHED && depth == UNTOUCHED);
    DONE(kr);
}

static kern_return_t call_behavior_set(mach_port_t name)
{
    return mach_vm_behavior_set(name, page, PAGE, VM_BEHAVIOR_ZERO);
}

static kern_return_t call_msync(mach_port_t name)
{
    return mach_vm_msync(name, page, PAGE, VM_SYNC_SYNCHRONOUS);
}

static kern_return_t call_make_memory_entry(mach_port_t name)
{
    memory_object_size_t size = PAGE;
    OUT(mach_port_t);
    kern_return_t kr = mach_make_memory_entry_64(name, &size, page, RW, &out, MACH_PORT_NULL);
    assert_int_equal(size, PAGE);
    DONE(kr);
}

static kern_return_t call_semaphore_create(mach_port_t name)
{
    OUT(semaphore_t);
    DONE(semaphore_create(name, &out, SYNC_POLICY_FIFO, 0));
}

static kern_return_t call_semaphore_destroy(mach_port_t name)
{
    return semaphore_destroy(name, names[A_SEMAPHORE]);
}

static kern_return_t call_port_allocate(mach_port_t name)
{
    OUT(mach_port_t);
    DONE(mach_port_allocate(name, MACH_PORT_RIGHT_RECEIVE, &out));
}

static kern_return_t call_port_deallocate(mach_port_t name)
{
    return mach_port_deallocate(name, names[AN_ENTRY]);
}

static kern_return_t call_port_destroy(mach_port_t name)
{
    return mach_port_destroy(name, names[AN_ENTRY]);
}

static kern_return_t call_port_mod_refs(mach_port_t name)
{
    return mach_port_mod_refs(name, names[AN_ENTRY], MACH_PORT_RIGHT_SEND, 1);
}

static kern_return_t call_port_get_refs(mach_port_t name)
{
    OUT(mach_port_urefs_t);
    DONE(mach_port_get_refs(name, names[AN_ENTRY], MACH_PORT_RIGHT_SEND, &out));
}

static kern_return_t call_port_type(mach_port_t name)
{
    OUT(mach_port_type_t);
    DONE(mach_port_type(name, names[AN_ENTRY], &out));
}

static kern_return_t call_port_insert_right(mach_port_t name)
{
    return mach_port_insert_right(name, names[A_PORT], names[A_PORT], MACH_MSG_TYPE_MAKE_SEND);
}

static kern_return_t call_ports_register(mach_port_t name)
{
    mach_port_t ports[] = {names[AN_ENTRY]};
    return mach_ports_register(name, ports, 1);
}

static kern_return_t call_ports_lookup(mach_port_t name)
{
    mach_port_array_t ports = NULL;
    OUT(mach_msg_type_number_t);
    kern_return_t kr = mach_ports_lookup(name, &ports, &out);
    assert_null(ports);
    DONE(kr);
}

static kern_return_t call_get_special_port(mach_port_t name)
{
    OUT(mach_port_t);
    DONE(task_get_special_port(name, TASK_BOOTSTRAP_PORT, &out));
}

static kern_return_t call_set_special_port(mach_port_t name)
{
    return task_set_special_port(name, TASK_BOOTSTRAP_PORT, names[A_PORT]);
}

static kern_return_t call_task_info(mach_port_t name)
{
    struct mach_task_basic_info info;
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    return task_info(name, MACH_TASK_BASIC_INFO, (task_info_t)&info, &count);
}

struct call {
    const char *name;
    kern_return_t (*call)(mach_port_t name);
};

#define CALL(function)                                                                                                 \
    {                                                                                                                  \
#function, call_##function                                                                                     \
    }

static const struct call task_calls[] = {
    CALL(allocate),
    CALL(deallocate),
    CALL(protect),
    CALL(inherit),
    CALL(map),
    CALL(remap),
    CALL(copy),
    CALL(read),
    CALL(read_overwrite),
    CALL(write),
    CALL(region),
    CALL(region_recurse),
    CALL(behavior_set),
    CALL(msync),
    CALL(make_memory_entry),
    CALL(semaphore_create),
    CALL(semaphore_destroy),
    CALL(port_allocate),
    CALL(port_deallocate),
    CALL(port_destroy),
    CALL(port_mod_refs),
    CALL(port_get_refs),
    CALL(port_type),
    CALL(port_insert_right),
    CALL(ports_register),
    CALL(ports_lookup),
    CALL(get_special_port),
    CALL(set_special_port),
    CALL(task_info),
};

static void expect(const struct call *call, enum kind kind, kern_return_t expected)
{
    kern_return_t got = call->call(names[kind]);

    if (got != expected)
        print_message("%s of %s: expected %#x, got %#x\n", call->name, kind_names[kind], (unsigned)expected,
                      (unsigned)got);
    assert_int_equal(got, expected);
}

static void the_target_task(void **state)
{
    (void)state;
    page = allocate(1);
    fill(page, PAGE, 'x');
    for (size_t i = 0; i < sizeof task_calls / sizeof *task_calls; i++)
        for (enum kind kind = NO_NAME; kind < KINDS; kind++)
            if (kind != THE_TASK)
                expect(&task_calls[i], kind, kind < A_PORT ? MACH_SEND_INVALID_DEST : KERN_INVALID_ARGUMENT);
    assert_true(is_filled(page, PAGE, 'x') && can_write(page));
    assert_int_equal(references(AN_ENTRY), 1);
    assert_int_equal(references(A_SEMAPHORE), 1);
    assert_int_equal(references(A_PORT), 1);
    release(page, 1);
}

/* ---- objects ---- */

static kern_return_t call_map_object(mach_port_t name)
{
    OUT(mach_vm_address_t);
    DONE(mach_vm_map(SELF, &out, PAGE, 0, VM_FLAGS_ANYWHERE, name, 0, FALSE, RW, RW, VM_INHERIT_NONE));
}

static kern_return_t call_parent_entry(mach_port_t name)
{
    memory_object_size_t size = PAGE;
    OUT(mach_port_t);
    kern_return_t kr = mach_make_memory_entry_64(SELF, &size, 0, RW, &out, name);
    assert_int_equal(size, PAGE);
    DONE(kr);
}

static kern_return_t call_register_port(mach_port_t name)
{
    mach_port_t ports[] = {name};
    return mach_ports_register(SELF, ports, 1);
}

static kern_return_t call_bootstrap_register(mach_port_t name)
{
    char service[] = "mring.test.bad-names";
    return bootstrap_register(bootstrap_port, service, name);
}

/* None and dead ones are no object: other memory, no parent, an empty slot (Mach 0.4, 2.5). */
static void objects(void **state)
{
    const struct call map = CALL(map_object), parent = CALL(parent_entry), enlist = CALL(register_port),
                      bind = CALL(bootstrap_register);

    (void)state;
    for (enum kind kind = NEVER_HELD; kind < A_PORT; kind++) {
        bool no_right = kind != ITS_PORT_DIED;
        expect(&map, kind, no_right ? MACH_SEND_INVALID_RIGHT : KERN_SUCCESS);
        expect(&parent, kind, no_right ? MACH_SEND_INVALID_RIGHT : KERN_INVALID_ADDRESS); /* nothing is at 0 */
        if (no_right) {
            expect(&enlist, kind, MACH_SEND_INVALID_RIGHT);
            expect(&bind, kind, MACH_SEND_INVALID_RIGHT);
        }
    }
    expect(&map, NO_NAME, KERN_SUCCESS);
    expect(&map, DEAD, KERN_SUCCESS);
    for (enum kind kind = A_PORT; kind < KINDS; kind++)
        if (kind != AN_ENTRY)
            expect(&map, kind, KERN_INVALID_OBJECT);
    expect(&enlist, THE_TASK, KERN_INVALID_RIGHT);
    expect(&bind, DEAD, BOOTSTRAP_NO_MEMORY);
    assert_int_equal(mach_ports_register(SELF, NULL, 0), KERN_SUCCESS);
}

/* ---- semaphores ---- */

static const mach_timespec_t at_once = {0, 0};

static kern_return_t call_wait(mach_port_t name)
{
    return semaphore_timedwait(name, at_once);
}

static kern_return_t call_wait_for_ever(mach_port_t name)
{
    return semaphore_wait(name);
}

static kern_return_t call_signal(mach_port_t name)
{
    return semaphore_signal(name);
}

static kern_return_t call_signal_all(mach_port_t name)
{
    return semaphore_signal_all(name);
}

static kern_return_t call_signal_thread(mach_port_t name)
{
    return semaphore_signal_thread(name, MACH_PORT_NULL);
}

static kern_return_t call_wait_signal(mach_port_t name)
{
    return semaphore_wait_signal(name, names[A_SEMAPHORE]);
}

static kern_return_t call_wait_to_signal(mach_port_t name)
{
    return semaphore_timedwait_signal(names[A_SEMAPHORE], name, at_once);
}

static void semaphores(void **state)
{
    static const struct call calls[] = {CALL(wait),          CALL(wait_for_ever), CALL(signal),        CALL(signal_all),
                                        CALL(signal_thread), CALL(wait_signal),   CALL(wait_to_signal)};

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (enum kind kind = NO_NAME; kind < KINDS; kind++)
            if (kind != A_SEMAPHORE)
                expect(&calls[i], kind,
                       kind <= ITS_PORT_DIED                      ? KERN_INVALID_NAME
                       : kind == RECEIVE_ONLY || kind == PORT_SET ? KERN_INVALID_RIGHT
                                                                  : KERN_INVALID_CAPABILITY);
    assert_int_equal(semaphore_timedwait(names[A_SEMAPHORE], at_once), KERN_OPERATION_TIMED_OUT);
}

/* ---- the bootstrap port ---- */

static kern_return_t call_look_up(mach_port_t name)
{
    OUT(mach_port_t);
    DONE(bootstrap_look_up(name, "mring.test.bad-names.nobody", &out));
}

static kern_return_t call_check_in(mach_port_t name)
{
    OUT(mach_port_t);
    DONE(bootstrap_check_in(name, "mring.test.bad-names.check-in", &out));
}

static kern_return_t call_create_service(mach_port_t name)
{
    char service[] = "mring.test.bad-names.create";
    OUT(mach_port_t);
    DONE(bootstrap_create_service(name, service, &out));
}

static kern_return_t call_register(mach_port_t name)
{
    char service[] = "mring.test.bad-names.register";
    return bootstrap_register(name, service, names[AN_ENTRY]);
}

static kern_return_t call_status(mach_port_t name)
{
    char service[] = "mring.test.bad-names.status";
    OUT(bootstrap_status_t);
    DONE(bootstrap_status(name, service, &out));
}

static kern_return_t call_parent(mach_port_t name)
{
    OUT(mach_port_t);
    DONE(bootstrap_parent(name, &out));
}

static kern_return_t call_unprivileged(mach_port_t name)
{
    OUT(mach_port_t);
    DONE(bootstrap_unprivileged(name, &out));
}

static void the_bootstrap_port(void **state)
{
    static const struct call calls[] = {CALL(look_up), CALL(check_in), CALL(create_service), CALL(register),
                                        CALL(status),  CALL(parent),   CALL(unprivileged)};

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (enum kind kind = NO_NAME; kind < THE_BOOTSTRAP; kind++)
            expect(&calls[i], kind, kind < A_PORT ? MACH_SEND_INVALID_DEST : KERN_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_target_task),
        cmocka_unit_test(objects),
        cmocka_unit_test(semaphores),
        cmocka_unit_test(the_bootstrap_port),
    };
    return cmocka_run_group_tests(tests, make_names, NULL);
}
