/* Services that are created first, and checked in by whom they are for: bootstrap_create_service and bootstrap_status. */
#include "mach/ports.h"

#define SELF mach_task_self()

/* Children start servers of their own, from a parent that has threads: ThreadSanitizer, which asks this, must not mind. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

static void name_service(name_t name, const char *what)
{
    snprintf(name, sizeof(name_t), "mring.test.service.%s.%d", what, (int)getpid());
}

static int find_it_created(void *context)
{
    mach_port_t found = MACH_PORT_NULL;
    bootstrap_status_t status = 77;
    CHECK(bootstrap_create_service(bootstrap_port, context, &found) == BOOTSTRAP_NOT_PRIVILEGED);
    CHECK(bootstrap_status(bootstrap_port, context, &status) == BOOTSTRAP_SUCCESS);
    CHECK(status == BOOTSTRAP_STATUS_ACTIVE);
    CHECK(bootstrap_look_up(bootstrap_port, context, &found) == BOOTSTRAP_SUCCESS);
    CHECK(send_note(found, 42) == MACH_MSG_SUCCESS);
    return 0;
}

/* A service is created first, and checked in by whom it is for: one port, of which the creator has a send right. */
static void created_and_checked_in(void **state)
{
    name_t name;
    mach_port_t created = 0, checked = 0, again = 77;
    mach_port_type_t type = 0;
    bootstrap_status_t status = 77;
    union inbox inbox;
    (void)state;
    name_service(name, "created");
    assert_int_equal(bootstrap_status(bootstrap_port, name, &status), BOOTSTRAP_UNKNOWN_SERVICE);
    assert_int_equal(status, 77);
    assert_int_equal(bootstrap_create_service(bootstrap_port, name, &created), BOOTSTRAP_SUCCESS);
    assert_int_equal(mach_port_type(SELF, created, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_SEND);
    assert_int_equal(bootstrap_status(bootstrap_port, name, &status), BOOTSTRAP_SUCCESS);
    assert_int_equal(status, BOOTSTRAP_STATUS_INACTIVE);
    assert_int_equal(bootstrap_create_service(bootstrap_port, name, &again), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(send_note(created, 41), MACH_MSG_SUCCESS);
    assert_int_equal(bootstrap_check_in(bootstrap_port, name, &checked), BOOTSTRAP_SUCCESS);
    assert_int_equal(checked, created);
    assert_int_equal(mach_port_type(SELF, checked, &type), KERN_SUCCESS);
    assert_int_equal(type, MACH_PORT_TYPE_SEND_RECEIVE);
    assert_int_equal(bootstrap_status(bootstrap_port, name, &status), BOOTSTRAP_SUCCESS);
    assert_int_equal(status, BOOTSTRAP_STATUS_ACTIVE);
    assert_int_equal(bootstrap_check_in(bootstrap_port, name, &again), BOOTSTRAP_SERVICE_ACTIVE);
    assert_int_equal(again, 77);
    assert_int_equal(child_run(find_it_created, name), 0);
    for (int id = 41; id <= 42; id++) { /* what was sent before the check-in has waited */
        assert_int_equal(receive(checked, &inbox, PATIENCE), MACH_MSG_SUCCESS);
        assert_int_equal(inbox.header.msgh_id, id);
    }
    assert_int_equal(mach_port_destroy(SELF, checked), KERN_SUCCESS);
    assert_int_equal(bootstrap_status(bootstrap_port, name, &status), BOOTSTRAP_UNKNOWN_SERVICE);
}

static int send_it_back(void *context)
{
    const char *const *name = context; /* of a way back, and of a service */
    mach_port_t back, service;
    CHECK(bootstrap_look_up(bootstrap_port, name[0], &back) == BOOTSTRAP_SUCCESS);
    CHECK(bootstrap_look_up(bootstrap_port, name[1], &service) == BOOTSTRAP_SUCCESS);
    struct carrier carrier = make_carrier(back, 7, service, MACH_MSG_TYPE_COPY_SEND);
    CHECK(send_now(&carrier.header) == MACH_MSG_SUCCESS);
    return 0;
}

/* The creator gives its right back, gets one from another task, and then checks in: it receives all the same. */
static void checked_in_by_a_right_that_came(void **state)
{
    name_t names[2];
    const char *both[] = {names[0], names[1]};
    mach_port_t back = 0, created = 0, checked = 0;
    union inbox inbox;
    (void)state;
    name_service(names[0], "back");
    name_service(names[1], "service");
    assert_int_equal(bootstrap_check_in(bootstrap_port, names[0], &back), BOOTSTRAP_SUCCESS);
    assert_int_equal(bootstrap_create_service(bootstrap_port, names[1], &created), BOOTSTRAP_SUCCESS);
    assert_int_equal(mach_port_deallocate(SELF, created), KERN_SUCCESS);
    assert_int_equal(child_run(send_it_back, both), 0);
    assert_int_equal(receive(back, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    mach_port_t came = inbox.carrier.carrier.right.name;
    assert_int_equal(bootstrap_check_in(bootstrap_port, names[1], &checked), BOOTSTRAP_SUCCESS);
    assert_int_equal(checked, came);
    assert_int_equal(send_note(checked, 43), MACH_MSG_SUCCESS);
    assert_int_equal(receive(checked, &inbox, PATIENCE), MACH_MSG_SUCCESS);
    assert_int_equal(inbox.header.msgh_id, 43);
    assert_int_equal(mach_port_destroy(SELF, checked), KERN_SUCCESS);
    assert_int_equal(mach_port_destroy(SELF, back), KERN_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_and_checked_in),
        cmocka_unit_test(checked_in_by_a_right_that_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
