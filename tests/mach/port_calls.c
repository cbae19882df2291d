/* Ports made and ended with options, guards, contexts, attributes, and the lists of names. */
#include "mach/ports.h"

#define SELF mach_task_self()

static kern_return_t construct(uint32_t flags, mach_port_context_t context, mach_port_name_t *name)
{
    mach_port_options_t options = {.flags = flags, .mpl = {7}};
    return mach_port_construct(SELF, &options, context, name);
}

static mach_port_status_t status_of(mach_port_t port)
{
    mach_port_status_t status;
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;
    assert_int_equal(mach_port_get_attributes(SELF, port, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&status, &count),
                     KERN_SUCCESS);
    assert_int_equal(count, MACH_PORT_RECEIVE_STATUS_COUNT);
    return status;
}

static mach_port_context_t context_of(mach_port_t port)
{
    mach_port_context_t context = 1;
    assert_int_equal(mach_port_get_context(SELF, port, &context), KERN_SUCCESS);
    return context;
}

static void options_are_honoured(void **state)
{
    (void)state;
    int before = descriptors_open();
    mach_port_name_t port = 77;
    mach_port_options_t wide = {.flags = MPO_QLIMIT, .mpl = {MACH_PORT_QLIMIT_MAX + 1}};

    assert_int_equal(mach_port_construct(SELF, &wide, 0, &port), KERN_INVALID_VALUE);
    assert_int_equal(construct(MPO_SERVICE_PORT, 0, &port), KERN_DENIED);
    assert_int_equal(construct(MPO_SERVICE_PORT | MPO_CONNECTION_PORT, 0, &port), KERN_INVALID_ARGUMENT);
    assert_int_equal(construct(MPO_REPLY_PORT | MPO_PROVISIONAL_REPLY_PORT, 0, &port), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_construct(MACH_PORT_NULL, &wide, 0, &port), MACH_SEND_INVALID_DEST);
    assert_int_equal(port, 77);

    assert_int_equal(construct(MPO_INSERT_SEND_RIGHT | MPO_QLIMIT, 0x123456789, &port), KERN_SUCCESS);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(status_of(port).mps_qlimit, 7);
    assert_int_equal(status_of(port).mps_mscount, 1);
    assert_true(status_of(port).mps_srights);
    assert_int_equal(status_of(port).mps_flags, 0);
    assert_true(context_of(port) == 0x123456789);
    assert_int_equal(mach_port_destruct(SELF, port, 1, 0), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_destruct(SELF, port, -2, 0), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_destruct(SELF, port, -1, 0), KERN_SUCCESS);
    assert_int_equal(mach_port_destruct(SELF, port, 0, 0), KERN_INVALID_NAME);
    assert_int_equal(mach_port_destruct(SELF, MACH_PORT_NULL, 0, 0), KERN_INVALID_NAME);

    assert_int_equal(construct(0, 0, &port), KERN_SUCCESS);
    assert_int_equal(status_of(port).mps_qlimit, MACH_PORT_QLIMIT_DEFAULT);
    assert_int_equal(references(port, MACH_PORT_RIGHT_SEND), 0);
    assert_int_equal(mach_port_destruct(SELF, port, -1, 0), KERN_INVALID_RIGHT); /* there is no send right */
    assert_int_equal(mach_port_destruct(SELF, port, 0, 0), KERN_SUCCESS);

    /* The send right that is left is a dead name. */
    assert_int_equal(construct(MPO_INSERT_SEND_RIGHT, 0, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_destruct(SELF, port, 0, 0), KERN_SUCCESS);
    assert_int_equal(references(port, MACH_PORT_RIGHT_DEAD_NAME), 1);
    assert_int_equal(mach_port_destruct(SELF, port, 0, 0), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_deallocate(SELF, port), KERN_SUCCESS);
    assert_int_equal(descriptors_open(), before);
}

static void guards(void **state)
{
    (void)state;
    enum { GUARD = 0x1234 };
    mach_port_name_t port = new_port();

    assert_int_equal(mach_port_unguard(SELF, port, 0), KERN_INVALID_ARGUMENT); /* it has none */
    assert_int_equal(mach_port_guard(SELF, port, 0, FALSE), KERN_SUCCESS);     /* a guard, if of 0 */
    assert_int_equal(drop_receive(port), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_unguard(SELF, port, 0), KERN_SUCCESS);
    assert_int_equal(mach_port_set_context(SELF, port, 5), KERN_SUCCESS);
    assert_int_equal(mach_port_guard(SELF, port, GUARD, FALSE), KERN_INVALID_ARGUMENT); /* it has a context */
    assert_int_equal(mach_port_set_context(SELF, port, 0), KERN_SUCCESS);
    assert_int_equal(mach_port_guard(SELF, port, GUARD, FALSE), KERN_SUCCESS);
    assert_int_equal(mach_port_guard(SELF, port, GUARD, FALSE), KERN_INVALID_ARGUMENT);
    assert_int_equal(status_of(port).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED);
    assert_true(context_of(port) == GUARD);

    assert_int_equal(mach_port_destruct(SELF, port, 0, GUARD + 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_INVALID_RIGHT);
    assert_int_equal(drop_receive(port), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, 0), KERN_SUCCESS);
    assert_int_equal(mach_port_unguard(SELF, port, GUARD + 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_swap_guard(SELF, port, GUARD + 1, 2), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_swap_guard(SELF, port, GUARD, GUARD + 1), KERN_SUCCESS);
    assert_int_equal(mach_port_unguard(SELF, port, GUARD + 1), KERN_SUCCESS);
    assert_true(context_of(port) == 0);

    /* A strict guard is neither told nor written over. */
    assert_int_equal(mach_port_guard(SELF, port, GUARD, TRUE), KERN_SUCCESS);
    assert_int_equal(status_of(port).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED | MACH_PORT_STATUS_FLAG_STRICT_GUARD);
    assert_true(context_of(port) == 0);
    assert_int_equal(mach_port_set_context(SELF, port, 6), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_swap_guard(SELF, port, GUARD, 1), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_destruct(SELF, port, 0, GUARD), KERN_SUCCESS);

    assert_int_equal(construct(MPO_CONTEXT_AS_GUARD | MPO_STRICT, GUARD, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_destruct(SELF, port, 0, 0), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_unguard(SELF, port, GUARD), KERN_SUCCESS);
    assert_int_equal(drop_receive(port), KERN_SUCCESS);

    assert_int_equal(mach_port_guard(SELF, MACH_PORT_NULL, GUARD, FALSE), KERN_INVALID_NAME);
    assert_int_equal(mach_port_guard(SELF, port, GUARD, FALSE), KERN_INVALID_NAME);
    assert_int_equal(mach_port_guard(SELF, SELF, GUARD, FALSE), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_guard(MACH_PORT_NULL, port, GUARD, FALSE), MACH_SEND_INVALID_DEST);
}

static void attributes(void **state)
{
    (void)state;
    mach_port_t port = new_port(), set;
    mach_port_limits_t limits = {9};
    mach_port_info_ext_t extended;
    mach_msg_type_number_t count = 0;
    int requests = 5;
    union inbox inbox;

    assert_int_equal(mach_port_get_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, &count),
                     KERN_FAILURE);
    assert_int_equal(limits.mpl_qlimit, 9);
    count = 1;
    assert_int_equal(mach_port_get_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, &count),
                     KERN_SUCCESS);
    assert_int_equal(limits.mpl_qlimit, MACH_PORT_QLIMIT_DEFAULT);
    assert_int_equal(mach_port_get_attributes(SELF, port, MACH_PORT_DNREQUESTS_SIZE, &requests, &count), KERN_SUCCESS);
    assert_int_equal(requests, 0);
    assert_int_equal(mach_port_get_attributes(SELF, port, 99, &requests, &count), KERN_INVALID_ARGUMENT);
    assert_int_equal(mach_port_get_attributes(SELF, SELF, MACH_PORT_LIMITS_INFO, &requests, &count),
                     KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_set_attributes(SELF, port, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits, 0),
                     KERN_FAILURE);
    assert_int_equal(mach_port_set_attributes(SELF, port, MACH_PORT_TEMPOWNER, NULL, 0), KERN_SUCCESS);
    assert_int_equal(mach_port_set_attributes(SELF, port, MACH_PORT_RECEIVE_STATUS, NULL, 0), KERN_INVALID_ARGUMENT);

    assert_int_equal(status_of(port).mps_pset, 0);
    assert_int_equal(status_of(port).mps_mscount, 0);
    assert_false(status_of(port).mps_srights);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_member(SELF, port, set), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(SELF, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    struct note note = make_note(port, MACH_MSG_TYPE_MAKE_SEND, 1);
    assert_int_equal(send_now(&note.header), MACH_MSG_SUCCESS);
    assert_int_equal(status_of(port).mps_pset, 1);
    assert_int_equal(status_of(port).mps_mscount, 2);
    assert_int_equal(status_of(port).mps_msgcount, 1);
    assert_int_equal(status_of(port).mps_seqno, 0);
    assert_int_equal(receive(port, &inbox, 0), MACH_MSG_SUCCESS);
    assert_int_equal(status_of(port).mps_seqno, 1);
    assert_int_equal(mach_port_set_mscount(SELF, port, 40), KERN_SUCCESS);
    assert_int_equal(mach_port_set_seqno(SELF, port, 50), KERN_SUCCESS);
    count = MACH_PORT_INFO_EXT_COUNT;
    assert_int_equal(mach_port_get_attributes(SELF, port, MACH_PORT_INFO_EXT, (mach_port_info_t)&extended, &count),
                     KERN_SUCCESS);
    assert_int_equal(extended.mpie_status.mps_mscount, 40);
    assert_int_equal(extended.mpie_status.mps_seqno, 50);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
}

static void members_are_listed(void **state)
{
    enum { MEMBERS = 100 };
    (void)state;
    mach_port_t set, ports[MEMBERS];
    mach_port_name_array_t members = NULL;
    mach_msg_type_number_t count = 77;

    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    assert_int_equal(mach_port_get_set_status(SELF, set, &members, &count), KERN_SUCCESS);
    assert_int_equal(count, 0);
    for (int i = 0; i < MEMBERS; i++) {
        ports[i] = new_port();
        assert_int_equal(mach_port_insert_member(SELF, ports[i], set), KERN_SUCCESS);
    }
    assert_int_equal(mach_port_extract_member(SELF, ports[0], set), KERN_SUCCESS);
    assert_int_equal(drop_receive(ports[1]), KERN_SUCCESS);
    assert_int_equal(mach_port_get_set_status(SELF, set, &members, &count), KERN_SUCCESS);
    assert_int_equal(count, MEMBERS - 2);
    for (mach_msg_type_number_t i = 0; i < count; i++)
        assert_true(i == 0 || members[i - 1] < members[i]);
    for (int i = 2; i < MEMBERS; i++) {
        mach_msg_type_number_t at = 0;
        while (at < count && members[at] != ports[i])
            at++;
        assert_true(at < count);
    }
    assert_int_equal(vm_deallocate(SELF, (vm_address_t)members, count * sizeof(*members)), KERN_SUCCESS);
    assert_int_equal(mach_port_get_set_status(SELF, ports[0], &members, &count), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_get_set_status(SELF, MACH_PORT_NULL, &members, &count), KERN_INVALID_RIGHT);
    assert_int_equal(mach_port_get_set_status(SELF, 0x3fff03, &members, &count), KERN_INVALID_NAME);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
    assert_int_equal(drop_receive(ports[0]), KERN_SUCCESS);
    for (int i = 2; i < MEMBERS; i++)
        assert_int_equal(drop_receive(ports[i]), KERN_SUCCESS);
}

static void names_are_listed(void **state)
{
    (void)state;
    mach_port_t port = new_port_with_send(), dead;
    mach_port_name_array_t names;
    mach_port_type_array_t types;
    mach_msg_type_number_t count, type_count;
    mach_port_type_t found[3] = {0, 0, 0};

    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead), KERN_SUCCESS);
    assert_int_equal(mach_port_names(SELF, &names, &count, &types, &type_count), KERN_SUCCESS);
    assert_int_equal(count, type_count);
    for (mach_msg_type_number_t i = 0; i < count; i++) {
        if (names[i] == port)
            found[0] |= types[i];
        else if (names[i] == dead)
            found[1] |= types[i];
        else if (names[i] == SELF)
            found[2] |= types[i];
    }
    assert_int_equal(found[0], MACH_PORT_TYPE_SEND_RECEIVE);
    assert_int_equal(found[1], MACH_PORT_TYPE_DEAD_NAME);
    assert_int_equal(found[2], MACH_PORT_TYPE_SEND);
    assert_int_equal(vm_deallocate(SELF, (vm_address_t)names, count * sizeof(*names)), KERN_SUCCESS);
    assert_int_equal(vm_deallocate(SELF, (vm_address_t)types, count * sizeof(*types)), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, port), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, dead), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_honoured), cmocka_unit_test(guards),           cmocka_unit_test(attributes),
        cmocka_unit_test(members_are_listed),   cmocka_unit_test(names_are_listed),
    };
    return cmocka_run_group_tests_name("port_calls", tests, NULL, NULL);
}
