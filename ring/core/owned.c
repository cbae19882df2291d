#include "owned.h"

enum { FOLLOWED = 512 /* bytes: a message or two */ };

void owned_begin(struct owned *owned)
{
    *owned = (struct owned){.timed = ticks_now() != 0, .favour = OWNED_SURE, .turn = 1};
}

void owned_followed(struct owned *owned, uint64_t behind)
{
    owned->followed = behind <= FOLLOWED ? owned->followed + 1 : 0;
    owned_disregard(owned);
}

static void store_lines(const struct ring_view *view, uint64_t from, uint64_t end)
{
    /* One place after the other, as the data is mapped twice, and no more of it is written to than it has. */
    const uintptr_t first = (uintptr_t)record_at(view, from);

    for (uint64_t at = from; at < end; at += OWNED_LINE)
        word_store((struct word *)(first + (at - from)), 0);
}

void owned_next(const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t most = from + OWNED_MOST;

    if (end > from + OWNED_LINE)
        store_lines(view, from + OWNED_LINE, end < most ? end : most);
    word_store(record_at(view, end), 0);
}

static bool is_measured(const struct owned *owned)
{
    return owned->bytes >= OWNED_MEASURED;
}

/* The step that ends took so long: a point for the quicker one, of it and the last one that was measured, where they were made in different ways. */
static void compare(struct owned *owned, uint64_t took)
{
    const uint64_t pace = took * OWNED_STEP / owned->bytes;

    if (owned->before_pace != 0 && owned->taken != owned->before_taken && pace != owned->before_pace)
        owned->favour += owned->taken == (pace < owned->before_pace) ? 1 : -1;
    if (owned->favour > OWNED_SURE)
        owned->favour = OWNED_SURE;
    if (owned->favour < -OWNED_SURE)
        owned->favour = -OWNED_SURE;
    owned->before_pace = pace;
    owned->before_taken = owned->taken;
    owned->turn++;
}

/* In turns while it is not sure: by the parity of all bits, which is as often odd as even in each place of any period that is a power of two. */
static bool choose(const struct owned *owned)
{
    if (owned->favour == OWNED_SURE)
        return owned->turn % OWNED_RARE != 0;
    if (owned->favour == -OWNED_SURE)
        return owned->turn % OWNED_TRIAL == 0;
    return __builtin_parity(owned->turn) != 0;
}

uint64_t owned_step(struct owned *owned, uint64_t now)
{
    if (!owned->timed) {
        owned->taken = true;
        return OWNED_STEP;
    }
    if (is_measured(owned))
        compare(owned, now - owned->began);
    owned->began = now;
    owned->taken = choose(owned);
    return !owned->taken && owned->favour == -OWNED_SURE ? OWNED_MOST : OWNED_STEP;
}

void owned_take(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t most = from + OWNED_MOST;

    owned->bytes = end > from ? end - from : 0;
    if (owned->timed && !is_measured(owned))
        owned->taken = owned->favour > 0;
    if (owned->taken)
        store_lines(view, from, end < most ? end : most);
}
