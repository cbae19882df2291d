/* Registered and special ports: cases 99 to 102, and scenario S5, by messages and by semaphores. */
#include "mach/ports.h"

#include <mach/mach_vm.h>
#include <stdatomic.h>

#define SELF mach_task_self()

static void register_ports(mach_port_t a, mach_port_t b, mach_port_t c)
{
    mach_port_t ports[3] = {a, b, c};
    assert_int_equal(mach_ports_register(SELF, ports, 3), KERN_SUCCESS);
}

/* Look up, and give the array back. */
static kern_return_t look_up(mach_port_t found[3])
{
    mach_port_array_t array = NULL;
    mach_msg_type_number_t count = 77;
    kern_return_t kr = mach_ports_lookup(SELF, &array, &count);
    if (kr != KERN_SUCCESS)
        return kr;
    memcpy(found, array, 3 * sizeof(found[0]));
    if (count != 3)
        return KERN_FAILURE;
    return vm_deallocate(SELF, (vm_address_t)array, count * sizeof(array[0]));
}

static void clear(void)
{
    register_ports(MACH_PORT_NULL, MACH_PORT_NULL, MACH_PORT_NULL);
}

static mach_port_t make_entry(void)
{
    memory_object_size_t size = vm_page_size;
    mach_port_t entry = MACH_PORT_NULL;
    assert_int_equal(mach_make_memory_entry_64(SELF, &size, 0, MAP_MEM_NAMED_CREATE | VM_PROT_READ | VM_PROT_WRITE,
                                               &entry, MACH_PORT_NULL),
                     KERN_SUCCESS);
    return entry;
}

/* Case 99 */
static void look_up_gives_references(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), other = new_port_with_send(), entry = make_entry(), found[3];
    register_ports(port, entry, other);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1); /* the caller keeps its own, and no more */
    for (mach_port_urefs_t i = 2; i <= 3; i++) {
        assert_int_equal(look_up(found), KERN_SUCCESS);
        assert_int_equal(found[0], port);
        assert_int_equal(found[1], entry);
        assert_int_equal(found[2], other);
        assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), i);
        assert_int_equal(references(entry, MACH_PORT_RIGHT_SEND), i);
    }
    clear();
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, other), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, entry), KERN_SUCCESS);
}

/* Case 100 */
static void slots_are_three(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), four[4] = {port, port, port, port}, found[3];
    register_ports(port, port, port);
    assert_int_equal(mach_ports_register(SELF, four, 4), KERN_INVALID_ARGUMENT);
    assert_int_equal(look_up(found), KERN_SUCCESS);
    assert_int_equal(found[2], port);
    assert_int_equal(mach_ports_register(SELF, four, 1), KERN_SUCCESS);
    assert_int_equal(look_up(found), KERN_SUCCESS);
    assert_int_equal(found[0], port);
    assert_int_equal(found[1], MACH_PORT_NULL);
    assert_int_equal(found[2], MACH_PORT_NULL);
    assert_int_equal(mach_ports_register(SELF, NULL, 0), KERN_SUCCESS);
    assert_int_equal(look_up(found), KERN_SUCCESS);
    assert_int_equal(found[0], MACH_PORT_NULL);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* Case 101: the slot alone keeps the right, and the memory behind it. */
static void slots_keep_rights(void **state)
{
    (void)state;
    mach_port_t entry = make_entry(), found[3];
    mach_vm_address_t address = 0;
    assert_int_equal(mach_vm_map(SELF, &address, vm_page_size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, VM_PROT_DEFAULT,
                                 VM_PROT_DEFAULT, VM_INHERIT_NONE),
                     KERN_SUCCESS);
    *(int *)address = 101;
    assert_int_equal(mach_vm_deallocate(SELF, address, vm_page_size), KERN_SUCCESS);
    register_ports(MACH_PORT_NULL, entry, MACH_PORT_NULL);
    assert_int_equal(mach_port_deallocate(SELF, entry), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, entry), KERN_INVALID_NAME);
    assert_int_equal(look_up(found), KERN_SUCCESS);
    address = 0;
    assert_int_equal(mach_vm_map(SELF, &address, vm_page_size, 0, VM_FLAGS_ANYWHERE, found[1], 0, FALSE, VM_PROT_READ,
                                 VM_PROT_READ, VM_INHERIT_NONE),
                     KERN_SUCCESS);
    assert_int_equal(*(int *)address, 101);
    assert_int_equal(mach_vm_deallocate(SELF, address, vm_page_size), KERN_SUCCESS);
    clear();
    assert_int_equal(mach_port_deallocate(SELF, found[1]), KERN_SUCCESS);
}

/* Case 102 */
static void bad_rights_change_nothing(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), stale = new_port(), found[3];
    assert_int_equal(drop_receive(stale), KERN_SUCCESS);
    register_ports(port, MACH_PORT_NULL, port);
    mach_port_t unknown[3] = {MACH_PORT_NULL, port, stale}, immovable[3] = {port, port, SELF};
    assert_int_equal(mach_ports_register(SELF, unknown, 3), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(mach_ports_register(SELF, immovable, 3), KERN_INVALID_RIGHT);
    assert_int_equal(mach_ports_register(MACH_PORT_NULL, unknown, 3), MACH_SEND_INVALID_DEST);
    assert_int_equal(look_up(found), KERN_SUCCESS);
    assert_int_equal(found[0], port);
    assert_int_equal(found[1], MACH_PORT_NULL);
    assert_int_equal(found[2], port);
    mach_port_array_t array = (mach_port_array_t)77;
    mach_msg_type_number_t count = 77;
    assert_int_equal(mach_ports_lookup(stale, &array, &count), MACH_SEND_INVALID_DEST);
    assert_true(array == (mach_port_array_t)77 && count == 77);
    clear();
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

/* ---- S5 ---- */

enum { ROUNDS = 2000 };

struct family {
    struct gate changed;
    int generation;
};

static int ping(void *context)
{
    struct family *family = context;
    mach_port_t found[3], again[3], reply = new_port();
    union inbox inbox;
    mach_vm_address_t address = 0;

    CHECK(gate_wait(&family->changed, NULL)); /* the parent's slots are other ones by now */
    CHECK(look_up(found) == KERN_SUCCESS);
    CHECK(found[0] != MACH_PORT_NULL && found[1] != MACH_PORT_NULL && found[2] == MACH_PORT_NULL);
    CHECK(look_up(again) == KERN_SUCCESS && again[0] == found[0] && again[1] == found[1]);
    CHECK(references(found[1], MACH_PORT_RIGHT_SEND) == 2);
    CHECK(mach_vm_map(SELF, &address, vm_page_size, 0, VM_FLAGS_ANYWHERE, found[0], 0, FALSE, VM_PROT_DEFAULT,
                      VM_PROT_DEFAULT, VM_INHERIT_NONE) == KERN_SUCCESS);
    for (int i = 0; i < ROUNDS; i++) {
        *(int *)address = i;
        CHECK(ask(found[1], reply, 1, &inbox) == MACH_MSG_SUCCESS && inbox.header.msgh_id == 2);
        CHECK(*(int *)address == i + 1);
    }
    if (family->generation-- > 0) {
        gate_pass(&family->changed, 1);
        CHECK(child_run(ping, family) == 0); /* the grandchild inherits too */
    }
    return 0;
}

static void children_inherit(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t port = new_port_with_send(), entry = make_entry();
    struct family family = {.changed = gate_make(), .generation = 1};
    union inbox request;
    mach_vm_address_t address = 0;

    assert_int_equal(mach_vm_map(SELF, &address, vm_page_size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, VM_PROT_DEFAULT,
                                 VM_PROT_DEFAULT, VM_INHERIT_NONE),
                     KERN_SUCCESS);
    register_ports(entry, port, MACH_PORT_NULL);
    pid_t child = child_start(ping, &family);
    clear();
    gate_pass(&family.changed, 1);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        assert_int_equal(receive(port, &request, PATIENCE), MACH_MSG_SUCCESS);
        ++*(int *)address;
        assert_int_equal(answer(&request, 2), MACH_MSG_SUCCESS);
    }
    assert_int_equal(child_end(child), 0);
    gate_close(&family.changed);
    assert_int_equal(mach_vm_deallocate(SELF, address, vm_page_size), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, entry), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

enum { TURNS = 10000 };

static int take_turns(void *context)
{
    mach_port_t found[3];
    mach_vm_address_t address = 0;
    CHECK(gate_wait(context, NULL));
    CHECK(look_up(found) == KERN_SUCCESS);
    CHECK(mach_vm_map(SELF, &address, vm_page_size, 0, VM_FLAGS_ANYWHERE, found[0], 0, FALSE, VM_PROT_DEFAULT,
                      VM_PROT_DEFAULT, VM_INHERIT_NONE) == KERN_SUCCESS);
    for (int i = 0; i < TURNS; i++) {
        CHECK(semaphore_wait(found[1]) == KERN_SUCCESS);
        ++*(int *)address;
        CHECK(semaphore_signal(found[2]) == KERN_SUCCESS);
    }
    return 0;
}

static void semaphores_in_the_slots(void **state)
{
    (void)state;
    struct gate changed = gate_make();
    mach_port_t entry = make_entry(), go, done;
    mach_vm_address_t address = 0;
    assert_int_equal(semaphore_create(SELF, &go, SYNC_POLICY_FIFO, 0), KERN_SUCCESS);
    assert_int_equal(semaphore_create(SELF, &done, SYNC_POLICY_FIFO, 0), KERN_SUCCESS);
    assert_int_equal(mach_vm_map(SELF, &address, vm_page_size, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE, VM_PROT_DEFAULT,
                                 VM_PROT_DEFAULT, VM_INHERIT_NONE),
                     KERN_SUCCESS);
    register_ports(entry, go, done);
    pid_t child = child_start(take_turns, &changed);
    clear();
    gate_pass(&changed, 1);
    for (int i = 0; i < TURNS; i++) {
        assert_int_equal(*(int *)address, i);
        assert_int_equal(semaphore_signal(go), KERN_SUCCESS);
        assert_int_equal(semaphore_wait(done), KERN_SUCCESS);
    }
    assert_int_equal(child_end(child), 0);
    assert_int_equal(semaphore_destroy(SELF, go), KERN_SUCCESS);
    assert_int_equal(semaphore_destroy(SELF, done), KERN_SUCCESS);
    assert_int_equal(mach_vm_deallocate(SELF, address, vm_page_size), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, entry), KERN_SUCCESS);
    gate_close(&changed);
}

/* ---- the bootstrap slot ---- */

static int write_to_the_bootstrap_port(void *context)
{
    mach_port_t port = MACH_PORT_NULL;
    (void)context;
    CHECK(task_get_special_port(SELF, TASK_BOOTSTRAP_PORT, &port) == KERN_SUCCESS);
    CHECK(send_note(port, 4) == MACH_MSG_SUCCESS);
    return 0;
}

static void a_port_in_the_bootstrap_slot(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), found = 77;
    union inbox inbox;
    assert_int_equal(task_get_special_port(SELF, 1234, &found), KERN_INVALID_ARGUMENT);
    assert_int_equal(task_get_special_port(MACH_PORT_NULL, TASK_BOOTSTRAP_PORT, &found), MACH_SEND_INVALID_DEST);
    assert_int_equal(found, 77);
    assert_int_equal(task_set_special_port(SELF, TASK_BOOTSTRAP_PORT, port), KERN_SUCCESS);
    assert_int_equal(child_run(write_to_the_bootstrap_port, NULL), 0);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 4);
    assert_int_equal(task_set_special_port(SELF, TASK_BOOTSTRAP_PORT, bootstrap_port), KERN_SUCCESS);
    assert_int_equal(task_get_special_port(SELF, TASK_BOOTSTRAP_PORT, &found), KERN_SUCCESS);
    assert_int_equal(found, bootstrap_port);
    assert_int_equal(mach_port_deallocate(SELF, found), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_up_gives_references),
        cmocka_unit_test(slots_are_three),
        cmocka_unit_test(slots_keep_rights),
        cmocka_unit_test(bad_rights_change_nothing),
        cmocka_unit_test(children_inherit),
        cmocka_unit_test(semaphores_in_the_slots),
        cmocka_unit_test(a_port_in_the_bootstrap_slot),
    };
    return cmocka_run_group_tests_name("port_registered", tests, NULL, NULL);
}
