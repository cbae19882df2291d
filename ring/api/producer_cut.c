/*
 * Groups whose words cannot be true. What they say cannot be waited for, so the producer cuts them off: they gate no more, and nobody in
 * them is woken. A member that misbehaves ends its own group so, and nothing else.
 *
 * Members learn it from the producer page, which they cannot write [CUT]. The word is stored before anything is written that the group
 * held back, so whoever sees a record of later sees the cut as well (core/consumer.h). A successor finds it there and goes by it.
 *
 * What a group that was cut off had not released is nobody's any more, so groups that are after it get no further, and what they
 * hold back they would hold for ever: they are cut off with it. If the producer is killed between the two its successor does the rest.
 */
#include "producer.h"

bool producer_cut_already(const struct mring_producer *producer, uint32_t index)
{
    uint64_t what = word_load(&producer->core.view.page->cut_off[index].what);

    return cut_off_is(what, producer->group[index].view.incarnation);
}

/* Why stands in the group's watch. */
static void cut(struct mring_producer *producer, uint32_t index)
{
    struct producer_page *page = producer->core.view.page;
    struct cut_off *cut = &page->cut_off[index];
    const struct trouble *trouble = &producer->watch[index].trouble;

    producer->cut_off |= UINT64_C(1) << index;
    word_store(&cut->position, trouble->position);
    word_store(&cut->value, trouble->value);
    word_store(&cut->bound, trouble->bound);
    word_store_release(&cut->what, cut_off_word(producer->group[index].view.incarnation, trouble->kind)); /* [CUT] */
    word_add_own(&page->cut_offs, 1);
    fence_full(); /* [CUT]: before any byte of what the group had not released is overwritten */
}

void producer_cut_off(struct mring_producer *producer, uint32_t index)
{
    producer->last_cut = index;
    cut(producer, index);
}

/* By the words in the page: it may have been a producer before this one that cut it off. */
static struct trouble follows(const struct mring_producer *producer, uint32_t first)
{
    const struct cut_off *cut = &producer->core.view.page->cut_off[first];

    return (struct trouble){TROUBLE_FOLLOWS, first, word_load(&cut->position),
                            word_load(&cut->what) & CUT_OFF_KIND_MASK};
}

void producer_cut_followers(struct mring_producer *producer)
{
    uint64_t before;

    do {
        before = producer->cut_off;
        for (uint64_t left = producer_served(producer); left != 0; left &= left - 1) {
            const uint32_t index = (uint32_t)__builtin_ctzll(left);
            uint64_t first = producer->group[index].view.terms.after & producer->cut_off;

            if (first == 0)
                continue;
            producer->watch[index].trouble = follows(producer, (uint32_t)__builtin_ctzll(first));
            cut(producer, index);
        }
    } while (producer->cut_off != before);
}
