/* mach_error_string: case 129, and codes of every family. */
#include "mach/memory.h"

#include <errno.h>

static void says(mach_error_t code, const char *text)
{
    assert_string_equal(mach_error_string(code), text);
}

static void codes_have_their_texts(void **state)
{
    (void)state;
    says(0, "(os/kern) successful");
    says(1, "(os/kern) invalid address");
    says(2, "(os/kern) protection failure");
    says(3, "(os/kern) no space available");
    says(4, "(os/kern) invalid argument");
    says(14, "(os/kern) aborted");
    says(15, "(os/kern) invalid name");
    says(17, "(os/kern) invalid right");
    says(18, "(os/kern) invalid value");
    says(20, "(os/kern) invalid capability");
    says(37, "(os/kern) object terminated");
    says(48, "(os/kern) thread not waiting");
    says(49, "(os/kern) operation timed out");
    says(56, "(os/kern) result not found");
    says(0x10000003, "(ipc/send) invalid destination port");
    says(0x1000000a, "(ipc/send) invalid port right");
    says(0x10004003, "(ipc/rcv) timed out");
    says(0x10004009, "(ipc/rcv) port died");
    says(-300, "(ipc/mig) client type check failure");
    says(-309, "(ipc/mig) unknown trailer format");
}

static void other_codes_are_unknown(void **state)
{
    (void)state;
    says(57, "unknown error code");
    says(1101, "unknown error code");
    says(0x10003fff, "unknown error code");
    says(0x10007fff, "unknown error code");
}

/* A code's parts say who made it. */
static void codes_have_systems(void **state)
{
    (void)state;
    assert_int_equal(err_get_system(KERN_INVALID_VALUE), err_get_system(err_kern));
    assert_int_equal(err_get_system(MACH_RCV_TIMED_OUT), err_get_system(err_mach_ipc));
    assert_int_equal(err_get_sub(MACH_SEND_INVALID_DEST), 0);
    assert_int_equal(err_get_sub(MACH_RCV_TIMED_OUT), 1);
    assert_int_equal(err_get_sub(unix_err(EPERM)), 3);
    assert_int_equal(err_get_code(unix_err(EPERM)), EPERM);
}

/* Whatever the code, there is a text. */
static void there_is_always_a_text(void **state)
{
    (void)state;
    for (uint64_t code = 0; code <= UINT32_MAX; code += 1021)
        assert_non_null(mach_error_string((mach_error_t)(uint32_t)code));
    for (mach_error_t code = -400; code < 100; code++)
        assert_non_null(mach_error_string(code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_texts),
        cmocka_unit_test(other_codes_are_unknown),
        cmocka_unit_test(codes_have_systems),
        cmocka_unit_test(there_is_always_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
