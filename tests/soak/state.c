/* The words of a ring, for whoever has to find out why nothing moves. Positions are printed as distances from the tail. */
#include "soak.h"

#include "api/ring.h"

static const char *fate(const struct mring *ring, uint64_t owner)
{
    if (owner_life(owner) == 0)
        return "nobody";
    return life_alive(ring->life, owner_life(owner)) ? "alive" : "dead";
}

static void print_line(const struct mring *ring, const struct group_view *group, uint32_t index, uint64_t tail)
{
    const struct member_line *line = &group->line[index];
    uint64_t held = word_load(&line->held), owner = word_load(&line->owner);

    (void)fprintf(stderr, "    %u: %s (%llx), %s, intent %llu to tail - %lld, signed %llu, tally %llx of %llu, ", index,
                  fate(ring, owner), (unsigned long long)owner,
                  (word_load(&group->page->sleepers[index / 64]) >> index % 64 & 1) != 0 ? "announced" : "awake",
                  (unsigned long long)word_load(&line->intent_serial), (long long)(tail - word_load(&line->intent_end)),
                  (unsigned long long)word_load(&line->signed_serial), (unsigned long long)word_load(&line->tally),
                  (unsigned long long)word_load(&line->tally_serial));
    if (held == HELD_IDLE)
        (void)fprintf(stderr, "idle\n");
    else
        (void)fprintf(stderr, "held tail - %lld, claimed tail - %lld\n", (long long)(tail - held),
                      (long long)(tail - word_load(&line->claimed)));
}

static void print_group(const struct mring *ring, const struct group_view *group, uint64_t tail)
{
    (void)fprintf(
        stderr, "  group \"%s\": position tail - %lld, high %llx, want %lld, orphans %llu, deaths %llu\n",
        ring->region.view.directory[group->index].name, (long long)(tail - word_load(&group->page->claim.low)),
        (unsigned long long)word_load(&group->page->claim.high),
        word_load(&group->page->want) == 0 ? 0 : (long long)(word_load(&group->page->want) - tail),
        (unsigned long long)word_load(&group->page->orphans), (unsigned long long)word_load(&group->page->deaths));
    for (uint32_t index = 0; index < group->members; index++)
        print_line(ring, group, index, tail);
}

void print_state(const struct mring *ring)
{
    const struct producer_page *page = ring->region.view.page;
    uint64_t tail = word_load(&page->tail), epoch = word_load(&page->epoch);

    (void)fprintf(stderr, "tail %llu, producer %s (%llx), ended %llu, doorbell %llx, groups %llx\n",
                  (unsigned long long)tail, fate(ring, epoch), (unsigned long long)epoch,
                  (unsigned long long)word_load(&page->ended),
                  (unsigned long long)word_load(&ring->region.view.doorbell->groups),
                  (unsigned long long)word_load(&page->groups));
    for (uint32_t index = 0; index < LAYOUT_GROUPS; index++)
        if ((word_load(&page->groups) >> index & 1) != 0 && ring->group[index].view.page != NULL)
            print_group(ring, &ring->group[index].view, tail);
}
