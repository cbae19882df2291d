#include "unserved.h"

enum { INDEX_BITS = 8 };

static uint64_t name_of(const struct group_view *group)
{
    return group->incarnation << INDEX_BITS | (group->index + 1);
}

bool unserved_judge(const struct ring_view *view, const struct group_view *group, life_verdict alive, void *context)
{
    word_store(&view->page->judged, name_of(group));
    fence_full();
    return !group_lives(group, alive, context);
}

void unserved_done(const struct ring_view *view)
{
    word_store_release(&view->page->judged, 0); /* [JUDGED] */
}

static bool is_judged(const struct ring_view *view, const struct group_view *group, life_verdict alive, void *context)
{
    return word_load_acquire(&view->page->judged) == name_of(group) && /* [JUDGED] */
           alive(context, owner_life(word_load_acquire(&view->page->epoch)));
}

bool unserved_turns_away(const struct ring_view *view, const struct group_view *group, life_verdict alive,
                         void *context)
{
    fence_full();
    if (is_judged(view, group, alive, context))
        return true;
    /* One that a join made can be made anew. */
    return terms_by_join(&group->terms) &&
           unserved_dropped(word_load_acquire(&view->page->cut_off[group->index].what), group->incarnation); /* [CUT] */
}
