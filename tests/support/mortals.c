#include "mortals.h"

#include "core/lone.h"
#include "core/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct world world;

static bool lives(void *context, uint64_t number)
{
    (void)context;
    world.asked++;
    return number < LIVES && !world.dead[number];
}

struct judge judge_of(uint64_t life)
{
    return (struct judge){lives, NULL, life};
}

void one_make(struct one *one, uint32_t members, uint32_t kind)
{
    memset(&world, 0, sizeof(world));
    fake_ring_make(&one->ring, LAYOUT_CAPACITY_MIN, 8, 1, &members);
    one->group = &one->ring.group[0];
    one->group->terms.kind = kind;
    one->next_life = 1;
    assert_int_equal(producer_core_start(&one->producer, &one->ring.view), 0);
}

void send(struct one *one, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++)
        fake_ring_send(&one->ring, &one->producer, "12345678", 8, (uint32_t)(one->producer.position / SIZE));
}

int try_join(struct one *one, struct consumer_core *consumer)
{
    const struct judge judge = judge_of(one->next_life++);
    int line = group_occupy(one->group, judge.life, lives, NULL);

    assert_true(line >= 0);
    return group_enter(consumer, &one->ring.view, one->group, (uint32_t)line, &judge);
}

void join(struct one *one, struct consumer_core *consumer)
{
    assert_int_equal(try_join(one, consumer), 0);
}

void die(const struct consumer_core *consumer)
{
    world.dead[consumer->judge.life] = true;
}

bool look(struct one *one)
{
    const struct judge judge = judge_of(LIVES - 1);

    return recover_dead(one->group, &judge, NULL);
}

void expect(struct consumer_core *consumer, uint32_t tag, uint64_t given)
{
    struct record record = {0, 0, NULL};

    if (!consumer_core_take(consumer, &record)) {
        int code = consumer->group.members == 1 ? lone_refill(consumer) : shared_claim(consumer);

        assert_int_equal(code, 1);
        assert_true(consumer_core_take(consumer, &record));
    }
    assert_int_equal(record_tag(record.header), tag);
    assert_int_equal(consumer->given, given);
}

void release(struct consumer_core *consumer)
{
    shared_release(consumer, consumer->position);
}

int take_aside(struct one *one, struct aside_message *message)
{
    const struct judge judge = judge_of(LIVES - 1);
    unsigned char buffer[64];

    return aside_take(one->group, &judge, buffer, sizeof(buffer), message);
}
