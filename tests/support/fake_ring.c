#include "fake_ring.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void need(bool held, const char *what)
{
    if (held)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static void *shared_zeroes(size_t size)
{
    FILE *file = tmpfile();
    void *memory;

    need(file != NULL && ftruncate(fileno(file), (off_t)size) == 0, "temporary file");
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    need(memory != MAP_FAILED, "mmap");
    (void)fclose(file);
    return memory;
}

static unsigned char *map_twice(uint64_t capacity)
{
    FILE *file = tmpfile();
    unsigned char *memory;

    need(file != NULL && ftruncate(fileno(file), (off_t)capacity) == 0, "temporary file");
    memory = mmap(NULL, 2 * capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    need(memory != MAP_FAILED, "mmap");
    need(mmap(memory + capacity, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fileno(file), 0) ==
             memory + capacity,
         "second mapping");
    (void)fclose(file);
    return memory;
}

void fake_ring_make(struct fake_ring *ring, uint64_t capacity, uint64_t alignment, unsigned groups,
                    const uint32_t *members)
{
    unsigned char *at;

    memset(ring, 0, sizeof(*ring));
    ring->size = 2 * LAYOUT_PAGE;
    for (unsigned group = 0; group < groups; group++)
        ring->size += (size_t)layout_group_size(members[group], capacity);
    ring->memory = shared_zeroes(ring->size);
    at = ring->memory;
    ring->view.page = (struct producer_page *)(void *)at;
    ring->view.doorbell = (struct doorbell_page *)(void *)(at + LAYOUT_PAGE);
    at += 2 * LAYOUT_PAGE;
    ring->view.data = map_twice(capacity);
    ring->view.capacity = capacity;
    ring->view.mask = capacity - 1;
    ring->view.alignment = alignment;
    ring->view.attempts_max = FAKE_RING_ATTEMPTS;
    ring->groups = groups;
    for (unsigned group = 0; group < groups; group++) {
        struct group_view *view = &ring->group[group];

        view->page = (struct group_page *)(void *)at;
        view->line = (struct member_line *)(void *)(at + GROUP_MEMBERS_OFFSET);
        view->members = members[group];
        view->index = group;
        view->terms.kind = GROUP_DECLARED;
        group_format(view, 0);
        view->aside = (struct aside_page *)(void *)(at + layout_aside_offset(members[group]));
        view->aside_bytes = at + layout_group_words(members[group]);
        view->aside_size = layout_aside_size(capacity);
        at += layout_group_size(members[group], capacity);
    }
}

void fake_ring_free(struct fake_ring *ring)
{
    munmap(ring->view.data, 2 * ring->view.capacity);
    munmap(ring->memory, ring->size);
}

static bool everybody_lives(void *context, uint64_t number)
{
    (void)context;
    (void)number;
    return true;
}

void fake_ring_join(struct fake_ring *ring, unsigned group, uint64_t life, struct consumer_core *consumer)
{
    int line = group_occupy(&ring->group[group], life, everybody_lives, NULL);

    need(line >= 0 && group_enter(consumer, &ring->view, &ring->group[group], (uint32_t)line,
                                  &(struct judge){everybody_lives, NULL, life}) == 0,
         "join");
}

void fake_ring_rescan(struct fake_ring *ring, struct producer_core *producer)
{
    const uint64_t tail = producer_core_tail(producer);
    uint64_t gate = tail;
    bool awaits = false;

    fence_full();
    for (unsigned group = 0; group < ring->groups; group++) {
        uint64_t of_group;

        if (ring->group[group].terms.lossy)
            continue;
        of_group = gate_of_group(&ring->view, &ring->group[group], producer->gate, tail);

        need(of_group != GATE_BROKEN, "a group's words cannot be true");
        awaits |= of_group <= tail;
        if (of_group < gate)
            gate = of_group;
    }
    producer_core_tell_gate(producer, gate);
    producer_core_advance(producer, gate);
    owned_followed(&producer->owned, awaits ? tail - producer->gate : OWNED_NOBODY);
}

void fake_ring_send(struct fake_ring *ring, struct producer_core *producer, const void *data, uint32_t length,
                    uint32_t tag)
{
    struct place place = producer_core_place(producer, length);

    while (!producer_core_finds_room(producer, place.next)) {
        fake_ring_rescan(ring, producer);
        if (!producer_core_has_room(producer, place.next))
            (void)sched_yield();
    }
    memcpy(place_payload(place), data, length);
    (void)producer_core_send(producer, place, length, tag);
}

void fake_ring_commit(struct producer_core *producer, const void *data, uint32_t length, uint32_t tag)
{
    struct place place = producer_core_place(producer, length);

    need(producer_core_finds_room(producer, place.next), "room");
    memcpy(place_payload(place), data, length);
    producer_core_commit(producer, place, length, tag);
}
