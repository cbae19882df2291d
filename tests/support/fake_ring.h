/*
 * A ring for tests of core/ alone: memory mapped twice back to back by POSIX means, no Mach, no broker. Shared with forked
 * children.
 */
#ifndef TESTS_FAKE_RING_H
#define TESTS_FAKE_RING_H

#include "core/group.h"
#include "core/producer.h"

enum { FAKE_RING_ATTEMPTS = 3 };

struct fake_ring {
    struct ring_view view;
    struct group_view group[5];
    unsigned groups;
    void *memory;
    size_t size;
};

/* `members[g]` members in group g. Ends the program when memory is short. */
void fake_ring_make(struct fake_ring *ring, uint64_t capacity, uint64_t alignment, unsigned groups,
                    const uint32_t *members);
void fake_ring_free(struct fake_ring *ring);

/* Join as a life of this number; ends the program when there is no place. */
void fake_ring_join(struct fake_ring *ring, unsigned group, uint64_t life, struct consumer_core *consumer);

/* Scan all groups' gates, as the producer's rescan does. */
void fake_ring_rescan(struct fake_ring *ring, struct producer_core *producer);

/* Publish one record, spinning for room. */
void fake_ring_send(struct fake_ring *ring, struct producer_core *producer, const void *data, uint32_t length,
                    uint32_t tag);

/* Commit one record, for which there is room, without publishing it. */
void fake_ring_commit(struct producer_core *producer, const void *data, uint32_t length, uint32_t tag);

#endif
