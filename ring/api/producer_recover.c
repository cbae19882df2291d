/*
 * A producer that finds no room looks whether those who keep it are alive (core/recover.h): so a dead member holds it up for less than a
 * second, whether it sleeps or asks again and again.
 */
#include "producer.h"

#include "bury.h"
#include "core/gate.h"
#include "followers.h"
#include "meet/clock.h"
#include "wait/await.h"

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

/* Who died in this group holding nothing may have held back those that are after it. */
static void wake_followers(struct mring_producer *producer, uint32_t index)
{
    const struct ring_view *view = &producer->core.view;
    uint64_t awaited = await_pending(view, index);
    struct released released = {.group = &producer->group[index].view};

    if (awaited == 0)
        return;
    fence_full(); /* [HELD] */
    released.gate = gate_of_group(view, released.group, 0, producer_core_tail(&producer->core));
    for (; awaited != 0; awaited &= awaited - 1) {
        uint32_t after = (uint32_t)__builtin_ctzll(awaited);

        if (producer_serves(producer, after) && (producer->group[after].view.terms.after >> index & 1) != 0)
            producer_count_wakeups(producer, follower_wake(producer->ring, released, &producer->group[after],
                                                           producer->known[after], &producer->turns[after]));
    }
}

void producer_bury_dead(struct mring_producer *producer)
{
    for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
        const uint32_t index = (uint32_t)__builtin_ctzll(left);

        producer_count_wakeups(producer, bury_dead(producer->ring, &producer->group[index], producer->known[index],
                                                   &producer->turns[index]));
        wake_followers(producer, index);
    }
    producer_give_up_unserved(producer);
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
