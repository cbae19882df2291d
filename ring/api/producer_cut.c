/*
 * Groups whose words cannot be true. What they say cannot be waited for, so the producer cuts them off: they gate no more, and nobody in
 * them is woken. A member that misbehaves ends its own group so, and nothing else.
 *
 * Members learn it from the producer page, which they cannot write [CUT]. The word is stored before anything is written that the group
 * held back, so whoever sees a record of later sees the cut as well (core/consumer.h). A successor finds it there and goes by it.
 */
#include "producer.h"

bool producer_cut_already(const struct mring_producer *producer, uint32_t index)
{
    uint64_t what = word_load(&producer->core.view.page->cut_off[index].what);

    return cut_off_is(what, producer->group[index].view.incarnation);
}

void producer_cut_off(struct mring_producer *producer, uint32_t index)
{
    struct producer_page *page = producer->core.view.page;
    struct cut_off *cut = &page->cut_off[index];
    const struct trouble *trouble = &producer->watch[index].trouble;

    producer->cut_off |= UINT64_C(1) << index;
    producer->last_cut = index;
    word_store(&cut->position, trouble->position);
    word_store(&cut->value, trouble->value);
    word_store(&cut->bound, trouble->bound);
    word_store_release(&cut->what, cut_off_word(producer->group[index].view.incarnation, trouble->kind)); /* [CUT] */
    word_add_own(&page->cut_offs, 1);
    fence_full(); /* before any byte of what the group had not released is overwritten */
}
