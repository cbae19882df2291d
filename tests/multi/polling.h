/* Rings of one group "g", for tests of handles that are polled (Linux: ticks are a timer there). */
#ifndef TESTS_MULTI_POLLING_H
#define TESTS_MULTI_POLLING_H

#include "harness.h"

#include "wait/sleep.h"

#include <poll.h>
#include <sys/timerfd.h>

static inline struct mring *make_ring(unsigned members)
{
    const struct mring_group group = {.name = "g", .members = members};
    struct mring_options options = MRING_OPTIONS_INIT;
    struct mring *ring;

    options.capacity = 16384;
    options.groups = &group;
    options.group_count = 1;
    EXPECT_OK(mring_create(&ring, NULL, &options));
    return ring;
}

static inline struct mring_consumer *join(struct mring *ring)
{
    struct mring_consumer *consumer;

    EXPECT_OK(mring_join(ring, "g", NULL, &consumer));
    return consumer;
}

/* They would make up for a lost wake-up within a quarter of a second (wait/armed.c): without them one that is lost is a hang. */
static inline void stop_ticks(struct sleeper_state *state)
{
    const struct itimerspec never = {0};

    EXPECT(word_load(&state->polled), ==, 1);
    EXPECT_OK(timerfd_settime(state->pollable.timer, 0, &never, NULL));
}

static inline bool readable(int fd, int milliseconds)
{
    struct pollfd polled = {fd, POLLIN, 0};

    return poll(&polled, 1, milliseconds) == 1;
}

#endif
