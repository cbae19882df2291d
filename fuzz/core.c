/*
 * Whatever peers left in a ring's words and data, core/ stays inside its mappings (I7): a member that joins, takes, reads,
 * releases and leaves; a producer that starts after another; a gate.
 *
 * The input is the state that the peers left: one byte of choices, the words, then data from the group's position on. The steps are few
 * and always the same, so that inputs are quick; others mix steps and stores: consume.c, produce.c.
 */
#include "core/lone.h"
#include "core/shared.h"
#include "yard.h"

#include <string.h>

enum { STEPS = 300, LIFE = 77 };

/* A word as an honest peer could have left it, a small multiple of 8, or any word at all. */
static uint64_t take_word(struct script *script)
{
    uint64_t value = script_take(script, 2);

    return (value & 1) != 0 ? script_take(script, 8) : (value >> 1) * 8;
}

static void fill_words(const struct ring_view *ring, const struct group_view *group, struct script *script)
{
    word_store(&ring->page->tail, take_word(script));
    word_store(&ring->page->ended, take_word(script));
    word_store(&ring->page->messages, take_word(script));
    word_store(&group->page->claim.low, take_word(script));
    word_store(&group->page->claim.high, take_word(script));
    word_store(&group->page->occupied[0], take_word(script));
    word_store(&group->page->orphans, take_word(script));
    for (uint32_t line = 0; line < group->members; line++) {
        uint64_t held = take_word(script);

        /* Idle is what most lines are, and what a random word never is. */
        word_store(&group->line[line].held, held == 8 ? HELD_IDLE : held);
        word_store(&group->line[line].owner, take_word(script));
        word_store(&group->line[line].intent_serial, take_word(script));
        word_store(&group->line[line].intent_end, take_word(script));
        word_store(&group->line[line].signed_serial, take_word(script));
    }
}

static void fill_data(const struct ring_view *ring, uint64_t position, struct script *script)
{
    for (uint64_t offset = 0; offset < YARD_CAPACITY && script->left > 0; offset++)
        ring->data[(position + offset) & ring->mask] = (uint8_t)script_take(script, 1);
}

static bool nobody_lives(void *context, uint64_t number)
{
    (void)context;
    (void)number;
    return false;
}

static void consume_lone(const struct yard *yard, struct consumer_core *consumer)
{
    struct record record = {0, 0, NULL};

    for (int step = 0; step < STEPS && lone_next(consumer, &record) == 1; step++) {
        yard_read(yard, &record);
        consumer_core_release(consumer, consumer->position);
        (void)consumer_core_ended(consumer, consumer->position);
    }
}

static void consume_shared(const struct yard *yard, struct consumer_core *consumer)
{
    struct record record = {0, 0, NULL};

    for (int step = 0; step < STEPS; step++) {
        if (!consumer_core_take(consumer, &record) &&
            (shared_claim(consumer) != 1 || !consumer_core_take(consumer, &record)))
            return;
        yard_read(yard, &record);
        shared_release(consumer, consumer->position);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct script script = {bytes, size};
    struct yard *yard = yard_begin(&script);
    const struct ring_view *ring = &yard->ring;
    const struct group_view *group = &yard->group[0];
    struct consumer_core consumer;
    struct producer_core producer;
    uint64_t gate, tail, floor;
    int line;

    fill_words(ring, group, &script);
    floor = take_word(&script);
    fill_data(ring, word_load(&group->page->claim.low), &script);

    tail = word_load(&ring->page->tail);
    if (floor <= tail) {
        gate = gate_of_group(ring, group, floor, tail);
        EXPECT(gate == GATE_NONE || gate == GATE_BROKEN || (floor <= gate && gate <= tail));
    }

    line = group_occupy(group, LIFE, nobody_lives, NULL);
    if (line >= 0 &&
        group_enter(&consumer, ring, group, (uint32_t)line, &(struct judge){nobody_lives, NULL, LIFE}) == 0) {
        EXPECT((uint32_t)line < group->members);
        if (group->members == 1)
            consume_lone(yard, &consumer);
        else
            consume_shared(yard, &consumer);
        group_leave(&consumer);
    }

    if (producer_core_start(&producer, ring) == 0) {
        uint32_t length = (uint32_t)view_message_max(ring);
        struct place place = producer_core_place(&producer, length);

        EXPECT(producer.position == word_load(&ring->page->tail) && producer.position % ring->alignment == 0);
        if (producer_core_finds_room(&producer, place.next)) {
            memset(place_payload(place), 1, length);
            (void)producer_core_send(&producer, place, length, 1);
        }
    }

    yard_end(yard);
    return 0;
}
