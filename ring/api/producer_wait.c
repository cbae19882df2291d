/* A producer's waits: for room, and for everybody to have read. */
#include "producer.h"

#include "core/group.h"
#include "meet/clock.h"
#include "wait/bell.h"

static int look_for_room(void *context)
{
    struct mring_producer *producer = context;
    struct producer_core *core = &producer->core;
    uint64_t end = core->refused != 0 ? core->refused : core->position + LAYOUT_RECORD_HEADER;

    if (producer->ended)
        return -EPIPE;
    if (producer_core_finds_room(core, end))
        return 1;
    producer_rescan(producer);
    return producer_core_finds_room(core, end);
}

/* Ask every group to signal once its gate is there. */
static void announce(struct mring_producer *producer, uint64_t want)
{
    producer->want = want;
    producer->wanted = 0;
    for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
        const uint32_t index = (uint32_t)__builtin_ctzll(left);

        if (!producer_awaits(producer, index))
            continue;
        want_announce(&producer->group[index].view, want, producer->epoch);
        producer->wanted |= UINT64_C(1) << index;
    }
}

/*
 * The gate to be woken at: at first a quarter of the ring more than now, so that a producer is not woken for every single record, but
 * no more than there is to release at all. Woken with less, it asks for what the refused record needs.
 */
static void announce_want(void *context)
{
    struct mring_producer *producer = context;
    struct producer_core *core = &producer->core;
    uint64_t end = core->refused != 0 ? core->refused : core->position + LAYOUT_RECORD_HEADER;
    uint64_t want = end + LAYOUT_RECORD_HEADER - core->view.capacity;

    if (producer->asked_at != core->position && want < core->gate + core->view.capacity / 4)
        want = core->gate + core->view.capacity / 4;
    if (want > producer_core_tail(core))
        want = producer_core_tail(core);
    producer->asked_at = core->position;
    announce(producer, want);
}

/* What it would wish for now is another gate, as a rule. */
static bool want_stands(void *context)
{
    (void)context;
    return false;
}

static unsigned withdraw_want(void *context)
{
    struct mring_producer *producer = context;
    unsigned taken = 0;

    for (uint64_t left = producer->wanted & producer->mapped; left != 0; left &= left - 1)
        if (!want_withdraw(&producer->group[__builtin_ctzll(left)].view))
            taken++;
    return taken;
}

void producer_say_nap(struct mring_producer *producer, unsigned woken, int64_t began)
{
    struct word *said = &producer->core.view.page->nap;
    const uint64_t nap = nap_after_pass(&producer->naps, woken, began, clock_now());

    if (word_load(said) != nap)
        word_store(said, nap);
}

/* There is one producer: nobody to hand a wake-up on to, nobody waits for what it keeps, and what it finds is its own. */
static void nothing(void *context)
{
    (void)context;
}

/* Has every member that may release registered? (R15) */
static bool members_reachable(void *context)
{
    const struct mring_producer *producer = context;

    for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
        const uint32_t index = (uint32_t)__builtin_ctzll(left);

        if (producer_awaits(producer, index) && !group_fenced(&producer->group[index].view))
            return false;
    }
    return true;
}

/* Who releases has this one to wake, and not many. */
static int64_t no_nap(void *context)
{
    (void)context;
    return 0;
}

static bool publish_semaphore(void *context, semaphore_t semaphore)
{
    struct mring_producer *producer = context;
    struct sleeper who = {.group = SLEEPER_PRODUCER, .owner = producer->epoch};

    return meet_put_semaphore(producer->ring->link, &who, semaphore) == 0;
}

/* Whoever keeps the room may be dead. What that makes free is seen at the next look. */
static int verdict(void *context)
{
    producer_meet(context);
    producer_bury_dead(context);
    return 0;
}

/* One more sleep for want of what this group keeps; of the group that has this place in the directory now. */
static void count_awaited(const struct ring_view *view, uint32_t index)
{
    struct awaited *awaited = &view->page->awaited[index];
    uint64_t incarnation = word_load(&view->directory[index].incarnation);

    if (word_load(&awaited->incarnation) != incarnation) {
        word_store(&awaited->waits, 0);
        word_store_release(&awaited->incarnation, incarnation); /* [WAITED] */
    }
    word_add_own(&awaited->waits, 1);
}

/* And who caused it: the last look, right before, knows. Who is after one of these has released all that it may see. */
static void count_sleep(void *context)
{
    const struct mring_producer *producer = context;

    word_add_own(&producer->core.view.page->waits, 1);
    for (uint64_t left = producer->keepers; left != 0; left &= left - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(left);

        if ((producer->group[index].view.terms.after & producer->keepers) == 0)
            count_awaited(&producer->core.view, index);
    }
}

/*
 * Room short of the announced gate is nobody's fault: it asked to be left asleep till then. Nor is room that a group kept which was taken out of the
 * directory meanwhile (remove.c).
 */
static void count_rescue(void *context)
{
    const struct mring_producer *producer = context;
    struct producer_page *page = producer->core.view.page;

    if (producer->scanned >= producer->want && (producer->wanted & ~producer->mapped) == 0)
        word_add_own(&page->rescued, 1);
}

/* Both waits are for the gate; they differ in how far. */
#define WAIT_FOR_GATE(how_to_look, how_to_announce)                                                                    \
    {                                                                                                                  \
        .look = (how_to_look), .announce = (how_to_announce), .nap = no_nap, .answer = nothing, .stands = want_stands, \
        .withdraw = withdraw_want, .pass_on = nothing, .reachable = members_reachable, .publish = publish_semaphore,   \
        .verdict = verdict, .count_sleep = count_sleep, .suspect = nothing, .count_rescue = count_rescue               \
    }

static const struct sleep_side producer_side = WAIT_FOR_GATE(look_for_room, announce_want);

/* What every wait begins with. */
static void before_wait(struct mring_producer *producer)
{
    (void)producer_publish(producer);
    if (clock_coarse() >= producer->meet_again)
        producer_meet(producer);
}

int mring_producer_wait(struct mring_producer *producer, int64_t timeout)
{
    if (producer_stale(producer))
        return -ESTALE;
    before_wait(producer);
    return sleep_until(&producer->sleep, &producer_side, producer, timeout);
}

/* ---- waiting for the end of what is published ---- */

static int look_for_tail(void *context)
{
    struct mring_producer *producer = context;

    producer_back_off(producer);
    return producer_scan(producer) >= producer_core_tail(&producer->core);
}

static void announce_tail(void *context)
{
    struct mring_producer *producer = context;

    announce(producer, producer_core_tail(&producer->core));
}

static const struct sleep_side drain_side = WAIT_FOR_GATE(look_for_tail, announce_tail);

int mring_drain(struct mring_producer *producer, int64_t timeout)
{
    if (producer_stale(producer))
        return -ESTALE;
    before_wait(producer);
    return sleep_until(&producer->sleep, &drain_side, producer, timeout);
}

int mring_producer_fd(struct mring_producer *producer)
{
    return producer_stale(producer) ? -ESTALE : sleep_descriptor(&producer->sleep);
}

int mring_producer_wake(struct mring_producer *producer)
{
    if (producer_stale(producer))
        return -ESTALE;
    sleep_wake(&producer->sleep);
    return 0;
}
