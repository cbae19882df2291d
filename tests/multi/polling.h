/* Rings of one group "g", for tests of handles that are polled (Linux: ticks are a timer there). */
#ifndef TESTS_MULTI_POLLING_H
#define TESTS_MULTI_POLLING_H

#include "harness.h"

#include "api/wakers.h"
#include "wait/sleep.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

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

/*
 * Who is to wake the member on this line gets the right to do so, which the broker may be late to hand out: who has asked in vain lets the member look up
 * by itself, and that one does not without ticks. The member must be armed, or be about to be; it is woken in vain.
 */
static inline void get_to_know(struct mring *ring, const struct held_group *group, struct known_sleeper *known,
                               uint32_t line)
{
    struct sleeper who;

    do {
        (void)usleep(1000);
        who = held_group_sleeper(group, line, word_load(&group->view.line[line].owner));
    } while (!wake_sleeper(ring->link, &known[line], &who));
}

/*
 * They would make up for a lost wake-up within a quarter of a second (wait/armed.c): without them one that is lost is a hang. So is one that nobody has
 * got the right to (get_to_know).
 */
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
