/* A consumer's wait: what it looks at, how it announces itself, and who answers. */
#include "consumer.h"

#include "core/gate.h"
#include "core/lossy.h"
#include "core/shared.h"
#include "meet/clock.h"
#include "stages.h"
#include "wait/bell.h"
#include "wait/nap.h"

enum { MEET_EVERY = 250 * 1000 * 1000 /* ns */ };

void consumer_meet(struct mring_consumer *consumer)
{
    struct mring *ring = consumer->ring;
    uint64_t meetings;

    consumer->meet_again = clock_coarse() + MEET_EVERY;
    ring_meet(ring);
    meetings = word_load(&ring->meetings);
    if (consumer->met == meetings)
        return;
    consumer->sleep.published = false;
    if (ring_bring(ring, &consumer->group))
        consumer->met = meetings;
}

int consumer_look(void *context)
{
    struct mring_consumer *consumer = context;
    const struct consumer_core *core = &consumer->core;

    if (core->position < core->limit || lossy_has_more(core))
        return 1;
    if (consumer_core_cut_off(core))
        return -ECONNABORTED;
    if (!consumer->lone && word_load(&core->group.page->orphans) != 0)
        return 1;
    if (core->upstreams != 0) {
        if (stages_worth_looking(consumer))
            return 1;
    } else if (consumer->lone && core->group.terms.lossy) {
        if (word_load_acquire(&core->view.page->tail) != core->position) /* [TAIL] */
            return 1;
    } else if (consumer->lone) {
        if (word_load_acquire(record_at(&core->view, core->position)) != 0) /* [HEADER] */
            return 1;
    } else if (shared_position(core) != consumer_core_tail(core)) {
        return 1;
    }
    return consumer_found_nothing(consumer);
}

static void announce_member(void *context)
{
    struct mring_consumer *consumer = context;

    /* What this member has not released it will not release while it sleeps: a waiting producer better looks for itself. */
    if (want_pending(&consumer->core.group))
        consumer_answer_want(consumer, GATE_NONE);
    if (consumer->core.upstreams != 0)
        stages_announce(consumer);
    else
        bell_announce(&consumer->core.view, &consumer->core.group, consumer->core.line_index);
}

/* The producer's word is about those whom it wakes. */
static int64_t nap(void *context)
{
    const struct mring_consumer *consumer = context;

    const uint64_t said = consumer->core.upstreams != 0 ? 0 : word_load(&consumer->core.view.page->nap);

    return said != 0 ? nap_heeded(said, clock_now()) : 0;
}

static void answer_producer(void *context)
{
    consumer_answer_idle(context);
}

static bool member_stands(void *context)
{
    const struct mring_consumer *consumer = context;

    return consumer->core.upstreams != 0
               ? stages_announced(consumer)
               : bell_stands(&consumer->core.view, &consumer->core.group, consumer->core.line_index);
}

static unsigned withdraw_member(void *context)
{
    struct mring_consumer *consumer = context;

    consumer->announced = UINT64_MAX;
    return bell_withdraw(&consumer->core.group, consumer->core.line_index) ? 0 : 1;
}

static void pass_on(void *context)
{
    consumer_wake_peer(context);
}

/*
 * Everybody who publishes, or releases what this one waits for, has registered: the producer of this epoch, or the members of groups before.
 * Without one there is nobody to miss; a new one passes a full fence before its first publication, or release (R15).
 */
static bool wakers_reachable(void *context)
{
    const struct mring_consumer *consumer = context;
    const struct producer_page *page = consumer->core.view.page;
    uint64_t epoch = word_load_acquire(&page->epoch); /* [EPOCH] */

    if (consumer->core.upstreams != 0)
        return stages_reachable(consumer);
    return owner_life(epoch) == 0 || word_load_acquire(&page->fenced) == epoch; /* [FENCED] */
}

static bool publish_semaphore(void *context, semaphore_t semaphore)
{
    const struct mring_consumer *consumer = context;
    struct sleeper who = held_group_sleeper(&consumer->group, consumer->core.line_index, consumer->core.owner);

    return meet_put_semaphore(consumer->ring->link, &who, semaphore) == 0;
}

/*
 * The producer's process has ended, perhaps just now: what it published since this member looked, and what it committed without having
 * come to publish it, is still this group's.
 */
static int after_producer(struct mring_consumer *consumer)
{
    struct consumer_core *core = &consumer->core;
    int found;

    if (!consumer->lone || core->upstreams != 0)
        shared_look_beyond(core);
    found = consumer_look(consumer);
    if (found != 0)
        return found;
    /* What groups before have not released yet is still to come. */
    return consumer_position(consumer) < consumer_core_tail(core) ? 0 : -EOWNERDEAD;
}

/* Some time without a message: do the peers live, and the producer? */
static int verdict(void *context)
{
    struct mring_consumer *consumer = context;
    uint64_t epoch = word_load_acquire(&consumer->core.view.page->epoch); /* [EPOCH] */

    consumer_meet(consumer);
    if (consumer_look_for_dead(consumer, NULL))
        return 1;
    if (owner_life(epoch) == 0 || life_alive(consumer->ring->life, owner_life(epoch)))
        return 0;
    return after_producer(consumer);
}

static void count_sleep(void *context)
{
    struct mring_consumer *consumer = context;

    consumer->announced = UINT64_MAX; /* whom else to tell is found out by others now (wait/await.h) */
    word_add_own(&consumer->core.line->sleeps, 1);
}

static void suspect(void *context)
{
    struct mring_consumer *consumer = context;

    consumer->suspected = consumer_position(consumer);
}

/* What it has found may be there for another one, who was woken, and comes late to it; or came, and this is something else. */
static void count_rescue(void *context)
{
    const struct mring_consumer *consumer = context;
    const struct consumer_core *core = &consumer->core;

    if (bell_others_sleep(&core->group, core->line_index) && consumer_position(consumer) == consumer->suspected &&
        consumer_look(context) > 0)
        word_add_own(&core->line->rescued, 1);
}

static const struct sleep_side consumer_side = {
    .look = consumer_look,
    .announce = announce_member,
    .nap = nap,
    .answer = answer_producer,
    .stands = member_stands,
    .withdraw = withdraw_member,
    .pass_on = pass_on,
    .reachable = wakers_reachable,
    .publish = publish_semaphore,
    .verdict = verdict,
    .count_sleep = count_sleep,
    .suspect = suspect,
    .count_rescue = count_rescue,
};

int mring_consumer_wait(struct mring_consumer *consumer, int64_t timeout)
{
    if (consumer_stale(consumer))
        return -ESTALE;
    if (clock_coarse() >= consumer->meet_again) /* whose waits are all short, too */
        consumer_meet(consumer);
    return sleep_until(&consumer->sleep, &consumer_side, consumer, timeout);
}

void consumer_disarm(struct mring_consumer *consumer)
{
    sleep_disarm(&consumer->sleep, &consumer_side, consumer);
}

int mring_consumer_fd(struct mring_consumer *consumer)
{
    return consumer_stale(consumer) ? -ESTALE : sleep_descriptor(&consumer->sleep);
}

int mring_consumer_wake(struct mring_consumer *consumer)
{
    if (consumer_stale(consumer))
        return -ESTALE;
    sleep_wake(&consumer->sleep);
    return 0;
}
