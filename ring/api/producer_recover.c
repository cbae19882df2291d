/*
 * A producer that finds no room looks whether those who keep it are alive (core/recover.h): so a dead member holds it up for less than a
 * second, whether it sleeps or asks again and again.
 */
#include "producer.h"

#include "bury.h"
#include "meet/clock.h"

enum { LOOK_EVERY = 250 * 1000 * 1000 /* ns */ };

void producer_meet(struct mring_producer *producer)
{
    struct mring *ring = producer->ring;
    uint64_t meetings;
    bool brought = true;

    producer->meet_again = clock_coarse() + LOOK_EVERY;
    ring_meet(ring);
    meetings = word_load(&ring->meetings);
    if (producer->met == meetings)
        return;
    producer->sleep.published = false;
    for (uint32_t index = 0; index < LAYOUT_GROUPS && brought; index++)
        brought = ring_bring(ring, &producer->group[index]);
    if (brought)
        producer->met = meetings;
}

void producer_bury_dead(struct mring_producer *producer)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (producer_serves(producer, index))
            producer_count_wakeups(producer, bury_dead(producer->ring, &producer->group[index], producer->known[index],
                                                       &producer->turns[index]));
}

void producer_look_for_dead(struct mring_producer *producer)
{
    int64_t now = clock_coarse();

    if (producer->core.last_gain != 0 || producer->look_again == 0)
        producer->look_again = now + LOOK_EVERY;
    if (now < producer->look_again)
        return;
    producer->look_again = now + LOOK_EVERY;
    if (producer->behind)
        producer_meet(producer);
    producer_bury_dead(producer);
}
