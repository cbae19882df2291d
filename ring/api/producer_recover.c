/*
 * A producer that finds no room looks whether those who keep it are alive (core/recover.h): so a dead member holds it up for less than a
 * second, whether it sleeps or asks again and again.
 */
#include "producer.h"

#include "bury.h"
#include "meet/clock.h"

enum { LOOK_EVERY = 250 * 1000 * 1000 /* ns */ };

void producer_bury_dead(struct mring_producer *producer)
{
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if (producer_serves(producer, index))
            bury_dead(producer->ring, &producer->group[index], producer->known[index], &producer->turns[index]);
}

void producer_look_for_dead(struct mring_producer *producer)
{
    int64_t now = clock_coarse();

    if (producer->core.last_gain != 0 || producer->look_again == 0)
        producer->look_again = now + LOOK_EVERY;
    if (now < producer->look_again)
        return;
    producer->look_again = now + LOOK_EVERY;
    producer_bury_dead(producer);
}
