/* What one process tells another, and is awaited. */
#ifndef TESTS_MULTI_EVENT_H
#define TESTS_MULTI_EVENT_H

#include "harness.h"

#include <unistd.h>

/* One event from one process to another. */
struct event {
    int ends[2];
};

static inline struct event event_make(void)
{
    struct event event;

    EXPECT_OK(pipe(event.ends));
    return event;
}

static inline void event_send(const struct event *event)
{
    EXPECT(write(event->ends[1], "", 1), ==, 1);
}

static inline void event_wait(const struct event *event)
{
    char byte;

    EXPECT(read(event->ends[0], &byte, 1), ==, 1);
}

#endif
