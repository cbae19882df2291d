#include "owned.h"

enum {
    FOLLOWED = 512,           /* bytes: a message or two */
    MEASURED = OWNED_STEP / 2 /* bytes: a shorter step says nothing */
};

void owned_begin(struct owned *owned)
{
    *owned = (struct owned){.timed = ticks_now() != 0, .favour = OWNED_SURE};
}

void owned_followed(struct owned *owned, uint64_t behind)
{
    owned->followed = behind <= FOLLOWED ? owned->followed + 1 : 0;
    owned_disregard(owned);
}

static void store_lines(const struct ring_view *view, uint64_t from, uint64_t end)
{
    for (uint64_t at = from; at < end; at += OWNED_LINE)
        word_store(record_at(view, at), 0);
}

void owned_next(const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t most = from + OWNED_MOST;

    store_lines(view, from + OWNED_LINE, end < most ? end : most);
    word_store(record_at(view, end), 0);
}

/* The step that ends took so long: a point for the quicker one, of two that were made in different ways. */
static void compare(struct owned *owned, uint64_t took)
{
    const uint64_t pace = owned->bytes < MEASURED ? 0 : took * OWNED_STEP / owned->bytes;

    if (pace != 0 && owned->before_pace != 0 && owned->taken != owned->before_taken && pace != owned->before_pace)
        owned->favour += owned->taken == (pace < owned->before_pace) ? 1 : -1;
    if (owned->favour > OWNED_SURE)
        owned->favour = OWNED_SURE;
    if (owned->favour < -OWNED_SURE)
        owned->favour = -OWNED_SURE;
    owned->before_pace = pace;
    owned->before_taken = owned->taken;
}

/* In turns while it is not sure. */
static bool choose(struct owned *owned)
{
    owned->turn++;
    if (owned->favour != OWNED_SURE && owned->favour != -OWNED_SURE)
        return owned->turn % 2 == 0;
    return (owned->favour > 0) == (owned->turn % OWNED_TRIAL != 0);
}

bool owned_step(struct owned *owned, uint64_t now, uint64_t bytes)
{
    compare(owned, now - owned->began);
    owned->began = now;
    owned->bytes = bytes;
    owned->taken = !owned->timed || choose(owned);
    return owned->taken;
}

void owned_take(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t most = from + OWNED_MOST;

    if (end > from && owned_step(owned, owned->timed ? ticks_now() : 0, end - from))
        store_lines(view, from, end < most ? end : most);
}
