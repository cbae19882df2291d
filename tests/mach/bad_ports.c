/*
 * The calls on receive rights and port sets, with every kind of name that is not what they ask for: XNU's codes, out arguments
 * untouched, nothing changed. The target task's names are in bad_names.c.
 */
#include "mach/ports.h"

#define SELF mach_task_self()

enum { UNTOUCHED = 0x4321 };

static mach_port_t bystander; /* a receive right, which stays as it is */

static kern_return_t call_guard(mach_port_t task, mach_port_t name)
{
    return mach_port_guard(task, name, 7, FALSE);
}

static kern_return_t call_guard_with_flags(mach_port_t task, mach_port_t name)
{
    return mach_port_guard_with_flags(task, name, 7, MPG_STRICT);
}

static kern_return_t call_unguard(mach_port_t task, mach_port_t name)
{
    return mach_port_unguard(task, name, 7);
}

static kern_return_t call_swap_guard(mach_port_t task, mach_port_t name)
{
    return mach_port_swap_guard(task, name, 7, 8);
}

static kern_return_t call_destruct(mach_port_t task, mach_port_t name)
{
    return mach_port_destruct(task, name, 0, 0);
}

static kern_return_t call_get_context(mach_port_t task, mach_port_t name)
{
    mach_port_context_t context = UNTOUCHED;
    kern_return_t kr = mach_port_get_context(task, name, &context);
    assert_true(context == UNTOUCHED);
    return kr;
}

static kern_return_t call_set_context(mach_port_t task, mach_port_t name)
{
    return mach_port_set_context(task, name, 7);
}

static kern_return_t call_get_status(mach_port_t task, mach_port_t name)
{
    mach_port_status_t status = {.mps_qlimit = UNTOUCHED};
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;
    kern_return_t kr =
        mach_port_get_attributes(task, name, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&status, &count);
    assert_true(status.mps_qlimit == UNTOUCHED && count == MACH_PORT_RECEIVE_STATUS_COUNT);
    return kr;
}

static kern_return_t call_set_limit(mach_port_t task, mach_port_t name)
{
    mach_port_limits_t limits = {7};
    return mach_port_set_attributes(task, name, MACH_PORT_LIMITS_INFO, (mach_port_info_t)&limits,
                                    MACH_PORT_LIMITS_INFO_COUNT);
}

static kern_return_t call_set_mscount(mach_port_t task, mach_port_t name)
{
    return mach_port_set_mscount(task, name, 7);
}

static kern_return_t call_set_seqno(mach_port_t task, mach_port_t name)
{
    return mach_port_set_seqno(task, name, 7);
}

static kern_return_t call_extract_right(mach_port_t task, mach_port_t name)
{
    mach_port_t right = UNTOUCHED;
    mach_msg_type_name_t kind = UNTOUCHED;
    kern_return_t kr = mach_port_extract_right(task, name, MACH_MSG_TYPE_MAKE_SEND, &right, &kind);
    assert_true(right == UNTOUCHED && kind == UNTOUCHED);
    return kr;
}

static kern_return_t call_insert_member(mach_port_t task, mach_port_t name)
{
    return mach_port_insert_member(task, bystander, name);
}

static kern_return_t call_extract_member(mach_port_t task, mach_port_t name)
{
    return mach_port_extract_member(task, bystander, name);
}

static kern_return_t call_get_set_status(mach_port_t task, mach_port_t name)
{
    mach_port_name_array_t members = NULL;
    mach_msg_type_number_t count = UNTOUCHED;
    kern_return_t kr = mach_port_get_set_status(task, name, &members, &count);
    assert_true(members == NULL && count == UNTOUCHED);
    return kr;
}

struct call {
    const char *what;
    kern_return_t (*call)(mach_port_t task, mach_port_t name);
    kern_return_t none; /* to MACH_PORT_NULL and MACH_PORT_DEAD */
};

static const struct call of_receive[] = {
    {"guard", call_guard, KERN_INVALID_NAME},
    {"guard_with_flags", call_guard_with_flags, KERN_INVALID_NAME},
    {"unguard", call_unguard, KERN_INVALID_NAME},
    {"swap_guard", call_swap_guard, KERN_INVALID_NAME},
    {"destruct", call_destruct, KERN_INVALID_NAME},
    {"get_context", call_get_context, KERN_INVALID_RIGHT},
    {"set_context", call_set_context, KERN_INVALID_RIGHT},
    {"get_attributes", call_get_status, KERN_INVALID_RIGHT},
    {"set_attributes", call_set_limit, KERN_INVALID_RIGHT},
    {"set_mscount", call_set_mscount, KERN_INVALID_RIGHT},
    {"set_seqno", call_set_seqno, KERN_INVALID_RIGHT},
    {"extract_right", call_extract_right, KERN_INVALID_RIGHT},
};

static const struct call of_sets[] = {
    {"insert_member", call_insert_member, KERN_INVALID_RIGHT},
    {"extract_member", call_extract_member, KERN_INVALID_RIGHT},
    {"get_set_status", call_get_set_status, KERN_INVALID_RIGHT},
};

static void expect(const struct call *call, mach_port_t task, mach_port_t name, kern_return_t expected)
{
    kern_return_t got = call->call(task, name);

    if (got != expected)
        print_message("%s of %#x in %#x: expected %#x, got %#x\n", call->what, name, task, (unsigned)expected,
                      (unsigned)got);
    assert_int_equal(got, expected);
}

/* `lacking`: a live name without the right that the calls ask for. */
static void refuse(const struct call *calls, size_t count, mach_port_t lacking)
{
    mach_port_t stale = new_port(), died = new_port_with_send(), dead = MACH_PORT_NULL;

    assert_int_equal(drop_receive(stale), KERN_SUCCESS);
    assert_int_equal(drop_receive(died), KERN_SUCCESS);
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_DEAD_NAME, &dead), KERN_SUCCESS);
    for (size_t i = 0; i < count; i++) {
        expect(&calls[i], SELF, MACH_PORT_NULL, calls[i].none);
        expect(&calls[i], SELF, MACH_PORT_DEAD, calls[i].none);
        expect(&calls[i], SELF, 0x12340003, KERN_INVALID_NAME);
        expect(&calls[i], SELF, stale, KERN_INVALID_NAME);
        expect(&calls[i], SELF, died, KERN_INVALID_RIGHT);
        expect(&calls[i], SELF, dead, KERN_INVALID_RIGHT);
        expect(&calls[i], SELF, SELF, KERN_INVALID_RIGHT);
        expect(&calls[i], SELF, lacking, KERN_INVALID_RIGHT);
        expect(&calls[i], MACH_PORT_NULL, bystander, MACH_SEND_INVALID_DEST);
        expect(&calls[i], stale, bystander, MACH_SEND_INVALID_DEST);
        expect(&calls[i], bootstrap_port, bystander, KERN_INVALID_ARGUMENT);
    }
    assert_int_equal(references(died, MACH_PORT_RIGHT_DEAD_NAME), 1);
    assert_int_equal(references(dead, MACH_PORT_RIGHT_DEAD_NAME), 1);
    assert_int_equal(mach_port_deallocate(SELF, died), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, dead), KERN_SUCCESS);
}

static void names_without_the_right(void **state)
{
    mach_port_t set = MACH_PORT_NULL;
    mach_port_status_t status;
    mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;

    (void)state;
    bystander = new_port();
    assert_int_equal(mach_port_allocate(SELF, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    refuse(of_receive, sizeof of_receive / sizeof *of_receive, set);
    refuse(of_sets, sizeof of_sets / sizeof *of_sets, bystander);
    assert_int_equal(
        mach_port_get_attributes(SELF, bystander, MACH_PORT_RECEIVE_STATUS, (mach_port_info_t)&status, &count),
        KERN_SUCCESS);
    assert_int_equal(status.mps_qlimit, MACH_PORT_QLIMIT_DEFAULT);
    assert_true(status.mps_mscount == 0 && status.mps_seqno == 0 && status.mps_pset == 0 && status.mps_flags == 0);
    assert_int_equal(mach_port_destroy(SELF, set), KERN_SUCCESS);
    assert_int_equal(drop_receive(bystander), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_without_the_right)};
    return cmocka_run_group_tests_name("bad_ports", tests, NULL, NULL);
}
