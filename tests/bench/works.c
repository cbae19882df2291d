/* What is measured. */
#include "bench.h"

enum { KIB = 1 << 10, MIB = 1 << 20, MS = 1000 * 1000, SECOND = 1000 * MS };

/* Of one consumer, unless it says otherwise. */
#define SENT(family_, name_, length_, batch_, groups_, members_, idle_, capacity_, ...)                                \
    {                                                                                                                  \
        .name = name_, .family = family_, .kind = STREAM, .about = THROUGHPUT, .length = length_, .batch = batch_,     \
        .groups = groups_, .members = members_, .idle = idle_, .capacity = capacity_, __VA_ARGS__                      \
    }
#define STREAMED(name, length, batch)           SENT("stream", name, length, batch, 1, 1, LOOKS, MIB, )
#define MIXED(name, longest)                    SENT("stream", name, longest, 1, 1, 1, LOOKS, MIB, .mixed = true)
#define SHARED(name, length, batch, members)    SENT("work queue", name, length, batch, 1, members, LOOKS, MIB, )
#define BROADCAST(name, length, groups)         SENT("broadcast", name, length, 1, groups, 1, LOOKS, MIB, )
#define STAGED(name, length, groups)            SENT("stages", name, length, 1, groups, 1, LOOKS, MIB, .staged = true)
#define SLEEPING(name, length, groups, members) SENT("sleeping", name, length, 1, groups, members, SLEEPS, MIB, )
#define SIZED(name, capacity)                   SENT("ring size", name, 64, 1, 1, 1, LOOKS, capacity, )
#define TRIPS(name_, length_, idle_)                                                                                   \
    {                                                                                                                  \
        .name = name_, .family = "round trip", .kind = ROUND_TRIP, .about = LATENCY, .length = length_, .batch = 1,    \
        .groups = 1, .members = 1, .idle = idle_, .capacity = 64 * KIB                                                 \
    }
#define PACE(family_, name_, about_, length_, groups_, members_, idle_, capacity_, burst_, period_, duration_, ...)    \
    {                                                                                                                  \
        .name = name_, .family = family_, .kind = PACED, .about = about_, .length = length_, .batch = 1,               \
        .groups = groups_, .members = members_, .idle = idle_, .capacity = capacity_, .burst = burst_,                 \
        .period = period_, .duration = duration_, __VA_ARGS__                                                          \
    }
#define BURSTS(name, idle, burst, period) PACE("bursts", name, LATENCY, 64, 1, 1, idle, MIB, burst, period, 0, )
#define WAKE_UP(name, period, duration)   PACE("wake-up", name, LATENCY, 64, 1, 1, SLEEPS, MIB, 1, period, duration, )
#define GROUPS_LOOKING(name, groups)      PACE("groups", name, SENDING, 8, groups, 1, LOOKS, MIB, 256, 20 * MS, 0, )
/* Seldom and little enough for all to be asleep again, also with the slowest, when the next burst comes. */
#define GROUPS_ASLEEP(name, groups)       PACE("groups", name, SENDING, 8, groups, 1, SLEEPS, MIB, 16, 50 * MS, 500 * MS, )
/* A message, a second of nothing, a message. */
#define IDLE(name, members)                                                                                            \
    PACE("idle", name, IDLENESS, 8, 1, members, SLEEPS, MIB, 1, SECOND, INT64_C(3) * SECOND / 2, )
/* And then five messages, so that it is known to work. */
#define MADE(name, capacity, ...) PACE("set-up", name, SET_UP, 64, 1, 1, LOOKS, capacity, 1, MS, 5 * MS, __VA_ARGS__)

const struct work works[] = {
    STREAMED("8 B", 8, 1),
    STREAMED("64 B", 64, 1),
    STREAMED("256 B", 256, 1),
    STREAMED("1 KiB", KIB, 1),
    STREAMED("4 KiB", 4 * KIB, 1),
    /* In 1 MiB some have 16 of them, and those of pointers 20: a quarter of what a processor's own cache holds. */
    SENT("stream", "64 KiB", 64 * KIB, 1, 1, 1, LOOKS, 4 * MIB, ),
    MIXED("8 B to 4 KiB", 4 * KIB),
    STREAMED("8 B, batches of 32", 8, 32),
    STREAMED("64 B, batches of 32", 64, 32),

    SHARED("8 B, 1 consumer", 8, 1, 1),
    SHARED("8 B, 2 consumers", 8, 1, 2),
    SHARED("8 B, 4 consumers", 8, 1, 4),
    SHARED("8 B, 8 consumers", 8, 1, 8),
    SHARED("8 B, 16 consumers", 8, 1, 16),
    SHARED("8 B, batches of 32, 2 consumers", 8, 32, 2),
    SHARED("8 B, batches of 32, 4 consumers", 8, 32, 4),
    SHARED("8 B, batches of 32, 16 consumers", 8, 32, 16),

    BROADCAST("8 B, 1 group", 8, 1),
    BROADCAST("8 B, 2 groups", 8, 2),
    BROADCAST("8 B, 4 groups", 8, 4),
    BROADCAST("8 B, 8 groups", 8, 8),
    BROADCAST("8 B, 16 groups", 8, 16),

    STAGED("8 B, 2 stages", 8, 2),
    STAGED("8 B, 4 stages", 8, 4),

    TRIPS("8 B, spinning", 8, LOOKS),
    TRIPS("56 B, spinning", 56, LOOKS),
    TRIPS("64 B, spinning", 64, LOOKS),
    TRIPS("64 B, blocked", 64, BLOCKS),

    SLEEPING("8 B", 8, 1, 1),
    SLEEPING("64 B", 64, 1, 1),
    SLEEPING("8 B, 4 consumers", 8, 1, 4),
    SLEEPING("8 B, 4 groups", 8, 4, 1),

    SIZED("64 B, 64 KiB", 64 * KIB),
    SIZED("64 B, 256 KiB", 256 * KIB),
    SIZED("64 B, 1 MiB", MIB),
    SIZED("64 B, 4 MiB", 4 * MIB),
    SIZED("64 B, 16 MiB", 16 * MIB),
    SIZED("64 B, 64 MiB", 64 * MIB),

    BURSTS("64 B, 1 each 10 us, spinning", LOOKS, 1, MS / 100),
    BURSTS("64 B, 100 each 1 ms, spinning", LOOKS, 100, MS),
    BURSTS("64 B, 100 each 1 ms, sleeping", SLEEPS, 100, MS),

    WAKE_UP("after 1 ms", MS, 0),
    WAKE_UP("after 10 ms", 10 * MS, 0),
    WAKE_UP("after 100 ms", 100 * MS, SECOND),
    WAKE_UP("after 1 s", SECOND, INT64_C(5) * SECOND / 2),

    GROUPS_LOOKING("1 group, looking", 1),
    GROUPS_LOOKING("4 groups, looking", 4),
    GROUPS_LOOKING("16 groups, looking", 16),
    GROUPS_LOOKING("64 groups, looking", 64),
    GROUPS_ASLEEP("1 group, sleeping", 1),
    GROUPS_ASLEEP("4 groups, sleeping", 4),
    GROUPS_ASLEEP("16 groups, sleeping", 16),
    GROUPS_ASLEEP("64 groups, sleeping", 64),

    IDLE("1 consumer", 1),
    IDLE("16 consumers", 16),

    MADE("1 MiB", MIB, ),
    MADE("64 MiB", 64 * MIB, ),
    MADE("1 MiB, by name", MIB, .named = true),
};

const unsigned works_count = sizeof(works) / sizeof(works[0]);
