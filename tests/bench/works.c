/* What is measured. */
#include "bench.h"

enum { KIB = 1 << 10, MIB = 1 << 20, MS = 1000 * 1000 };

/* Of one consumer, unless it says otherwise. */
#define SENT(family_, name_, length_, batch_, groups_, members_, idle_, capacity_)                                     \
    {                                                                                                                  \
        .name = name_, .family = family_, .kind = STREAM, .length = length_, .batch = batch_, .groups = groups_,       \
        .members = members_, .idle = idle_, .capacity = capacity_                                                      \
    }
#define STREAMED(name, length, batch)                   SENT("stream", name, length, batch, 1, 1, LOOKS, MIB)
#define SHARED(name, length, batch, members)            SENT("work queue", name, length, batch, 1, members, LOOKS, MIB)
#define BROADCAST(name, length, groups)                 SENT("broadcast", name, length, 1, groups, 1, LOOKS, MIB)
#define SLEEPING(family, name, length, groups, members) SENT(family, name, length, 1, groups, members, SLEEPS, MIB)
#define SIZED(name, capacity)                           SENT("ring size", name, 64, 1, 1, 1, LOOKS, capacity)
#define MIXED(name_, longest, batch_)                                                                                  \
    {                                                                                                                  \
        .name = name_, .family = "stream", .kind = STREAM, .length = longest, .mixed = true, .batch = batch_,          \
        .groups = 1, .members = 1, .capacity = MIB                                                                     \
    }
#define TRIPS(name_, length_, idle_)                                                                                   \
    {                                                                                                                  \
        .name = name_, .family = "round trip", .kind = ROUND_TRIP, .length = length_, .idle = idle_, .batch = 1,       \
        .groups = 1, .members = 1, .capacity = 64 * KIB                                                                \
    }
#define PACE(family_, name_, length_, groups_, idle_, burst_, period_, duration_)                                      \
    {                                                                                                                  \
        .name = name_, .family = family_, .kind = PACED, .length = length_, .idle = idle_, .batch = 1,                 \
        .groups = groups_, .members = 1, .capacity = MIB, .duration = duration_, .period = period_, .burst = burst_    \
    }

const struct work works[] = {
    STREAMED("8 B", 8, 1),
    STREAMED("8 B, batches of 32", 8, 32),
    STREAMED("64 B", 64, 1),
    STREAMED("64 B, batches of 32", 64, 32),
    STREAMED("256 B", 256, 1),
    STREAMED("1 KiB", KIB, 1),
    STREAMED("4 KiB", 4 * KIB, 1),
    STREAMED("64 KiB", 64 * KIB, 1),
    MIXED("8 B to 4 KiB", 4 * KIB, 1),

    SHARED("8 B, 1 consumer", 8, 1, 1),
    SHARED("8 B, 2 consumers", 8, 1, 2),
    SHARED("8 B, 4 consumers", 8, 1, 4),
    SHARED("8 B, 8 consumers", 8, 1, 8),
    SHARED("8 B, 16 consumers", 8, 1, 16),
    SHARED("8 B, batches of 32, 2 consumers", 8, 32, 2),
    SHARED("8 B, batches of 32, 4 consumers", 8, 32, 4),
    SHARED("8 B, batches of 32, 16 consumers", 8, 32, 16),

    BROADCAST("8 B, 2 groups", 8, 2),
    BROADCAST("8 B, 4 groups", 8, 4),
    BROADCAST("8 B, 16 groups", 8, 16),

    TRIPS("8 B, spinning", 8, LOOKS),
    TRIPS("56 B, spinning", 56, LOOKS),
    TRIPS("64 B, spinning", 64, LOOKS),
    TRIPS("64 B, blocked", 64, BLOCKS),

    SLEEPING("sleeping", "8 B", 8, 1, 1),
    SLEEPING("sleeping", "64 B", 64, 1, 1),
    SLEEPING("sleeping", "8 B, 4 consumers", 8, 1, 4),
    SLEEPING("sleeping", "8 B, 4 groups", 8, 4, 1),

    SIZED("64 B, 64 KiB", 64 * KIB),
    SIZED("64 B, 256 KiB", 256 * KIB),
    SIZED("64 B, 1 MiB", MIB),
    SIZED("64 B, 4 MiB", 4 * MIB),
    SIZED("64 B, 16 MiB", 16 * MIB),
    SIZED("64 B, 64 MiB", 64 * MIB),

    PACE("bursts", "64 B, 1 each 10 us, spinning", 64, 1, LOOKS, 1, MS / 100, 0),
    PACE("bursts", "64 B, 100 each 1 ms, spinning", 64, 1, LOOKS, 100, MS, 0),
    PACE("bursts", "64 B, 100 each 1 ms, sleeping", 64, 1, SLEEPS, 100, MS, 0),

    PACE("wake-up", "after 1 ms", 64, 1, SLEEPS, 1, MS, 0),
    PACE("wake-up", "after 10 ms", 64, 1, SLEEPS, 1, 10 * MS, 0),
    PACE("wake-up", "after 100 ms", 64, 1, SLEEPS, 1, 100 * MS, INT64_C(1000) * MS),
    PACE("wake-up", "after 1 s", 64, 1, SLEEPS, 1, INT64_C(1000) * MS, INT64_C(3000) * MS),

    PACE("groups", "1 group", 8, 1, SLEEPS, 256, 20 * MS, 0),
    PACE("groups", "4 groups", 8, 4, SLEEPS, 256, 20 * MS, 0),
    PACE("groups", "16 groups", 8, 16, SLEEPS, 256, 20 * MS, 0),
    PACE("groups", "64 groups", 8, 64, SLEEPS, 256, 20 * MS, 0),
};

const unsigned works_count = sizeof(works) / sizeof(works[0]);
