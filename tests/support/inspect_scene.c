#include "inspect_scene.h"

#include "core/lone.h"
#include "core/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

uint64_t dead;

bool alive(void *context, uint64_t number)
{
    (void)context;
    return number >= 64 || (dead >> number & 1) == 0;
}

static void note(void *context, const struct finding *finding)
{
    struct scene *scene = context;

    assert_true(scene->count < MOST);
    scene->found[scene->count++] = *finding;
}

void look(struct scene *scene)
{
    struct inspector inspector = {
        .ring = scene->ring.view, .judge = {alive, NULL, 63}, .report = note, .context = scene};

    for (unsigned group = 0; group < GROUPS; group++)
        inspector.group[group] = scene->unreached[group] ? NULL : &scene->ring.group[group];
    scene->count = 0;
    inspect(&inspector);
}

static enum finding_weight weight_of(enum finding_kind kind)
{
    static const enum finding_weight weights[] = {
#define WEIGHT(name, weight, text) FINDING_##weight,
        FINDINGS(WEIGHT)
#undef WEIGHT
    };

    return weights[kind];
}

unsigned troubles(const struct scene *scene)
{
    unsigned count = 0;

    for (unsigned at = 0; at < scene->count; at++)
        count += weight_of(scene->found[at].kind) != FINDING_NOTE;
    return count;
}

const struct finding *find(const struct scene *scene, enum finding_kind kind, int group, int line)
{
    for (unsigned at = 0; at < scene->count; at++)
        if (scene->found[at].kind == kind && scene->found[at].group == group && scene->found[at].line == line)
            return &scene->found[at];
    return NULL;
}

void describe(struct scene *scene, uint32_t index, const char *name)
{
    const struct group_view *group = &scene->ring.group[index];

    (void)strcpy(scene->directory[index].name, name);
    scene->directory[index].terms.kind = group->terms.kind;
    scene->directory[index].terms.members = group->members;
    scene->directory[index].entry_size.value = layout_group_size(group->members, scene->ring.view.capacity);
    (void)word_set_bit(&scene->ring.view.page->groups, index);
}

void take_one(struct consumer_core *consumer)
{
    struct record record;

    if (consumer->group.members > 1)
        assert_int_equal(shared_claim(consumer), 1);
    else
        assert_int_equal(lone_refill(consumer), 1);
    assert_true(consumer_core_take(consumer, &record));
}

void set_up(struct scene *scene)
{
    const uint32_t members[GROUPS] = {1, 3, 2};

    memset(scene, 0, sizeof(*scene));
    dead = 0;
    fake_ring_make(&scene->ring, LAYOUT_CAPACITY_MIN, 8, GROUPS, members);
    scene->ring.group[PASSING].terms.kind = GROUP_PASSING;
    scene->ring.view.directory = scene->directory;
    describe(scene, LONE, "lone");
    describe(scene, MANY, "many");
    describe(scene, PASSING, "passing");
    assert_int_equal(producer_core_start(&scene->producer, &scene->ring.view), 0);
    fake_ring_join(&scene->ring, LONE, 1, &scene->lone);
    fake_ring_join(&scene->ring, MANY, 2, &scene->many);
    fake_ring_join(&scene->ring, PASSING, 3, &scene->passing);
    for (uint32_t at = 0; at < 64; at++)
        fake_ring_send(&scene->ring, &scene->producer, "12345678", 8, at);
    take_one(&scene->lone);
    take_one(&scene->many);
    take_one(&scene->passing);
}
