/* Names and their references: cases 94 to 98, and what SEMANTICS 5.1 to 5.5 says besides. */
#include "mach/ports.h"

#include <mach/notify.h>

#define SELF mach_task_self()

static mach_port_t a_stale_name(void)
{
    mach_port_t port = new_port();
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    return port;
}

/* Case 94 */
static void deallocate_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(mach_port_deallocate(SELF, MACH_PORT_NULL), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, MACH_PORT_DEAD), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, a_stale_name()), KERN_INVALID_NAME);
    assert_int_equal(mach_port_deallocate(SELF, 0xfffff00), KERN_INVALID_NAME);
    mach_port_t port = new_port();
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_INVALID_RIGHT); /* a receive right only */
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
}

/* A send right alone: the port's receiver is elsewhere. Here: a right to a port of a child, by its name. */
static int serve_until_told(void *context)
{
    struct gate *gates = context;
    char name[64];
    mach_port_t port;

    snprintf(name, sizeof(name), "mring.test.port_names.%d", getppid());
    CHECK(bootstrap_check_in(bootstrap_port, name, &port) == BOOTSTRAP_SUCCESS);
    close(gates[1].ends[1]);
    gate_pass(&gates[0], 1);
    gate_wait(&gates[1], NULL);
    return 0;
}

struct elsewhere {
    struct gate gates[2];
    pid_t child;
    mach_port_t send;
};

static struct elsewhere port_elsewhere(void)
{
    struct elsewhere made = {.gates = {gate_make(), gate_make()}};
    char name[64];

    snprintf(name, sizeof(name), "mring.test.port_names.%d", getpid());
    made.child = child_start(serve_until_told, made.gates);
    assert_true(gate_wait(&made.gates[0], NULL));
    assert_int_equal(bootstrap_look_up(bootstrap_port, name, &made.send), BOOTSTRAP_SUCCESS);
    return made;
}

static void end_elsewhere(struct elsewhere *made)
{
    gate_close(&made->gates[1]);
    assert_int_equal(child_end(made->child), 0);
    gate_close(&made->gates[0]);
}

/* Case 95 */
static void references_are_counted(void **state)
{
    (void)state;
    struct elsewhere made = port_elsewhere();
    assert_int_equal(mach_port_mod_refs(SELF, made.send, MACH_PORT_RIGHT_SEND, 2), KERN_SUCCESS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mach_port_deallocate(SELF, made.send), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, made.send), KERN_INVALID_NAME);
    end_elsewhere(&made);
}

/* Case 96 */
static void mod_refs_refuses(void **state)
{
    (void)state;
    struct elsewhere made = port_elsewhere();
    assert_int_equal(mach_port_mod_refs(SELF, made.send, MACH_PORT_RIGHT_RECEIVE, -1), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_mod_refs(SELF, made.send, 6, 1), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_mod_refs(SELF, made.send, 7, 1), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_mod_refs(SELF, made.send, MACH_PORT_RIGHT_SEND, -5), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_mod_refs(SELF, made.send, MACH_PORT_RIGHT_SEND, 0), KERN_SUCCESS);
    assert_int_equal(references(made.send, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(mach_port_deallocate(SELF, made.send), KERN_SUCCESS);
    end_elsewhere(&made);

    mach_port_t port = new_port();
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, 1), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, 0), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 1), KERN_INVALID_RIGHT);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_INVALID_NAME);
}

/* Case 97 */
static void mod_refs_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(mach_port_mod_refs(SELF, MACH_PORT_NULL, MACH_PORT_RIGHT_SEND, -1), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, MACH_PORT_DEAD, MACH_PORT_RIGHT_SEND_ONCE, -1), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, MACH_PORT_NULL, MACH_PORT_RIGHT_RECEIVE, -1), KERN_INVALID_NAME);
    assert_int_equal(mach_port_mod_refs(SELF, MACH_PORT_DEAD, MACH_PORT_RIGHT_PORT_SET, -1), KERN_INVALID_NAME);
}

/* Case 98 */
static void references_peg(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send();
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 70000), KERN_INVALID_VALUE);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 65000), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, 65000), KERN_SUCCESS);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 65535);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 65535);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_INVALID_NAME);
}

/* 5.5: a freed name fails, however often its place is taken again. */
static void stale_names_fail(void **state)
{
    (void)state;
    mach_port_t stale = a_stale_name();
    for (int i = 0; i < 200; i++) {
        mach_port_t port = new_port_with_send();
        assert_int_not_equal(port, stale);
        assert_int_equal(mach_port_deallocate(SELF, stale), KERN_INVALID_NAME);
        assert_int_equal(send_note(stale, 1), MACH_SEND_INVALID_DEST);
        assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    }
}

static kern_return_t insert(mach_port_name_t name, mach_port_t poly, mach_msg_type_name_t disposition)
{
    return mach_port_insert_right(SELF, name, poly, disposition);
}

static void insert_right_keeps_one_name(void **state)
{
    (void)state;
    mach_port_t port = new_port(), other = new_port();
    assert_int_equal(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_INVALID_RIGHT);
    for (mach_port_urefs_t i = 1; i <= 3; i++) {
        assert_int_equal(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
        assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), i);
    }
    assert_int_equal(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 4);
    assert_int_equal(insert(port, port, MACH_MSG_TYPE_MOVE_SEND), KERN_SUCCESS); /* one goes and comes */
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 4);
    assert_int_equal(insert(other, port, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS);
    assert_int_equal(insert(0x12303, port, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 4);
    assert_int_equal(insert(other, port, MACH_MSG_TYPE_MOVE_SEND), KERN_RIGHT_EXISTS); /* what could not stay is gone */
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 3);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, other), KERN_SUCCESS);
}

/* The right is looked at first, then the name. */
static void insert_right_refuses(void **state)
{
    (void)state;
    mach_port_t port = new_port(), set, dead;
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead), KERN_SUCCESS);
    assert_int_equal(insert(123, port, MACH_MSG_TYPE_MAKE_SEND), KERN_FAILURE);       /* index 0 */
    assert_int_equal(insert(122, port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_VALUE); /* low bits */
    assert_int_equal(insert(MACH_PORT_NULL, port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_VALUE);
    assert_int_equal(insert(MACH_PORT_DEAD, port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_VALUE);
    assert_int_equal(insert(0x7fffff03, port, MACH_MSG_TYPE_MAKE_SEND), KERN_NO_SPACE);
    assert_int_equal(insert(port ^ 0x80, port, MACH_MSG_TYPE_MAKE_SEND),
                     KERN_FAILURE); /* another generation of a name */
    assert_int_equal(insert(port, port, 99), KERN_INVALID_VALUE);
    assert_int_equal(insert(port, MACH_PORT_NULL, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_NAME);
    assert_int_equal(insert(port, a_stale_name(), MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_NAME);
    assert_int_equal(insert(set, set, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_RIGHT);
    assert_int_equal(insert(dead, dead, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_CAPABILITY);
    assert_int_equal(insert(dead, dead, MACH_MSG_TYPE_COPY_SEND), KERN_INVALID_CAPABILITY);
    assert_int_equal(insert(set, SELF, MACH_MSG_TYPE_COPY_SEND), KERN_RIGHT_EXISTS);
    assert_int_equal(insert(port, port, MACH_MSG_TYPE_MOVE_RECEIVE), KERN_INVALID_CAPABILITY);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, dead), KERN_SUCCESS);
}

static void names_of_ones_choice(void **state)
{
    (void)state;
    enum { FAR = 5000 << 8 | 0x43 };
    union inbox inbox;
    mach_port_type_t type = 0;
    int before = descriptors_open();

    assert_int_equal(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, FAR), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, FAR), KERN_NAME_EXISTS);
    assert_int_equal(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_DEAD_NAME, FAR + 4), KERN_FAILURE);
    assert_int_equal(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_SEND, FAR + 0x100), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_allocate_name(SELF, MACH_PORT_RIGHT_RECEIVE, MACH_PORT_NULL), KERN_INVALID_VALUE);

    /* A send-once right of one's own gets a name beside the port's. */
    assert_int_equal(insert(FAR, FAR, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_NAME_EXISTS);
    assert_int_equal(receive(FAR, &inbox, PATIENCE), MACH_MSG_SUCCESS); /* it was destroyed unused */
    assert_int_equal(inbox.header.msgh_id, MACH_NOTIFY_SEND_ONCE);
    assert_int_equal(insert(FAR - 0x100, FAR, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, FAR - 0x100, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_SEND_ONCE);
    struct note note = make_note(FAR - 0x100, MACH_MSG_TYPE_MOVE_SEND_ONCE, 7);
    assert_int_equal(send_now(&note.header), MACH_MSG_SUCCESS);
    assert_int_equal(receive(FAR, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 7);
    assert_int_equal(mach_port_type(SELF, FAR - 0x100, &type), KERN_INVALID_NAME);
    assert_int_equal(mach_port_destroy(SELF, FAR), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

static void rights_are_extracted(void **state)
{
    (void)state;
    mach_port_t port = new_port(), given = 77, once;
    mach_msg_type_name_t type = 0;
    union inbox inbox;

    assert_int_equal(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_COPY_SEND, &given, &type), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_extract_right(SELF, port, 99, &given, &type), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_extract_right(SELF, 0, MACH_MSG_TYPE_COPY_SEND, &given, &type), KERN_INVALID_RIGHT);
    assert_int_equal(given, 77);
    assert_int_equal(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND, &given, &type), KERN_SUCCESS);
    assert_int_equal(given, port);
    assert_int_equal(type, MACH_MSG_TYPE_PORT_SEND);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &type), KERN_SUCCESS);
    assert_int_not_equal(once, port);
    assert_int_equal(type, MACH_MSG_TYPE_PORT_SEND_ONCE);
    assert_int_equal(mach_port_deallocate(SELF, once), KERN_SUCCESS);
    assert_int_equal(receive(port, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, MACH_NOTIFY_SEND_ONCE);
    assert_int_equal(drop_receive(port), KERN_SUCCESS); /* the send right is a dead name now */
    assert_int_equal(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MOVE_SEND, &given, &type), KERN_SUCCESS);
    assert_int_equal(given, MACH_PORT_DEAD);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_INVALID_NAME);
}

static void types(void **state)
{
    mach_port_type_t type = 0;
    (void)state;

    mach_port_t port = new_port();
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_RECEIVE);
    assert_int_equal(mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_SEND_RECEIVE);

    /* The receiver goes: what is left is a dead name. */
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_DEAD_NAME);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_SEND, -1), KERN_INVALID_RIGHT);
    assert_int_equal(send_note(port, 1), MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_DEAD_NAME, -1), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_INVALID_NAME);

    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_DEAD_NAME);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_INVALID_NAME);

    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, port, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_PORT_SET);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_PORT_SET, -1), KERN_SUCCESS);
}

/* 0.3, 0.5: calls on nobody, and failures that leave out arguments alone. */
static void wrong_task_and_out_arguments(void **state)
{
    (void)state;
    mach_port_t port = 77, stale = a_stale_name();
    assert_int_equal(mach_port_allocate(MACH_PORT_NULL, MACH_PORT_RIGHT_RECEIVE, &port), MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_port_allocate(stale, MACH_PORT_RIGHT_RECEIVE, &port), MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_port_allocate(bootstrap_port, MACH_PORT_RIGHT_RECEIVE, &port), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_SEND, &port), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_deallocate(MACH_PORT_NULL, MACH_PORT_NULL), MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_port_mod_refs(MACH_PORT_DEAD, stale, MACH_PORT_RIGHT_SEND, 1), MACH_SEND_INVALID_DEST);
    assert_int_equal(port, 77);

    mach_port_t dead = new_port_with_send();
    assert_int_equal(mach_port_allocate(dead, MACH_PORT_RIGHT_RECEIVE, &port), KERN_INVALID_ARGUMENT);
    assert_int_equal(drop_receive(dead), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(dead, MACH_PORT_RIGHT_RECEIVE, &port), MACH_SEND_INVALID_DEST);
    assert_int_equal(port, 77);
    assert_int_equal(mach_port_deallocate(SELF, dead), KERN_SUCCESS);
}

/* Whether its port died, or it was made so. */
static void a_dead_name_gives_no_right(void **state)
{
    mach_port_t dead[2] = {new_port_with_send(), MACH_PORT_NULL};
    (void)state;
    assert_int_equal(drop_receive(dead[0]), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead[1]), KERN_SUCCESS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mach_port_insert_right(SELF, dead[i], dead[i], MACH_MSG_TYPE_COPY_SEND),
                         KERN_INVALID_CAPABILITY);
        assert_int_equal(references(dead[i], MACH_PORT_RIGHT_DEAD_NAME), 1);
        assert_int_equal(mach_port_insert_right(SELF, dead[i], dead[i], MACH_MSG_TYPE_MAKE_SEND),
                         KERN_INVALID_CAPABILITY);
        assert_int_equal(mach_port_insert_right(SELF, dead[i] + 0x10000, dead[i], MACH_MSG_TYPE_MAKE_SEND),
                         KERN_INVALID_RIGHT);
        assert_int_equal(mach_port_deallocate(SELF, dead[i]), KERN_SUCCESS);
    }
}

/* A send-once right whose port has ended is a dead name like others: its references can be counted up and down. */
static void a_dead_once_right(void **state)
{
    mach_port_t port = new_port(), once = MACH_PORT_NULL;
    mach_msg_type_name_t kind;
    mach_port_type_t type;
    (void)state;
    assert_int_equal(mach_port_extract_right(SELF, port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &kind), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_SEND_ONCE, 1), KERN_INVALID_VALUE);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, once, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_DEAD_NAME);
    assert_int_equal(mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_DEAD_NAME, 1), KERN_SUCCESS);
    assert_int_equal(references(once, MACH_PORT_RIGHT_DEAD_NAME), 2);
    assert_int_equal(mach_port_insert_right(SELF, once, once, MACH_MSG_TYPE_MOVE_RECEIVE), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_mod_refs(SELF, once, MACH_PORT_RIGHT_DEAD_NAME, -2), KERN_SUCCESS);
    assert_int_equal(mach_port_type(SELF, once, &type), KERN_INVALID_NAME);
}

/* 5.2: the task's own port stays whatever is taken. */
static void task_port_is_pinned(void **state)
{
    mach_port_t self = MACH_PORT_NULL;
    (void)state;
    assert_int_equal(task_get_special_port(SELF, TASK_KERNEL_PORT, &self), KERN_SUCCESS);
    assert_int_equal(self, SELF);
    assert_int_equal(mach_port_deallocate(SELF, self), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, self), KERN_INVALID_CAPABILITY);
    assert_int_equal(mach_port_destroy(SELF, self), KERN_INVALID_CAPABILITY);
    assert_int_equal(drop_receive(new_port()), KERN_SUCCESS);
}

static int no_names_in_the_child(void *context)
{
    mach_port_t *ports = context, bootstrap = MACH_PORT_NULL, fresh = new_port_with_send();
    mach_port_type_t type;

    for (int i = 0; i < 4; i++) {
        CHECK(mach_port_type(SELF, ports[i], &type) == KERN_INVALID_NAME);
        CHECK(mach_port_deallocate(SELF, ports[i]) == KERN_INVALID_NAME);
        CHECK(ports[i] != fresh);
    }
    CHECK(send_note(ports[1], 1) == MACH_SEND_INVALID_DEST);
    CHECK(task_get_special_port(SELF, TASK_BOOTSTRAP_PORT, &bootstrap) == KERN_SUCCESS);
    CHECK(bootstrap == bootstrap_port);
    CHECK(mach_port_destroy(SELF, fresh) == KERN_SUCCESS);
    /* All that the fork copied is closed: what is open is what was open before any port was made. */
    CHECK(descriptors_open() == (int)ports[4]);
    return 0;
}

/* 5.6, 5.7 */
static void names_vanish_in_a_child(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_t ports[5] = {new_port(), new_port_with_send(), MACH_PORT_NULL, MACH_PORT_NULL, (mach_port_t)before};
    union inbox inbox;
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &ports[2]), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_member(SELF, ports[0], ports[2]), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &ports[3]), KERN_SUCCESS);
    assert_int_equal(send_note(ports[1], 5), MACH_MSG_SUCCESS);

    assert_int_equal(child_run(no_names_in_the_child, ports), 0);

    assert_int_equal(receive(ports[1], &inbox, PATIENCE), MACH_MSG_SUCCESS); /* the child took nothing away */
    assert_int_equal(inbox.header.msgh_id, 5);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mach_port_destroy(SELF, ports[i]), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

/* Chunks of the table fill and empty; nothing is lost or left. */
static void many_names(void **state)
{
    enum { MANY = 3000 };
    static mach_port_t names[MANY];
    int before = descriptors_open();
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++)
            assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &names[i]), KERN_SUCCESS);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(references(names[i], MACH_PORT_RIGHT_DEAD_NAME), 1);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(mach_port_deallocate(SELF, names[i]), KERN_SUCCESS);
    }
    assert_int_equal(descriptors_open(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deallocate_of_nothing),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(mod_refs_refuses),
        cmocka_unit_test(mod_refs_of_nothing),
        cmocka_unit_test(references_peg),
        cmocka_unit_test(stale_names_fail),
        cmocka_unit_test(insert_right_keeps_one_name),
        cmocka_unit_test(insert_right_refuses),
        cmocka_unit_test(names_of_ones_choice),
        cmocka_unit_test(rights_are_extracted),
        cmocka_unit_test(types),
        cmocka_unit_test(wrong_task_and_out_arguments),
        cmocka_unit_test(a_dead_name_gives_no_right),
        cmocka_unit_test(a_dead_once_right),
        cmocka_unit_test(task_port_is_pinned),
        cmocka_unit_test(names_vanish_in_a_child),
        cmocka_unit_test(many_names),
    };
    return cmocka_run_group_tests_name("port_names", tests, NULL, NULL);
}
