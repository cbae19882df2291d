#include "owned.h"

enum {
    ALWAYS = 1 << 21, /* bytes: a smaller ring may be in caches close to the processors, all of it */
    AWAY = 4,         /* times as long as for lines that are here: then they were not */
    SURE = 8,         /* how often in a row they were, before it is counted on, */
    SPARED = 16,      /* and how often they are not asked for then */
    SLOWLY = 128,     /* times as long as it takes to own them: then there is time */
    OWN = 1 << 11,    /* bytes */
    TRIALS = 16,
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
    const uint64_t since = ticks_now();

    /* Until it is known it is dear. */
    *owned = (struct owned){.timed = since != 0, .took = UINT64_MAX >> 32, .here = time_here(), .since = since};
}

uint64_t owned_step(struct owned *owned, uint64_t position, uint64_t size)
{
    const uint64_t now = ticks_now(), had = now - owned->since, used = position - owned->position;
    const uint64_t few = 2 * size > OWNED_FEW ? 2 * size : OWNED_FEW;

    owned->since = now;
    owned->position = position;
    return few < OWNED_STEP && owned->timed && had / SLOWLY > owned->took * used / OWNED_STEP ? few : OWNED_STEP;
}

static void store_lines(const struct ring_view *view, uint64_t from, uint64_t end)
{
    for (uint64_t at = from; at < end; at += OWNED_LINE)
        word_store(record_at(view, at), 0);
}

/* Were these lines here? They are now. The counter is dear to read: it was, right before. */
static bool were_here(struct owned *owned, const struct ring_view *view, uint64_t from, uint64_t end)
{
    const uint64_t began = owned->since;

    store_lines(view, from, end);
    if (!owned->timed || end < from + MEASURED)
        return false;
    owned->since = ticks_now();
    owned->took = (owned->since - began) * OWNED_STEP / (end - from);
    return view->capacity >= ALWAYS && owned->took / AWAY <= owned->here;
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
    if (!were_here(owned, view, from, first < end ? first : end)) {
        owned->quick = 0;
        store_lines(view, first, end);
    } else if (++owned->quick > SURE) {
        owned->spared = SPARED;
    }
}
