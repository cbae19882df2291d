/* A ring for a test to try something on. */
#ifndef TEST_RING_H
#define TEST_RING_H

#include "mring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline struct mring *make_ring(const char *name, const struct mring_group *groups, size_t count)
{
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring = NULL;

    options.groups = groups;
    options.group_count = count;
    options.capacity = 65536;
    assert_int_equal(mring_create(&ring, name, &options), 0);
    assert_non_null(ring);
    return ring;
}

#endif
