/*
 * A ring by core's own calls, with lives that are numbers: records of alignment 64, a member that dies, one that takes over what it left, and a
 * message set aside.
 */
#include "core/aside.h"
#include "core/group.h"
#include "core/lone.h"
#include "core/producer.h"
#include "core/recover.h"
#include "core/shared.h"
#include "golden/image.h"
#include "region/region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

enum { DEAD = 0xdead, LIVING = 0x11, OTHER = 0x22, PRODUCER = 0x99, ATTEMPTS = 1 };

static bool lives(void *context, uint64_t life)
{
    (void)context;
    return life != DEAD;
}

static void sit_down(struct consumer_core *consumer, const struct region *region, const struct group_view *group,
                     uint64_t life)
{
    int line = group_occupy(group, life, lives, NULL);

    assert_true(line >= 0);
    assert_int_equal(group_enter(consumer, &region->view, group, (uint32_t)line, &(struct judge){lives, NULL, life}),
                     0);
}

static void put(struct producer_core *producer, uint32_t length, uint32_t tag)
{
    struct place place = producer_core_place(producer, length);

    assert_true(producer_core_finds_room(producer, place.next));
    memset(place_payload(place), (int)tag, length);
    producer_core_commit(producer, place, length, tag);
}

/* A lone member, and three that share: one that was killed, one that takes over what it left, whose first message is set aside. */
static void work(const struct region *region, const struct group_view *lone, const struct group_view *crew)
{
    static const uint32_t lengths[] = {56, 0, 57, 8, 120, 1000, 3, 64};
    struct consumer_core alone, dead, other, heir;
    struct producer_core producer;
    struct record record = {0, 0, NULL};

    word_store(&region->view.page->epoch, owner_next(0, PRODUCER));
    assert_int_equal(producer_core_start(&producer, &region->view), 0);
    sit_down(&alone, region, lone, LIVING);
    sit_down(&dead, region, crew, DEAD);
    sit_down(&other, region, crew, OTHER);
    for (uint32_t turn = 0; turn < 3; turn++) {
        for (uint32_t at = 0; at < sizeof(lengths) / sizeof(*lengths); at++)
            put(&producer, lengths[at], 0x41 + turn * 8 + at);
        (void)producer_core_publish(&producer);
    }
    for (unsigned at = 0; at < 6; at++)
        assert_int_equal(lone_next(&alone, &record), 1);
    consumer_core_release(&alone, record.position);

    assert_int_equal(shared_claim(&dead), 1);
    assert_true(consumer_core_take(&dead, &record));
    assert_int_equal(shared_claim(&other), 1);
    assert_true(consumer_core_take(&other, &record));
    assert_true(recover_dead(crew, &(struct judge){lives, NULL, LIVING}, NULL));
    sit_down(&heir, region, crew, LIVING);
    assert_int_equal(shared_claim(&heir), 1);
    assert_true(consumer_core_take(&heir, &record));
}

/* Words that only waiting, succession and damage make: by their names. */
static void number_the_rest(struct producer_page *page, const struct group_view *group)
{
    struct member_line *line = &group->line[0];
    struct word *const words[] = {
        &page->judged,
        &page->meeting,
        &page->waits,
        &page->wakeups,
        &page->rescued,
        &page->fenced,
        &page->awaited[1].incarnation,
        &page->awaited[1].waits,
        &page->awaited[63].waits,
        &page->turned[63],
        &page->cut_off[63].bound,
        &group->page->begin.bytes,
        &group->page->starting,
        &line->sleeps,
        &line->rescued,
        &line->redelivered,
        &line->redelivered_to,
        &line->damaged,
        &line->wakeups,
        &group->aside->full,
        &group->aside->slot[ASIDE_SLOTS - 1].given,
        &page->nap,
    };

    for (size_t at = 0; at < sizeof(words) / sizeof(*words); at++)
        word_store(words[at], 0xa0 + at);
}

static void make_group(struct region_group *group, uint32_t index, uint32_t members)
{
    assert_int_equal(region_group_create(group, LAYOUT_CAPACITY_MIN, members, 0, NULL), 0);
    group->view.index = index;
    group->view.terms = (struct group_terms){.kind = GROUP_DECLARED, .members = members};
}

void by_cores_calls(FILE *text)
{
    const struct region_plan plan = {.capacity = LAYOUT_CAPACITY_MIN,
                                     .alignment = 64,
                                     .members_default = 3,
                                     .attempts_max = ATTEMPTS,
                                     .access = MRING_EVERYONE,
                                     .produce = MRING_GROUP,
                                     .strict = true,
                                     .name = "golden"};
    const struct image image = {text, "core", NOWHERE, LAYOUT_CAPACITY_MIN};
    struct region_group lone, crew;
    struct region region;

    assert_int_equal(region_create(&region, &plan, NULL), 0);
    make_group(&lone, 0, 1);
    make_group(&crew, 1, 3);
    work(&region, &lone.view, &crew.view);
    number_the_rest(region.view.page, &crew.view);
    image_ring(&image, (const void *)region.base);
    image_group(&image, "lone", lone.view.page, 1);
    image_group(&image, "crew", crew.view.page, 3);
    image_doorbell(&image, region.view.doorbell);
    region_group_close(&lone);
    region_group_close(&crew);
    region_close(&region);
}
