#include "bell.h"

void bell_announce(const struct ring_view *view, const struct group_view *group, uint32_t line)
{
    (void)word_set_bit(&group_sleepers(group)[line / 64], line % 64); /* [SLEEP] */
    (void)word_set_bit(&view->doorbell->groups, group->index);        /* [BELL] */
}

bool bell_withdraw(const struct group_view *group, uint32_t line)
{
    return word_take_bit(&group_sleepers(group)[line / 64], line % 64); /* [SLEEP] */
}

bool bell_sleeps(const struct group_view *group, uint32_t line)
{
    return (word_load_acquire(&group_sleepers(group)[line / 64]) >> line % 64 & 1) != 0; /* [SLEEP] */
}

bool bell_others_sleep(const struct group_view *group, uint32_t line)
{
    for (unsigned word = 0; word * 64 < group->members; word++) {
        const uint64_t asleep = word_load_acquire(&group_sleepers(group)[word]); /* [SLEEP] */
        uint64_t awake = group_occupied(group, word) & ~asleep;

        if (line / 64 == word)
            awake &= ~(UINT64_C(1) << line % 64);
        if (awake != 0)
            return false;
    }
    return true;
}

bool bell_stands(const struct ring_view *view, const struct group_view *group, uint32_t line)
{
    return (word_load(&view->doorbell->groups) >> group->index & 1) != 0 && bell_sleeps(group, line);
}

int bell_take(const struct group_view *group, bool *more)
{
    int taken = -1;

    *more = false;
    for (unsigned word = 0; word * 64 < group->members; word++) {
        struct word *sleepers = &group_sleepers(group)[word];
        uint64_t asleep = word_load_acquire(sleepers); /* [SLEEP] */

        while (asleep != 0 && taken < 0) {
            unsigned bit = (unsigned)__builtin_ctzll(asleep);

            if (word * 64 + bit >= group->members)
                break;
            if (word_take_bit(sleepers, bit)) /* [SLEEP] */
                taken = (int)(word * 64 + bit);
            asleep &= asleep - 1;
        }
        if (asleep != 0 && word * 64 + (unsigned)__builtin_ctzll(asleep) < group->members) {
            *more = true;
            break;
        }
    }
    return taken;
}

int bell_answer(const struct ring_view *view, const struct group_view *group)
{
    bool more;
    int taken;

    (void)word_take_bit(&view->doorbell->groups, group->index); /* [BELL] */
    taken = bell_take(group, &more);
    if (more)
        (void)word_set_bit(&view->doorbell->groups, group->index); /* [BELL] */
    return taken;
}

void want_announce(const struct group_view *group, uint64_t gate, uint64_t epoch)
{
    word_store(&group->page->want_epoch, epoch);
    word_store_release(&group->page->want, gate); /* [WANT] */
}

bool want_withdraw(const struct group_view *group)
{
    uint64_t want = word_load(&group->page->want);

    return want != 0 && word_cas(&group->page->want, want, 0); /* [WANT] */
}

bool want_take(const struct group_view *group, uint64_t gate, uint64_t *epoch)
{
    uint64_t want;

    fence_full();                                 /* [WANT] */
    want = word_load_acquire(&group->page->want); /* [WANT] */
    if (want == 0 || gate < want)
        return false;
    *epoch = word_load(&group->page->want_epoch);
    return word_cas(&group->page->want, want, 0); /* [WANT] */
}
