#include "wakers.h"

#include "meet/clock.h"
#include "wait/bell.h"

enum { WILD_MOST = 32, WILD_TIME = 20 * 1000 * 1000 /* ns */ };

void forget_sleeper(struct known_sleeper *known)
{
    if (known->owner != 0)
        (void)mach_port_deallocate(mach_task_self(), known->semaphore);
    known->owner = 0;
}

static bool fetch(struct meet_link *link, struct known_sleeper *known, const struct sleeper *who)
{
    forget_sleeper(known);
    if (meet_get_semaphore(link, who, &known->semaphore) != 0)
        return false;
    known->owner = who->owner;
    return true;
}

/* Who polls gives a port: the kernel knows which it is, so that nobody's word is needed. */
static bool signal_right(mach_port_t right)
{
    kern_return_t kr = semaphore_signal(right);

    return kr == KERN_SUCCESS || (kr == KERN_INVALID_CAPABILITY && meet_nudge(right));
}

bool wake_sleeper(struct meet_link *link, struct known_sleeper *known, const struct sleeper *who)
{
    if (known->owner == who->owner && signal_right(known->semaphore))
        return true;
    return fetch(link, known, who) && signal_right(known->semaphore);
}

bool wild_enough(const struct wild_turns *turns)
{
    return turns->until != 0 && clock_coarse() < turns->until;
}

static void count_wild(struct wild_turns *turns, int64_t began)
{
    int64_t now = clock_coarse();
    int64_t took = now - began;

    if (began >= turns->since + WILD_TIME)
        *turns = (struct wild_turns){.since = began};
    if (++turns->count >= WILD_MOST || took >= WILD_TIME)
        turns->until = now + WILD_TIME + 10 * took;
}

unsigned wake_member(struct mring *ring, const struct held_group *held, struct known_sleeper *known,
                     struct wild_turns *turns, int line)
{
    const struct group_view *group = &held->view;

    for (uint32_t left = group->members; line >= 0 && left > 0; left--) {
        struct sleeper who = held_group_sleeper(held, (uint32_t)line, word_load(&group->line[line].owner));
        int64_t began = clock_coarse();
        bool more;

        if (owner_life(who.owner) != 0 && wake_sleeper(ring->link, &known[line], &who))
            return 1;
        count_wild(turns, began);
        line = wild_enough(turns) ? -1 : bell_take(group, &more);
    }
    return 0;
}
