/* Keys: the hash against its published vectors, and that what is derived differs where it must. */
#include "meet/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct ring_key first = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

/* SipHash-2-4-128 of nothing under the key 00 01 .. 0f. */
static void test_vector(void **state)
{
    static const unsigned char expected[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                               0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    struct ring_key made = key_hash(&first, NULL, 0);

    (void)state;
    assert_memory_equal(&made, expected, sizeof(expected));
}

static void test_roles(void **state)
{
    struct ring_key produce = key_of_role(&first, MRING_PRODUCE), consume = key_of_role(&first, MRING_CONSUME),
                    inspect = key_of_role(&first, MRING_INSPECT), lower;

    (void)state;
    assert_true(key_equal(&produce, &first));
    assert_false(key_equal(&consume, &produce));
    assert_false(key_equal(&inspect, &consume));
    lower = key_lower(&produce);
    assert_true(key_equal(&lower, &consume));
    lower = key_lower(&consume);
    assert_true(key_equal(&lower, &inspect));
}

/* Every number that goes in counts, and so does every bit of the secret. */
static void test_groups(void **state)
{
    const struct ring_key key[] = {key_of_group(&first, 1, 2, 3), key_of_group(&first, 2, 1, 3),
                                   key_of_group(&first, 1, 2, 4), key_of_group(&first, 1, 3, 3),
                                   key_of_role(&first, MRING_CONSUME)};

    (void)state;
    for (size_t one = 0; one < sizeof(key) / sizeof(key[0]); one++)
        for (size_t other = 0; other < one; other++)
            assert_false(key_equal(&key[one], &key[other]));
    for (unsigned bit = 0; bit < 128; bit++) {
        struct ring_key secret = first, made;

        secret.word[bit / 64] ^= UINT64_C(1) << bit % 64;
        made = key_of_group(&secret, 1, 2, 3);
        assert_false(key_equal(&made, &key[0]));
    }
}

static void test_making_and_forgetting(void **state)
{
    struct ring_key one, other;

    (void)state;
    assert_int_equal(key_make(&one), 0);
    assert_int_equal(key_make(&other), 0);
    assert_false(key_equal(&one, &other));
    assert_false(key_is_none(&one));
    key_forget(&one);
    assert_true(key_is_none(&one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_making_and_forgetting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
