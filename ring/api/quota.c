#include "quota.h"

#include <errno.h>

enum { GROUPS_EACH = 8, MEMBERS_EACH = 128, GROUPS_ALL = LAYOUT_GROUPS / 2, MEMBERS_ALL = LAYOUT_MEMBERS / 2 };

struct use {
    uint32_t groups, members;
};

static bool is_stranger(const struct mring *ring, uid_t user)
{
    return user != ring->owner && user != 0;
}

static void count(struct use *use, uint32_t members)
{
    use->groups++;
    use->members += members;
}

int quota_check(const struct mring *ring, uid_t user, uint32_t members)
{
    uint64_t live = word_load(&ring->region.view.page->groups);
    struct use own = {0, 0}, all = {0, 0};

    if (!is_stranger(ring, user))
        return 0;
    count(&own, members);
    count(&all, members);
    for (; live != 0; live &= live - 1) {
        const struct group_entry *made = &ring->desk.directory[__builtin_ctzll(live)];
        uint64_t maker = word_load(&made->maker);
        uint32_t places = entry_terms(made).members;

        if (maker == user)
            count(&own, places);
        if (is_stranger(ring, (uid_t)maker))
            count(&all, places);
    }
    return own.groups > GROUPS_EACH || own.members > MEMBERS_EACH || all.groups > GROUPS_ALL ||
                   all.members > MEMBERS_ALL
               ? -EDQUOT
               : 0;
}
