#include "member/marks.h"

#include <stddef.h>

#define TAKING (UINT64_C(1) << LIFE_BITS)

static bool take(struct mark_place *place, uint64_t seen, uint64_t life)
{
    return word_cas(&place->owner, seen, life | TAKING); /* [MARK] */
}

static bool is_over(uint64_t owner, marks_lives *lives)
{
    uint64_t life = owner & LIFE_MASK;

    return life == 0 || !lives(life);
}

/* A free one, before the kernel is asked about owners. */
static struct mark_place *take_any(struct mark_table *table, uint64_t life, marks_lives *lives)
{
    for (size_t at = 0; at < MARK_PLACES; at++)
        if (word_load(&table->place[at].owner) == 0 && take(&table->place[at], 0, life))
            return &table->place[at];
    for (size_t at = 0; at < MARK_PLACES; at++) {
        uint64_t seen = word_load(&table->place[at].owner);

        if (is_over(seen, lives) && take(&table->place[at], seen, life))
            return &table->place[at];
    }
    return NULL;
}

void marks_set(struct mark_table *table, uint64_t life, uint64_t mark, marks_lives *lives)
{
    struct mark_place *place = take_any(table, life, lives);

    if (place != NULL) {
        word_store(&place->mark, mark);
        word_store_release(&place->owner, life); /* [MARK] */
    } else {
        word_store(&table->crowded, 1);
    }
    fence_full(); /* [MARK] */
}

void marks_clear(struct mark_table *table, uint64_t life, uint64_t mark)
{
    for (size_t at = 0; at < MARK_PLACES; at++)
        if (word_load(&table->place[at].owner) == life && word_load(&table->place[at].mark) == mark)
            word_store_release(&table->place[at].owner, 0); /* [MARK] */
}

void marks_clear_all(struct mark_table *table, uint64_t life)
{
    for (size_t at = 0; at < MARK_PLACES; at++)
        if (word_load(&table->place[at].owner) == life)
            word_store_release(&table->place[at].owner, 0); /* [MARK] */
}

bool marks_stand(const struct mark_table *table, uint64_t mark, marks_lives *lives)
{
    fence_full(); /* [MARK] */
    if (word_load(&table->crowded) != 0)
        return true;
    for (size_t at = 0; at < MARK_PLACES; at++) {
        const struct mark_place *place = &table->place[at];
        uint64_t owner = word_load_acquire(&place->owner); /* [MARK] */

        if (owner != 0 && owner <= LIFE_MASK && word_load(&place->mark) == mark && lives(owner))
            return true;
    }
    return false;
}
