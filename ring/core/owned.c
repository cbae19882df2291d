#include "owned.h"

enum {
    ALWAYS = 1 << 21, /* bytes: a smaller ring may be in caches close to the processors, all of it */
    AWAY = 12,        /* times as long as for lines that are here: then they were not */
    SURE = 8,         /* how often in a row they were, before it is counted on, */
    SPARED = 16,      /* and how often they are not asked for then */
    FOLLOWED = 512,   /* bytes: a message or two */
    OWN = 1 << 11,    /* bytes */
    TRIALS = 64,
    MEASURED = OWNED_STEP / 4 /* bytes: less says nothing */
};

/* Of a few lines of its own, again and again, the quickest time. */
static uint64_t time_here(void)
{
    _Alignas(OWNED_LINE) unsigned char own[OWN];
    volatile unsigned char *const line = own; /* volatile: these are nobody else's, and stored to for nothing */
    uint64_t least = UINT64_MAX;

    for (unsigned left = TRIALS; left > 0; left--) {
        const uint64_t began = ticks_now();
        uint64_t took;

        for (unsigned at = 0; at < OWNED_STEP; at += OWNED_LINE)
            line[at % OWN] = 0;
        took = ticks_now() - began;
        if (took < least)
            least = took;
    }
    return least;
}

void owned_begin(struct owned *owned)
{
    *owned = (struct owned){.timed = ticks_now() != 0, .here = time_here()};
}

void owned_followed(struct owned *owned, uint64_t behind)
{
    owned->followed = behind <= FOLLOWED ? owned->followed + 1 : 0;
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

/* Were these lines here? They are now. */
static bool were_here(const struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t began = ticks_now();

    store_lines(view, from, end);
    return (ticks_now() - began) * OWNED_STEP / (end - from) <= AWAY * owned->here;
}

void owned_take(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t most = from + OWNED_MOST, first = from + OWNED_STEP;

    if (owned->spared > 0) {
        owned->spared--;
        return;
    }
    if (end > most)
        end = most;
    if (!owned->timed || view->capacity < ALWAYS || end < from + MEASURED) {
        store_lines(view, from, end);
    } else if (were_here(owned, view, from, first < end ? first : end)) {
        if (++owned->quick > SURE)
            owned->spared = SPARED;
    } else {
        owned->quick = 0;
        store_lines(view, first, end);
    }
}
